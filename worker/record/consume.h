/* consume.h - input that needs no second look: the position `consumed` moves past it. */
#ifndef WORKER_RECORD_CONSUME_H
#define WORKER_RECORD_CONSUME_H

#include "worker/record/change.h"

/* Bytes up to stream position `to`, of a line that is not finished; the caller keeps the line. */
void consume_bytes(struct change *ch, uint64_t to);

/* A finished line whose end is at stream position `to`, whatever became of it: spoken, answered or
 * refused.  It is charged to the client's rate limit, it renews its idle time if the client is in
 * the room, and the buffers of the input are given back as far as nothing is left in them.
 * `after_cr`: it ended with CR.  `ms` and `tenths`: when it was handled (segment_now,
 * segment_tenths). */
void consume_line(struct change *ch, uint64_t to, bool after_cr, uint32_t ms, uint32_t tenths);

/* Behind it: the line was a browser's message with this number, which is to be answered. */
void consume_number(struct change *ch, uint32_t re);

#endif
