/* unit_proxy.c - PROXY headers, however split: whom they name, and what is wrong with those that
 * are none. */
#include "ipc/address.h"
#include "worker/protocol/proxy.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES(literal) literal, sizeof(literal) - 1
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define INET "\xc0\0\x02\1\xc6\x33\x64\1\xdc\4\x1a\x0a"
#define V6 "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"

/* A copy of exactly `len` bytes, so that a sanitizer sees a read beyond them. */
static enum proxy_verdict read_exactly(const char *bytes, size_t len, struct proxy_header *out) {
    uint8_t *copy = malloc(len);
    memcpy(copy, bytes, len);
    enum proxy_verdict verdict = proxy_read(copy, len, out);
    free(copy);
    return verdict;
}

struct good {
    const char *bytes;
    size_t len;
    const char *named; /* NULL: nobody */
};

/* clang-format off */
static const struct good good[] = {
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.1 56324 6666\r\n"), "192.0.2.1:56324"},
    {BYTES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), "255.255.255.255:65535"},
    {BYTES("PROXY TCP4 10.1.2.3 10.0.0.1 0 0\r\n"), "10.1.2.3:0"},
    {BYTES("PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n"), "127.0.0.1:1"},
    {BYTES("PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n"), "[2001:db8::1]:56324"},
    {BYTES("PROXY TCP6 ::ffff:192.0.2.1 ::1 5 443\r\n"), "192.0.2.1:5"},
    {BYTES("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
    {BYTES("PROXY UNKNOWN\r\n"), NULL},
    {BYTES("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"), NULL},
    {BYTES("PROXY UNKNOWN  what ever, it is skipped \r\n"), NULL},
    {BYTES(SIGNATURE "\x21\x11\0\x0c" INET), "192.0.2.1:56324"},
    {BYTES(SIGNATURE "\x21\x12\0\x0c" INET), "192.0.2.1:56324"},
    {BYTES(SIGNATURE "\x21\x21\0\x24" V6 V6 "\xdc\4\x1a\x0a"), "[2001:db8::1]:56324"},
    {BYTES(SIGNATURE "\x21\x21\0\x24\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1" V6 "\0\5\x1a\x0a"), "192.0.2.1:5"},
    {BYTES(SIGNATURE "\x20\0\0\0"), NULL},                 /* LOCAL */
    {BYTES(SIGNATURE "\x20\x11\0\x0c" INET), NULL},        /* LOCAL, and addresses that do not count */
    {BYTES(SIGNATURE "\x20\xff\0\2\1\2"), NULL},           /* LOCAL, and a family that does not, either */
    {BYTES(SIGNATURE "\x21\0\0\0"), NULL},                 /* UNSPEC */
    {BYTES(SIGNATURE "\x21\0\0\7\4\0\4abcd"), NULL},       /* UNSPEC, with padding */
    {BYTES(SIGNATURE "\x21\x11\0\x10" INET "\4\0\1z"), "192.0.2.1:56324"},
    {BYTES(SIGNATURE "\x21\x11\0\x19" INET "\4\0\0\1\0\4http\4\0\0"), "192.0.2.1:56324"},
    /* CRC32c, last and in the middle */
    {BYTES(SIGNATURE "\x21\x11\0\x13" INET "\3\0\4" "\x53\xe2\x03\x16"), "192.0.2.1:56324"},
    {BYTES(SIGNATURE "\x21\x11\0\x17" INET "\3\0\4" "\xc9\xb6\xad\x4e" "\4\0\1!"), "192.0.2.1:56324"},
};
/* clang-format on */

static void is_good(const struct good *g, const char *bytes, size_t len) {
    struct proxy_header h;
    char text[ENDPOINT_TEXT];
    for (size_t n = 1; n < g->len; n++)
        cr_assert_eq(read_exactly(bytes, n, &h), PROXY_MORE, "%.40s: byte %zu: %s", bytes, n,
                     h.wrong);
    for (size_t n = g->len; n <= len; n++) {
        enum proxy_verdict verdict = read_exactly(bytes, n, &h);
        cr_assert_eq(verdict, g->named ? PROXY_NAMED : PROXY_NOBODY, "%.40s: %zu: %s", bytes, n,
                     h.wrong);
        cr_assert_eq(h.len, g->len, "%.40s: %zu bytes", bytes, h.len);
        if (g->named)
            cr_assert_str_eq(endpoint_format(&h.addr, h.port, text), g->named);
    }
}

Test(proxy, a_header_is_complete_at_its_last_byte_and_at_none_before) {
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char more[512];
        memcpy(more, good[i].bytes, good[i].len);
        memcpy(more + good[i].len, "login ann\r\n", 11);
        is_good(&good[i], more, good[i].len + 11);
    }
}

/* What unix sockets' addresses take is skipped, and so are all fields up to the limit. */
Test(proxy, long_headers_are_skipped_up_to_the_limit) {
    static char bytes[PROXY_HEADER_MAX + 64];
    struct proxy_header h;
    memcpy(bytes, SIGNATURE "\x21\x31\0\xd8", 16);
    is_good(&(struct good){bytes, 16 + 216, NULL}, bytes, 300);
    memcpy(bytes, SIGNATURE "\x21\x11\x03\xf0" INET "\4\x03\xe1", 31);
    is_good(&(struct good){bytes, PROXY_HEADER_MAX, "192.0.2.1:56324"}, bytes, sizeof bytes);
    memcpy(bytes, SIGNATURE "\x21\x11\x03\xf1" INET "\4\x03\xe2", 31);
    cr_assert_eq(read_exactly(bytes, 15, &h), PROXY_MORE);
    cr_assert_eq(read_exactly(bytes, 16, &h), PROXY_WRONG);
    cr_assert_str_eq(h.wrong, "is longer than 1024 bytes");
}

struct bad {
    const char *bytes;
    size_t len;
    size_t at; /* bytes with which it can be no header any more */
    const char *wrong;
};

#define MISSING "is missing"
#define IPV4 "has no two IPv4 addresses"
#define IPV6 "has no two IPv6 addresses"
#define PORTS "has no two ports at its end"
#define ENDS "does not end with CR LF"
#define KNOWN "is of no protocol that is known"
#define V4 "PROXY TCP4 192.0.2.1 192.0.2.2 "

/* clang-format off */
static const struct bad bad[] = {
    {BYTES("login ann\r\n"), 1, MISSING},
    {BYTES("proxy TCP4 "), 1, MISSING},
    {BYTES("PROXi"), 5, MISSING},
    {BYTES("PROXY\r\n"), 6, MISSING},
    {BYTES("\xff\xfd\1"), 1, MISSING},
    {BYTES("\r\n\r\n\0\r\nQUIT\r"), 12, MISSING},
    {BYTES("\r\nPROXY "), 3, MISSING},
    {BYTES("\0"), 1, MISSING},
    {BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n"), 35, ENDS},
    {BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rx"), 36, ENDS},
    {BYTES("PROXY \tTCP4 "), 7, ENDS},
    {BYTES("PROXY UNKNOWN \x80"), 15, ENDS},
    {BYTES("PROXY TCP4 1.1.1.1\0001.1.1.1 1 2\r\n"), 19, ENDS},
    {BYTES("PROXY \r\n"), 8, KNOWN},
    {BYTES("PROXY TCP5 1.1.1.1 1.1.1.1 1 2\r\n"), 32, KNOWN},
    {BYTES("PROXY UNKNOWNS\r\n"), 16, KNOWN},
    {BYTES("PROXY unknown\r\n"), 15, KNOWN},
    {BYTES("PROXY  TCP4 1.1.1.1 1.1.1.1 1 2\r\n"), 33, KNOWN},
    {BYTES("PROXY TCP4\r\n"), 12, KNOWN},
    {BYTES("PROXY TCP4 \r\n"), 13, IPV4},
    {BYTES("PROXY TCP4 1.1.1.1\r\n"), 20, IPV4},
    {BYTES("PROXY TCP4 1.1.1.1 1.1.1 1 2\r\n"), 30, IPV4},
    {BYTES("PROXY TCP4 1.1.1.256 1.1.1.1 1 2\r\n"), 34, IPV4},
    {BYTES("PROXY TCP4 01.1.1.1 1.1.1.1 1 2\r\n"), 33, IPV4},
    {BYTES("PROXY TCP4 ::1 ::1 1 2\r\n"), 24, IPV4},
    {BYTES("PROXY TCP4 1.1.1.1  1.1.1.1 1 2\r\n"), 33, IPV4},
    {BYTES("PROXY TCP6 1.1.1.1 1.1.1.1 1 2\r\n"), 32, IPV6},
    {BYTES("PROXY TCP6 ::g ::1 1 2\r\n"), 24, IPV6},
    {BYTES("PROXY TCP6 fe80::1%lo ::1 1 2\r\n"), 31, IPV6},
    {BYTES(V4 "\r\n"), 33, PORTS},
    {BYTES(V4 "1\r\n"), 34, PORTS},
    {BYTES(V4 "1 \r\n"), 35, PORTS},
    {BYTES(V4 "1 2 \r\n"), 37, PORTS},
    {BYTES(V4 "1 2 3\r\n"), 38, PORTS},
    {BYTES(V4 "01 2\r\n"), 37, PORTS},
    {BYTES(V4 "1 -2\r\n"), 37, PORTS},
    {BYTES(V4 "65536 2\r\n"), 40, PORTS},
    {BYTES(V4 "1 655360\r\n"), 41, PORTS},
    {BYTES(SIGNATURE "\x11\x11\0\x0c" INET), 13, "is of no version and command that are known"},
    {BYTES(SIGNATURE "\x22\x11\0\x0c" INET), 13, "is of no version and command that are known"},
    {BYTES(SIGNATURE "\x21\x41\0\x0c" INET), 14, "is of no family and transport that are known"},
    {BYTES(SIGNATURE "\x21\x13\0\x0c" INET), 14, "is of no family and transport that are known"},
    {BYTES(SIGNATURE "\x21\x11\0\x0b" INET), 27, "is too short for its addresses"},
    {BYTES(SIGNATURE "\x21\x21\0\x0c" INET), 28, "is too short for its addresses"},
    {BYTES(SIGNATURE "\x21\x31\0\x0c" INET), 28, "is too short for its addresses"},
    {BYTES(SIGNATURE "\x21\x11\xff\xff" INET), 16, "is longer than 1024 bytes"},
    {BYTES(SIGNATURE "\x21\x11\0\x0d" INET "\4"), 29, "has a field that is cut off"},
    {BYTES(SIGNATURE "\x21\x11\0\x10" INET "\4\0\2z"), 32, "has a field that is cut off"},
    {BYTES(SIGNATURE "\x21\x11\0\x13" INET "\3\0\4\0\0\0\0"), 35, "does not match its checksum"},
    {BYTES(SIGNATURE "\x21\x11\0\x11" INET "\3\0\2\0\0"), 33, "does not match its checksum"},
};
/* clang-format on */

Test(proxy, what_is_no_header_is_found_at_the_first_byte_that_shows_it) {
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct proxy_header h;
        const struct bad *b = &bad[i];
        for (size_t n = 1; n < b->at; n++)
            cr_assert_eq(read_exactly(b->bytes, n, &h), PROXY_MORE, "%zu (%.30s): byte %zu: %s", i,
                         b->bytes, n, h.wrong);
        for (size_t n = b->at; n <= b->len; n++) {
            cr_assert_eq(read_exactly(b->bytes, n, &h), PROXY_WRONG, "%zu (%.30s): byte %zu", i,
                         b->bytes, n);
            cr_assert_str_eq(h.wrong, b->wrong, "%zu (%.30s): %s", i, b->bytes, h.wrong);
        }
    }
}

Test(proxy, version_1_is_at_most_107_bytes) {
    char bytes[120];
    struct proxy_header h;
    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes, "PROXY UNKNOWN ", 14);
    cr_assert_eq(read_exactly(bytes, 106, &h), PROXY_MORE);
    cr_assert_eq(read_exactly(bytes, 107, &h), PROXY_WRONG);
    cr_assert_str_eq(h.wrong, "is too long for version 1");
    memcpy(bytes + 105, "\r\n", 2);
    cr_assert_eq(read_exactly(bytes, 107, &h), PROXY_NOBODY);
    memcpy(bytes + 105, "x\r\n", 3);
    cr_assert_eq(read_exactly(bytes, 107, &h), PROXY_WRONG);
    cr_assert_eq(read_exactly(bytes, 108, &h), PROXY_WRONG);
}
