/* telnet.h - what a client's bytes mean before they are text: line ends, editing keys, telnet.
 *
 *     while (n > 0) {
 *         size_t used = telnet_next(&t, sub, &sub_len, in, n, &ev);
 *         in += used, n -= used;
 *         send ev.answer[0, ev.answer_len); then act on ev.kind
 *     }
 *
 * The state is eight bytes of plain data, zero at the start, and lives with `sub` and `sub_len` in
 * the client's record; it may be copied anywhere between two calls, and any split of the input
 * gives the same events (runs of text aside, which end where the input does).
 *
 * Replay.  `sub` is only appended to, so that a committed (state, sub_len) stays true while later
 * bytes are handled and a death throws them away.  This holds up to the next event other than TEXT,
 * END_OF_LINE, the editing keys and NONE: with that event the caller commits.  Every change of an
 * option is such an event, every end of a subnegotiation, and a client's first telnet command.
 *
 * Answers only ever follow a command of the client's, so one that sent no IAC is never sent one
 * (half of the clients would print it).  Each comes from a change (RFC 1143's Q method): no loops.
 *
 * Sources: RFC 854, 855 (commands), 1143 (Q method), 1123 3.2-3.3 (line ends), 857 ECHO, 858 SGA,
 * 860 TM, 1073 NAWS, 1091 TTYPE, 2066 CHARSET.  Pure functions; safe anywhere. */
#ifndef WORKER_TELNET_H
#define WORKER_TELNET_H

#include "ipc/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TELNET_SUB_MAX = 512, TELNET_ANSWER_MAX = 48 };

enum {
    TELNET_WILL = 251,
    TELNET_WONT = 252,
    TELNET_DO = 253,
    TELNET_DONT = 254,
};
enum telnet_option {
    TELNET_OPT_BINARY = 0,
    TELNET_OPT_ECHO = 1,
    TELNET_OPT_SGA = 3,
    TELNET_OPT_TM = 6,
    TELNET_OPT_TTYPE = 24,
    TELNET_OPT_NAWS = 31,
    TELNET_OPT_CHARSET = 42,
};

/* IAC DO TM: every telnet client answers it, and shows nothing.  To proven ones only. */
#define TELNET_PROBE "\377\375\006"

struct telnet {
    uint8_t state; /* of the scanner: telnet.c */
    uint8_t verb;  /* WILL .. DONT, its option not here yet */
    uint8_t flags;
    uint8_t options[4]; /* Q method, four bits each: telnet_option.c */
    uint8_t spare;
};
_Static_assert(sizeof(struct telnet) == 8, "a client's record has eight bytes for it");

enum telnet_kind {
    TELNET_NONE, /* the input ran out; nothing to do */
    TELNET_TEXT, /* bytes[0, len) */
    TELNET_END_OF_LINE,
    TELNET_ERASE_CHAR, /* BS, DEL, IAC EC */
    TELNET_ERASE_WORD, /* ^W */
    TELNET_ERASE_LINE, /* ^U, IAC EL */
    TELNET_REPRINT,    /* ^R */
    TELNET_INTERRUPT,  /* ^C, IAC IP, IAC BREAK: drop the partial line */
    TELNET_AYT,        /* say something visible */
    TELNET_STATE,      /* nothing but the answer, and the state to be committed */
    TELNET_ECHO,       /* on: the client expects us to echo what it types; off: no longer */
    TELNET_WINDOW,     /* columns, rows; 0: unknown */
    TELNET_TERMINAL,   /* bytes[0, len): its type as it says; escape before showing */
    TELNET_CHARSET,    /* on: agreed on `encoding`; off: on none */
};

struct telnet_event {
    uint8_t kind;       /* enum telnet_kind */
    uint8_t on;         /* ECHO, CHARSET */
    uint8_t encoding;   /* CHARSET: enum encoding */
    uint8_t answer_len; /* any kind: bytes to be sent at once, often none */
    uint8_t typed;      /* INTERRUPT, STATE: the byte GNU telnet may have made it of, or 0 */
    uint16_t columns, rows;
    const uint8_t *bytes; /* into `in` or `sub`, until the next call */
    size_t len;
    uint8_t answer[TELNET_ANSWER_MAX];
};

/* Consumes at least one byte of in[0, n), n > 0, and yields at most one event; returns how many it
 * consumed.  `sub` has TELNET_SUB_MAX bytes. */
size_t telnet_next(struct telnet *t, uint8_t *sub, uint16_t *sub_len, const uint8_t *in, size_t n,
                   struct telnet_event *ev);

/* Asks the client to change an option: WILL or WONT (ECHO, SGA, CHARSET: we offer a list once it
 * agrees), DO or DONT (NAWS, TTYPE, CHARSET, SGA).  True: ev is as from telnet_next, an answer to
 * send (often empty while an earlier request is under way) and a state to commit.  False: nothing
 * changes, because it is so already or the client has not spoken telnet. */
bool telnet_ask(struct telnet *t, uint8_t verb, enum telnet_option option, struct telnet_event *ev);

/* Has it ever sent a telnet command? */
bool telnet_spoken(const struct telnet *t);
/* Has it agreed that we echo?  With SGA too, it sends key by key. */
bool telnet_echoes(const struct telnet *t);
bool telnet_by_key(const struct telnet *t);

/* The line just ended by CR: one LF or NUL after it will be swallowed. */
bool telnet_after_cr(const struct telnet *t);
/* Puts the scanner where the end of a line leaves it, options as they are. */
void telnet_line_ended(struct telnet *t, bool after_cr);

/* ---- between telnet.c and telnet_option.c ---- */

/* The client sent IAC verb option, or a whole subnegotiation. */
void telnet_option_heard(struct telnet *t, uint8_t verb, uint8_t option, struct telnet_event *ev);
void telnet_sub_heard(struct telnet *t, const uint8_t *sub, size_t n, struct telnet_event *ev);

/* struct telnet.flags */
enum {
    TELNET_SPOKEN = 1,
    TELNET_AFTER_CR = 2,
    TELNET_OFFERED = 4, /* our list of encodings is out, unanswered */
};

#endif
