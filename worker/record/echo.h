/* echo.h - the half-typed line on the screen of a client that the server echoes (FACT_ECHOED).
 *
 * FACT_DRAWN: the line that the committed record holds is on the screen, behind everything said so
 * far. A reply first takes it away, and the commit draws what is then the line (change.c).  So
 * between two commits an echoed client's line is always drawn, and what is drawn is a function of
 * the record alone: a successor knows the screen as well as its predecessor did.
 *
 * These functions only compute bytes to send; `f` are the facts that hold the line, `seg` its
 * buffers. */
#ifndef WORKER_RECORD_ECHO_H
#define WORKER_RECORD_ECHO_H

#include "ipc/segment.h"
#include "worker/protocol/draw.h"

#include <stddef.h>

/* The line as the terminal is shown it.  Returns the length. */
size_t echo_line(const struct segment *seg, const struct facts *f, char out[TYPED_SHOWN_MAX]);

/* What takes it away; the cursor is then where it began. */
size_t echo_away(const struct segment *seg, const struct facts *f, char out[DRAW_MAX]);

/* What makes of the line of `was` the line of `f`. */
size_t echo_change(const struct segment *seg, const struct facts *was, const struct facts *f,
                   char out[DRAW_MAX]);

#endif
