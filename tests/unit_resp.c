/* unit_resp.c - what the engine says, however split, and what it is told. */
#include "worker/protocol/resp.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOLD_MAX = 2 * RESP_BULK_MAX };

/* One element, from a copy of exactly `n` bytes, so that a sanitizer sees a read beyond them. */
static size_t read_exactly(struct resp_reader *r, const char *in, size_t n,
                           struct resp_element *el) {
    char *copy = malloc(n + !n);
    memcpy(copy, in, n);
    size_t used = resp_read(r, copy, n, el);
    cr_assert_leq(used, n);
    if (el->bytes && el->kind != RESP_BAD) {
        cr_assert(el->bytes >= copy && el->bytes + el->len <= copy + used);
        el->bytes = in + (el->bytes - copy);
    }
    free(copy);
    return used;
}

/* "DEPTH.INDEX/OF", type and value, and ";" where the reply ends. */
static void tell(const struct resp_element *el, char *told) {
    static const char types[] = {
        [RESP_SIMPLE] = '+', [RESP_ERROR] = '-', [RESP_INTEGER] = ':', [RESP_BULK] = '$',
        [RESP_LONG] = '>',   [RESP_NIL] = '_',   [RESP_ARRAY] = '*',   [RESP_BAD] = '!'};
    size_t n = strlen(told);
    n += (size_t)snprintf(told + n, TOLD_MAX - n, "%s%u.%u/%u%c", n ? " " : "", el->depth,
                          el->index, el->of, types[el->kind]);
    if (el->kind == RESP_INTEGER || el->kind == RESP_ARRAY || el->kind == RESP_LONG)
        n += (size_t)snprintf(told + n, TOLD_MAX - n, "%lld", (long long)el->number);
    else
        n += (size_t)snprintf(told + n, TOLD_MAX - n, "%.*s", (int)el->len,
                              el->bytes ? el->bytes : "");
    snprintf(told + n, TOLD_MAX - n, "%s", el->last ? ";" : "");
}

/* All that is in bytes[0, n), of which `part` arrive at once after the first `first`, in a buffer
 * that holds no more than it must. */
static void read_parts(const char *bytes, size_t n, size_t first, size_t part, char *told) {
    static char buffer[RESP_BUFFER_MIN];
    struct resp_reader r = {0};
    struct resp_element el = {.kind = RESP_MORE};
    size_t len = 0, now = first;
    told[0] = '\0';
    for (size_t at = 0; at < n && el.kind != RESP_BAD; at += now, now = part) {
        size_t used = 0, room = sizeof buffer - len;
        cr_assert_gt(room, 0, "the buffer is full");
        now = now > n - at ? n - at : now;
        now = now > room ? room : now;
        memcpy(buffer + len, bytes + at, now);
        len += now;
        do {
            used += read_exactly(&r, buffer + used, len - used, &el);
            if (el.kind != RESP_MORE)
                tell(&el, told);
        } while (el.kind != RESP_MORE && el.kind != RESP_BAD);
        memmove(buffer, buffer + used, len -= used);
    }
}

static void is(const char *bytes, size_t n, const char *expected) {
    static char told[TOLD_MAX];
    read_parts(bytes, n, n, n, told);
    cr_assert_str_eq(told, expected, "%.60s: \"%s\"", bytes, told);
    read_parts(bytes, n, 1, 1, told);
    cr_assert_str_eq(told, expected, "%.60s: byte by byte: \"%s\"", bytes, told);
    for (size_t first = 1; first < n && n < 1000; first++) {
        read_parts(bytes, n, first, n, told);
        cr_assert_str_eq(told, expected, "%.60s: split at %zu: \"%s\"", bytes, first, told);
    }
}

struct sample {
    const char *bytes;
    size_t len;
    const char *told;
};
#define S(bytes, told)                                                                             \
    { bytes, sizeof(bytes) - 1, told }
#define ARE(...)                                                                                   \
    do {                                                                                           \
        static const struct sample samples[] = {__VA_ARGS__};                                      \
        for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)                            \
            is(samples[i].bytes, samples[i].len, samples[i].told);                                 \
    } while (0)

Test(resp, single_elements) {
    ARE(S("+OK\r\n", "0.0/1+OK;"), S("+\r\n", "0.0/1+;"),
        S("-ERR unknown command 'x'\r\n", "0.0/1-ERR unknown command 'x';"),
        S(":0\r\n", "0.0/1:0;"), S(":-1\r\n", "0.0/1:-1;"), S(":+7\r\n", "0.0/1:7;"),
        S(":9223372036854775807\r\n", "0.0/1:9223372036854775807;"),
        S(":-9223372036854775808\r\n", "0.0/1:-9223372036854775808;"), S("$0\r\n\r\n", "0.0/1$;"),
        S("$5\r\nhello\r\n", "0.0/1$hello;"),
        S("$8\r\na\r\nb\r\n\r\n\r\n", "0.0/1$a\r\nb\r\n\r\n;"), S("$-1\r\n", "0.0/1_;"),
        S("*-1\r\n", "0.0/1_;"), S("*0\r\n", "0.0/1*0;"));
}

Test(resp, arrays_and_where_replies_end) {
    ARE(S("*2\r\n$1\r\na\r\n:5\r\n+OK\r\n", "0.0/1*2 1.0/2$a 1.1/2:5; 0.0/1+OK;"),
        S("*1\r\n*1\r\n*0\r\n", "0.0/1*1 1.0/1*1 2.0/1*0;"),
        S("*3\r\n*0\r\n*-1\r\n$-1\r\n", "0.0/1*3 1.0/3*0 1.1/3_ 1.2/3_;"),
        S("*2\r\n*2\r\n:1\r\n:2\r\n-LATER x\r\n", "0.0/1*2 1.0/2*2 2.0/2:1 2.1/2:2 1.1/2-LATER x;"),
        S("*0\r\n*0\r\n:1\r\n", "0.0/1*0; 0.0/1*0; 0.0/1:1;"));
}

/* The places that the header names. */
Test(resp, a_reading_of_the_stream) {
    ARE(S("*1\r\n*2\r\n$14\r\nchatroom:lines\r\n*2\r\n"
          "*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\ni\r\n$2\r\nxx\r\n"
          "*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\ni\r\n$2\r\nyy\r\n",
          "0.0/1*1 1.0/1*2 2.0/2$chatroom:lines 2.1/2*2 "
          "3.0/2*2 4.0/2$1-0 4.1/2*2 5.0/2$i 5.1/2$xx "
          "3.1/2*2 4.0/2$1-1 4.1/2*2 5.0/2$i 5.1/2$yy;"));
}

Test(resp, malformed) {
    ARE(S("OK\r\n", "0.0/1!an element is of no type that is known"),
        S("\0", "0.0/1!an element is of no type that is known"),
        S("_\r\n", "0.0/1!an element is of no type that is known"),
        S("%1\r\n", "0.0/1!an element is of no type that is known"),
        S("+OK\r\n\r\n", "0.0/1+OK; 0.0/1!an element is of no type that is known"),
        S("+OK\n+OK\r\n", "0.0/1!a line ends without CR"),
        S("+O\rK\r\n", "0.0/1!a line has a CR without LF"),
        S("+OK\r\r\n", "0.0/1!a line has a CR without LF"),
        S(":\r\n", "0.0/1!a number is none, or too large"),
        S(":-\r\n", "0.0/1!a number is none, or too large"),
        S(":+\r\n", "0.0/1!a number is none, or too large"),
        S(":--1\r\n", "0.0/1!a number is none, or too large"),
        S(": 1\r\n", "0.0/1!a number is none, or too large"),
        S(":1 \r\n", "0.0/1!a number is none, or too large"),
        S(":0x1\r\n", "0.0/1!a number is none, or too large"),
        S(":\0\r\n", "0.0/1!a number is none, or too large"),
        S(":9223372036854775808\r\n", "0.0/1!a number is none, or too large"),
        S(":-9223372036854775809\r\n", "0.0/1!a number is none, or too large"),
        S(":18446744073709551616\r\n", "0.0/1!a number is none, or too large"),
        S(":000000000000000000001\r\n", "0.0/1!a line is too long"),
        S("$\r\n", "0.0/1!a number is none, or too large"),
        S("$-2\r\n", "0.0/1!a bulk's length is out of range"),
        S("$536870913\r\n", "0.0/1!a bulk's length is out of range"),
        S("$3\r\nabcd\r\n", "0.0/1!a bulk does not end with CRLF"),
        S("$3\r\nabc\n\r", "0.0/1!a bulk does not end with CRLF"),
        S("*-2\r\n", "0.0/1!an array's length is out of range"),
        S("*16777217\r\n", "0.0/1!an array's length is out of range"),
        S("*2\r\n:1\r\n?", "0.0/1*2 1.0/2:1 1.1/2!an element is of no type that is known"));
}

Test(resp, what_is_not_whole_is_no_element) {
    ARE(S("$5\r\nhello\r", ""), S("$5\r\n", ""), S("+OK", ""), S("+OK\r", ""), S("*", ""),
        S(":", ""), S("*2\r\n:1\r\n", "0.0/1*2 1.0/2:1"));
}

/* The reason stays: input behind it is not looked at. */
Test(resp, after_malformed_input_nothing_is_read) {
    struct resp_reader r = {0};
    struct resp_element el;
    cr_assert_eq(read_exactly(&r, "?", 1, &el), 0);
    cr_assert_eq(el.kind, RESP_BAD);
    cr_assert_eq(read_exactly(&r, "+OK\r\n", 5, &el), 0);
    cr_assert_eq(el.kind, RESP_BAD);
    cr_assert_str_eq(el.bytes, "an element is of no type that is known");
}

static char *deep(char *out, int arrays) {
    for (int i = 0; i < arrays; i++)
        out = stpcpy(out, "*1\r\n");
    return stpcpy(out, ":1\r\n");
}

Test(resp, depth_is_bounded) {
    char bytes[256];
    is(bytes, (size_t)(deep(bytes, RESP_DEPTH_MAX) - bytes),
       "0.0/1*1 1.0/1*1 2.0/1*1 3.0/1*1 4.0/1*1 5.0/1*1 6.0/1*1 7.0/1*1 8.0/1:1;");
    is(bytes, (size_t)(deep(bytes, RESP_DEPTH_MAX + 1) - bytes),
       "0.0/1*1 1.0/1*1 2.0/1*1 3.0/1*1 4.0/1*1 5.0/1*1 6.0/1*1 7.0/1*1 "
       "8.0/1!arrays are too deep in one another");
    char *end = stpcpy(bytes, "*2\r\n");
    end = deep(end, RESP_DEPTH_MAX - 1) - 4;
    end = stpcpy(end, "*0\r\n*1\r\n+x\r\n"); /* out of all, and in again */
    is(bytes, (size_t)(end - bytes),
       "0.0/1*2 1.0/2*1 2.0/1*1 3.0/1*1 4.0/1*1 5.0/1*1 6.0/1*1 7.0/1*1 8.0/1*0 1.1/2*1 2.0/1+x;");
}

static size_t line_of(char type, size_t n, char *out) {
    out[0] = type;
    memset(out + 1, 'x', n);
    memcpy(out + 1 + n, "\r\n", 2);
    return n + 3;
}

Test(resp, lines_are_bounded) {
    static char bytes[RESP_LINE_MAX + 64], told[TOLD_MAX];
    size_t n = line_of('-', RESP_LINE_MAX, bytes);
    read_parts(bytes, n, 1, 1, told);
    cr_assert_eq(strlen(told), strlen("0.0/1-;") + RESP_LINE_MAX);
    n = line_of('+', RESP_LINE_MAX + 1, bytes);
    read_parts(bytes, n, 1, 1, told);
    cr_assert_str_eq(told, "0.0/1!a line is too long");
    read_parts(bytes, n, n, n, told);
    cr_assert_str_eq(told, "0.0/1!a line is too long");
}

/* Behind an integer and before a simple string, in an array. */
static size_t with_bulk(char *out, size_t bulk) {
    size_t n = (size_t)sprintf(out, "*3\r\n:1\r\n$%zu\r\n", bulk);
    memset(out + n, 'x', bulk);
    return n + bulk + (size_t)sprintf(out + n + bulk, "\r\n+y\r\n");
}

Test(resp, a_bulk_that_is_too_long_is_passed_over) {
    static char bytes[5 * RESP_BULK_MAX], told[TOLD_MAX], expected[TOLD_MAX];
    static const size_t parts[] = {1, 2, 3, 1000, RESP_BUFFER_MIN - 1, RESP_BUFFER_MIN};
    static const size_t bulks[] = {RESP_BULK_MAX - 1, RESP_BULK_MAX, RESP_BULK_MAX + 1,
                                   2 * RESP_BULK_MAX, 4 * RESP_BULK_MAX};
    for (size_t k = 0; k < sizeof bulks / sizeof bulks[0]; k++) {
        size_t n = with_bulk(bytes, bulks[k]);
        if (bulks[k] <= RESP_BULK_MAX)
            snprintf(expected, sizeof expected, "0.0/1*3 1.0/3:1 1.1/3$%.*s 1.2/3+y;",
                     (int)bulks[k], strchr(bytes, 'x'));
        else
            snprintf(expected, sizeof expected, "0.0/1*3 1.0/3:1 1.1/3>%zu 1.2/3+y;", bulks[k]);
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
            read_parts(bytes, n, parts[i], parts[i], told);
            cr_assert_str_eq(told, expected, "%zu bytes, %zu at once", bulks[k], parts[i]);
        }
    }
}

Test(resp, one_byte_more_than_the_longest_bulk) {
    static char bytes[2 * RESP_BULK_MAX], told[TOLD_MAX];
    size_t n = with_bulk(bytes, RESP_BULK_MAX + 1);
    for (size_t first = 1; first < n; first += first < 20 || first + 20 > n ? 1 : 97) {
        read_parts(bytes, n, first, n, told);
        cr_assert_str_eq(told, "0.0/1*3 1.0/3:1 1.1/3>8193 1.2/3+y;", "split at %zu", first);
    }
    bytes[n - 5] = 'z'; /* its LF */
    for (size_t part = 1; part < n; part += part < 5 ? 1 : 1000) {
        read_parts(bytes, n, part, part, told);
        cr_assert_str_eq(told, "0.0/1*3 1.0/3:1 1.1/3!a bulk does not end with CRLF");
    }
}

/* ---- writing ---- */

static void put_set(struct resp_writer *w) {
    resp_put_array(w, 4);
    resp_put_text(w, "SET");
    resp_put_bulk(w, "a\0\r\n", 4);
    resp_put_number(w, UINT64_MAX);
    resp_put_text(w, "");
}

static const char set[] =
    "*4\r\n$3\r\nSET\r\n$4\r\na\0\r\n\r\n$20\r\n18446744073709551615\r\n$0\r\n\r\n";

Test(resp, a_command_is_written_whole_or_not_at_all) {
    size_t whole = sizeof set - 1;
    for (size_t size = 0; size <= 2 * whole; size++) {
        char *out = malloc(size + !size);
        struct resp_writer w = {.out = out, .size = size};
        for (size_t fits = 1; fits <= 2; fits++) {
            put_set(&w);
            cr_assert_eq(resp_commit(&w), fits * whole <= size, "%zu bytes", size);
        }
        cr_assert_eq(w.len, size / whole * whole);
        for (size_t at = 0; at < w.len; at += whole)
            cr_assert_arr_eq(out + at, set, whole);
        free(out);
    }
}

Test(resp, after_what_did_not_fit_less_may) {
    char out[16];
    struct resp_writer w = {.out = out, .size = sizeof out};
    put_set(&w);
    cr_assert_not(resp_commit(&w));
    resp_put_array(&w, 1);
    resp_put_text(&w, "PING");
    cr_assert(resp_commit(&w));
    cr_assert_eq(w.len, 14);
    cr_assert_arr_eq(out, "*1\r\n$4\r\nPING\r\n", 14);
    w.len = 0; /* it was sent */
    resp_put_array(&w, 0);
    cr_assert(resp_commit(&w));
    cr_assert_arr_eq(out, "*0\r\n", w.len);
}

Test(resp, what_is_written_is_read_as_the_same) {
    is(set, sizeof set - 1, /* printed up to a NUL */
       "0.0/1*4 1.0/4$SET 1.1/4$a 1.2/4$18446744073709551615 1.3/4$;");
}
