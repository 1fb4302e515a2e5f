/* fuzz_survey.c - a segment of any bytes, read as chatroom-ctl does: nothing outside the view is
 * touched, and each call ends.
 *
 * The input lies over the segment from its beginning on, and again over the slots, the room and the
 * first records: their offsets are far behind each other. */
#include "ipc/layout.h"
#include "ipc/survey.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct segment seg, view;
static struct survey survey;

static void fuzz_open(void) {
    struct config config = {.room = "Fuzz", .workers = 2, .login = true, .max_clients = 32};
    struct geometry geometry;
    char err[256], path[64];
    config.ring_size = 65536;
    segment_geometry(&geometry, &config, 64);
    if (segment_create(&seg, &geometry, &config, err, sizeof err) != 0)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", seg.fd);
    if (segment_view(&view, open(path, O_RDONLY), err, sizeof err) != SEGMENT_VIEWED)
        abort();
}

static void fuzz_lay(void *at, size_t room, const uint8_t *data, size_t size) {
    memcpy(at, data, size < room ? size : room);
}

/* What a reader is told at first is any bytes as well. */
static void fuzz_claim(const uint8_t *data, size_t size) {
    struct segment other;
    char err[256];
    fuzz_lay(seg.header, sizeof *seg.header, data, size);
    seg.header->magic = SEGMENT_MAGIC;
    seg.header->layout = layout_number();
    int fd = dup(view.fd);
    if (segment_view(&other, fd, err, sizeof err) == SEGMENT_VIEWED)
        segment_close(&other);
    else
        close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct survey_clients sum = {0};
    struct survey_client client;
    if (!seg.header)
        fuzz_open();
    fuzz_claim(data, size);
    fuzz_lay(seg.room.shared, sizeof *seg.room.shared, data, size);
    fuzz_lay(seg.slots, sizeof *seg.slots * SLOT_COUNT, data, size);
    fuzz_lay(seg.clients.at, sizeof *seg.clients.at * 8, data, size);
    survey_take(&view, &survey);
    if (survey.room[sizeof survey.room - 1] != '\0' || survey.listen_count > LISTENERS_MAX ||
        survey_add_clients(&view, 0, UINT32_MAX, &sum) != 0)
        abort();
    for (uint32_t i = 0; i < survey_records(&view); i++) {
        if (survey_client(&view, i, &client) && client.name[NAME_BYTES_MAX] != '\0')
            abort();
    }
    survey_pool(&view.tx_buffers);
    return 0;
}
