/* telnet.c - the scanner: see telnet.h.  Options and subnegotiations are
 * telnet_option.c's.
 *
 * Text is the hot path: a run of it is found eight bytes at a time. */
#include "worker/protocol/telnet.h"

#include "worker/protocol/telnet_option.h"

#include <string.h>

enum {
    CR = '\r',
    LF = '\n',
    END_OF_FILE = 236,
    SUSP,
    SE = 240,
    BREAK = 243,
    IP,
    AO,
    AYT,
    EC,
    EL,
    GA,
    SB,
    IAC = 255
};

enum state {
    DATA,
    COMMAND,     /* IAC came */
    OPTION,      /* IAC WILL .. DONT came */
    SUB,         /* inside IAC SB ... */
    SUB_COMMAND, /* an IAC inside it */
    SKIP,        /* inside one that is too long */
    SKIP_COMMAND,
};

enum { CTRL = 0x40, KEY_SEQUENCE = UINT8_MAX };

/* Bytes that are not text.  None occurs inside a character of GBK, GB18030, Big5 or UTF-8.  In the
 * encodings of single bytes 255 is a letter (the last one of Windows-1251). */
static const uint8_t telnet_keys[256] = {
    [CR] = TELNET_END_OF_LINE,        [LF] = TELNET_END_OF_LINE,
    [0x08] = TELNET_ERASE_CHAR,       [0x7F] = TELNET_ERASE_CHAR,
    ['U' ^ CTRL] = TELNET_ERASE_HEAD, ['W' ^ CTRL] = TELNET_ERASE_WORD,
    ['R' ^ CTRL] = TELNET_REPRINT,    ['C' ^ CTRL] = TELNET_INTERRUPT,
    ['A' ^ CTRL] = TELNET_HOME,       ['B' ^ CTRL] = TELNET_LEFT,
    ['D' ^ CTRL] = TELNET_DELETE,     ['E' ^ CTRL] = TELNET_END,
    ['F' ^ CTRL] = TELNET_RIGHT,      ['K' ^ CTRL] = TELNET_ERASE_TAIL,
    ['L' ^ CTRL] = TELNET_REDRAW,     ['N' ^ CTRL] = TELNET_DOWN,
    ['P' ^ CTRL] = TELNET_UP,         ['\t'] = TELNET_COMPLETE,
    [KEYSEQ_ESC] = KEY_SEQUENCE,
};

static const uint8_t telnet_sequences[] = {
    [KEYSEQ_UP] = TELNET_UP,
    [KEYSEQ_DOWN] = TELNET_DOWN,
    [KEYSEQ_RIGHT] = TELNET_RIGHT,
    [KEYSEQ_LEFT] = TELNET_LEFT,
    [KEYSEQ_HOME] = TELNET_HOME,
    [KEYSEQ_END] = TELNET_END,
    [KEYSEQ_DELETE] = TELNET_DELETE,
    [KEYSEQ_WORD_RIGHT] = TELNET_WORD_RIGHT,
    [KEYSEQ_WORD_LEFT] = TELNET_WORD_LEFT,
    [KEYSEQ_ERASE_WORD] = TELNET_ALT_ERASE,
    [KEYSEQ_PASTE_END] = TELNET_NONE,
};

/* Commands that are events by themselves; others are swallowed. */
static const uint8_t telnet_commands[256] = {
    [BREAK] = TELNET_INTERRUPT, [IP] = TELNET_INTERRUPT,  [AYT] = TELNET_AYT,
    [EC] = TELNET_ERASE_CHAR,   [EL] = TELNET_ERASE_LINE, [AO] = TELNET_STATE,
    [SUSP] = TELNET_STATE,
};

/* GNU telnet looks at seven bits of what is typed for its own keys, so that these commands may have
 * been bytes of a character: telnet_event.typed. */
static const uint8_t telnet_typed_as[256] = {
    [IP] = 0x83, [AO] = 0x8F, [SUSP] = 0x9A, [BREAK] = 0x9C};

/* Length of the text at the start of p[0, n).  A word is taken whole if it has no byte below 20, 7F
 * or FF; anything else is looked at byte by byte. */
static size_t telnet_text_run(const uint8_t *p, size_t n) {
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    size_t i = 0;
    for (;;) {
        for (uint64_t word; i + sizeof word <= n; i += sizeof word) {
            memcpy(&word, p + i, sizeof word);
            uint64_t not_7f = ~(word | tops); /* a zero byte where p has 7F or FF */
            if ((((word - ones * 0x20) & ~word) | (not_7f - ones)) & tops)
                break;
        }
        size_t end = i + sizeof ones < n ? i + sizeof ones : n;
        for (; i < end; i++)
            if (telnet_keys[p[i]] || p[i] == IAC)
                return i;
        if (i == n)
            return n;
    }
}

static void telnet_text(struct telnet_event *ev, const uint8_t *bytes, size_t len) {
    ev->kind = TELNET_TEXT;
    ev->bytes = bytes;
    ev->len = len;
}

void telnet_letter(struct telnet *t, bool letter) {
    t->flags = (uint8_t)(letter ? t->flags | TELNET_LETTER : t->flags & ~TELNET_LETTER);
}

/* Whether the IAC at in[0, n) is a letter: of a client that has sent no command until now, and that
 * could not begin so to speak telnet. */
static bool telnet_is_letter(const struct telnet *t, const uint8_t *in, size_t n) {
    if ((t->flags & (TELNET_LETTER | TELNET_SPOKEN)) != TELNET_LETTER)
        return false;
    return n < 2 || (in[1] != IAC && in[1] != TELNET_WILL && in[1] != TELNET_DO && in[1] != IP);
}

/* A byte of a key sequence.  False: it is none, and counts as itself. */
static bool telnet_sequence(struct telnet *t, uint8_t byte, struct telnet_event *ev) {
    if (!keyseq_under_way(&t->keys) && byte != KEYSEQ_ESC)
        return false;
    enum keyseq_key key = keyseq_byte(&t->keys, byte);
    if (key == KEYSEQ_TEXT)
        return false;
    if (key == KEYSEQ_PASTE)
        t->flags |= TELNET_PASTED;
    if (key == KEYSEQ_PASTE_END)
        t->flags &= ~TELNET_PASTED;
    if (telnet_echoes(t))
        ev->kind = telnet_sequences[key];
    else
        t->flags |= TELNET_KEYED;
    return true;
}

/* Whether a byte that may be a key is text: for a client that is not echoed, and in a paste. */
static bool telnet_key_is_text(const struct telnet *t, uint8_t kind) {
    return kind >= TELNET_LEFT && (!telnet_echoes(t) || t->flags & TELNET_PASTED);
}

/* One step outside any command; returns the bytes consumed. */
static size_t telnet_data(struct telnet *t, const uint8_t *in, size_t n, struct telnet_event *ev) {
    if (*in == IAC && telnet_is_letter(t, in, n)) {
        t->flags &= ~TELNET_AFTER_CR;
        if (!telnet_sequence(t, *in, ev))
            telnet_text(ev, in, 1);
        return 1;
    }
    if (*in == IAC) { /* may come between CR and LF */
        t->state = COMMAND;
        return 1;
    }
    bool after_cr = t->flags & TELNET_AFTER_CR;
    t->flags &= ~TELNET_AFTER_CR;
    if ((after_cr && (*in == LF || *in == 0)) || telnet_sequence(t, *in, ev))
        return 1;
    uint8_t kind = telnet_keys[*in];
    if (kind == 0 || telnet_key_is_text(t, kind)) {
        size_t len = 1 + telnet_text_run(in + 1, n - 1);
        telnet_text(ev, in, len);
        return len;
    }
    ev->kind = kind;
    if (kind == TELNET_END_OF_LINE) {
        ev->on = (t->flags & TELNET_KEYED) != 0;
        telnet_line_ended(t, *in == CR);
    }
    return 1;
}

/* A client's first command is an event, so that it is committed. */
static void telnet_spoke(struct telnet *t, struct telnet_event *ev) {
    if (!(t->flags & TELNET_SPOKEN) && ev->kind == TELNET_NONE)
        ev->kind = TELNET_STATE;
    t->flags |= TELNET_SPOKEN;
}

static void telnet_command_done(struct telnet *t, struct telnet_event *ev) {
    t->state = DATA;
    telnet_spoke(t, ev);
}

static size_t telnet_command(struct telnet *t, uint16_t *sub_len, const uint8_t *in, size_t n,
                             struct telnet_event *ev) {
    if (*in == IAC) { /* a data byte of 255, and what follows */
        t->state = DATA;
        t->flags &= ~TELNET_AFTER_CR;
        if (telnet_sequence(t, *in, ev))
            return 1;
        size_t len = 1 + telnet_text_run(in + 1, n - 1);
        telnet_text(ev, in, len);
        return len;
    }
    if (*in >= TELNET_WILL) {
        t->verb = *in;
        t->state = OPTION;
    } else if (*in == SB) {
        t->state = SUB;
        *sub_len = 0;
        telnet_spoke(t, ev); /* its end may never come */
    } else if (*in >= END_OF_FILE) {
        ev->kind = telnet_commands[*in];
        ev->typed = telnet_typed_as[*in];
        telnet_command_done(t, ev);
    } else {
        t->state = DATA; /* no telnet command: a letter of Latin-1, most likely */
    }
    return 1;
}

static void telnet_sub_done(struct telnet *t, const uint8_t *sub, uint16_t *sub_len,
                            struct telnet_event *ev) {
    ev->kind = TELNET_STATE;
    telnet_sub_heard(t, sub, *sub_len, ev);
    *sub_len = 0;
    telnet_command_done(t, ev);
}

/* One step inside a subnegotiation; returns the bytes consumed, 0 where another state takes over.
 */
static size_t telnet_sub(struct telnet *t, uint8_t *sub, uint16_t *sub_len, uint8_t byte,
                         struct telnet_event *ev) {
    bool data = t->state == SUB ? byte != IAC : byte == IAC;
    if (data && *sub_len >= TELNET_SUB_MAX) {
        t->state = t->state == SUB ? SKIP : SKIP_COMMAND;
        return 0;
    }
    if (data)
        sub[(*sub_len)++] = byte;
    if (t->state == SUB_COMMAND && byte == SE)
        telnet_sub_done(t, sub, sub_len, ev);
    else /* IAC and another byte than IAC or SE is swallowed */
        t->state = t->state == SUB && byte == IAC ? SUB_COMMAND : SUB;
    return 1;
}

/* Too long: discarded up to its end or the end of the line, which then ends the line. */
static size_t telnet_skip(struct telnet *t, uint16_t *sub_len, uint8_t byte,
                          struct telnet_event *ev) {
    if (t->state == SKIP && (byte == CR || byte == LF)) {
        t->state = DATA;
        t->flags &= ~TELNET_AFTER_CR;
        *sub_len = 0;
        return 0;
    }
    if (t->state == SKIP_COMMAND && byte == SE) {
        ev->kind = TELNET_STATE;
        *sub_len = 0;
        telnet_command_done(t, ev);
        return 1;
    }
    t->state = t->state == SKIP && byte == IAC ? SKIP_COMMAND : SKIP;
    return 1;
}

size_t telnet_next(struct telnet *t, uint8_t *sub, uint16_t *sub_len, const uint8_t *in, size_t n,
                   struct telnet_event *ev) {
    size_t i = 0;
    ev->kind = TELNET_NONE;
    ev->answer_len = 0;
    ev->typed = 0;
    while (i < n && ev->kind == TELNET_NONE) {
        switch (t->state) {
        case DATA: i += telnet_data(t, in + i, n - i, ev); break;
        case COMMAND: i += telnet_command(t, sub_len, in + i, n - i, ev); break;
        case OPTION:
            telnet_option_heard(t, t->verb, in[i++], ev);
            telnet_command_done(t, ev);
            break;
        case SUB:
        case SUB_COMMAND: i += telnet_sub(t, sub, sub_len, in[i], ev); break;
        case SKIP:
        case SKIP_COMMAND: i += telnet_skip(t, sub_len, in[i], ev); break;
        default: t->state = DATA; /* damaged memory: begin afresh */
        }
    }
    return i;
}

bool telnet_spoken(const struct telnet *t) {
    return t->flags & TELNET_SPOKEN;
}
bool telnet_under_way(const struct telnet *t) {
    return t->state != DATA || keyseq_under_way(&t->keys);
}
bool telnet_after_cr(const struct telnet *t) {
    return t->flags & TELNET_AFTER_CR;
}

void telnet_line_ended(struct telnet *t, bool after_cr) {
    t->state = DATA;
    t->flags &= ~(TELNET_AFTER_CR | TELNET_PASTED | TELNET_KEYED | TELNET_THREE_KEYS);
    t->keys = (struct keyseq){0};
    if (after_cr)
        t->flags |= TELNET_AFTER_CR;
}
