/* charset.c - see charset.h. */
#include "worker/text/charset.h"

#include "ipc/unicode.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

/* What reads and writes each encoding.  `strict` recognises; `loose` reads what was not recognised,
 * and what a terminal in GB18030 sends beyond GBK. */
static struct {
    const char *strict_name, *loose_name;
    iconv_t strict, loose, write;
    uint8_t pairs[65536 / 8]; /* bit per pair of bytes: a character to `strict` */
} codecs[ENC_COUNT] = {
    [ENC_GBK] = {.strict_name = "GBK", .loose_name = "GB18030"},
    [ENC_BIG5] = {.strict_name = "BIG5", .loose_name = "BIG5"},
};

static const struct charset_name charset_names[] = {
    {"UTF-8", ENC_UTF8},     {"UTF8", ENC_UTF8},  {"GB18030", ENC_GBK}, {"GBK", ENC_GBK},
    {"GB2312", ENC_GBK},     {"CP936", ENC_GBK},  {"MS936", ENC_GBK},   {"WINDOWS-936", ENC_GBK},
    {"GB_2312-80", ENC_GBK}, {"EUC-CN", ENC_GBK}, {"Big5", ENC_BIG5},   {"BIG-5", ENC_BIG5},
    {"CP950", ENC_BIG5},     {"MS950", ENC_BIG5},
};

const struct charset_name *charset_find(const char *name, size_t n) {
    for (size_t i = 0; i < sizeof charset_names / sizeof *charset_names; i++)
        if (strlen(charset_names[i].name) == n && strncasecmp(charset_names[i].name, name, n) == 0)
            return &charset_names[i];
    return NULL;
}

const char *charset_label(enum encoding enc) {
    static const char *const labels[ENC_COUNT] = {"utf-8", "gbk", "big5"};
    return labels[enc];
}

/* A growing output; `lost` once it did not fit. */
struct output {
    char *at;
    size_t left;
    bool lost;
};

static size_t charset_convert(iconv_t cd, const void *in, size_t n, struct output *o,
                              bool need_room);

static void charset_find_pairs(enum encoding enc) {
    for (unsigned pair = 0x8140; pair <= 0xFEFE; pair++) {
        struct output nowhere = {.lost = true};
        uint8_t bytes[] = {(uint8_t)(pair >> 8), (uint8_t)pair};
        if (charset_convert(codecs[enc].strict, bytes, 2, &nowhere, false) == 2)
            codecs[enc].pairs[pair / 8] |= (uint8_t)(1u << pair % 8);
    }
}

const char *charset_init(void) {
    for (int e = 0; e < ENC_COUNT; e++) {
        if (codecs[e].strict_name == NULL)
            continue;
        codecs[e].strict = iconv_open("UTF-8", codecs[e].strict_name);
        codecs[e].loose = iconv_open("UTF-8", codecs[e].loose_name);
        codecs[e].write = iconv_open(codecs[e].strict_name, "UTF-8");
        const iconv_t none = (iconv_t)-1;
        if (codecs[e].strict == none || codecs[e].loose == none || codecs[e].write == none)
            return "The C library cannot convert GBK, GB18030 and Big5: its gconv modules are "
                   "missing "
                   "(Debian: libc6; Fedora: glibc-gconv-extra).";
        charset_find_pairs((enum encoding)e);
    }
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

/* Converts until the end, the first bad byte or, `need_room`, a full output; without that, what
 * does not fit is thrown away and the rest only looked at.  Returns the bytes read. */
static size_t charset_convert(iconv_t cd, const void *in, size_t n, struct output *o,
                              bool need_room) {
    char *from = (char *)in; /* iconv does not write there */
    char waste[256] = "";
    iconv(cd, NULL, NULL, NULL, NULL);
    while (n > 0 && !(o->lost && need_room)) {
        size_t waste_left = sizeof waste;
        char *to = o->lost ? waste : o->at;
        size_t result = iconv(cd, &from, &n, &to, o->lost ? &waste_left : &o->left);
        if (!o->lost)
            o->at = to;
        if (result != (size_t)-1)
            break;
        if (errno != E2BIG)
            break;
        o->lost = true;
    }
    return (size_t)(from - (char *)in);
}

static void charset_decode_loose(enum encoding enc, const uint8_t *in, size_t n, struct output *o) {
    for (size_t i = 0, len; i < n && !o->lost; i += len) {
        if (enc == ENC_UTF8) {
            if (unicode_decode((const char *)in + i, n - i, &len) == UNICODE_BAD)
                charset_put_replacement(o);
            else
                charset_put(o, in + i, len);
            continue;
        }
        len = charset_convert(codecs[enc].loose, in + i, n - i, o, true);
        if (i + len < n && !o->lost) {
            charset_put_replacement(o);
            len++;
        }
    }
}

bool charset_is_utf8(enum encoding enc, const uint8_t *in, size_t n) {
    struct output nowhere = {.lost = true};
    if (!unicode_valid((const char *)in, n))
        return false;
    for (size_t i = 0; enc != ENC_UTF8 && i < n; i++)
        if (in[i] >= 0xE0)
            return true;
    return enc == ENC_UTF8 || charset_convert(codecs[enc].strict, in, n, &nowhere, false) < n;
}

ptrdiff_t charset_decode(const uint8_t *in, size_t n, enum encoding enc, char *out, size_t out_size,
                         enum encoding *used) {
    struct output o = {out, out_size, false};
    bool ascii = unicode_ascii(in, n) == n;
    *used = enc;
    if (ascii || charset_is_utf8(enc, in, n)) {
        if (!ascii)
            *used = ENC_UTF8;
        charset_put(&o, in, n);
        return o.lost ? CHARSET_TOO_LONG : (ptrdiff_t)n;
    }
    enum encoding guess = enc == ENC_BIG5 ? ENC_BIG5 : ENC_GBK;
    if (charset_convert(codecs[guess].strict, in, n, &o, false) == n) {
        *used = guess;
    } else {
        o = (struct output){out, out_size, false};
        charset_decode_loose(enc, in, n, &o);
    }
    return o.lost ? CHARSET_TOO_LONG : o.at - out;
}

/* ---- writing ---- */

size_t charset_encode(enum encoding enc, const char *utf8, size_t n, char *out, size_t out_size) {
    struct output o = {out, out_size, false};
    size_t at = enc == ENC_UTF8 ? n : unicode_ascii(utf8, n), len;
    if (at > out_size)
        for (at = out_size; at > 0 && (utf8[at] & 0xC0) == 0x80;)
            at--;
    charset_put(&o, utf8, at);
    if (enc == ENC_UTF8 || o.left == 0)
        return at;
    while (at < n && !o.lost) {
        at += charset_convert(codecs[enc].write, utf8 + at, n - at, &o, true);
        if (at < n && !o.lost) {
            unicode_decode(utf8 + at, n - at, &len);
            charset_put(&o, "?", 1);
            at += len;
        }
    }
    return (size_t)(o.at - out);
}

bool charset_shows(enum encoding enc, const char *utf8, size_t n) {
    struct output nowhere = {.lost = true};
    return enc == ENC_UTF8 || unicode_ascii(utf8, n) == n ||
           charset_convert(codecs[enc].write, utf8, n, &nowhere, false) == n;
}

/* ---- a line as typed ---- */

size_t charset_length(enum encoding enc, const uint8_t *p, size_t n, size_t *columns) {
    size_t len;
    if (enc == ENC_UTF8) {
        int32_t cp = unicode_decode((const char *)p, n, &len);
        *columns = cp == UNICODE_BAD ? 1 : unicode_properties(cp).columns;
        return len;
    }
    *columns = p[0] >= 0x20;
    if (p[0] < 0x81 || p[0] == 0xFF || n < 2)
        return 1;
    if (enc == ENC_GBK && p[1] >= '0' && p[1] <= '9') { /* GB18030's characters of four bytes */
        *columns = n < 4 ? 1 : 2;
        return n < 4 ? n : 4;
    }
    *columns = p[1] >= 0x40 ? 2 : 1;
    return p[1] >= 0x40 ? 2 : 1;
}

bool charset_half(enum encoding enc, const uint8_t *p, size_t n) {
    if (p[0] < 0x81 || p[0] == 0xFF)
        return false;
    return n < 2 || (enc == ENC_GBK && n < 4 && p[1] >= '0' && p[1] <= '9');
}

bool charset_has(enum encoding enc, const uint8_t *p, size_t n) {
    size_t pair = (size_t)p[0] << 8 | p[n - 1];
    return n == 2 && (codecs[enc].pairs[pair / 8] >> pair % 8 & 1);
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
