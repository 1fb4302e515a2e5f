/* e2e_terminal.c - common client programs, each on its own pseudo-terminal, in UTF-8 and in GBK,
 * talking with a client on a socket. */
#include "tests/lib/seat.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(terminal, .timeout = 180);

static const char gbk[] = "CP936";

/* A quiet server with "ann" on a socket and "tess" in a client program; both have received tess's
 * join. */
struct visit {
    struct server *s;
    struct guest *ann;
    struct seat tess;
};

static struct visit visit_begin(int program, const char *charset) {
    struct visit v;
    v.s = server_start("%s", server_quiet);
    v.ann = guest_enter(v.s, "ann");
    v.tess = seat_enter(v.s, program, charset, "tess");
    guest_expect(v.ann, "%s", told1(TOLD_COMES, "tess"));
    return v;
}

/* ---- a conversation ---- */

static void talks(int program, const char *charset) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "安");
    struct seat tess = seat_enter(s, program, charset, "黛西");
    guest_expect(ann, "%s", told1(TOLD_COMES, "黛西"));
    guest_say(ann, "你好, 黛西");
    guest_expect(ann, "安: 你好, 黛西");
    seat_shows(&tess, "安: 你好, 黛西");
    seat_type(&tess, "晚上好，安。 abc\r");
    guest_expect(ann, "黛西: 晚上好，安。 abc");
    seat_sees(&tess, "黛西: 晚上好，安。 abc");
    seat_type(&tess, "半句");
    guest_say(ann, "我说");
    guest_expect(ann, "安: 我说");
    seat_sees(&tess, "安: 我说");
    seat_type(&tess, "话\r");
    guest_expect(ann, "黛西: 半句话");
    seat_sees(&tess, "黛西: 半句话");
    guest_say(ann, "café 😀!");
    guest_expect(ann, "安: café 😀!");
    seat_sees(&tess, charset ? "安: café ?!" : "安: café 😀!");
    seat_type(&tess, "/msg 安 你好\r");
    guest_expect(ann, "%s", told2(TOLD_PRIVATE, "黛西", "你好"));
    seat_sees(&tess, told2(TOLD_COPY, "安", "你好"));
    guest_say(ann, "/msg 黛西 丝绸");
    guest_expect(ann, "%s", told2(TOLD_COPY, "黛西", "丝绸"));
    seat_sees(&tess, told2(TOLD_PRIVATE, "安", "丝绸"));
    seat_type(&tess, "logout\r");
    guest_expect(ann, "%s", told1(TOLD_GOES, "黛西"));
    server_stop(s);
}

#define TALKS(program, name)                                                                       \
    Test(terminal, name##_talks_in_utf8) {                                                         \
        talks(program, NULL);                                                                      \
    }                                                                                              \
    Test(terminal, name##_talks_in_gbk) {                                                          \
        talks(program, gbk);                                                                       \
    }
TALKS(GNU, gnu_telnet)
TALKS(GNU_KEYS, gnu_telnet_by_key)
TALKS(BUSYBOX, busybox)
TALKS(NC, nc)
TALKS(PLINK, plink)
TALKS(PLINK_RAW, plink_raw)
TALKS(TINTIN, tintin)

/* Everything that GNU telnet shows of a visit, its own messages included; it ends by itself. */
Test(terminal, gnu_telnet_shows_a_visit_from_greeting_to_end) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    struct seat tess = seat_start(s, GNU, NULL);
    seat_sees(&tess, "Connected to 127.0.0.1");
    seat_sees(&tess, "Welcome to Chatroom\r\n");
    seat_sees(&tess, "Use \"login <nick>\"\r\n");
    seat_type(&tess, "login tess\r");
    seat_sees(&tess, "tess has entered the room.\r\n");
    guest_expect(ann, "%s", told1(TOLD_COMES, "tess"));
    seat_type(&tess, "hello yourself\r");
    seat_sees(&tess, "hello yourself\r\n"); /* echoed by the terminal; the server echoes nothing */
    seat_sees(&tess, "tess: hello yourself\r\n");
    guest_expect(ann, "tess: hello yourself");
    seat_type(&tess, "look\r");
    seat_sees(&tess, "The following are in this room:\r\n");
    seat_sees(&tess, "tess\r\n");
    seat_type(&tess, "logout\r");
    seat_sees(&tess, "Connection closed by foreign host.");
    guest_expect(ann, "%s", told1(TOLD_GOES, "tess"));
    pty_end(tess.pty);
    server_stop(s);
}

/* The worker that accepted the last connection. */
static int worker_of_last(struct server *s) {
    return atoi(strstr(server_logged(s, "connected"), "worker ") + strlen("worker "));
}

/* Four terminals, or more until two workers have a client each. */
Test(terminal, gnu_telnets_on_several_workers_talk) {
    enum { MOST = 20 };
    struct server *s = server_start(SERVER_QUIET(4));
    struct seat t[MOST];
    char line[64];
    unsigned used = 0;
    int n = 0;
    for (; n < 4 || !(used & (used - 1)); n++) {
        cr_assert_lt(n, MOST, "all are on one worker");
        sprintf(line, "t%d", n);
        t[n] = seat_enter(s, GNU, NULL, line);
        used |= 1U << worker_of_last(s);
        for (int k = 0; k < n; k++)
            seat_sees(&t[k], told1(TOLD_COMES, line));
    }
    for (int i = 0; i < n; i++) {
        sprintf(line, "I am %d\r", i);
        seat_type(&t[i], line);
        sprintf(line, "t%d: I am %d\r\n", i, i);
        for (int k = 0; k < n; k++)
            seat_sees(&t[k], line);
    }
    server_stop(s);
}

/* GNU telnet takes the bytes 83, 8F, 9A, 9C, 9D for its keys ^C, ^O, ^Z, ^\ and ^], until the
 * server asks it for eight bits.  The server asks after the first telnet command of GNU telnet,
 * which the first of these bytes causes.  (9D does not: it opens a prompt of GNU telnet.) */
Test(terminal, gnu_telnet_types_every_character) {
    struct visit v = visit_begin(GNU, NULL);
    static const char *const lines[] = {"惚描月晚", "丝绸, 惚描月晚"};
    for (int i = 0; i < 2; i++) {
        char line[64];
        sprintf(line, "%s\r", lines[i]);
        seat_type(&v.tess, line);
        guest_expect(v.ann, "tess: %s", lines[i]);
        sprintf(line, "tess: %s", lines[i]);
        seat_shows(&v.tess, line);
    }
    seat_type(&v.tess, "never mind");
    seat_sees(&v.tess, "never mind");
    seat_type(&v.tess, "\x03");
    seat_type(&v.tess, "after\r");
    guest_expect(v.ann, "tess: after");
    seat_shows(&v.tess, "tess: after");
    guest_say(v.ann, "there?");
    seat_shows(&v.tess, "ann: there?");
    server_stop(v.s);
}

Test(terminal, gnu_telnet_without_escape_types_every_character_from_the_first) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    seat_enter(s, GNU_NO_ESCAPE, NULL, "丝晚");
    guest_expect(ann, "%s", told1(TOLD_COMES, "丝晚"));
    server_stop(s);
}

/* A GBK terminal without /encoding: the server recognises GBK by the first Chinese line. */
Test(terminal, typing_gbk_is_understood_at_once) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "安");
    struct seat tess = seat_start(s, GNU, gbk);
    seat_sees(&tess, "Use \"login <nick>\"");
    seat_type(&tess, "login 小明\r");
    seat_sees(&tess, "*** You seem to type gbk");
    seat_sees(&tess, told1(TOLD_COMES, "小明"));
    guest_expect(ann, "%s", told1(TOLD_COMES, "小明"));
    server_stop(s);
}

/* Lines said before the switch are sent again in the new encoding. */
Test(terminal, history_is_in_the_current_encoding) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "安");
    struct seat tess = seat_enter(s, GNU, NULL, "tess");
    guest_say(ann, "中文");
    seat_sees(&tess, "安: 中文");
    seat_type(&tess, "/encoding gbk\r");
    seat_sees(&tess, "*** Your encoding is now gbk.");
    tess.charset = gbk;
    seat_type(&tess, "/history 2\r");
    seat_sees(&tess, "安: 中文");
    server_stop(s);
}

/* ---- Ctrl-C ---- */

static void goes_on_after_control_c(int program) {
    struct visit v = visit_begin(program, NULL);
    for (int i = 0; i < 2; i++) {
        seat_type(&v.tess, "never mind");
        seat_sees(&v.tess, "never mind");
        seat_control_c(&v.tess, "\r");
        seat_type(&v.tess, "after\r");
        guest_expect(v.ann, "tess: after");
        seat_sees(&v.tess, "tess: after");
        guest_say(v.ann, "there?");
        guest_expect(v.ann, "ann: there?");
        seat_sees(&v.tess, "ann: there?");
    }
    server_stop(v.s);
}

Test(terminal, gnu_telnet_goes_on_after_control_c) {
    goes_on_after_control_c(GNU);
}
Test(terminal, gnu_telnet_by_key_goes_on_after_control_c) {
    goes_on_after_control_c(GNU_KEYS);
}
Test(terminal, busybox_goes_on_after_control_c) {
    goes_on_after_control_c(BUSYBOX);
}
Test(terminal, plink_goes_on_after_control_c) {
    goes_on_after_control_c(PLINK);
}
Test(terminal, tintin_goes_on_after_control_c) {
    goes_on_after_control_c(TINTIN);
}

/* Other programs end on Ctrl-C, and a half-typed line is not said. */
static void ends_with_control_c(int program) {
    struct visit v = visit_begin(program, NULL);
    seat_type(&v.tess, "never mind");
    seat_sees(&v.tess, "never mind");
    seat_type(&v.tess, "\x03");
    guest_expect(v.ann, "%s", told1(TOLD_GOES, "tess"));
    server_stop(v.s);
}

Test(terminal, nc_ends_with_control_c) {
    ends_with_control_c(NC);
}
Test(terminal, plink_raw_ends_with_control_c) {
    ends_with_control_c(PLINK_RAW);
}

/* ---- editing by the program ---- */

/* TinTin++ edits the line itself. */
static void edits_itself(const char *charset) {
    struct visit v = visit_begin(TINTIN, charset);
    seat_type(&v.tess, "晚上");
    seat_sees(&v.tess, "晚上");
    guest_say(v.ann, "你好");
    guest_expect(v.ann, "ann: 你好");
    seat_sees(&v.tess, "ann: 你好");
    seat_type(&v.tess, "\x7f安\r");
    guest_expect(v.ann, "tess: 晚安");
    seat_sees(&v.tess, "tess: 晚安");
    server_stop(v.s);
}

Test(terminal, tintin_edits_by_itself_in_utf8) {
    edits_itself(NULL);
}
Test(terminal, tintin_edits_by_itself_in_gbk) {
    edits_itself(gbk);
}
