/* transcript.h - the transcript's place: how much of the ledger is in which file, and the order in
 * which the master gives it files.
 *
 * The transcript is a process in TRANSCRIPT_SLOT (worker/transcript/transcript.h).  All that its
 * successor must know lies here.
 *
 * Exactly once.  A place says "entries below `index` are the bytes below `offset` of file `file`".
 * There are two, and `turn` names the one in effect: the transcript writes its file, fills the
 * other place, then moves `turn` by one release store.  A death before that store leaves bytes
 * beyond `offset`, which the successor cuts off and writes again; after it, they are committed.
 *
 * Files.  The master opens each and keeps its descriptor, so that a successor inherits it whatever
 * became of its path.  They are numbered: file n is fd[n & 1], 0 is none, and a descriptor of -1 is
 * "no transcript".  At most two are open: the one in `place`, and the newest, `file`.  The process
 * has a descriptor table of its own and so does not see a file that is opened after its start; it
 * is asked to end, and its successor finishes the old file and goes on in the new one.
 *
 * Written by the transcript, or by the master, as marked; read by both. */
#ifndef IPC_TRANSCRIPT_H
#define IPC_TRANSCRIPT_H

#include "ipc/config.h"
#include "ipc/timestamp.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct transcript_place {
    uint64_t index, offset;               /* written */
    uint64_t synced_index, synced_offset; /* known to be on the disk */
    uint32_t lines, synced_lines;         /* entry.lines of the entry before each index */
    uint32_t file;
    uint32_t pad;
};

struct transcript {
    /* by the transcript */
    struct transcript_place place[2];
    _Atomic uint32_t turn;  /* place[turn & 1] is in effect */
    _Atomic uint32_t begun; /* by the master, before it starts the process: `asked` then */
    _Atomic uint64_t lines_written, lines_missed;

    /* by the master */
    uint64_t from;         /* the ledger index at which a transcript begins that has no place yet */
    uint32_t from_lines;   /* entry.lines of the entry before */
    _Atomic uint32_t file; /* the newest */
    _Atomic uint32_t asked; /* moved on: the process finishes its file and ends */
    uint32_t again;         /* 1: asked for another file while the last is not in use yet */
    int32_t fd[2];
    char path[PATH_LEN_MAX]; /* of the newest; "": none */
};

static inline const struct transcript_place *transcript_place(const struct transcript *t) {
    return &t->place[atomic_load_explicit(&t->turn, memory_order_acquire) & 1];
}
/* Whether the process has nothing to do with any file but the newest. */
static inline bool transcript_settled(const struct transcript *t) {
    return transcript_place(t)->file == atomic_load(&t->file);
}
/* Whether there is work for a process. */
static inline bool transcript_wanted(const struct transcript *t) {
    return !transcript_settled(t) || t->fd[atomic_load(&t->file) & 1] >= 0;
}

/* A line of the file is "2026-11-25T17:04:05.120Z KIND LINE": TRANSCRIPT_TIME bytes, a blank, a
 * word of the table below, a blank, and any text. */
enum { TRANSCRIPT_TIME = TIMESTAMP_MILLIS, TRANSCRIPT_KIND_MAX = 5, TRANSCRIPT_HEAD = 32 };
enum transcript_kind {
    TRANSCRIPT_NONE, /* not written */
    TRANSCRIPT_SAY,
    TRANSCRIPT_ME,
    TRANSCRIPT_JOIN,
    TRANSCRIPT_LEAVE,
    TRANSCRIPT_NICK,
    TRANSCRIPT_KICK,
    TRANSCRIPT_SYS,
    TRANSCRIPT_KINDS
};
const char *transcript_kind_word(enum transcript_kind kind);

/* What precedes a line's text. */
struct transcript_head {
    int64_t ms; /* since 1970 */
    enum transcript_kind kind;
    size_t len; /* where the text begins */
};

/* The index of the first byte of text[0, len) that no line of a transcript has there; len: none,
 * the text is a line's beginning or the whole of it.  `head` is filled in if the text has all of
 * it, else its len is 0. */
size_t transcript_read_head(const char *text, size_t len, struct transcript_head *head);

/* Writes the head of a line, not terminated; its length, at most TRANSCRIPT_HEAD. */
size_t transcript_write_head(char out[TRANSCRIPT_HEAD], int64_t ms, enum transcript_kind kind);

#endif
