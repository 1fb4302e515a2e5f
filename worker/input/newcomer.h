/* newcomer.h - a client of which no line was taken yet (FACT_HEARD): does it speak another protocol
 * (protocol/foreign.h)?  Then its connection is ended with one line in the log, and whatever it has
 * sent, also behind that line, goes unread.  Nothing is committed here: what is judged is the input
 * that waits in the record, so that a successor judges the same.  By the client's owner only. */
#ifndef WORKER_INPUT_NEWCOMER_H
#define WORKER_INPUT_NEWCOMER_H

#include "worker/protocol/telnet_types.h"
#include "worker/state/line.h"
#include "worker/state/local.h"

/* Before the open room is shown to a client: what it has sent already is looked at, and stays in
 * its socket.  A browser's request has come by then, as a rule.  True: the client is leaving. */
bool newcomer_waiting(struct worker *w, struct client *c);

/* raw[0, len), len > 0, is all that the client has sent.  True: it is not to be scanned, because
 * the client is leaving, or because the next byte decides. */
bool newcomer_opening(struct worker *w, struct client *c, const uint8_t *raw, size_t len);

/* Text arrives behind the line so far, of which `line_max` bytes are kept.  Its control bytes are
 * counted in the codec's state, which is committed with the input.  True: the client is
 * leaving. */
bool newcomer_text(struct worker *w, struct client *c, const struct line *so_far, uint32_t line_max,
                   struct telnet *telnet, const struct telnet_event *text);

/* An event other than text and the line's end, which may be a byte of a binary protocol: it is
 * counted, and the next text may end the client. */
void newcomer_key(struct telnet *telnet, enum telnet_kind kind);

/* The line is finished.  True: the client is leaving.  Else line->probe is set. */
bool newcomer_line(struct worker *w, struct client *c, struct line *line);

#endif
