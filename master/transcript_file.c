/* transcript_file.c - see transcript_file.h. */
#include "master/transcript_file.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "master/path.h"
#include "master/trusted_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* O_APPEND: worker/transcript/disk.h. */
static struct trusted_file transcript_file_at(const struct config *config, bool *created) {
    return (struct trusted_file){.what = "transcript",
                                 .path = config->transcript,
                                 .user = config->user,
                                 .flags = O_RDWR | O_APPEND | O_NONBLOCK | O_NOCTTY,
                                 .mode = 0640,
                                 .give = true,
                                 .created = created};
}

/* A NUL is what a crash of the machine leaves. */
static bool transcript_file_is_one(int fd, const char *path, char *err, size_t err_size) {
    char text[TRANSCRIPT_HEAD];
    struct transcript_head head;
    ssize_t n = pread(fd, text, sizeof text, 0);
    size_t wrong = n > 0 ? transcript_read_head(text, (size_t)n, &head) : 0;
    if (n == 0 || (n > 0 && (wrong == (size_t)n || text[wrong] == '\0')))
        return true;
    if (n < 0)
        snprintf(err, err_size, "transcript %s: %s", path, strerror(errno));
    else
        snprintf(err, err_size,
                 "transcript %s: line 1, byte %zu: it holds something else than a "
                 "transcript (TIME KIND LINE)",
                 path, wrong + 1);
    return false;
}

bool transcript_file_check(const struct config *config, char *err, size_t err_size) {
    const struct trusted_file file = transcript_file_at(config, NULL);
    if (config->transcript[0] == '\0')
        return true;
    if (!trusted_file_check(&file, err, err_size))
        return false;
    int fd = open(config->transcript, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    bool good = fd < 0 || transcript_file_is_one(fd, config->transcript, err, err_size);
    if (fd >= 0)
        close(fd);
    return good;
}

/* ---- opening ---- */

/* Forgotten before it is closed: after a death in between, the number may be a client's. */
static void transcript_file_close(int32_t *fd) {
    int old = *fd;
    *fd = -1;
    FAULT("transcript_file.close");
    if (old >= 0)
        close(old);
}

/* Into *fd.  False with a sentence, and *fd is -1. */
static bool transcript_file_open(const struct config *config, int32_t *fd, char *err,
                                 size_t err_size) {
    bool created;
    const struct trusted_file file = transcript_file_at(config, &created);
    *fd = trusted_file_open(&file, err, err_size);
    FAULT("transcript_file.opened");
    if (*fd < 0)
        return false;
    if (created)
        (void)path_sync_folder(config->transcript);
    bool locked = flock(*fd, LOCK_EX | LOCK_NB) == 0;
    if (!locked)
        snprintf(err, err_size, "transcript %s: %s", config->transcript,
                 errno == EWOULDBLOCK ? "another server writes it" : strerror(errno));
    if (locked && transcript_file_is_one(*fd, config->transcript, err, err_size))
        return true;
    transcript_file_close(fd);
    return false;
}

/* ---- which file ---- */

static void transcript_file_ask(struct segment *seg) {
    atomic_fetch_add(&seg->header->transcript.asked, 1);
    FAULT("transcript_file.asked");
    slot_ring_awake(&seg->slots[TRANSCRIPT_SLOT]);
}

/* Whether the path is still that of the newest file. */
static bool transcript_file_is_there(const struct transcript *t, const char *path) {
    struct stat at, is;
    int fd = t->fd[atomic_load(&t->file) & 1];
    return fd >= 0 && lstat(path, &at) == 0 && fstat(fd, &is) == 0 && at.st_ino == is.st_ino &&
           at.st_dev == is.st_dev;
}

void transcript_file_begin(struct segment *seg) {
    struct transcript *t = &seg->header->transcript;
    uint64_t count = room_count(&seg->room);
    t->from = count;
    t->from_lines = room_entry(&seg->room, count - 1)->lines;
}

/* The next file, into the place of the one before the last. */
static bool transcript_file_next(struct segment *seg, const struct config *config, char *err,
                                 size_t err_size) {
    struct transcript *t = &seg->header->transcript;
    uint32_t next = atomic_load(&t->file) + 1;
    transcript_file_close(&t->fd[next & 1]);
    if (config->transcript[0] != '\0' &&
        !transcript_file_open(config, &t->fd[next & 1], err, err_size))
        return false;
    transcript_file_begin(seg);
    FAULT("transcript_file.next.before");
    memcpy(t->path, config->transcript, sizeof t->path);
    FAULT("transcript_file.next.named");
    atomic_store(&t->file, next);
    FAULT("transcript_file.next.after");
    return true;
}

/* Whether the file may have the lines that the place says it has: one that was shortened is gone on
 * with (worker/transcript/disk.h). */
static bool transcript_file_continues(int fd, uint64_t offset) {
    struct stat is;
    char last = '\n';
    if (offset > 0 && fstat(fd, &is) == 0 && (uint64_t)is.st_size >= offset)
        (void)!pread(fd, &last, 1, (off_t)offset - 1);
    return last == '\n';
}

void transcript_file_return(struct segment *seg, const struct config *config) {
    struct transcript *t = &seg->header->transcript;
    int32_t *fd = &t->fd[atomic_load(&t->file) & 1];
    char err[512];
    if (!transcript_settled(t) || t->path[0] == '\0' || strcmp(t->path, config->transcript) != 0 ||
        !transcript_file_open(config, fd, err, sizeof err))
        return;
    if (!transcript_file_continues(*fd, transcript_place(t)->offset))
        transcript_file_close(fd);
}

bool transcript_file_move(struct segment *seg, const struct config *config, char *err,
                          size_t err_size) {
    struct transcript *t = &seg->header->transcript;
    bool none = config->transcript[0] == '\0' && t->fd[atomic_load(&t->file) & 1] < 0;
    t->again = !transcript_settled(t);
    bool moved = none || t->again || transcript_file_is_there(t, config->transcript) ||
                 transcript_file_next(seg, config, err, err_size);
    transcript_file_ask(seg); /* the log's file, too, may be another */
    return moved;
}

bool transcript_file_reopen(struct segment *seg, const struct config *config) {
    char err[512];
    bool moved = transcript_file_move(seg, config, err, sizeof err);
    if (!moved)
        log_error("%s; the transcript goes on where it was", err);
    return moved;
}

void transcript_file_look(struct segment *seg) {
    struct transcript *t = &seg->header->transcript;
    if (!transcript_settled(t))
        return;
    if (t->fd[(atomic_load(&t->file) + 1) & 1] >= 0)
        transcript_file_close(&t->fd[(atomic_load(&t->file) + 1) & 1]);
    if (t->again)
        transcript_file_reopen(seg, header_config(seg->header));
}

void transcript_file_end(struct segment *seg) {
    transcript_file_ask(seg);
}
