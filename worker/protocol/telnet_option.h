/* telnet_option.h - telnet's options: which side does what, and what the client says about itself.
 *
 * Each option of each side follows RFC 1143's Q method: a mode already in effect is never
 * acknowledged, so no exchange can loop.  Sources: RFC 855 (options), 1143 (Q method), 857 ECHO,
 * 858 SGA, 860 TM, 1073 NAWS, 1091 TTYPE, 2066 CHARSET.  Pure functions; safe anywhere. */
#ifndef WORKER_PROTOCOL_TELNET_OPTION_H
#define WORKER_PROTOCOL_TELNET_OPTION_H

#include "worker/protocol/telnet_types.h"

/* The client sent IAC verb option, or a whole subnegotiation sub[0, n). */
void telnet_option_heard(struct telnet *t, uint8_t verb, uint8_t option, struct telnet_event *ev);
void telnet_sub_heard(struct telnet *t, const uint8_t *sub, size_t n, struct telnet_event *ev);

/* Asks the client to change an option: WILL or WONT (ECHO, SGA, CHARSET: our list follows once it
 * agrees), DO or DONT (NAWS, TTYPE, CHARSET, SGA, BINARY).  True: ev is as from telnet_next, an
 * answer to send (often empty while an earlier request is under way) and a state to commit.  False:
 * nothing changes, because it is so already or the client has not spoken telnet. */
bool telnet_ask(struct telnet *t, uint8_t verb, enum telnet_option option, struct telnet_event *ev);

/* Offers to echo and to suppress go-aheads (character mode), where neither is in effect or offered.
 * Also for a client that has not spoken telnet: the caller knows that it types key by key
 * (by_key.h).  `ev`: the answer to send, and a state to commit. */
void telnet_offer_echo(struct telnet *t, struct telnet_event *ev);

/* Whether the client has agreed that we echo. */
bool telnet_echoes(const struct telnet *t);

#endif
