/* typed.c - see typed.h. */
#include "worker/protocol/typed.h"

#include "ipc/unicode.h"
#include "worker/text/charset.h"
#include "worker/text/sanitize.h"

/* How many bytes at the end of the line begin a character of UTF-8 and do not finish it. */
static size_t typed_utf8_half(const uint8_t *line, size_t n) {
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        uint8_t byte = line[n - back];
        if ((byte & 0xC0) == 0x80)
            continue;
        size_t need = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
        return need > back ? back : 0;
    }
    return 0;
}

/* What the line is in, as far as that shows, and how long a half character at its end is. */
static enum encoding typed_in(enum encoding enc, const uint8_t *line, size_t n, size_t *half) {
    *half = 0;
    if (charset_is_utf8(enc, line, n))
        return ENC_UTF8;
    *half = typed_utf8_half(line, n);
    if (enc == ENC_UTF8 && unicode_valid((const char *)line, n - *half))
        return ENC_UTF8;
    enum encoding in = enc == ENC_BIG5 ? ENC_BIG5 : ENC_GBK;
    size_t last = charset_last_start(in, line, n);
    *half = n - last == 1 && line[last] > 0x80 ? 1 : 0;
    return in;
}

size_t typed_half(enum encoding enc, const uint8_t *line, size_t n) {
    size_t half;
    typed_in(enc, line, n, &half);
    return half;
}

size_t typed_shown(enum encoding enc, const uint8_t *line, size_t n, char *out) {
    char utf8[TYPED_SHOWN_MAX];
    enum encoding used;
    size_t half = typed_half(enc, line, n);
    ptrdiff_t len = charset_decode(line, n - half, enc, utf8, sizeof utf8, &used);
    size_t clean = len > 0 ? sanitize(utf8, (size_t)len) : 0;
    return charset_encode(enc, utf8, clean, out, TYPED_SHOWN_MAX);
}
