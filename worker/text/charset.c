/* charset.c - see charset.h. */
#include "worker/text/charset.h"

#include "ipc/unicode.h"
#include "worker/text/frequent_table.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

/* How bytes make characters. */
enum charset_shape {
    SHAPE_SINGLE,
    SHAPE_PAIRS,   /* lead 81 to FE */
    SHAPE_GB18030, /* the same, and four bytes: lead, digit, lead, digit */
    SHAPE_SJIS,    /* lead 81 to 9F and E0 to FC */
    SHAPE_EUC_JP,  /* pairs; three bytes from 8F on */
};

/* What reads and writes each encoding: by iconv's name, and by another one for the characters that
 * this lacks.  GBK reads what a terminal in GB18030 sends; Big5 has some symbols elsewhere than
 * Big5-HKSCS. */
static struct codec {
    const char *label, *name, *read_also, *write_also;
    uint8_t shape;
    iconv_t read, also_read, write, also_write;
} codecs[ENC_COUNT] = {
    [ENC_UTF8] = {.label = "utf-8"},
    [ENC_GBK] = {"gbk", "GBK", "GB18030", .shape = SHAPE_GB18030},
    [ENC_BIG5] = {"big5", "BIG5-HKSCS", "BIG5", "BIG5", .shape = SHAPE_PAIRS},
    [ENC_GB18030] = {"gb18030", "GB18030", "GBK", .shape = SHAPE_GB18030},
    [ENC_SHIFT_JIS] = {"shift_jis", "CP932", .shape = SHAPE_SJIS},
    [ENC_EUC_JP] = {"euc-jp", "EUC-JP", "EUC-JP-MS", "EUC-JP-MS", .shape = SHAPE_EUC_JP},
    [ENC_EUC_KR] = {"euc-kr", "EUC-KR", "UHC", .shape = SHAPE_PAIRS},
    [ENC_KOI8_R] = {"koi8-r", "KOI8-R", .shape = SHAPE_SINGLE},
    [ENC_WINDOWS_1251] = {"windows-1251", "CP1251", .shape = SHAPE_SINGLE},
    [ENC_WINDOWS_1252] = {"windows-1252", "CP1252", .shape = SHAPE_SINGLE},
    [ENC_ISO_8859_1] = {"iso-8859-1", "ISO-8859-1", .shape = SHAPE_SINGLE},
    [ENC_ISO_8859_15] = {"iso-8859-15", "ISO-8859-15", .shape = SHAPE_SINGLE},
};

/* A bit per pair of bytes: the characters that an encoding has, and the most frequent of GBK. */
typedef uint8_t charset_bits[65536 / 8];
static charset_bits charset_characters[ENC_RINGS], charset_frequent;

static const struct charset_name charset_names[] = {
    {"UTF-8", ENC_UTF8},
    {"UTF8", ENC_UTF8},
    {"GB18030", ENC_GB18030},
    {"GBK", ENC_GBK},
    {"GB2312", ENC_GBK},
    {"CP936", ENC_GBK},
    {"MS936", ENC_GBK},
    {"WINDOWS-936", ENC_GBK},
    {"GB_2312-80", ENC_GBK},
    {"EUC-CN", ENC_GBK},
    {"Big5", ENC_BIG5},
    {"BIG-5", ENC_BIG5},
    {"Big5-HKSCS", ENC_BIG5},
    {"CP950", ENC_BIG5},
    {"MS950", ENC_BIG5},
    {"Shift_JIS", ENC_SHIFT_JIS},
    {"Shift-JIS", ENC_SHIFT_JIS},
    {"SJIS", ENC_SHIFT_JIS},
    {"CP932", ENC_SHIFT_JIS},
    {"Windows-31J", ENC_SHIFT_JIS},
    {"EUC-JP", ENC_EUC_JP},
    {"EUCJP", ENC_EUC_JP},
    {"EUC-KR", ENC_EUC_KR},
    {"EUCKR", ENC_EUC_KR},
    {"KOI8-R", ENC_KOI8_R},
    {"KOI8R", ENC_KOI8_R},
    {"windows-1251", ENC_WINDOWS_1251},
    {"CP1251", ENC_WINDOWS_1251},
    {"windows-1252", ENC_WINDOWS_1252},
    {"CP1252", ENC_WINDOWS_1252},
    {"ISO-8859-1", ENC_ISO_8859_1},
    {"ISO8859-1", ENC_ISO_8859_1},
    {"Latin1", ENC_ISO_8859_1},
    {"Latin-1", ENC_ISO_8859_1},
    {"ISO-8859-15", ENC_ISO_8859_15},
    {"ISO8859-15", ENC_ISO_8859_15},
    {"Latin9", ENC_ISO_8859_15},
    {"Latin-9", ENC_ISO_8859_15},
};

const struct charset_name *charset_find(const char *name, size_t n) {
    for (size_t i = 0; i < sizeof charset_names / sizeof *charset_names; i++)
        if (strlen(charset_names[i].name) == n &&
            strncasecmp(charset_names[i].name, name, n) == 0 &&
            charset_exists((enum encoding)charset_names[i].encoding))
            return &charset_names[i];
    return NULL;
}

const char *charset_label(enum encoding enc) {
    return codecs[enc].label;
}

bool charset_has_255(enum encoding enc) {
    return enc != ENC_UTF8 && codecs[enc].shape == SHAPE_SINGLE;
}

bool charset_exists(enum encoding enc) {
    return enc == ENC_UTF8 || (enc < ENC_COUNT && codecs[enc].read && codecs[enc].write);
}

const char *charset_labels(void) {
    static char all[256];
    all[0] = '\0';
    for (int e = 0; e < ENC_COUNT; e++)
        if (charset_exists((enum encoding)e)) {
            strcat(all, all[0] ? ", " : "");
            strcat(all, codecs[e].label);
        }
    return all;
}

/* A growing output; `lost` once it did not fit. */
struct output {
    char *at;
    size_t left;
    bool lost;
};

static size_t charset_convert(iconv_t cd, const void *in, size_t n, struct output *o,
                              bool need_room);

/* ---- the beginning ---- */

/* NULL: the C library does not have it. */
static iconv_t charset_open(const char *to, const char *from) {
    iconv_t cd = to && from ? iconv_open(to, from) : (iconv_t)-1;
    return cd == (iconv_t)-1 ? NULL : cd;
}

static bool charset_bit(const charset_bits bits, const uint8_t *pair) {
    size_t at = (size_t)pair[0] << 8 | pair[1];
    return bits[at / 8] >> at % 8 & 1;
}

static void charset_set_bit(charset_bits bits, const uint8_t *pair) {
    size_t at = (size_t)pair[0] << 8 | pair[1];
    bits[at / 8] |= (uint8_t)(1u << at % 8);
}

static bool charset_valid(enum encoding enc, const uint8_t *in, size_t n) {
    struct output nowhere = {.lost = true};
    return charset_convert(codecs[enc].read, in, n, &nowhere, false) == n;
}

static void charset_find_pairs(enum encoding enc) {
    for (unsigned pair = 0x8140; pair <= 0xFEFE; pair++) {
        uint8_t bytes[] = {(uint8_t)(pair >> 8), (uint8_t)pair};
        if (charset_valid(enc, bytes, 2))
            charset_set_bit(charset_characters[enc], bytes);
    }
}

static void charset_find_frequent(void) {
    uint8_t pair[2];
    for (size_t i = 0; i + 3 < sizeof frequent_characters; i += 3)
        if (charset_encode(ENC_GBK, frequent_characters + i, 3, (char *)pair, 2) == 2)
            charset_set_bit(charset_frequent, pair);
}

static void charset_open_codec(struct codec *codec) {
    codec->read = charset_open("UTF-8", codec->name);
    codec->write = charset_open(codec->name, "UTF-8");
    codec->also_read = charset_open("UTF-8", codec->read_also);
    codec->also_write = charset_open(codec->write_also, "UTF-8");
}

const char *charset_init(void) {
    for (int e = ENC_UTF8 + 1; e < ENC_COUNT; e++) {
        if (charset_exists((enum encoding)e))
            continue;
        charset_open_codec(&codecs[e]);
        if (e == ENC_BIG5 && !charset_exists(ENC_BIG5)) {
            codecs[e].name = "BIG5";
            charset_open_codec(&codecs[e]);
        }
        if (e <= ENC_GB18030 && !charset_exists((enum encoding)e))
            return "The C library cannot convert GBK, GB18030 and Big5: its gconv modules are "
                   "missing (Debian: libc6; Fedora: glibc-gconv-extra).";
        if (e < ENC_RINGS)
            charset_find_pairs((enum encoding)e);
    }
    charset_find_frequent();
    return NULL;
}

/* ---- reading ---- */

static void charset_put(struct output *o, const void *bytes, size_t n) {
    if (n > o->left) {
        o->lost = true;
        return;
    }
    memcpy(o->at, bytes, n);
    o->at += n;
    o->left -= n;
}

static void charset_put_replacement(struct output *o) {
    charset_put(o, "\357\277\275", 3);
}

/* One call of iconv; in == NULL: what it has kept back is put out (Big5-HKSCS keeps a letter that
 * may combine with the next). */
static size_t charset_step(iconv_t cd, char **in, size_t *n, struct output *o) {
    char waste[256] = "";
    size_t waste_left = sizeof waste;
    char *to = o->lost ? waste : o->at;
    size_t result = iconv(cd, in, n, &to, o->lost ? &waste_left : &o->left);
    if (!o->lost)
        o->at = to;
    return result;
}

/* Converts until the end, the first bad byte or, `need_room`, a full output; without that, what
 * does not fit is thrown away and the rest only looked at.  Returns the bytes read. */
static size_t charset_convert(iconv_t cd, const void *in, size_t n, struct output *o,
                              bool need_room) {
    char *from = (char *)in; /* iconv does not write there */
    iconv(cd, NULL, NULL, NULL, NULL);
    while (n > 0 && !(o->lost && need_room)) {
        if (charset_step(cd, &from, &n, o) != (size_t)-1 || errno != E2BIG)
            break;
        o->lost = true;
    }
    if (charset_step(cd, NULL, NULL, o) == (size_t)-1)
        o->lost = true;
    return (size_t)(from - (char *)in);
}

static void charset_decode_utf8(const uint8_t *in, size_t n, struct output *o) {
    for (size_t i = 0, len; i < n && !o->lost; i += len) {
        if (unicode_decode((const char *)in + i, n - i, &len) == UNICODE_BAD)
            charset_put_replacement(o);
        else
            charset_put(o, in + i, len);
    }
}

/* iconv gives private numbers to characters that an encoding leaves to its users.  Nothing shows
 * them: they are unknown. */
static bool charset_is_private(const char *utf8, size_t n) {
    size_t len;
    int32_t cp = n > 0 ? unicode_decode(utf8, n, &len) : 0;
    return cp >= 0xE000 && cp <= 0xF8FF;
}

/* One character that `read` lacks.  A byte of ASCII in it is not swallowed with it.  Returns the
 * bytes read. */
static size_t charset_decode_bad(enum encoding enc, const uint8_t *p, size_t n, struct output *o) {
    char utf8[CHARSET_DECODE_MAX(4)];
    struct output found = {utf8, sizeof utf8, false};
    size_t columns, len = charset_length(enc, p, n, &columns), bad = 1;
    iconv_t also = codecs[enc].also_read;
    if (also && charset_convert(also, p, len, &found, true) == len &&
        !charset_is_private(utf8, (size_t)(found.at - utf8))) {
        charset_put(o, utf8, (size_t)(found.at - utf8));
        return len;
    }
    charset_put_replacement(o);
    while (bad < len && p[bad] >= 0x80)
        bad++;
    return bad;
}

/* Symbols that glibc's Big5-HKSCS reads otherwise than Big5 does, and than is meant: as the
 * WHATWG's index has them. */
static const struct {
    int32_t read, meant;
} charset_symbols[] = {
    {0x223C, 0xFF5E}, {0x2022, 0x2027}, {0xFF64, 0xFE51}, {0x2609, 0x2299}, {0x2641, 0x2295}};

static int32_t charset_meant(enum encoding enc, int32_t cp) {
    if (cp >= 0xE000 && cp <= 0xF8FF)
        return UNICODE_REPLACEMENT;
    for (size_t i = 0; enc == ENC_BIG5 && i < sizeof charset_symbols / sizeof *charset_symbols; i++)
        if (charset_symbols[i].read == cp)
            return charset_symbols[i].meant;
    return cp;
}

/* Characters of three bytes are replaced by others. */
static void charset_amend(enum encoding enc, char *from, const char *to) {
    for (size_t len; from < to; from += len) {
        int32_t cp = unicode_decode(from, (size_t)(to - from), &len);
        int32_t meant = len == 3 ? charset_meant(enc, cp) : cp;
        if (meant != cp)
            unicode_encode(meant, from);
    }
}

static void charset_decode_own(enum encoding enc, const uint8_t *in, size_t n, struct output *o) {
    char *from = o->at;
    for (size_t i = 0; i < n && !o->lost;) {
        i += charset_convert(codecs[enc].read, in + i, n - i, o, true);
        if (i < n && !o->lost)
            i += charset_decode_bad(enc, in + i, n - i, o);
    }
    charset_amend(enc, from, o->at);
}

enum encoding charset_own(enum encoding enc) {
    return enc == ENC_UTF8 || enc == ENC_ONLY_UTF8 ? ENC_GBK : enc;
}

/* In an encoding of single bytes nearly every line is valid: two characters of two bytes are
 * enough for UTF-8, in which their letters are rare company. */
unsigned charset_points(enum encoding enc, uint8_t byte) {
    bool single = codecs[charset_own(enc)].shape == SHAPE_SINGLE;
    return byte >= 0xE0 ? CHARSET_PROOF : single && byte >= 0xC0 ? 1 : 0;
}

bool charset_is_utf8(enum encoding enc, const uint8_t *in, size_t n) {
    unsigned points = 0;
    if (!unicode_valid((const char *)in, n))
        return false;
    if (enc == ENC_UTF8 || enc == ENC_ONLY_UTF8)
        return true;
    for (size_t i = 0; i < n; i++)
        points += charset_points(enc, in[i]);
    return points >= CHARSET_PROOF || !charset_valid(enc, in, n);
}

/* KOI8-R has small and capital io at A3 and B3, other letters of it and of Windows-1251 are from C0
 * on: the small ones of the one are the capitals of the other. */
static bool charset_is_cyrillic(uint8_t byte) {
    return byte >= 0xC0 || byte == 0xA3 || byte == 0xB3;
}

static bool charset_is_low(uint8_t byte) {
    return byte < 0xE0 && byte != 0xB3;
}

/* Whether p[0, n), letters all, is written as a word is: at most its first letter is of another
 * case than the rest. */
static bool charset_is_word(const uint8_t *p, size_t n) {
    for (size_t i = 2; i < n; i++)
        if (charset_is_low(p[i]) != charset_is_low(p[1]))
            return false;
    return true;
}

/* Whether each run of bytes beyond ASCII is a word in KOI8-R or Windows-1251. */
static bool charset_may_be_cyrillic(const uint8_t *in, size_t n) {
    for (size_t i = 0, len; i < n; i += len + 1) {
        for (len = 0; i + len < n && in[i + len] >= 0x80; len++)
            if (!charset_is_cyrillic(in[i + len]))
                return false;
        if (!charset_is_word(in + i, len))
            return false;
    }
    return true;
}

/* The characters of a line, read as pairs of GBK; ASCII and Chinese punctuation aside. */
struct charset_found {
    size_t frequent, other;
    bool words; /* all are words in a Cyrillic encoding as well */
};

static struct charset_found charset_look(const uint8_t *in, size_t n) {
    struct charset_found found = {.words = charset_may_be_cyrillic(in, n)};
    size_t columns, len;
    for (size_t i = 0; i < n; i += len) {
        const uint8_t *p = in + i;
        len = charset_length(ENC_GBK, p, n - i, &columns);
        bool punctuation = len == 2 && (*p == 0xA1 || *p == 0xA3) && p[1] > 0xA0;
        if (*p < 0x80 || punctuation)
            continue;
        if (len == 2 && charset_bit(charset_frequent, p))
            found.frequent++;
        else
            found.other++;
    }
    return found;
}

bool charset_is_chinese(const uint8_t *in, size_t n) {
    struct charset_found found = charset_look(in, n);
    if (found.words)
        return found.other == 0 && found.frequent >= 2;
    return found.frequent > 0 && found.frequent >= CHARSET_CHINESE * found.other;
}

/* A line that is not valid in GBK is read so for less than what switches its client: one unknown
 * character among few costs one mark. */
static bool charset_is_gbk(const uint8_t *in, size_t n) {
    if (charset_valid(ENC_GBK, in, n))
        return true;
    struct charset_found found = charset_look(in, n);
    return !found.words && found.frequent > found.other;
}

ptrdiff_t charset_decode(const uint8_t *in, size_t n, enum encoding enc, char *out, size_t out_size,
                         enum encoding *used) {
    struct output o = {out, out_size, false};
    bool ascii = unicode_ascii(in, n) == n;
    *used = enc == ENC_ONLY_UTF8 ? ENC_UTF8 : enc;
    if (ascii || charset_is_utf8(enc, in, n)) {
        if (!ascii)
            *used = ENC_UTF8;
        charset_put(&o, in, n);
        return o.lost ? CHARSET_TOO_LONG : (ptrdiff_t)n;
    }
    if (enc == ENC_UTF8 && charset_is_gbk(in, n))
        *used = ENC_GBK;
    if (*used == ENC_UTF8)
        charset_decode_utf8(in, n, &o);
    else
        charset_decode_own(*used, in, n, &o);
    return o.lost ? CHARSET_TOO_LONG : o.at - out;
}

/* ---- writing ---- */

/* One character that `write` lacks.  Returns its bytes. */
static size_t charset_encode_bad(enum encoding enc, const char *utf8, size_t n, struct output *o) {
    size_t len;
    int32_t cp = unicode_decode(utf8, n, &len);
    struct output nowhere = {.lost = true};
    iconv_t also = codecs[enc].also_write;
    if (also && charset_convert(also, utf8, len, &nowhere, false) == len)
        charset_convert(also, utf8, len, o, true);
    else if (cp == UNICODE_BAD || unicode_properties(cp).class != UNICODE_DROP)
        charset_put(o, "?", 1);
    return len;
}

size_t charset_encode(enum encoding enc, const char *utf8, size_t n, char *out, size_t out_size) {
    struct output o = {out, out_size, false};
    size_t at = enc == ENC_UTF8 ? n : unicode_ascii(utf8, n);
    if (at > out_size)
        for (at = out_size; at > 0 && (utf8[at] & 0xC0) == 0x80;)
            at--;
    charset_put(&o, utf8, at);
    if (enc == ENC_UTF8 || o.left == 0)
        return at;
    while (at < n && !o.lost) {
        at += charset_convert(codecs[enc].write, utf8 + at, n - at, &o, true);
        if (at < n && !o.lost)
            at += charset_encode_bad(enc, utf8 + at, n - at, &o);
    }
    return (size_t)(o.at - out);
}

bool charset_shows(enum encoding enc, const char *utf8, size_t n) {
    struct output nowhere = {.lost = true};
    size_t at = enc == ENC_UTF8 ? n : unicode_ascii(utf8, n), len;
    while (at < n) {
        at += charset_convert(codecs[enc].write, utf8 + at, n - at, &nowhere, false);
        if (at == n)
            break;
        unicode_decode(utf8 + at, n - at, &len);
        if (!codecs[enc].also_write ||
            charset_convert(codecs[enc].also_write, utf8 + at, len, &nowhere, false) != len)
            return false;
        at += len;
    }
    return true;
}

/* ---- a line as typed ---- */

static bool charset_leads(enum encoding enc, uint8_t byte) {
    switch (codecs[enc].shape) {
    case SHAPE_SINGLE: return false;
    case SHAPE_SJIS: return (byte > 0x80 && byte < 0xA0) || (byte >= 0xE0 && byte < 0xFD);
    default: return byte > 0x80 && byte < 0xFF;
    }
}

static bool charset_is_digit(uint8_t byte) {
    return byte >= '0' && byte <= '9';
}

/* Bytes of the character that begins so, and are there as far as they show; 1: none of several. */
static size_t charset_need(enum encoding enc, const uint8_t *p, size_t n) {
    uint8_t shape = codecs[enc].shape;
    if (!charset_leads(enc, p[0]))
        return 1;
    if (n < 2)
        return shape == SHAPE_EUC_JP && p[0] == 0x8F ? 3 : 2;
    if (shape == SHAPE_GB18030 && charset_is_digit(p[1]))
        return 4;
    if (p[1] < (shape == SHAPE_EUC_JP ? 0xA1 : 0x40) || p[1] == 0xFF)
        return 1;
    return shape == SHAPE_EUC_JP && p[0] == 0x8F ? 3 : 2;
}

static size_t charset_columns(enum encoding enc, const uint8_t *p, size_t len) {
    char utf8[CHARSET_DECODE_MAX(4)];
    struct output o = {utf8, sizeof utf8, false};
    size_t used;
    if (len == 2)
        return codecs[enc].shape == SHAPE_EUC_JP && p[0] == 0x8E ? 1 : 2;
    if (len < 4)
        return len == 3 ? 2 : p[0] >= 0x20;
    if (charset_convert(codecs[ENC_GB18030].read, p, len, &o, true) < len || o.at == utf8)
        return 1;
    int32_t cp = unicode_decode(utf8, (size_t)(o.at - utf8), &used);
    return cp == UNICODE_BAD ? 1 : unicode_properties(cp).columns;
}

size_t charset_length(enum encoding enc, const uint8_t *p, size_t n, size_t *columns) {
    size_t len;
    if (enc == ENC_UTF8) {
        int32_t cp = unicode_decode((const char *)p, n, &len);
        *columns = cp == UNICODE_BAD ? 1 : unicode_properties(cp).columns;
        return len;
    }
    len = charset_need(enc, p, n);
    if (n < len) {
        *columns = 1;
        return n;
    }
    *columns = charset_columns(enc, p, len);
    return len;
}

bool charset_half(enum encoding enc, const uint8_t *p, size_t n) {
    return n < charset_need(enc, p, n);
}

bool charset_has(enum encoding enc, const uint8_t *p, size_t n) {
    if (n == 2 && enc < ENC_RINGS)
        return charset_bit(charset_characters[enc], p);
    return charset_valid(enc, p, n);
}

bool charset_pairs(enum encoding enc) {
    return enc == ENC_GBK || codecs[enc].shape <= SHAPE_PAIRS;
}

size_t charset_last_start(enum encoding enc, const uint8_t *line, size_t n) {
    size_t last = 0, columns;
    for (size_t i = 0; i < n;) {
        size_t len = charset_length(enc, line + i, n - i, &columns);
        if (columns > 0)
            last = i;
        i += len;
    }
    return last;
}
