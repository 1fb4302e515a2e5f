/* gather.h - the ledger's entries as lines of the transcript.
 *
 * The reader publishes no guard, so nothing waits for it: it copies first, and looks afterwards
 * whether what it copied was overwritten meanwhile (room_unchanged).  What was overwritten is
 * missed: its number is a line of its own, in its place, and comes with the lines behind it.
 *
 * A line's text is what people of UTF-8 are sent.  An entry without a text has no line: private
 * lines, moves, comings and goings that are not announced. */
#ifndef WORKER_TRANSCRIPT_GATHER_H
#define WORKER_TRANSCRIPT_GATHER_H

#include "ipc/segment.h"

#include <stddef.h>
#include <stdint.h>

enum { GATHER_BYTES = 128 << 10 };

/* The wall clock at the segment's epoch, kept from line to line: a clock that is slewed must not
 * date a line before the one above it. */
struct gather_clock {
    int64_t epoch_ms; /* 0: not read yet */
};

struct gathered {
    size_t most;    /* by the caller: no more lines once there are so many bytes; 0: what fits */
    uint64_t index; /* of the first entry that is not in `text` */
    uint32_t lines; /* entry.lines of the one before */
    uint32_t count; /* lines in `text` */
    uint32_t missed;
    size_t len;
    char text[GATHER_BYTES];
};

/* The entries from `index` on, as many as there are and fit.  `lines`: entry.lines of the one
 * before. */
void gather(const struct segment *seg, struct gather_clock *clock, uint64_t index, uint32_t lines,
            struct gathered *out);

/* What an entry is in the transcript. */
enum transcript_kind gather_kind(const struct entry *entry);

/* When an entry was made, in milliseconds since 1970. */
int64_t gather_time(const struct segment *seg, struct gather_clock *clock, uint32_t ticks);

/* Copies a text of `len` bytes as one line, with its line end: controls, line separators and bytes
 * that are no UTF-8 become \xNN.  Returns the length, at most GATHER_LINE(len). */
#define GATHER_LINE(len) (4 * (len) + 1)
size_t gather_escape(char *out, const char *text, size_t len);

#endif
