/* fuzz_http.c - reads any bytes as an HTTP request, and asserts:
 *
 *   - the outcome and what is kept do not depend on how the bytes are split;
 *   - nor on what a reader had read, and not committed, when it died;
 *   - a request that is complete is within its limits, and what it names lies in what is kept;
 *   - one that has failed has a status to be answered with.
 *
 * The first two bytes say how the others are split. */
#include "worker/protocol/http.h"

#include <string.h>

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            __builtin_trap();                                                                      \
    } while (0)

struct reader {
    struct http h;
    uint16_t len;
    uint8_t kept[HTTP_KEPT_MAX];
};

static void read_all(struct reader *r, const uint8_t *in, size_t n, uint8_t part, uint8_t ahead) {
    memset(r, 0, sizeof *r);
    for (size_t at = 0; at < n && r->h.state == HTTP_READING;) {
        size_t now = part == 0 || part > n - at ? n - at : part;
        size_t lost = ahead > n - at ? n - at : ahead;
        struct http h = r->h;
        uint16_t len = r->len;
        http_read(&h, r->kept, &len, in + at, lost);
        size_t used = http_read(&r->h, r->kept, &r->len, in + at, now);
        MUST(used == now || r->h.state != HTTP_READING);
        at += used;
    }
}

static void check(const struct reader *r) {
    MUST(r->h.bytes <= HTTP_BYTES_MAX && r->h.fields <= HTTP_FIELDS_MAX);
    MUST(r->len <= HTTP_KEPT_MAX && r->h.state <= HTTP_FAILED);
    MUST((r->h.state == HTTP_FAILED) == (r->h.status != HTTP_NONE));
    MUST(r->h.status < HTTP_STATUSES);
    if (r->h.state != HTTP_COMPLETE)
        return;
    struct http_request q = http_request(&r->h, r->kept, r->len);
    const char *begin = (const char *)r->kept, *end = begin + r->len;
    size_t name_len;
    MUST(q.path == begin && q.path + q.path_len < end);
    MUST(q.host || r->h.old);
    if (!q.host)
        return;
    MUST(q.host > begin && q.host + q.host_len < end);
    http_host(q.host, q.host_len, &name_len);
    MUST(name_len <= q.host_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct reader whole, split;
    if (size < 2)
        return 0;
    read_all(&whole, data + 2, size - 2, 0, 0);
    check(&whole);
    read_all(&split, data + 2, size - 2, data[0], data[1]);
    check(&split);
    MUST(memcmp(&whole.h, &split.h, sizeof whole.h) == 0 && whole.len == split.len);
    MUST(memcmp(whole.kept, split.kept, whole.len) == 0);
    return 0;
}
