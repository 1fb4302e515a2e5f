/* stamp.h - when a ledger entry was made, in the server's local time.
 *
 * Its age is counted by a clock that goes on while the machine is suspended (segment_ticks) and is
 * subtracted from the wall clock of now: so a wall clock that was wrong and is set right afterwards
 * dates the line right, too. */
#ifndef WORKER_STATE_STAMP_H
#define WORKER_STATE_STAMP_H

#include "ipc/segment.h"

#include <stddef.h>
#include <stdint.h>

enum { STAMP_MAX = 16, STAMP_DAY_S = 24 * 60 * 60 };

/* Written once a minute; zeroed: nothing is written yet. */
struct stamp {
    int64_t from;         /* of its minute, seconds since 1970 */
    char text[STAMP_MAX]; /* "11-24 21:04" */
};

/* One moment by both clocks. */
struct stamp_now {
    int64_t wall_ms; /* since 1970 */
    uint32_t ticks;
};
struct stamp_now stamp_now(const struct segment *seg);

/* When it was, in milliseconds since 1970.  `ticks`: of the entry. */
int64_t stamp_ms(const struct stamp_now *now, uint32_t ticks);

/* "[21:04] ", or "[11-24 21:04] " if that is longer ago than a day.  `ticks`: of the entry. Returns
 * the length. */
uint32_t stamp_text(struct stamp *stamp, const struct stamp_now *now, uint32_t ticks,
                    char out[STAMP_MAX]);

/* Bytes of such a time that the text begins with; 0: with none. */
size_t stamp_len(const char *text, size_t len);

#endif
