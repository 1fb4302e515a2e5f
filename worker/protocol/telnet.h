/* telnet.h - what a client's bytes mean before they are text: line ends, editing keys, telnet.
 *
 *     while (n > 0) {
 *         size_t used = telnet_next(&t, sub, &sub_len, in, n, &ev);
 *         in += used, n -= used;
 *         send ev.answer[0, ev.answer_len); then act on ev.kind
 *     }
 *
 * Any split of the input gives the same events; only runs of text end where the input does.
 *
 * Replay.  `sub` is only appended to, so that a committed (state, sub_len) stays true while later
 * bytes are handled and a death throws them away.  This holds up to the next event other than TEXT,
 * END_OF_LINE, the editing keys and NONE: with that event the caller commits.  Every change of an
 * option is such an event, every end of a subnegotiation, and a client's first telnet command.
 *
 * Answers only ever follow a command of the client's, so a client that sent no IAC is never sent
 * one: half of the clients would print it.  The exception is telnet_offer_echo (telnet_option.h).
 *
 * Sources: RFC 854, 855 (commands), 1123 3.2-3.3 (line ends).  Pure functions; safe anywhere. */
#ifndef WORKER_PROTOCOL_TELNET_H
#define WORKER_PROTOCOL_TELNET_H

#include "worker/protocol/telnet_types.h"

/* Consumes at least one byte of in[0, n), n > 0, and yields at most one event; returns how many it
 * consumed.  `sub` has TELNET_SUB_MAX bytes. */
size_t telnet_next(struct telnet *t, uint8_t *sub, uint16_t *sub_len, const uint8_t *in, size_t n,
                   struct telnet_event *ev);

/* Whether 255 is a letter in the client's encoding (windows-1251).  Then, until its first command,
 * an IAC that is followed by neither WILL, DO, IP nor another IAC is that letter: a client that
 * speaks no telnet does not double it.  A split behind it makes it one, too. */
void telnet_letter(struct telnet *t, bool letter);

/* Whether it has ever sent a telnet command. */
bool telnet_spoken(const struct telnet *t);

/* Whether a telnet command or a key sequence has begun and not ended. */
bool telnet_under_way(const struct telnet *t);

/* Whether the line just ended by CR. */
bool telnet_after_cr(const struct telnet *t);
/* Puts the scanner where the end of a line leaves it; options stay. */
void telnet_line_ended(struct telnet *t, bool after_cr);

#endif
