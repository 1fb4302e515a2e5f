/* input.h - reading: from recv to the stage.
 *
 * recv writes straight into the client's rx buffer in the segment; the bytes [consumed, received)
 * wait there for the scan (scan.h). */
#ifndef WORKER_INPUT_INPUT_H
#define WORKER_INPUT_INPUT_H

#include "worker/state/local.h"

/* Reads and scans up to `clients` clients of the ready queue, each once and at most RX_RAW bytes,
 * and none after `until` (segment_now()); those with more to do are queued again. */
void input_read(struct worker *w, uint32_t clients, uint32_t until);

/* Ends the pauses whose time has come (PAUSE_TIMED).  Once a turn of the loop. */
void input_resume(struct worker *w);

#endif
