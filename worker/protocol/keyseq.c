/* keyseq.c - see keyseq.h. */
#include "worker/protocol/keyseq.h"

#include <string.h>

enum { BEL = 0x07, BS = 0x08, DEL = 0x7F, SS3_MOST = 5, MOUSE_BYTES = 3 };

enum state {
    OUTSIDE,
    ESCAPE,     /* ESC came */
    SS3,        /* ESC O */
    CSI,        /* ESC [ */
    CSI_MORE,   /* and something of it */
    CSI_SILENT, /* it is no key: a private one, or one with intermediate bytes */
    LAST,       /* `count` bytes are to come */
    OSC,        /* ESC ] */
    DCS,        /* ESC P */
    APC,        /* ESC _ */
    STRING,     /* inside one of these */
    STRING_ESCAPE,
};

static enum keyseq_key keyseq_done(struct keyseq *k, enum keyseq_key key) {
    memset(k, 0, sizeof *k);
    return key;
}

static enum keyseq_key keyseq_goes_on(struct keyseq *k, enum state state) {
    k->state = (uint8_t)state;
    return KEYSEQ_NOTHING;
}

/* A final byte of a cursor key: CSI and SS3 share them. */
static enum keyseq_key keyseq_final(const struct keyseq *k, uint8_t byte) {
    bool word = k->modifier == 3 || k->modifier == 5; /* Alt, Ctrl */
    switch (byte) {
    case 'A': return KEYSEQ_UP;
    case 'B': return KEYSEQ_DOWN;
    case 'C': return word ? KEYSEQ_WORD_RIGHT : KEYSEQ_RIGHT;
    case 'D': return word ? KEYSEQ_WORD_LEFT : KEYSEQ_LEFT;
    case 'H': return KEYSEQ_HOME;
    case 'F': return KEYSEQ_END;
    default: return KEYSEQ_NOTHING;
    }
}

/* CSI number ~ */
static enum keyseq_key keyseq_numbered(uint8_t number) {
    switch (number) {
    case 1:
    case 7: return KEYSEQ_HOME;
    case 3: return KEYSEQ_DELETE;
    case 4:
    case 8: return KEYSEQ_END;
    case 200: return KEYSEQ_PASTE;
    case 201: return KEYSEQ_PASTE_END;
    default: return KEYSEQ_NOTHING;
    }
}

static enum keyseq_key keyseq_alt(struct keyseq *k, uint8_t byte) {
    switch (byte) {
    case '[': return keyseq_goes_on(k, CSI);
    case 'O': return keyseq_goes_on(k, SS3);
    case ']': return keyseq_goes_on(k, OSC);
    case 'P': return keyseq_goes_on(k, DCS);
    case '_': return keyseq_goes_on(k, APC);
    case 'b': return keyseq_done(k, KEYSEQ_WORD_LEFT);
    case 'f': return keyseq_done(k, KEYSEQ_WORD_RIGHT);
    default: return keyseq_done(k, KEYSEQ_NOTHING);
    }
}

static void keyseq_digit(uint8_t *number, uint8_t digit) {
    unsigned n = *number * 10u + (digit - '0');
    *number = (uint8_t)(n < UINT8_MAX ? n : UINT8_MAX);
}

static enum keyseq_key keyseq_parameter(struct keyseq *k, uint8_t byte) {
    if (k->state == CSI_SILENT)
        return KEYSEQ_NOTHING;
    if (byte >= '<' || byte == ':' || byte < '0')
        return keyseq_goes_on(k, CSI_SILENT);
    if (byte == ';')
        k->modifier = 0, k->state = CSI_MORE;
    else if (k->state == CSI)
        keyseq_digit(&k->param, byte);
    else
        keyseq_digit(&k->modifier, byte);
    return KEYSEQ_NOTHING;
}

static enum keyseq_key keyseq_csi(struct keyseq *k, uint8_t byte) {
    bool first = k->count == 3; /* ESC, [ and this one */
    if (first && (byte == '[' || byte == 'M')) {
        k->count = byte == '[' ? 1 : MOUSE_BYTES;
        return keyseq_goes_on(k, LAST);
    }
    if (byte == '$' && k->state != CSI_SILENT) /* rxvt, with Shift */
        return keyseq_done(k, KEYSEQ_NOTHING);
    if (byte < '@')
        return keyseq_parameter(k, byte);
    if (k->state == CSI_SILENT)
        return keyseq_done(k, KEYSEQ_NOTHING);
    return keyseq_done(k, byte == '~' ? keyseq_numbered(k->param) : keyseq_final(k, byte));
}

/* ESC ] and the like begin a string only before what an answer begins with: else they were a key
 * with Alt, and the byte is the next key. */
static enum keyseq_key keyseq_string_begins(struct keyseq *k, uint8_t byte) {
    static const char *const answers[] = {
        [OSC] = "0123456789lL", [DCS] = "0123456789>!$+", [APC] = "G"};
    if (!strchr(answers[k->state], byte))
        return keyseq_done(k, KEYSEQ_TEXT);
    return keyseq_goes_on(k, STRING);
}

static bool keyseq_takes_any(uint8_t state) {
    return state == STRING || state == LAST;
}

/* Bytes that end or change any sequence. */
static enum keyseq_key keyseq_control(struct keyseq *k, uint8_t byte) {
    if (byte == KEYSEQ_ESC) {
        enum state next = k->state == STRING ? STRING_ESCAPE : ESCAPE;
        k->count = k->state == STRING ? k->count : 1;
        k->param = k->modifier = 0;
        return keyseq_goes_on(k, next);
    }
    if (k->state == STRING && (byte == BEL || byte == '\t'))
        return byte == BEL ? keyseq_done(k, KEYSEQ_NOTHING) : KEYSEQ_NOTHING;
    if (k->state == ESCAPE && (byte == BS || byte == DEL))
        return keyseq_done(k, KEYSEQ_ERASE_WORD);
    return keyseq_done(k, KEYSEQ_TEXT);
}

enum keyseq_key keyseq_byte(struct keyseq *k, uint8_t byte) {
    if (k->state != LAST && k->count < UINT8_MAX)
        k->count++;
    if (byte < ' ' || (byte == DEL && k->state != LAST))
        return keyseq_control(k, byte);
    if ((byte >= 0x80 || byte == '/') && !keyseq_takes_any(k->state))
        return keyseq_done(k, KEYSEQ_TEXT);
    switch ((enum state)k->state) {
    case OUTSIDE: return KEYSEQ_TEXT;
    case ESCAPE: return keyseq_alt(k, byte);
    case SS3: /* a digit is a modifier, in some */
        if (byte >= '0' && byte <= '9' && k->count <= SS3_MOST)
            return KEYSEQ_NOTHING;
        return keyseq_done(k, keyseq_final(k, byte));
    case CSI:
    case CSI_MORE:
    case CSI_SILENT: return keyseq_csi(k, byte);
    case LAST: return --k->count > 0 ? KEYSEQ_NOTHING : keyseq_done(k, KEYSEQ_NOTHING);
    case OSC:
    case DCS:
    case APC: return keyseq_string_begins(k, byte);
    case STRING: return KEYSEQ_NOTHING;
    case STRING_ESCAPE: /* ESC \ ends it; another ESC begins the next */
        k->count = 2;
        return byte == '\\' ? keyseq_done(k, KEYSEQ_NOTHING) : keyseq_alt(k, byte);
    }
    return keyseq_done(k, KEYSEQ_TEXT); /* damaged memory: begin afresh */
}

bool keyseq_whole(const uint8_t *p, size_t n) {
    struct keyseq k = {0};
    if (n < 2 || *p != KEYSEQ_ESC)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && !keyseq_under_way(&k))
            return false;
        if (keyseq_byte(&k, p[i]) == KEYSEQ_TEXT)
            return false;
    }
    return !keyseq_under_way(&k);
}
