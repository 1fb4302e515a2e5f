/* echo.h - the half-typed line on the screen of a client that the server echoes (FACT_ECHOED).
 *
 * FACT_DRAWN: the end of the line that the committed record holds is on the screen, behind
 * everything said so far. A reply first takes it away, and the commit draws what is then the line
 * (change.c).  So between two commits an echoed client's line is always drawn, and what is drawn is
 * a function of the record alone: a successor knows the screen as well as its predecessor did.
 *
 * These functions only compute bytes to send, at a cost that depends on the terminal's width; `f`
 * are the facts that hold the line, `seg` its buffers. */
#ifndef WORKER_RECORD_ECHO_H
#define WORKER_RECORD_ECHO_H

#include "ipc/segment.h"
#include "worker/protocol/draw.h"

#include <stddef.h>

enum { ECHO_MAX = TYPED_SHOWN_BYTES * (TYPED_TAIL_MAX + TYPED_HEAD_MAX) };

/* What the terminal is shown of the line; `text` is where it lies. */
struct drawn echo_lay(const struct segment *seg, const struct facts *f, char text[ECHO_MAX]);

/* Whether both hold the same line and show it in the same way; `was` are older facts of the client.
 */
bool echo_same(const struct facts *was, const struct facts *f);

/* What makes of the line of `was` the line of `f`. */
size_t echo_change(const struct segment *seg, const struct facts *was, const struct facts *f,
                   char out[DRAW_MAX]);

#endif
