/* e2e_input.c - any bytes of a client: line ends, telnet commands, random bytes. */
#include "tests/lib/guest.h"
#include "tests/lib/swarm.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(input, .timeout = 300);

enum { IAC = 0xff, WONT = 0xfc, DO = 0xfd, DONT = 0xfe };

Test(input, each_line_end) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    guest_type(g[0], "one\r\ntwo\r\0three\nfour\rfive\r\nsix\r\0seven\rlast\r\n");
    static const char *const said[] = {"one",  "two", "three", "four",
                                       "five", "six", "seven", "last"};
    for (int i = 0; i < 8; i++)
        guests_expect(g, 2, told2(TOLD_SPEECH, "ann", said[i]));
    server_stop(s);
}

Test(input, byte_by_byte) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    g[0]->telnet = true;
    static const char text[] = "one\r\ntwo\r\0three\nfour\rfive 你好\r\nsi\xff\xf1x\r\n//seven\r\n";
    for (size_t i = 0; i < sizeof text - 1; i++)
        guest_send(g[0], text + i, 1);
    static const char *const said[] = {"one", "two", "three", "four", "five 你好", "six", "/seven"};
    for (int i = 0; i < 7; i++)
        guests_expect(g, 2, told2(TOLD_SPEECH, "ann", said[i]));
    server_stop(s);
}

Test(input, split_in_two_at_every_byte) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    g[0]->telnet = true;
    static const char text[] = "a\xff\xff b\r\n你\xff\xf1好\r\0bare\rthe\n/me end\r\n";
    enum { LEN = sizeof text - 1 };
    static const char *const said[] = {"ann: a\xef\xbf\xbd b", "ann: 你好", "ann: bare", "ann: the",
                                       "* ann end"};
    for (size_t at = 1; at < LEN; at++) {
        guest_send(g[0], text, at);
        guest_say(g[1], "cut %zu", at); /* received: the part before was read by itself */
        char cut[32];
        sprintf(cut, "bob: cut %zu", at);
        guest_until(g[1], "%s", cut);
        guest_send(g[0], text + at, LEN - at);
        for (int i = 0; i < 5; i++)
            guest_until(g[0], "%s", said[i]);
    }
    server_stop(s);
}

/* No control characters, escape sequences or invisible characters are sent to a client: every guest
 * checks that of every line.  The rest of the line is sent. */
Test(input, nothing_that_steers_a_terminal_gets_through) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    guest_say(g[0], "/encoding utf-8"); /* some of it looks like GBK: no switch */
    guest_say(g[0], "ready");
    guests_until(g, 2, "ann: ready");
    static const struct {
        const char *bytes;
        size_t len;
    } lines[] = {
#define BYTES(literal) {literal, sizeof(literal) - 1}
        BYTES("a\0b"),
        BYTES("a\x1b[2Jb"),
        BYTES("a\x1b]0;title\x07 b"),
        BYTES("a\xc2\x9b 2Jb"),
        BYTES("a\x9b b"),
        BYTES("a\xe2\x80\xae b"),
        BYTES("a\xe2\x80\x8b b"),
        BYTES("a\xe2\x80\xa8 b"),
        BYTES("a\xff\xff b"),
        BYTES("a\xc0\xaf b"),
        BYTES("a\xed\xa0\x80 b"),
        BYTES("a\x0b\x0c\x0e\x0f b"),
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        guest_send(g[0], lines[i].bytes, lines[i].len);
        guest_type(g[0], "\r\n");
        for (int k = 0; k < 2; k++) {
            const char *line = guest_next(g[k]);
            cr_assert(strncmp(line, "ann: a", 6) == 0 && line[strlen(line) - 1] == 'b',
                      "line %zu: %s", i, line);
            static const char *const never[] = {"\xc2\x9b", "\xe2\x80\xae", "\xe2\x80\x8b",
                                                "\xe2\x80\xa8"};
            for (int n = 0; n < 4; n++)
                cr_assert_not(strstr(line, never[n]), "line %zu: %s", i, line);
        }
    }
    server_stop(s);
}

Test(input, a_client_that_sends_gbk_is_sent_gbk) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    guest_type(g[0], "\xcd\xed\xc9\xcf\xba\xc3\r\n");
    guest_expect(g[1], "ann: 晚上好");
    guest_say(g[1], "再见");
    guest_expect(g[1], "bob: 再见"); /* bob's encoding has not changed */
    static const char in_gbk[] = "bob: \xd4\xd9\xbc\xfb\r\n";
    int64_t deadline = wait_deadline();
    while (guest_pending(g[0]) == 0 ||
           !memmem(g[0]->data + g[0]->at, g[0]->len - g[0]->at, in_gbk, sizeof in_gbk - 1))
        cr_assert(wait_fd(g[0]->fd, POLLIN, deadline), "ann is not sent GBK");
    server_stop(s);
}

Test(input, bytes_of_no_encoding_do_not_drop_a_line) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    guest_type(g[0], "caf\xe9\r\n"); /* Latin-1: neither UTF-8 nor GBK */
    guests_expect(g, 2, "ann: caf\xef\xbf\xbd");
    guest_say(g[0], "plain");
    guests_expect(g, 2, "ann: plain");
    server_stop(s);
}

Test(input, telnet_commands_in_the_middle_of_text) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    g[0]->telnet = true;
    guest_type(g[0], "he\xff\xf1llo\r\n"); /* NOP */
    guests_expect(g, 2, "ann: hello");
    guest_type(g[0], "he\xff\xf9llo\xff\xf2 again\r\n"); /* GA, DM */
    guests_expect(g, 2, "ann: hello again");
    guest_type(g[0], "typo\xff\xf7\xff\xf7xt\r\n"); /* EC twice */
    guests_expect(g, 2, "ann: tyxt");
    guest_type(g[0], "all wrong\xff\xf8right\r\n"); /* EL */
    guests_expect(g, 2, "ann: right");
    guest_type(g[0], "never said\xff\xf4said\r\n"); /* IP drops the partial line */
    guests_expect(g, 2, "ann: said");
    guest_type(g[0], "sub\xff\xfa\x18hidden\xff\xff\xff\xf0 negotiated\r\n");
    guests_expect(g, 2, "ann: sub negotiated");
    server_stop(s);
}

Test(input, telnet_requests_are_refused_once) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    g[0]->telnet = true;
    guest_type(g[0], "a\xff\xfd\xc8"
                     "b\xff\xfb\xc9"
                     "d\r\n");
    guests_expect(g, 2, "ann: abd");
    guest_until_answer(g[0], WONT, 0xc8);
    guest_until_answer(g[0], DONT, 0xc9);
    guest_type(g[0], "\xff\xfc\xc9\xff\xfe\xc8 again\r\n"); /* no change, so no answer */
    guest_until(g[0], "ann: again");
    guest_until_answer(g[0], WONT, 0xc8);
    guest_until_answer(g[0], DONT, 0xc9);
    server_stop(s);
}

Test(input, a_line_too_long_can_be_dropped) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    static const char *const drops[] = {"\x15", "\x03", "\xff\xf8", "\xff\xf4"};
    char big[2000];
    memset(big, 'x', sizeof big);
    g[0]->telnet = true;
    for (size_t i = 0; i < sizeof drops / sizeof drops[0]; i++) {
        guest_send(g[0], big, sizeof big);
        guest_send(g[0], drops[i], strlen(drops[i]));
        guest_say(g[0], "short");
        guests_expect(g, 2, "ann: short");
    }
    guest_send(g[0], big, sizeof big);
    guest_say(g[0], "to be refused");
    guest_expect(g[0], "%s", told(TOLD_TOO_LONG));
    guest_expect(g[0], "%s", told1(TOLD_LIMIT, "1024"));
    server_stop(s);
}

static int times_asked_for_eight_bits(const struct guest *g) {
    int times = 0;
    for (size_t i = 0; i + 3 <= g->answers_len; i += 3)
        times += memcmp(g->answers + i, "\xff\xfd\0", 3) == 0;
    return times;
}

Test(input, eight_bits_are_asked_for_once) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    for (int will = 0; will < 2; will++) {
        struct guest *cyd = guest_enter(s, "cyd");
        cyd->telnet = true;
        guest_type(cyd, "not yet\r\n");
        guest_until(cyd, "cyd: not yet");
        cr_assert_eq(cyd->answers_len, 0);
        guest_type(cyd, "\xff\xf1");
        guest_until_answer(cyd, DO, 0);
        if (will)
            guest_type(cyd, "\xff\xfb\0");
        else
            guest_type(cyd, "\xff\xfc\0");
        guest_type(cyd, "o\xff\xf1ne\r\ntwo\r\0three\rfour\n晚上\r\n");
        static const char *const said[] = {"one", "two", "three", "four", "晚上"};
        for (int i = 0; i < 5; i++)
            guest_until(cyd, "%s", told2(TOLD_SPEECH, "cyd", said[i]));
        cr_assert_eq(times_asked_for_eight_bits(cyd), 1);
        guest_say(cyd, "logout");
        guests_until(g, 2, told1(TOLD_GOES, "cyd"));
    }
    server_stop(s);
}

/* What GNU telnet sends for characters with a byte that it takes for one of its keys. */
Test(input, a_key_of_gnu_telnet_inside_a_character_is_one_of_its_bytes) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    g[0]->telnet = true;
    guest_type(g[0], "a\xe6\xff\xf4\xff\xfd\x06\xff\xed\xff\xfd\x06 "
                     "\xe6\xff\xf5\xff\xfd\x06\xff\xf5\xff\xfd\x06 "
                     "\xe6\xff\xf3\xff\xfd\x06\x88\r\n");
    guests_expect(g, 2, "ann: a惚 描 月");
    server_stop(s);
}

Test(input, a_timing_mark_is_answered_after_an_interrupt) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    g[0]->telnet = true;
    guest_type(g[0], "half a li\xff\xf4\xff\xfd\x06"); /* what GNU telnet sends for Ctrl-C */
    guest_until_answer(g[0], WONT, 6);
    guest_say(g[0], "whole");
    guests_expect(g, 2, "ann: whole");
    server_stop(s);
}

Test(input, are_you_there_gets_a_visible_answer) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    g[0]->telnet = true;
    guest_type(g[0], "\xff\xf6");
    guest_expect(g[0], "%s", told1(TOLD_HERE, "Chatroom"));
    guest_say(g[0], "good");
    guests_expect(g, 2, "ann: good");
    server_stop(s);
}

Test(input, an_endless_subnegotiation_ends_with_its_line) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    g[0]->telnet = true;
    char big[5000];
    memset(big, 'x', sizeof big);
    memcpy(big, "\xff\xfa\x18", 3);
    memcpy(big + sizeof big - 2, "\r\n", 2);
    guest_send(g[0], big, sizeof big);
    guest_say(g[0], "after it");
    guest_until(g[0], "ann: after it");
    guest_until(g[1], "ann: after it");
    cr_assert_eq(times_asked_for_eight_bits(g[0]), 1, "it has spoken telnet");
    server_stop(s);
}

/* Members 0 and 1 talk, each answering the other's number, while other members send random
 * bytes. */
enum { NOISY = 6, TALK = 150, NONSENSE = 200000 };

struct babel {
    struct swarm *swarm;
    int said; /* the last number said */
    int heard[2];
    bool in[2];
};

static void answer(struct babel *b) {
    int who = b->said++ % 2;
    swarm_say(b->swarm, who, "number %d", b->said);
}

static void babel_heard(void *state, int member, const char *line) {
    struct babel *b = state;
    int who, number;
    if (member > 1)
        return;
    for (const unsigned char *p = (const unsigned char *)line; *p; p++)
        cr_assert(*p >= 0x20 && *p != 0x7f && *p != 0xff, "byte %02x reached a client", *p);
    if (strcmp(line, "t0 has entered the room.") == 0)
        b->in[0] = true;
    if (strcmp(line, "t1 has entered the room.") == 0)
        b->in[1] = true;
    if (sscanf(line, "t%d: number %d", &who, &number) == 2) {
        cr_assert_eq(number, b->heard[member] + 1, "client %d heard number %d after %d", member,
                     number, b->heard[member]);
        b->heard[member] = number;
        if (b->heard[0] == b->said && b->heard[1] == b->said && b->said < TALK)
            answer(b);
    }
}

static bool both_are_in(void *state) {
    const struct babel *b = state;
    return b->in[0] && b->in[1];
}

static bool the_talk_is_over(void *state) {
    const struct babel *b = state;
    cr_assert(!b->swarm->member[0].ended && !b->swarm->member[1].ended, "a talker lost its place");
    for (int i = 2; i < b->swarm->count; i++)
        if (!b->swarm->member[i].ended && swarm_unsent(b->swarm, i) > 0)
            return false;
    return b->heard[0] == TALK && b->heard[1] == TALK;
}

static uint64_t next_random(uint64_t *x) { /* the same bytes in every run */
    *x ^= *x << 13;
    *x ^= *x >> 7;
    return *x ^= *x << 17;
}

Test(input, random_bytes_of_some_clients_do_not_disturb_others) {
    struct server *s = server_start(SERVER_QUIET(4));
    static struct babel b;
    b.swarm = swarm_connect(s, 2 + NOISY, babel_heard, &b);
    swarm_say(b.swarm, 0, "login t0");
    swarm_say(b.swarm, 1, "login t1");
    swarm_pump(b.swarm, both_are_in, &b);
    uint64_t seed = 0x9e3779b97f4a7c15;
    static unsigned char nonsense[NONSENSE];
    for (int i = 2; i < b.swarm->count; i++) {
        for (size_t k = 0; k < NONSENSE; k++)
            nonsense[k] = (unsigned char)(next_random(&seed) >> 32);
        b.swarm->member[i].noise = true;
        if (i % 2)
            swarm_say(b.swarm, i, "login noise%d", i);
        swarm_send(b.swarm, i, nonsense, NONSENSE);
    }
    answer(&b);
    swarm_pump(b.swarm, the_talk_is_over, &b);
    server_stop(s);
}
