/* fuzz_resp.c - reads any bytes as an engine's replies, and asserts:
 *
 *   - the elements do not depend on how the bytes are split;
 *   - what is used up of a buffer is in it, and so is what an element refers to;
 *   - a buffer of the least size never fills up with what is no element;
 *   - depths, indexes and lengths keep within their limits, and an array has as many elements as it
 *     said;
 *   - what a writer makes of the bulks is read as the same.
 *
 * The first two bytes say how the others are split. */
#include "worker/protocol/resp.h"

#include <stdlib.h>
#include <string.h>

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            __builtin_trap();                                                                      \
    } while (0)

enum { INPUT_MAX = 4 * RESP_BULK_MAX, SAID_MAX = 16 * INPUT_MAX, SPLITS = 500 };

/* All that a reader gave, and where in the arrays it is. */
struct reader {
    struct resp_reader r;
    size_t said_len;
    bool bad;
    uint32_t depth, left[RESP_DEPTH_MAX];
    uint8_t said[SAID_MAX];
};

static void say(struct reader *r, const void *bytes, size_t n) {
    MUST(r->said_len + n <= SAID_MAX);
    memcpy(r->said + r->said_len, bytes, n);
    r->said_len += n;
}

/* Counts the element by itself, and compares. */
static void place(struct reader *r, const struct resp_element *el) {
    MUST(el->depth == r->depth && el->index < el->of);
    MUST(r->depth == 0 ? el->of == 1 : el->of - el->index == r->left[r->depth - 1]);
    if (el->kind == RESP_ARRAY && el->number > 0) {
        MUST(r->depth < RESP_DEPTH_MAX && el->number <= RESP_COUNT_MAX && !el->last);
        r->left[r->depth++] = (uint32_t)el->number;
        return;
    }
    while (r->depth > 0 && --r->left[r->depth - 1] == 0)
        r->depth--;
    MUST(el->last == (r->depth == 0));
}

static void write_again(const struct resp_element *el) {
    struct resp_reader again = {0};
    struct resp_element same;
    char *out = malloc(el->len + 16);
    struct resp_writer w = {.out = out, .size = el->len + 16};
    resp_put_bulk(&w, el->bytes, el->len);
    MUST(resp_commit(&w) && resp_read(&again, out, w.len, &same) == w.len);
    MUST(same.kind == RESP_BULK && same.len == el->len && same.last);
    MUST(memcmp(same.bytes, el->bytes, el->len) == 0);
    free(out);
}

static void take(struct reader *r, const struct resp_element *el) {
    uint32_t what[4] = {(uint32_t)el->kind, el->depth, el->index, el->of};
    r->bad = el->kind == RESP_BAD;
    say(r, what, r->bad ? sizeof what[0] : sizeof what);
    say(r, &el->number, r->bad ? 0 : sizeof el->number);
    if (el->bytes)
        say(r, el->bytes, el->len);
    if (!r->bad)
        place(r, el);
    if (el->kind == RESP_BULK)
        write_again(el);
    MUST(el->kind != RESP_BULK || el->len <= RESP_BULK_MAX);
    MUST(el->kind != RESP_LONG || el->number > RESP_BULK_MAX);
}

/* All elements of in[0, n), out of memory of exactly its size; how much of it is used. */
static size_t read_some(struct reader *r, const uint8_t *in, size_t n) {
    char *exact = malloc(n + !n);
    struct resp_element el;
    size_t at = 0;
    memcpy(exact, in, n);
    do {
        size_t used = resp_read(&r->r, exact + at, n - at, &el);
        MUST(used <= n - at && (used > 0 || el.kind == RESP_MORE || el.kind == RESP_BAD));
        if (el.bytes && el.kind != RESP_BAD)
            MUST(el.bytes > exact + at && el.bytes + el.len + 2 == exact + at + used);
        at += used;
        if (el.kind != RESP_MORE)
            take(r, &el);
    } while (el.kind != RESP_MORE && el.kind != RESP_BAD);
    free(exact);
    return at;
}

/* In a buffer of the least size, `first` bytes and then `part` at once, but at most in SPLITS
 * parts, because each copies what is not used yet. */
static void read_all(struct reader *r, const uint8_t *in, size_t n, size_t first, size_t part) {
    size_t from = 0, to = 0;
    part = part < n / SPLITS ? n / SPLITS : part;
    memset(r, 0, offsetof(struct reader, said));
    for (size_t more = first; to < n && !r->bad; more = part) {
        size_t room = RESP_BUFFER_MIN - (to - from);
        MUST(room > 0);
        more = more > room ? room : more;
        to = more > n - to ? n : to + more;
        from += read_some(r, in + from, to - from);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct reader whole, split;
    if (size < 2 || size > INPUT_MAX)
        return 0;
    read_all(&whole, data + 2, size - 2, size, size);
    read_all(&split, data + 2, size - 2, 1 + data[0], 1 + (size_t)data[1] * data[1]);
    MUST(whole.bad == split.bad && whole.said_len == split.said_len);
    MUST(memcmp(whole.said, split.said, whole.said_len) == 0);
    MUST(memcmp(&whole.r, &split.r, sizeof whole.r) == 0);
    return 0;
}
