/* unit_websocket_cases.c - the 247 protocol cases of Autobahn's test suite (groups 1 to 7 and 10)
 * against the codec, which echoes: what comes back, and the close code, however the bytes are split
 * and whenever a death throws some of them away.
 *
 * A case is what the client sends and what it is to get.  A close with 1000 is added behind each,
 * and is answered if nothing before it ended the connection.  Two kinds of cases end otherwise here
 * than with an echo server, because this server takes only text (1.2: 1003), and no message as long
 * as that of 7.1.6 (1009).  The suite's cases differ also in how they chop the bytes: here all are
 * sent whole, byte by byte, and at random. */
#include "worker/protocol/websocket.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FINAL = 0x80,
    BIG = 65536, /* frame_max: as many bytes as the longest message that comes back */
    PARTS = 11,
};

/* A frame: the first byte of its head, and its payload, which is filled up to `total` by repeating
 * it and then cut into fragments of `cut` bytes. */
struct part {
    uint8_t head;
    const char *bytes;
    size_t len, total, cut;
};
#define PART(head, text)                                                                           \
    { (head), (text), sizeof(text) - 1, sizeof(text) - 1, 0 }
#define CUT(text, cut)                                                                             \
    { FINAL | WEBSOCKET_TEXT_FRAME, (text), sizeof(text) - 1, sizeof(text) - 1, (cut) }
#define FILLED(opcode, text, total)                                                                \
    { FINAL | (opcode), (text), sizeof(text) - 1, (total), 0 }
#define TEXT(text) PART(FINAL | WEBSOCKET_TEXT_FRAME, text)
#define FIRST(text) PART(WEBSOCKET_TEXT_FRAME, text)
#define MIDDLE(text) PART(WEBSOCKET_CONTINUATION_FRAME, text)
#define LAST(text) PART(FINAL | WEBSOCKET_CONTINUATION_FRAME, text)
#define PING(text) PART(FINAL | WEBSOCKET_PING_FRAME, text)
#define PONG(text) PART(FINAL | WEBSOCKET_PONG_FRAME, text)
#define CLOSE(text) PART(FINAL | WEBSOCKET_CLOSE_FRAME, text)

#define GREEK "\316\272\341\275\271\317\203\316\274\316\265"
#define WEST "Hello-\302\265@\303\237\303\266\303\244"
#define EAST "\303\274\303\240\303\241-UTF-8!!"
#define STARS_41 "*****************************************"
#define STARS_123 STARS_41 STARS_41 STARS_41

struct test_case {
    const char *name;
    struct part send[PARTS]; /* up to one without a head and without bytes */
    struct part back[PARTS];
    int code; /* of the close frame that comes back; WEBSOCKET_NO_CODE: it has none */
};

static const struct test_case cases[] = {
    /* text and binary messages */
    {"1.1.1", {TEXT("")}, {TEXT("")}, 1000},
    {"1.1.2", {FILLED(1, "*", 125)}, {FILLED(1, "*", 125)}, 1000},
    {"1.1.3", {FILLED(1, "*", 126)}, {FILLED(1, "*", 126)}, 1000},
    {"1.1.4", {FILLED(1, "*", 127)}, {FILLED(1, "*", 127)}, 1000},
    {"1.1.5", {FILLED(1, "*", 128)}, {FILLED(1, "*", 128)}, 1000},
    {"1.1.6", {FILLED(1, "*", 65535)}, {FILLED(1, "*", 65535)}, 1000},
    {"1.1.7", {FILLED(1, "*", 65536)}, {FILLED(1, "*", 65536)}, 1000},
    {"1.1.8", {FILLED(1, "*", 65536)}, {FILLED(1, "*", 65536)}, 1000},
    {"1.2.1", {PART(0x82, "")}, {{0}}, 1003},
    {"1.2.2", {FILLED(2, "\376", 125)}, {{0}}, 1003},
    {"1.2.3", {FILLED(2, "\376", 126)}, {{0}}, 1003},
    {"1.2.4", {FILLED(2, "\376", 127)}, {{0}}, 1003},
    {"1.2.5", {FILLED(2, "\376", 128)}, {{0}}, 1003},
    {"1.2.6", {FILLED(2, "\376", 65535)}, {{0}}, 1003},
    {"1.2.7", {FILLED(2, "\376", 65536)}, {{0}}, 1003},
    {"1.2.8", {FILLED(2, "\376", 65536)}, {{0}}, 1003},
    /* pings and pongs */
    {"2.1", {PING("")}, {PONG("")}, 1000},
    {"2.2", {PING("Hello, world!")}, {PONG("Hello, world!")}, 1000},
    {"2.3", {PING("\0\377\376\375\374\373\0\377")}, {PONG("\0\377\376\375\374\373\0\377")}, 1000},
    {"2.4", {FILLED(9, "\376", 125)}, {FILLED(10, "\376", 125)}, 1000},
    {"2.5", {FILLED(9, "\376", 126)}, {{0}}, 1002},
    {"2.6", {FILLED(9, "\376", 125)}, {FILLED(10, "\376", 125)}, 1000},
    {"2.7", {PONG("")}, {{0}}, 1000},
    {"2.8", {PONG("unsolicited pong payload")}, {{0}}, 1000},
    {"2.9", {PONG("unsolicited pong payload"), PING("ping payload")}, {PONG("ping payload")}, 1000},
    {"2.10",
     {PING("payload-0"), PING("payload-1"), PING("payload-2"), PING("payload-3"), PING("payload-4"),
      PING("payload-5"), PING("payload-6"), PING("payload-7"), PING("payload-8"),
      PING("payload-9")},
     {PONG("payload-0"), PONG("payload-1"), PONG("payload-2"), PONG("payload-3"), PONG("payload-4"),
      PONG("payload-5"), PONG("payload-6"), PONG("payload-7"), PONG("payload-8"),
      PONG("payload-9")},
     1000},
    {"2.11",
     {PING("payload-0"), PING("payload-1"), PING("payload-2"), PING("payload-3"), PING("payload-4"),
      PING("payload-5"), PING("payload-6"), PING("payload-7"), PING("payload-8"),
      PING("payload-9")},
     {PONG("payload-0"), PONG("payload-1"), PONG("payload-2"), PONG("payload-3"), PONG("payload-4"),
      PONG("payload-5"), PONG("payload-6"), PONG("payload-7"), PONG("payload-8"),
      PONG("payload-9")},
     1000},
    /* reserved bits */
    {"3.1", {PART(0x91, "Hello, world!")}, {{0}}, 1002},
    {"3.2",
     {TEXT("Hello, world!"), PART(0xA1, "Hello, world!"), PING("")},
     {TEXT("Hello, world!")},
     1002},
    {"3.3",
     {TEXT("Hello, world!"), PART(0xB1, "Hello, world!"), PING("")},
     {TEXT("Hello, world!")},
     1002},
    {"3.4",
     {TEXT("Hello, world!"), PART(0xC1, "Hello, world!"), PING("")},
     {TEXT("Hello, world!")},
     1002},
    {"3.5", {PART(0xD2, "\0\377\376\375\374\373\0\377")}, {{0}}, 1002},
    {"3.6", {PART(0xE9, "Hello, world!")}, {{0}}, 1002},
    {"3.7", {PART(0xF8, "\003\350")}, {{0}}, 1002},
    /* reserved opcodes */
    {"4.1.1", {PART(0x83, "")}, {{0}}, 1002},
    {"4.1.2", {PART(0x84, "reserved opcode payload")}, {{0}}, 1002},
    {"4.1.3", {TEXT("Hello, world!"), PART(0x85, ""), PING("")}, {TEXT("Hello, world!")}, 1002},
    {"4.1.4",
     {TEXT("Hello, world!"), PART(0x86, "Hello, world!"), PING("")},
     {TEXT("Hello, world!")},
     1002},
    {"4.1.5",
     {TEXT("Hello, world!"), PART(0x87, "Hello, world!"), PING("")},
     {TEXT("Hello, world!")},
     1002},
    {"4.2.1", {PART(0x8B, "")}, {{0}}, 1002},
    {"4.2.2", {PART(0x8C, "reserved opcode payload")}, {{0}}, 1002},
    {"4.2.3", {TEXT("Hello, world!"), PART(0x8D, ""), PING("")}, {TEXT("Hello, world!")}, 1002},
    {"4.2.4",
     {TEXT("Hello, world!"), PART(0x8E, "Hello, world!"), PING("")},
     {TEXT("Hello, world!")},
     1002},
    {"4.2.5",
     {TEXT("Hello, world!"), PART(0x8F, "Hello, world!"), PING("")},
     {TEXT("Hello, world!")},
     1002},
    /* fragments */
    {"5.1", {PART(0x09, "fragment1"), LAST("fragment2")}, {{0}}, 1002},
    {"5.2", {PART(0x0A, "fragment1"), LAST("fragment2")}, {{0}}, 1002},
    {"5.3", {FIRST("fragment1"), LAST("fragment2")}, {TEXT("fragment1fragment2")}, 1000},
    {"5.4", {FIRST("fragment1"), LAST("fragment2")}, {TEXT("fragment1fragment2")}, 1000},
    {"5.5", {FIRST("fragment1"), LAST("fragment2")}, {TEXT("fragment1fragment2")}, 1000},
    {"5.6",
     {FIRST("fragment1"), PING("ping"), LAST("fragment2")},
     {PONG("ping"), TEXT("fragment1fragment2")},
     1000},
    {"5.7",
     {FIRST("fragment1"), PING("ping"), LAST("fragment2")},
     {PONG("ping"), TEXT("fragment1fragment2")},
     1000},
    {"5.8",
     {FIRST("fragment1"), PING("ping"), LAST("fragment2")},
     {PONG("ping"), TEXT("fragment1fragment2")},
     1000},
    {"5.9", {LAST("nothing to continue"), TEXT("Hello, world!")}, {{0}}, 1002},
    {"5.10", {LAST("nothing to continue"), TEXT("Hello, world!")}, {{0}}, 1002},
    {"5.11", {LAST("nothing to continue"), TEXT("Hello, world!")}, {{0}}, 1002},
    {"5.12", {MIDDLE("nothing to continue"), TEXT("Hello, world!")}, {{0}}, 1002},
    {"5.13", {MIDDLE("nothing to continue"), TEXT("Hello, world!")}, {{0}}, 1002},
    {"5.14", {MIDDLE("nothing to continue"), TEXT("Hello, world!")}, {{0}}, 1002},
    {"5.15",
     {FIRST("fragment1"), LAST("fragment2"), MIDDLE("fragment3"), TEXT("fragment4")},
     {TEXT("fragment1fragment2")},
     1002},
    {"5.16",
     {MIDDLE("fragment1"), FIRST("fragment2"), LAST("fragment3"), MIDDLE("fragment1"),
      FIRST("fragment2"), LAST("fragment3")},
     {{0}},
     1002},
    {"5.17",
     {LAST("fragment1"), FIRST("fragment2"), LAST("fragment3"), LAST("fragment1"),
      FIRST("fragment2"), LAST("fragment3")},
     {{0}},
     1002},
    {"5.18", {FIRST("fragment1"), TEXT("fragment2")}, {{0}}, 1002},
    {"5.19",
     {FIRST("fragment1"), MIDDLE("fragment2"), PING("pongme 1!"), MIDDLE("fragment3"),
      MIDDLE("fragment4"), PING("pongme 2!"), LAST("fragment5")},
     {PONG("pongme 1!"), PONG("pongme 2!"), TEXT("fragment1fragment2fragment3fragment4fragment5")},
     1000},
    {"5.20",
     {FIRST("fragment1"), MIDDLE("fragment2"), PING("pongme 1!"), MIDDLE("fragment3"),
      MIDDLE("fragment4"), PING("pongme 2!"), LAST("fragment5")},
     {PONG("pongme 1!"), PONG("pongme 2!"), TEXT("fragment1fragment2fragment3fragment4fragment5")},
     1000},
    /* UTF-8 and fragments; the other cases of group 6 have a table of their own */
    {"6.1.1", {TEXT("")}, {TEXT("")}, 1000},
    {"6.1.2", {FIRST(""), MIDDLE(""), LAST("")}, {TEXT("")}, 1000},
    {"6.1.3",
     {FIRST(""), MIDDLE("middle frame payload"), LAST("")},
     {TEXT("middle frame payload")},
     1000},
    {"6.2.1", {TEXT(WEST EAST)}, {TEXT(WEST EAST)}, 1000},
    {"6.2.2", {FIRST(WEST), LAST(EAST)}, {TEXT(WEST EAST)}, 1000},
    {"6.2.3", {CUT(WEST EAST, 1)}, {TEXT(WEST EAST)}, 1000},
    {"6.2.4", {CUT(GREEK, 1)}, {TEXT(GREEK)}, 1000},
    {"6.3.1",
     {TEXT(GREEK "\355\240\200"
                 "edited")},
     {{0}},
     1007},
    {"6.3.2",
     {CUT(GREEK "\355\240\200"
                "edited",
          1)},
     {{0}},
     1007},
    {"6.4.1", {FIRST(GREEK), MIDDLE("\364\220\200\200"), LAST("edited")}, {{0}}, 1007},
    {"6.4.2",
     {FIRST(GREEK "\364"), MIDDLE("\220"),
      LAST("\200\200"
           "edited")},
     {{0}},
     1007},
    {"6.4.3",
     {TEXT(GREEK "\364\220\200\200"
                 "edited")},
     {{0}},
     1007},
    {"6.4.4",
     {TEXT(GREEK "\364\220\200\200"
                 "edited")},
     {{0}},
     1007},
    /* closing; 7.7 and 7.9 have a table of their own */
    {"7.1.1", {TEXT("Hello World!")}, {TEXT("Hello World!")}, 1000},
    {"7.1.2", {CLOSE("\003\350"), CLOSE("\003\350")}, {{0}}, 1000},
    {"7.1.3", {CLOSE("\003\350"), PING("")}, {{0}}, 1000},
    {"7.1.4", {CLOSE("\003\350"), TEXT("Hello World!")}, {{0}}, 1000},
    {"7.1.5", {FIRST("fragment1"), CLOSE("\003\350"), LAST("fragment2")}, {{0}}, 1000},
    {"7.1.6",
     {FILLED(1, "BAsd7&jh23", 262144), TEXT("Hello World!"), CLOSE("\003\350"), PING("")},
     {{0}},
     1009},
    {"7.3.1", {CLOSE("")}, {{0}}, WEBSOCKET_NO_CODE},
    {"7.3.2", {CLOSE("a")}, {{0}}, 1002},
    {"7.3.3", {CLOSE("\003\350")}, {{0}}, 1000},
    {"7.3.4", {CLOSE("\003\350Hello World!")}, {{0}}, 1000},
    {"7.3.5", {CLOSE("\003\350" STARS_123)}, {{0}}, 1000},
    {"7.3.6", {CLOSE("\003\350" STARS_123 "*")}, {{0}}, 1002},
    {"7.5.1",
     {CLOSE("\003\350" GREEK "\355\240\200"
            "edited")},
     {{0}},
     1007},
    {"7.13.1", {CLOSE("\023\210")}, {{0}}, 1002},
    {"7.13.2", {CLOSE("\377\377")}, {{0}}, 1002},
    {"10.1.1", {{FINAL | 1, "*", 1, 65536, 1300}}, {FILLED(1, "*", 65536)}, 1000},
};

/* 7.7: codes that a peer may send; 7.9: others. */
static const uint16_t good_codes[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009,
                                      1010, 1011, 3000, 3999, 4000, 4999};
static const uint16_t bad_codes[] = {0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999};

/* 6.5 to 6.23: one frame of these bytes. */
static const struct {
    int section;
    bool valid;
    const char *hex;
} utf8_cases[] = {
    /* valid sequences */
    {5, true, "68656c6c6f24776f726c64"},
    {5, true, "68656c6c6fc2a2776f726c64"},
    {5, true, "68656c6c6fe282ac776f726c64"},
    {5, true, "68656c6c6ff0a4ada2776f726c64"},
    {5, true, "cebae1bdb9cf83cebcceb5"},
    /* each beginning of a valid text */
    {6, false, "ce"},
    {6, true, "ceba"},
    {6, false, "cebae1"},
    {6, false, "cebae1bd"},
    {6, true, "cebae1bdb9"},
    {6, false, "cebae1bdb9cf"},
    {6, true, "cebae1bdb9cf83"},
    {6, false, "cebae1bdb9cf83ce"},
    {6, true, "cebae1bdb9cf83cebc"},
    {6, false, "cebae1bdb9cf83cebcce"},
    {6, true, "cebae1bdb9cf83cebcceb5"},
    /* the first code point of each length */
    {7, true, "00"},
    {7, true, "c280"},
    {7, true, "e0a080"},
    {7, true, "f0908080"},
    /* the same of five and six bytes, which are none */
    {8, false, "f888808080"},
    {8, false, "fc8480808080"},
    /* the last code point of each length */
    {9, true, "7f"},
    {9, true, "dfbf"},
    {9, true, "efbfbf"},
    {9, true, "f48fbfbf"},
    /* beyond Unicode */
    {10, false, "f7bfbfbf"},
    {10, false, "fbbfbfbfbf"},
    {10, false, "fdbfbfbfbfbf"},
    /* other bounds */
    {11, true, "ed9fbf"},
    {11, true, "ee8080"},
    {11, true, "efbfbd"},
    {11, true, "f48fbfbf"},
    {11, false, "f4908080"},
    /* continuation bytes alone */
    {12, false, "80"},
    {12, false, "bf"},
    {12, false, "80bf"},
    {12, false, "80bf80"},
    {12, false, "80bf80bf"},
    {12, false, "80bf80bf80"},
    {12, false, "80bf80bf80bf"},
    {12, false,
     "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacada"
     "eafb0b1b2b3b4b5b6b7b8b9babbbcbdbe"},
    /* lead bytes alone */
    {13, false,
     "c020c120c220c320c420c520c620c720c820c920ca20cb20cc20cd20ce20cf20d020d120d220d320d420d520d620d"
     "720d820d920da20db20dc20dd20de20"},
    {13, false, "e020e120e220e320e420e520e620e720e820e920ea20eb20ec20ed20ee20"},
    {13, false, "f020f120f220f320f420f520f620"},
    {13, false, "f820f920fa20"},
    {13, false, "fc20"},
    /* the last continuation byte is missing */
    {14, false, "c0"},
    {14, false, "e080"},
    {14, false, "f08080"},
    {14, false, "f8808080"},
    {14, false, "fc80808080"},
    {14, false, "df"},
    {14, false, "efbf"},
    {14, false, "f7bfbf"},
    {14, false, "fbbfbfbf"},
    {14, false, "fdbfbfbfbf"},
    /* all of those in a row */
    {15, false, "c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf"},
    /* bytes that are never in UTF-8 */
    {16, false, "fe"},
    {16, false, "ff"},
    {16, false, "fefeffff"},
    /* overlong: a slash */
    {17, false, "c0af"},
    {17, false, "e080af"},
    {17, false, "f08080af"},
    {17, false, "f8808080af"},
    {17, false, "fc80808080af"},
    /* overlong: the highest of each length */
    {18, false, "c1bf"},
    {18, false, "e09fbf"},
    {18, false, "f08fbfbf"},
    {18, false, "f887bfbfbf"},
    {18, false, "fc83bfbfbfbf"},
    /* overlong: NUL */
    {19, false, "c080"},
    {19, false, "e08080"},
    {19, false, "f0808080"},
    {19, false, "f880808080"},
    {19, false, "fc8080808080"},
    /* surrogates */
    {20, false, "eda080"},
    {20, false, "edadbf"},
    {20, false, "edae80"},
    {20, false, "edafbf"},
    {20, false, "edb080"},
    {20, false, "edbe80"},
    {20, false, "edbfbf"},
    /* surrogates in pairs */
    {21, false, "eda080edb080"},
    {21, false, "eda080edbfbf"},
    {21, false, "edadbfedb080"},
    {21, false, "edadbfedbfbf"},
    {21, false, "edae80edb080"},
    {21, false, "edae80edbfbf"},
    {21, false, "edafbfedb080"},
    {21, false, "edafbfedbfbf"},
    /* noncharacters, which are valid */
    {22, true, "efbfbe"},
    {22, true, "efbfbf"},
    {22, true, "f09fbfbe"},
    {22, true, "f09fbfbf"},
    {22, true, "f0afbfbe"},
    {22, true, "f0afbfbf"},
    {22, true, "f0bfbfbe"},
    {22, true, "f0bfbfbf"},
    {22, true, "f18fbfbe"},
    {22, true, "f18fbfbf"},
    {22, true, "f19fbfbe"},
    {22, true, "f19fbfbf"},
    {22, true, "f1afbfbe"},
    {22, true, "f1afbfbf"},
    {22, true, "f1bfbfbe"},
    {22, true, "f1bfbfbf"},
    {22, true, "f28fbfbe"},
    {22, true, "f28fbfbf"},
    {22, true, "f29fbfbe"},
    {22, true, "f29fbfbf"},
    {22, true, "f2afbfbe"},
    {22, true, "f2afbfbf"},
    {22, true, "f2bfbfbe"},
    {22, true, "f2bfbfbf"},
    {22, true, "f38fbfbe"},
    {22, true, "f38fbfbf"},
    {22, true, "f39fbfbe"},
    {22, true, "f39fbfbf"},
    {22, true, "f3afbfbe"},
    {22, true, "f3afbfbf"},
    {22, true, "f3bfbfbe"},
    {22, true, "f3bfbfbf"},
    {22, true, "f48fbfbe"},
    {22, true, "f48fbfbf"},
    /* specials */
    {23, true, "efbfb9"},
    {23, true, "efbfba"},
    {23, true, "efbfbb"},
    {23, true, "efbfbc"},
    {23, true, "efbfbd"},
    {23, true, "efbfbe"},
    {23, true, "efbfbf"},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

Test(websocket_cases, there_are_247) {
    cr_assert_eq(COUNT(cases) + COUNT(utf8_cases) + COUNT(good_codes) + COUNT(bad_codes), 247);
    size_t utf8 = COUNT(utf8_cases), closing = COUNT(good_codes) + COUNT(bad_codes);
    for (size_t i = 0; i < COUNT(cases); i++) {
        utf8 += cases[i].name[0] == '6';
        closing += cases[i].name[0] == '7';
        for (size_t k = 0; k < i; k++)
            cr_expect_str_neq(cases[i].name, cases[k].name);
    }
    cr_expect_eq(utf8, 145);
    cr_expect_eq(closing, 37);
}

/* ---- bytes to send ---- */

struct bytes {
    uint8_t *at;
    size_t len, size;
};

static void add(struct bytes *b, const void *bytes, size_t n) {
    if (b->len + n > b->size) {
        b->size = 2 * (b->len + n);
        b->at = realloc(b->at, b->size);
    }
    if (n > 0)
        memcpy(b->at + b->len, bytes, n);
    b->len += n;
}

static void add_frame(struct bytes *b, uint8_t head, const uint8_t *payload, size_t n) {
    uint8_t mask[4] = {(uint8_t)(17 * b->len + 1), 0x5A, (uint8_t)n, 0xC3}, out[14] = {head};
    size_t len = n <= 125 ? 0 : n <= 65535 ? 2 : 8;
    out[1] = (uint8_t)(0x80 | (len == 0 ? n : len == 2 ? 126 : 127));
    for (size_t i = 0; i < len; i++)
        out[2 + i] = (uint8_t)((uint64_t)n >> 8 * (len - 1 - i));
    memcpy(out + 2 + len, mask, 4);
    add(b, out, 2 + len + 4);
    for (size_t i = 0; i < n; i++)
        add(b, &(uint8_t){payload[i] ^ mask[i % 4]}, 1);
}

static bool is_end(const struct part *p) {
    return !p->bytes;
}

static uint8_t *payload_of(const struct part *p) {
    uint8_t *payload = malloc(p->total + 1);
    for (size_t i = 0; i < p->total; i++)
        payload[i] = (uint8_t)p->bytes[i % p->len];
    return payload;
}

static void add_part(struct bytes *b, const struct part *p) {
    uint8_t *payload = payload_of(p);
    size_t cut = p->cut ? p->cut : p->total + 1;
    for (size_t at = 0; at == 0 || at < p->total; at += cut) {
        size_t n = p->total - at < cut ? p->total - at : cut;
        uint8_t head = at == 0 ? p->head : FINAL;
        add_frame(b, at + n < p->total ? head & 0x0F : head, payload + at, n);
    }
    free(payload);
}

static struct bytes bytes_of(const struct test_case *t) {
    struct bytes b = {0};
    for (size_t i = 0; i < PARTS && !is_end(&t->send[i]); i++)
        add_part(&b, &t->send[i]);
    add_part(&b, &(struct part)CLOSE("\003\350"));
    return b;
}

/* ---- what comes back: a byte of opcode, four of length, the payload ---- */

static void add_back(struct bytes *b, uint8_t opcode, const void *payload, size_t n) {
    uint32_t len = (uint32_t)n;
    add(b, &opcode, 1);
    add(b, &len, 4);
    add(b, payload, n);
}

static struct bytes back_of(const struct test_case *t) {
    struct bytes b = {0};
    uint16_t code = (uint16_t)t->code;
    for (size_t i = 0; i < PARTS && !is_end(&t->back[i]); i++) {
        uint8_t *payload = payload_of(&t->back[i]);
        add_back(&b, t->back[i].head & 0x0F, payload, t->back[i].total);
        free(payload);
    }
    add_back(&b, WEBSOCKET_CLOSE_FRAME, &code, 2);
    return b;
}

/* A server that echoes.  What is not in the buffers may be copied, and the copy thrown away. */
struct echo {
    struct websocket ws;
    uint8_t *control, *text; /* of exactly their sizes, for sanitizers */
    size_t text_len;
    bool over;
};

static void answer(struct echo *e, struct bytes *back, const struct websocket_event *ev) {
    if (ev->what == WEBSOCKET_TEXT) {
        e->text_len += ev->len;
        if (ev->end) {
            add_back(back, WEBSOCKET_TEXT_FRAME, e->text, e->text_len);
            e->text_len = 0;
        }
    } else if (ev->what == WEBSOCKET_PING) {
        add_back(back, WEBSOCKET_PONG_FRAME, e->control, ev->len);
    } else if (ev->what == WEBSOCKET_CLOSE || ev->what == WEBSOCKET_FAILED) {
        add_back(back, WEBSOCKET_CLOSE_FRAME, &ev->code, 2);
        e->over = true;
    }
}

/* Reads one event and answers it. */
static size_t echo_read(struct echo *e, struct bytes *back, const uint8_t *in, size_t n) {
    struct websocket_event ev;
    uint8_t *exact = malloc(n), *out = malloc(n);
    memcpy(exact, in, n);
    size_t used = websocket_read(&e->ws, BIG, e->control, exact, n, out, &ev);
    cr_assert(used > 0 && used <= n && (used == n || ev.what != WEBSOCKET_MORE));
    if (ev.what == WEBSOCKET_TEXT)
        memcpy(e->text + e->text_len, out, ev.len);
    answer(e, back, &ev);
    free(exact);
    free(out);
    return used;
}

/* Reads on, up to an event that is to be committed, and dies. */
static void read_and_die(const struct echo *e, const uint8_t *in, size_t n) {
    struct echo copy = *e;
    struct bytes lost = {0};
    while (n > 0 && lost.len == 0 && !copy.over) {
        size_t used = echo_read(&copy, &lost, in, n);
        in += used;
        n -= used;
    }
    free(lost.at);
}

enum split { WHOLE, BYTEWISE, RANDOM };

static void run(const struct test_case *t, enum split split, unsigned seed) {
    struct bytes in = bytes_of(t), back = {0}, expected = back_of(t);
    struct echo e = {.control = malloc(WEBSOCKET_CONTROL_MAX), .text = malloc(BIG)};
    for (size_t at = 0; at < in.len;) {
        size_t left = in.len - at, n = left, ahead = left > 300 ? 300 : left;
        if (split != WHOLE)
            n = split == BYTEWISE ? 1 : 1 + (size_t)rand_r(&seed) % (seed % 2 ? 5 : left);
        if (split != WHOLE)
            read_and_die(&e, in.at + at, ahead);
        if (e.over)
            break;
        at += echo_read(&e, &back, in.at + at, n < left ? n : left);
    }
    cr_expect(back.len == expected.len && memcmp(back.at, expected.at, back.len) == 0,
              "case %s split %d: %zu bytes came back, %zu expected, last %02x%02x", t->name, split,
              back.len, expected.len, back.len > 1 ? back.at[back.len - 1] : 0,
              back.len > 1 ? back.at[back.len - 2] : 0);
    free(in.at);
    free(back.at);
    free(expected.at);
    free(e.control);
    free(e.text);
}

static void run_all(const struct test_case *t) {
    run(t, WHOLE, 0);
    run(t, BYTEWISE, 0);
    for (unsigned seed = 1; seed <= 8; seed++)
        run(t, RANDOM, seed);
}

Test(websocket_cases, framing_pings_fragments_closing) {
    for (size_t i = 0; i < COUNT(cases); i++)
        run_all(&cases[i]);
}

Test(websocket_cases, utf8) {
    for (size_t i = 0; i < COUNT(utf8_cases); i++) {
        char name[64], bytes[64];
        const char *hex = utf8_cases[i].hex;
        size_t n = strlen(hex) / 2;
        for (size_t k = 0; k < n; k++)
            bytes[k] = (char)strtoul((char[]){hex[2 * k], hex[2 * k + 1], 0}, NULL, 16);
        snprintf(name, sizeof name, "6.%d.x, %.32s", utf8_cases[i].section, hex);
        struct part message = {FINAL | WEBSOCKET_TEXT_FRAME, bytes, n, n, 0};
        struct test_case t = {name, {message}, {{0}}, utf8_cases[i].valid ? 1000 : 1007};
        if (utf8_cases[i].valid)
            t.back[0] = message;
        run_all(&t);
    }
}

static void run_code(uint16_t code, int answer) {
    char name[16], bytes[2] = {(char)(code >> 8), (char)code};
    snprintf(name, sizeof name, "close %d", code);
    run_all(&(struct test_case){
        name, {{FINAL | WEBSOCKET_CLOSE_FRAME, bytes, 2, 2, 0}}, {{0}}, answer});
}

Test(websocket_cases, close_codes) {
    for (size_t i = 0; i < COUNT(good_codes); i++)
        run_code(good_codes[i], good_codes[i]);
    for (size_t i = 0; i < COUNT(bad_codes); i++)
        run_code(bad_codes[i], 1002);
}
