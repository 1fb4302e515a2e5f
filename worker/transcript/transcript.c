/* transcript.c - see transcript.h. */
#include "worker/transcript/transcript.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "ipc/log.h"
#include "worker/state/child.h"
#include "worker/transcript/confine.h"
#include "worker/transcript/disk.h"
#include "worker/transcript/gather.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
    TRANSCRIPT_LOOK_MS = 20,
    TRANSCRIPT_RETRY_MS = 1000, /* a disk that is full */
    TRANSCRIPT_IDLE_MS = 5000
};

/* What only this process knows. */
struct recorder {
    struct segment *seg;
    struct slot *slot;
    struct transcript *shared;
    struct transcript_place place; /* as it is, or is about to be committed */
    struct gather_clock clock;
    struct config config;
    int fd;
    bool failing;      /* the disk refuses; the log says so once */
    bool missing_said; /* likewise, of lines that are missed */
    uint64_t config_version;
    uint64_t dirty_since; /* ms: the first write since the last sync; 0: none */
    struct child_alone alone;
    struct gathered gathered;
};

/* ---- the place ---- */

static void transcript_commit(struct recorder *r) {
    uint32_t turn = atomic_load_explicit(&r->shared->turn, memory_order_relaxed);
    FAULT("transcript.place.before");
    r->shared->place[(turn + 1) & 1] = r->place;
    FAULT("transcript.place.filled");
    atomic_store_explicit(&r->shared->turn, turn + 1, memory_order_release);
    FAULT("transcript.place.after");
    atomic_store_explicit(&r->slot->cursor, r->place.index, memory_order_release);
}

/* All that is written is on the disk. */
static void transcript_synced(struct recorder *r) {
    r->place.synced_index = r->place.index;
    r->place.synced_offset = r->place.offset;
    r->place.synced_lines = r->place.lines;
}

/* ---- the disk ---- */

/* A blocked call to a disk is no hang (slot.h). */
static void transcript_at_disk(const struct recorder *r, bool at) {
    atomic_store(&r->slot->breadcrumb.phase, at ? BREADCRUMB_DISK : BREADCRUMB_NONE);
}

static bool transcript_failed(struct recorder *r, const char *what) {
    if (!r->failing)
        log_error_errno("cannot %s %s; the room goes on, and lines that its ring loses are missing "
                        "in the transcript",
                        what, r->shared->path);
    r->failing = true;
    return false;
}

/* Everything written since the last good one has to be written again: after a failure the kernel
 * has dropped what it could not write, and a second fdatasync would succeed without it. */
static bool transcript_sync(struct recorder *r) {
    FAULT("transcript.sync.before");
    transcript_at_disk(r, true);
    bool synced = fdatasync(r->fd) == 0;
    transcript_at_disk(r, false);
    r->dirty_since = 0;
    if (synced) {
        transcript_synced(r);
    } else {
        transcript_failed(r, "sync");
        r->place.index = r->place.synced_index;
        r->place.offset = r->place.synced_offset;
        r->place.lines = r->place.synced_lines;
    }
    transcript_commit(r);
    return synced;
}

static void transcript_shortened(struct recorder *r) {
    log_warn("%s was shortened; going on at byte %llu", r->shared->path,
             (unsigned long long)r->place.offset);
    if (r->place.synced_offset > r->place.offset) {
        transcript_synced(r);
    }
}

/* Ends the file where the place says, whatever a predecessor or another program has done to it.
 * False with errno. */
static bool transcript_cut(struct recorder *r) {
    bool shortened = false;
    if (!disk_cut(r->fd, &r->place.offset, &shortened))
        return false;
    if (shortened)
        transcript_shortened(r);
    return true;
}

/* ---- lines ---- */

/* NULL, or what failed, with errno. */
static const char *transcript_append(struct recorder *r, const struct gathered *g) {
    uint64_t offset;
    if (!transcript_cut(r))
        return "write to";
    offset = r->place.offset;
    FAULT("transcript.append.before");
    if (!disk_append(r->fd, &offset, g->text, g->len))
        return "write to";
    FAULT("transcript.append.after");
    if (r->config.transcript_sync_ms == 0 && fdatasync(r->fd) != 0)
        return "sync";
    r->place.offset = offset;
    return NULL;
}

/* A disk that has no room for all of the lines may have some for a part of them: down to one. */
static bool transcript_put(struct recorder *r, struct gathered *g) {
    const char *failed;
    transcript_at_disk(r, true);
    while ((failed = transcript_append(r, g)) && disk_is_full(errno) && g->most != 1) {
        g->most = (g->most > 0 ? g->most : g->len) / 2;
        g->most += g->most == 0;
        gather(r->seg, &r->clock, r->place.index, r->place.lines, g);
    }
    if (failed)
        transcript_failed(r, failed);
    transcript_at_disk(r, false);
    return !failed;
}

static void transcript_report(struct recorder *r, const struct gathered *g) {
    if (r->failing)
        log_warn("the transcript goes on in %s", r->shared->path);
    r->failing = false;
    if (g->missed > 0 && !r->missing_said)
        log_warn("%u line%s missed: the disk did not keep up with the room, and the ring has "
                 "overwritten them",
                 g->missed, g->missed == 1 ? " is" : "s are");
    r->missing_said |= g->missed > 0;
    atomic_fetch_add(&r->shared->lines_written, g->count);
    atomic_fetch_add(&r->shared->lines_missed, g->missed);
}

static void transcript_advance(struct recorder *r, const struct gathered *g) {
    r->place.index = g->index;
    r->place.lines = g->lines;
    if (r->config.transcript_sync_ms == 0 || r->place.synced_offset == r->place.offset) {
        transcript_synced(r);
    } else if (r->dirty_since == 0) {
        r->dirty_since = clock_ms();
    }
    transcript_commit(r);
}

/* False: there was nothing to write, or it could not be written. */
static bool transcript_write(struct recorder *r) {
    struct gathered *g = &r->gathered;
    g->most = r->failing; /* it is tried with one line */
    gather(r->seg, &r->clock, r->place.index, r->place.lines, g);
    if (g->index == r->place.index && g->len == 0) {
        r->missing_said = false; /* it has caught up */
        return false;
    }
    if (g->len > 0) {
        if (!transcript_put(r, g))
            return false;
        transcript_report(r, g);
    }
    transcript_advance(r, g);
    return true;
}

/* ---- files ---- */

/* Ends the old file: its last lines are on the disk, or will be in the new one. */
static void transcript_finish(struct recorder *r) {
    if (r->fd < 0)
        return;
    if (!transcript_cut(r))
        transcript_failed(r, "write to");
    else if (r->place.synced_offset != r->place.offset)
        transcript_sync(r);
}

/* Where the new file's whole lines end: the rest is what a crash of the machine left. */
static bool transcript_measure(struct recorder *r) {
    uint64_t beyond;
    if (r->fd < 0)
        return true;
    if (!disk_whole(r->fd, &r->place.offset, &beyond))
        return transcript_failed(r, "read");
    if (beyond > 0)
        log_warn("%s: its last line has no end; %llu bytes from byte %llu on are cut off",
                 r->shared->path, (unsigned long long)beyond, (unsigned long long)r->place.offset);
    return true;
}

/* Goes on in the newest file.  False: that cannot be read. */
static bool transcript_flip(struct recorder *r, uint32_t file) {
    bool first = r->fd < 0;
    transcript_finish(r);
    FAULT("transcript.flip.finished");
    if (first) {
        r->place.index = r->shared->from;
        r->place.lines = r->shared->from_lines;
    }
    if (r->fd >= 0) /* before the commit: the master may open it again then, and lock it */
        close(r->fd);
    r->fd = r->shared->fd[file & 1];
    r->place.file = file;
    r->place.offset = 0;
    if (!transcript_measure(r))
        return false;
    transcript_synced(r);
    transcript_commit(r);
    if (r->fd >= 0)
        log_info("%s %s", first ? "writing to" : "going on in", r->shared->path);
    else
        log_info("writing to no file any more");
    return true;
}

/* Takes up what the predecessor left. */
static bool transcript_adopt(struct recorder *r) {
    uint32_t file = atomic_load(&r->shared->file);
    r->place = *transcript_place(r->shared);
    r->fd = r->place.file == 0 ? -1 : r->shared->fd[r->place.file & 1];
    if (r->place.file != file)
        return transcript_flip(r, file);
    if (r->place.synced_offset != r->place.offset)
        r->dirty_since = clock_ms();
    atomic_store_explicit(&r->slot->cursor, r->place.index, memory_order_release);
    return true;
}

/* ---- the loop ---- */

static bool transcript_asked(const struct recorder *r) {
    return atomic_load(&r->shared->asked) != atomic_load(&r->shared->begun);
}

static bool transcript_sync_due(const struct recorder *r, uint64_t now) {
    return r->dirty_since != 0 && now >= r->dirty_since + r->config.transcript_sync_ms;
}

/* Milliseconds to wait for the bell at most.  None where a part was written: the disk is full, or
 * has room again. */
static int transcript_timeout(const struct recorder *r, bool wrote, uint64_t now) {
    uint64_t look = r->gathered.most > 0 ? 0 : TRANSCRIPT_LOOK_MS;
    uint64_t wait = r->failing ? TRANSCRIPT_RETRY_MS : wrote ? look : TRANSCRIPT_IDLE_MS;
    uint64_t due = r->dirty_since + r->config.transcript_sync_ms;
    if (r->dirty_since != 0 && due < now + wait)
        wait = due > now ? due - now : 0;
    return (int)wait;
}

static void transcript_wait(struct recorder *r, bool wrote) {
    struct pollfd bell = {.fd = r->slot->bell_fd, .events = POLLIN};
    int timeout = transcript_timeout(r, wrote, clock_ms());
    uint64_t rung;
    transcript_at_disk(r, r->failing);
    if (!r->failing && !wrote) {
        slot_sleep(r->slot);
        if (room_count(&r->seg->room) != r->place.index || transcript_asked(r))
            timeout = 0;
    }
    if (poll(&bell, 1, timeout) == 1)
        (void)!read(bell.fd, &rung, sizeof rung);
    slot_wake(r->slot);
    transcript_at_disk(r, false);
}

static void transcript_read_config(struct recorder *r) {
    if (r->config_version == segment_config_version(r->seg))
        return;
    r->config_version = segment_read_config(r->seg, &r->config);
    log_set_level(r->config.log_level);
}

/* False: there is no server any more. */
static bool transcript_serve(struct recorder *r) {
    uint64_t last = 0; /* once asked to end: the ledger as it was */
    for (bool wrote = false;;) {
        atomic_fetch_add(&r->slot->heartbeat, 1);
        transcript_read_config(r);
        if (last == 0 && transcript_asked(r))
            last = room_count(&r->seg->room);
        wrote = transcript_write(r);
        if (last != 0 && (!wrote || r->place.index >= last))
            return true;
        if (transcript_sync_due(r, clock_ms()))
            transcript_sync(r);
        if (child_is_alone(&r->alone, r->seg, r->config.worker_timeout_ms))
            return false;
        transcript_wait(r, wrote);
    }
}

/* What did not get into the file is in the next one, if there is one. */
static void transcript_end(struct recorder *r) {
    const struct room *room = &r->seg->room;
    transcript_finish(r);
    uint32_t left = room_entry(room, room_count(room) - 1)->lines - r->place.lines;
    if (left > 0 && atomic_load(&r->seg->header->shutdown))
        log_error("%u line%s not in the transcript", left, left == 1 ? " is" : "s are");
    FAULT("transcript.end.before");
    atomic_store_explicit(&r->slot->state, SLOT_UNUSED, memory_order_release);
    FAULT("transcript.end.after");
}

/* ---- start ---- */

static void transcript_confine(const struct recorder *r) {
    const struct segment_header *h = r->seg->header;
    const int keep[] = {STDIN_FILENO,     STDOUT_FILENO,       STDERR_FILENO,      h->master.log_fd,
                        r->slot->bell_fd, h->transcript.fd[0], h->transcript.fd[1]};
    confine_descriptors(keep, sizeof keep / sizeof keep[0]);
    confine_calls();
}

int transcript_main(struct segment *seg, uint64_t incarnation) {
    static struct recorder recorder; /* one a process */
    struct recorder *r = &recorder;
    (void)incarnation; /* it has entered its slot, and takes no gate */
    log_set_process("transcript");
    prctl(PR_SET_NAME, "transcript");
    memset(r, 0, sizeof *r); /* in a process whose master was cloned from a worker */
    r->seg = seg;
    r->slot = &seg->slots[TRANSCRIPT_SLOT];
    r->shared = &seg->header->transcript;
    child_signals(r->seg, r->slot);
    transcript_read_config(r);
    transcript_confine(r);
    FAULT("transcript.serving.before");
    atomic_store_explicit(&r->slot->state, SLOT_SERVING, memory_order_release);
    FAULT("transcript.serving.after");
    if (!transcript_adopt(r))
        return 1;
    if (r->fd >= 0 && !transcript_serve(r)) {
        log_warn("there is no server any more");
        return 1;
    }
    transcript_end(r);
    return 0;
}
