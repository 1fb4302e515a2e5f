/* fuzz_proxy.c - passes bytes to the reader of PROXY headers, and asserts:
 *
 *   - what is known of a header does not change when more bytes come: it is incomplete, then
 *     complete or wrong for good, whatever follows;
 *   - a header is complete at its last byte: none is longer than its bytes or than the limit. */
#include "worker/protocol/proxy.h"

#include <stdlib.h>
#include <string.h>

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            __builtin_trap();                                                                      \
    } while (0)

/* A copy of exactly `len` bytes, so that a sanitizer sees a read beyond them. */
static enum proxy_verdict read_exactly(const uint8_t *data, size_t len, struct proxy_header *out) {
    uint8_t *copy = malloc(len);
    memcpy(copy, data, len);
    enum proxy_verdict verdict = proxy_read(copy, len, out);
    free(copy);
    return verdict;
}

static void same(const struct proxy_header *a, const struct proxy_header *b) {
    MUST(a->len == b->len && a->port == b->port && memcmp(&a->addr, &b->addr, 16) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    enum proxy_verdict last = PROXY_MORE;
    struct proxy_header before = {0};
    len = len < PROXY_HEADER_MAX ? len : PROXY_HEADER_MAX;
    for (size_t n = 1; n <= len; n++) {
        struct proxy_header h;
        enum proxy_verdict verdict = read_exactly(data, n, &h);
        MUST(last == PROXY_MORE || verdict == last);
        MUST(verdict != PROXY_WRONG || (h.wrong && *h.wrong));
        if (verdict == PROXY_NAMED || verdict == PROXY_NOBODY) {
            MUST(last != PROXY_MORE || h.len == n);
            MUST(h.len <= n && h.len <= PROXY_HEADER_MAX);
            if (last != PROXY_MORE)
                same(&before, &h);
        }
        last = verdict;
        before = h;
    }
    MUST(last != PROXY_MORE || len < PROXY_HEADER_MAX);
    return 0;
}
