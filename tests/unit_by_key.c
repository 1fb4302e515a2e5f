/* unit_by_key.c - which reads are one key, and when a client is known to send each by itself. */
#include "worker/protocol/by_key.h"
#include "worker/protocol/telnet.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(by_key);

#define READ(literal, kind)                                                                        \
    { literal, sizeof(literal) - 1, kind }
static const struct {
    const char *bytes;
    size_t len;
    enum by_key kind;
} reads[] = {
    READ("a", BY_KEY_ONE),
    READ("\b", BY_KEY_ONE),
    READ("\177", BY_KEY_ONE),
    READ("\033", BY_KEY_ONE),
    READ("\351", BY_KEY_ONE),     /* Latin-1 */
    READ("\303\251", BY_KEY_ONE), /* UTF-8 */
    READ("\344\275\240", BY_KEY_ONE),
    READ("\360\237\230\200", BY_KEY_ONE),
    READ("\304\343", BY_KEY_ONE), /* GBK */
    READ("\201\100", BY_KEY_ONE),
    READ("\376\376", BY_KEY_ONE),
    READ("\247\101", BY_KEY_ONE),         /* Big5 */
    READ("\201\060\201\060", BY_KEY_ONE), /* GB18030 */
    READ("\033[3~", BY_KEY_SEQUENCE),
    READ("\033OD", BY_KEY_SEQUENCE),
    READ("\033[1;5C", BY_KEY_SEQUENCE),
    READ("\033[[A", BY_KEY_SEQUENCE),
    READ("\033b", BY_KEY_SEQUENCE),
    READ("\r", BY_KEY_NONE),
    READ("\n", BY_KEY_NONE),
    READ("\0", BY_KEY_NONE),
    READ("\377", BY_KEY_NONE),
    READ("\r\n", BY_KEY_NONE),
    READ("a\n", BY_KEY_NONE),
    READ("ab", BY_KEY_NONE),
    READ("\b\b", BY_KEY_NONE),
    READ("a\304", BY_KEY_NONE),
    READ("\200\100", BY_KEY_NONE),
    READ("\201\077", BY_KEY_NONE),
    READ("\201\177", BY_KEY_NONE),
    READ("\201\377", BY_KEY_NONE),
    READ("\303\251\303\251", BY_KEY_NONE),
    READ("\304\343\272\303", BY_KEY_NONE),
    READ("\344\275", BY_KEY_ONE), /* the beginning of UTF-8 is a character of GBK */
    READ("\201\060\201", BY_KEY_NONE),
    READ("\201\060\201\100", BY_KEY_NONE),
    READ("\033[", BY_KEY_NONE),
    READ("\033[3", BY_KEY_NONE),
    READ("\033[Ax", BY_KEY_NONE),
    READ("\033[A\r", BY_KEY_NONE),
    READ("x\033[A", BY_KEY_NONE),
    READ("\033[A\033[A", BY_KEY_NONE),
    READ("\377\375\001", BY_KEY_NONE),
    READ("login ann\r\n", BY_KEY_NONE),
};

Test(by_key, a_read_is_one_key_or_not) {
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++)
        cr_expect_eq(by_key((const uint8_t *)reads[i].bytes, reads[i].len), reads[i].kind,
                     "row %zu", i);
}

/* A read, counted and scanned as a worker does. */
static void feed(struct telnet *t, const char *read) {
    uint8_t sub[TELNET_SUB_MAX];
    uint16_t sub_len = 0;
    struct telnet_event ev;
    const uint8_t *in = (const uint8_t *)read;
    size_t n = strlen(read);
    by_key_count(t, in, n);
    for (size_t used; n > 0; in += used, n -= used)
        used = telnet_next(t, sub, &sub_len, in, n, &ev);
}

Test(by_key, three_reads_within_a_line) {
    struct telnet t = {0};
    for (int line = 0; line < 4; line++) {
        feed(&t, "a");
        feed(&t, "b");
        cr_expect_not(by_key_proven(&t));
        feed(&t, line % 2 ? "\r" : "more of it\n");
        cr_expect_not(by_key_proven(&t));
    }
    feed(&t, "a");
    feed(&t, "two words");
    feed(&t, "b");
    cr_expect_not(by_key_proven(&t));
    feed(&t, "c");
    for (int n = 0; n < 10; n++, feed(&t, "d"))
        cr_expect(by_key_proven(&t), "after %d more", n);
    feed(&t, "\n");
    cr_expect_not(by_key_proven(&t));
}

Test(by_key, one_sequence) {
    struct telnet t = {0};
    feed(&t, "a");
    feed(&t, "\033[A");
    cr_expect(by_key_proven(&t));
    feed(&t, "b");
    cr_expect(by_key_proven(&t));
    telnet_line_ended(&t, false);
    cr_expect_not(by_key_proven(&t));
}

/* Counting changes nothing else. */
Test(by_key, other_flags_stay) {
    struct telnet t = {.flags = TELNET_SPOKEN | TELNET_OFFERED | TELNET_AFTER_CR};
    for (int n = 0; n < 9; n++)
        by_key_count(&t, (const uint8_t *)"a", 1);
    cr_expect_eq(t.flags, TELNET_SPOKEN | TELNET_OFFERED | TELNET_AFTER_CR | TELNET_THREE_KEYS);
}
