/* telnet_types.h - the telnet codec's state and its events (telnet.h, telnet_option.h).
 *
 * The state is twelve bytes of plain data, zero at the start.  It lives in the client's record and
 * may be copied anywhere between two calls. */
#ifndef WORKER_PROTOCOL_TELNET_TYPES_H
#define WORKER_PROTOCOL_TELNET_TYPES_H

#include "worker/protocol/keyseq.h"

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

struct telnet {
    uint8_t state;      /* of the scanner: telnet.c */
    uint8_t verb;       /* WILL .. DONT, whose option has not arrived yet */
    uint8_t flags;      /* below */
    uint8_t options[4]; /* Q method, four bits each: telnet_option.c */
    uint8_t controls;   /* in the client's first line: input/newcomer.c */
    struct keyseq keys; /* the key sequence under way */
};
_Static_assert(sizeof(struct telnet) == 12, "a client's record has twelve bytes for it");

/* struct telnet.flags */
enum {
    TELNET_SPOKEN = 1,      /* the client has sent a telnet command */
    TELNET_AFTER_CR = 2,    /* the line just ended by CR: one LF or NUL behind it is swallowed */
    TELNET_OFFERED = 4,     /* our list of encodings is out, unanswered */
    TELNET_PASTED = 8,      /* a paste is under way, which the end of a line ends, too */
    TELNET_KEYED = 16,      /* key sequences that did nothing are in the line under way */
    TELNET_ONE_KEY = 32,    /* one read of one key, within the line under way: by_key.h */
    TELNET_THREE_KEYS = 96, /* three or more */
    TELNET_LETTER = 128,    /* 255 is a letter of the client's encoding: telnet_letter */
};

enum telnet_kind {
    TELNET_NONE, /* the input ran out; nothing to do */
    TELNET_TEXT, /* bytes[0, len) */
    TELNET_END_OF_LINE,
    TELNET_ERASE_CHAR, /* BS, DEL, IAC EC */
    TELNET_ERASE_WORD, /* ^W */
    TELNET_ERASE_LINE, /* IAC EL */
    TELNET_ERASE_HEAD, /* ^U: what is before the cursor */
    TELNET_REPRINT,    /* ^R */
    TELNET_INTERRUPT,  /* ^C, IAC IP, IAC BREAK: drop the partial line */
    TELNET_AYT,        /* say something visible */
    TELNET_STATE,      /* nothing but the answer, and the state to be committed */
    TELNET_ECHO,       /* on: the client expects us to echo what it types; off: no longer */
    TELNET_WINDOW,     /* columns, rows; 0: unknown */
    TELNET_TERMINAL,   /* bytes[0, len): its type as it says; escape before showing */
    TELNET_CHARSET,    /* on: agreed on `encoding`; off: on none */

    /* Keys of a client that is echoed.  To another they are text or nothing: it does not see where
     * its cursor is. */
    TELNET_LEFT,
    TELNET_RIGHT,
    TELNET_WORD_LEFT,
    TELNET_WORD_RIGHT,
    TELNET_HOME,       /* ^A */
    TELNET_END,        /* ^E */
    TELNET_DELETE,     /* the character behind the cursor; ^D */
    TELNET_ERASE_TAIL, /* ^K */
    TELNET_ALT_ERASE,  /* Alt-BackSpace: as ERASE_WORD */
    TELNET_REDRAW,     /* ^L */
    TELNET_UP,         /* the line before */
    TELNET_DOWN,
    TELNET_COMPLETE, /* Tab */
};

struct telnet_event {
    uint8_t kind;       /* enum telnet_kind */
    uint8_t on;         /* ECHO, CHARSET; END_OF_LINE: key sequences were left out of the line */
    uint8_t encoding;   /* CHARSET: enum encoding */
    uint8_t answer_len; /* any kind: bytes to be sent at once, often none */
    uint8_t typed;      /* INTERRUPT, STATE: the byte GNU telnet may have made it of, or 0 */
    uint16_t columns, rows;
    const uint8_t *bytes; /* into `in` or `sub`, until the next call */
    size_t len;
    uint8_t answer[TELNET_ANSWER_MAX];
};

#endif
