/* unit_segment.c - the segment: created, shared, opened again, refused; configuration and
 * counters. */
#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

static struct segment seg;

static void set_up(void) {
    unit_segment(&seg, 65536);
}
TestSuite(segment, .init = set_up);

Test(segment, begins_empty) {
    cr_assert_eq(room_count(&seg.room), 1, "the genesis entry");
    cr_assert_eq(room_entry(&seg.room, 0)->kind, ENTRY_GENESIS);
    cr_assert_eq(gate_owner(seg.gate), 0);
    cr_assert_eq(segment_config_version(&seg), 1);
    cr_assert_eq(segment_connections(&seg), 0);
    cr_assert_eq(buffer_used(&seg.rx_buffers) + buffer_used(&seg.tx_buffers), 0);
    for (int i = 0; i < SLOT_COUNT; i++) {
        cr_assert_eq(atomic_load(&seg.slots[i].state), SLOT_UNUSED);
        cr_assert_eq(seg.slots[i].bell_fd, -1);
    }
}

/* Otherwise a lack of memory would cause SIGBUS in the middle of a line. */
Test(segment, its_memory_is_reserved) {
    struct stat st;
    cr_assert_eq(fstat(seg.fd, &st), 0);
    cr_assert_eq((size_t)st.st_size, segment_size(&seg.header->geometry));
    cr_assert_eq((size_t)st.st_blocks * 512, segment_reserved(&seg));
    cr_assert_lt((size_t)st.st_size - segment_reserved(&seg), 2 * 65536,
                 "a gap before the rings: %zu", (size_t)st.st_size - segment_reserved(&seg));
    cr_assert_eq(fcntl(seg.fd, F_GETFD), 0, "an upgrade's execve keeps it");
}

Test(segment, parts_do_not_overlap) {
    struct {
        uint8_t *at;
        size_t size;
    } part[] = {
        {(uint8_t *)seg.header, sizeof *seg.header},
        {(uint8_t *)seg.gate, sizeof *seg.gate},
        {(uint8_t *)seg.room.shared, sizeof *seg.room.shared},
        {(uint8_t *)seg.slots, sizeof *seg.slots * SLOT_COUNT},
        {(uint8_t *)seg.room.ledger, sizeof(struct entry) * seg.room.ledger_len},
        {(uint8_t *)seg.clients.at, sizeof(struct client) * seg.clients.len},
        {(uint8_t *)seg.clients.name[0], sizeof(struct client_name) * seg.clients.len},
        {(uint8_t *)seg.clients.name[1], sizeof(struct client_name) * seg.clients.len},
        {(uint8_t *)&seg.clients.at[seg.clients.len],
         sizeof(struct client) * seg.clients.remote_len},
        {(uint8_t *)seg.clients.remote_name[0],
         sizeof(struct remote_name) * seg.clients.remote_len},
        {(uint8_t *)seg.clients.remote_name[1],
         sizeof(struct remote_name) * seg.clients.remote_len},
        {(uint8_t *)seg.names.at, sizeof(struct name_entry) * seg.names.len},
        {(uint8_t *)seg.rx_buffers.owner, 8 * (seg.rx_buffers.count + 1ul)},
        {(uint8_t *)seg.tx_buffers.owner, 8 * (seg.tx_buffers.count + 1ul)},
        {seg.rx_buffers.data, (size_t)seg.rx_buffers.size * seg.rx_buffers.count},
        {seg.tx_buffers.data, (size_t)seg.tx_buffers.size * seg.tx_buffers.count},
    };
    enum { PARTS = sizeof part / sizeof part[0] };
    for (int i = 0; i < PARTS; i++) {
        cr_assert_eq((uintptr_t)part[i].at % 64, 0, "part %d: cache lines", i);
        for (int k = i + 1; k < PARTS; k++)
            cr_assert(part[i].at + part[i].size <= part[k].at ||
                          part[k].at + part[k].size <= part[i].at,
                      "parts %d and %d", i, k);
    }
}

Test(segment, rings_are_mapped_twice_in_a_row) {
    for (int e = 0; e < RING_COUNT; e++) {
        size_t size = seg.room.ring_size[e];
        memcpy(seg.room.ring[e] + size - 3, "sixsix", 6);
        cr_assert_eq(memcmp(seg.room.ring[e], "six", 3), 0);
        memset(seg.room.ring[e], 'a' + e, size);
    }
    for (int e = 0; e < RING_COUNT; e++)
        cr_assert_eq(seg.room.ring[e][100], 'a' + e, "each is its own");
}

Test(segment, opens_again_as_the_same) {
    struct segment again;
    char err[256] = "";
    cr_assert_eq(segment_open(&again, dup(seg.fd), err, sizeof err), 0, "%s", err);
    strcpy((char *)seg.room.ring[ENC_GBK], "written here");
    cr_assert_str_eq((char *)again.room.ring[ENC_GBK], "written here");
    atomic_store(&again.clients.at[5].state_word, 55);
    cr_assert_eq(atomic_load(&seg.clients.at[5].state_word), 55);
    cr_assert_eq(again.room.ledger_len, seg.room.ledger_len);
    cr_assert_eq(again.rx_buffers.count, seg.rx_buffers.count);
    segment_close(&again);
    cr_assert_eq(again.fd, -1);
    cr_assert_eq(atomic_load(&seg.clients.at[5].state_word), 55, "the object lives on");
}

/* Asserts that segment_open refuses the segment as it is; returns the error, valid until the next
 * call. */
static const char *segment_refusal(void) {
    static char err[256];
    struct segment again;
    err[0] = '\0';
    cr_assert_eq(segment_open(&again, dup(seg.fd), err, sizeof err), -1);
    return err;
}

static void refuses_its_layout(const char *what) {
    static const char begin[] = "shared memory: its layout is ";
    const char *err = segment_refusal();
    cr_assert_eq(strncmp(err, begin, sizeof begin - 1), 0, "%s: \"%s\"", what, err);
}

static void refuses_its_geometry(size_t real_size) {
    char want[256];
    snprintf(want, sizeof want, "shared memory: %zu bytes where its geometry wants %zu", real_size,
             segment_size(&seg.header->geometry));
    cr_assert_str_eq(segment_refusal(), want);
}

Test(segment, refuses_what_is_not_its_own) {
    size_t size = segment_size(&seg.header->geometry);
    seg.header->magic++;
    refuses_its_layout("magic");
    seg.header->magic--;
    seg.header->layout++;
    refuses_its_layout("layout");
    seg.header->layout--;
    seg.header->header_size += 8;
    refuses_its_layout("header size");
    seg.header->header_size -= 8;
    seg.header->geometry.rx_buffers += 1000;
    refuses_its_geometry(size);
    seg.header->geometry.rx_buffers -= 1000;
    cr_assert_eq(ftruncate(seg.fd, 100), 0);
    cr_assert_str_eq(segment_refusal(),
                     "shared memory: too small to be a segment: Invalid argument");
}

/* A geometry whose sizes overflow when added must not match the segment's size. */
Test(segment, refuses_a_wild_geometry) {
    static const char want[] = "shared memory: its geometry is damaged";
    seg.header->geometry.ring_size = UINT64_MAX / 2;
    cr_assert_str_eq(segment_refusal(), want);
    seg.header->geometry.ring_size = 65536;
    seg.header->geometry.ledger_len = 0;
    cr_assert_str_eq(segment_refusal(), want);
}

Test(segment, a_configuration_is_read_whole) {
    struct config config = unit_config(65536), out;
    for (uint64_t generation = 2; generation < 10; generation++) {
        snprintf(config.room, sizeof config.room, "Room %lu", (unsigned long)generation);
        segment_publish_config(&seg, &config);
        cr_assert_eq(segment_read_config(&seg, &out), generation);
        cr_assert_str_eq(out.room, config.room);
    }
}

static bool publish_for_ever(struct segment *s, int arg) {
    (void)arg;
    struct config config = unit_config(65536);
    for (;;) {
        config.workers = config.workers % 60 + 1;
        memset(config.motd, (int)config.workers, sizeof config.motd);
        segment_publish_config(s, &config);
    }
    return true;
}

Test(segment, a_configuration_is_never_read_half, .timeout = 180) {
    pid_t pid = unit_child(publish_for_ever, &seg, 0);
    struct config *out = malloc(sizeof *out);
    while (segment_config_version(&seg) < 2)
        ;
    uint64_t first = segment_read_config(&seg, out), last = first;
    for (int i = 0; i < 2000 || last < first + 100; i++) { /* while a child publishes others */
        last = segment_read_config(&seg, out);
        for (size_t k = 0; k < sizeof out->motd; k += 64)
            cr_assert_eq((uint32_t)(uint8_t)out->motd[k], out->workers);
    }
    kill(pid, SIGKILL);
    unit_join(pid);
    free(out);
}

Test(segment, connections_are_summed) {
    atomic_store(&seg.slots[0].clients, 3);
    atomic_store(&seg.slots[63].clients, 4);
    cr_assert_eq(segment_connections(&seg), 7);
}

Test(segment, its_time_starts_near_zero) {
    uint32_t now = segment_now(&seg);
    cr_assert_lt(now, 60000);
    seg.header->epoch_ms -= 5000;
    cr_assert_geq(segment_now(&seg), 5000);
    cr_assert_lt(segment_ticks(&seg), 6000);
    seg.header->epoch_boot_ms -= 5000;
    cr_assert_geq(segment_ticks(&seg), 500);
}

Test(segment, geometry_has_room_for_every_client) {
    struct config config = unit_config(65536);
    struct geometry g;
    config.max_clients = 1000000;
    segment_geometry(&g, &config, 1000100);
    cr_assert_gt(g.rx_buffers, config.max_clients);
    cr_assert_gt(g.names_len, config.max_clients);
    cr_assert_gt(g.clients_len, config.max_clients);
    cr_assert_eq(g.ledger_len & (g.ledger_len - 1), 0);
    cr_assert_eq(g.side_size & (g.side_size - 1), 0);
    cr_assert_gt(segment_size(&g), (size_t)config.max_clients * sizeof(struct client));
}
