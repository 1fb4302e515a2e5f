/* e2e_terminal.c - at home in every terminal: the programs people really use, each on a terminal of
 * its own, in UTF-8 and in GBK, talking with one behind a socket. */
#include "tests/lib/seat.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(terminal, .timeout = 180);

static const char gbk[] = "CP936";

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

/* Which worker has the one who came last. */
static int worker_of_last(struct server *s) {
    return atoi(strstr(server_logged(s, "connected"), "worker ") + strlen("worker "));
}

Test(terminal, two_encodings_talk_privately_across_workers) {
    struct server *s = server_start(SERVER_QUIET(4));
    struct seat tess = seat_enter(s, GNU, gbk, "黛西");
    int worker = worker_of_last(s), tries = 0;
    struct seat bo = seat_enter(s, PLINK, NULL, "小晚");
    seat_sees(&tess, told1(TOLD_COMES, "小晚"));
    while (worker_of_last(s) == worker) {
        cr_assert_lt(tries++, 100);
        seat_type(&bo, "logout\r");
        seat_sees(&tess, told1(TOLD_GOES, "小晚"));
        bo = seat_enter(s, PLINK, NULL, "小晚");
        seat_sees(&tess, told1(TOLD_COMES, "小晚"));
    }
    seat_sees(&tess, "\n");
    seat_type(&bo, "/msg 黛西 晚上好 😀\r");
    seat_shows(&bo, told2(TOLD_COPY, "黛西", "晚上好 😀"));
    seat_shows(&tess, told2(TOLD_PRIVATE, "小晚", "晚上好 ?"));
    seat_type(&tess, "/reply 丝绸\r");
    seat_shows(&tess, told2(TOLD_COPY, "小晚", "丝绸"));
    seat_shows(&bo, told2(TOLD_PRIVATE, "黛西", "丝绸"));
    seat_type(&bo, "大家好\r");
    seat_shows(&bo, "小晚: 大家好");
    seat_shows(&tess, "小晚: 大家好");
    server_stop(s);
}

/* To GNU telnet the bytes 83, 8F, 9A, 9C, 9D are its ^C, ^O, ^Z, ^\ and ^], until it is asked for
 * eight bits, which it is as soon as it lets itself be known: by the first of them.  (But not by
 * 9D, which opens a prompt of its own.) */
Test(terminal, gnu_telnet_types_every_character) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    struct seat tess = seat_enter(s, GNU, NULL, "tess");
    guest_expect(ann, "%s", told1(TOLD_COMES, "tess"));
    static const char *const lines[] = {"惚描月晚", "丝绸, 惚描月晚"};
    for (int i = 0; i < 2; i++) {
        char line[64];
        sprintf(line, "%s\r", lines[i]);
        seat_type(&tess, line);
        guest_expect(ann, "tess: %s", lines[i]);
        sprintf(line, "tess: %s", lines[i]);
        seat_shows(&tess, line);
    }
    seat_type(&tess, "never mind");
    seat_sees(&tess, "never mind");
    seat_type(&tess, "\x03");
    seat_type(&tess, "after\r");
    guest_expect(ann, "tess: after");
    seat_shows(&tess, "tess: after");
    guest_say(ann, "there?");
    seat_shows(&tess, "ann: there?");
    server_stop(s);
}

Test(terminal, gnu_telnet_without_escape_types_every_character_from_the_first) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    seat_enter(s, GNU_NO_ESCAPE, NULL, "丝晚");
    guest_expect(ann, "%s", told1(TOLD_COMES, "丝晚"));
    server_stop(s);
}

/* A terminal in GBK that has not said so: the first Chinese line tells. */
Test(terminal, typing_gbk_is_understood_at_once) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "安");
    struct seat tess = seat_start(s, GNU, gbk);
    seat_sees(&tess, "Use \"login <nick>\"");
    seat_type(&tess, "黛西\r");
    seat_sees(&tess, "*** You seem to type gbk");
    seat_sees(&tess, told1(TOLD_COMES, "黛西"));
    guest_expect(ann, "%s", told1(TOLD_COMES, "黛西"));
    server_stop(s);
}

/* What was said before the switch is shown again in the new encoding. */
Test(terminal, history_is_in_the_encoding_one_has_now) {
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
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    struct seat tess = seat_enter(s, program, NULL, "tess");
    guest_expect(ann, "%s", told1(TOLD_COMES, "tess"));
    for (int i = 0; i < 2; i++) {
        seat_type(&tess, "never mind");
        seat_sees(&tess, "never mind");
        seat_control_c(&tess, "\r");
        seat_type(&tess, "after\r");
        guest_expect(ann, "tess: after");
        seat_sees(&tess, "tess: after");
        guest_say(ann, "there?");
        guest_expect(ann, "ann: there?");
        seat_sees(&tess, "ann: there?");
    }
    server_stop(s);
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

/* The others are ended by it, and what was half typed is not said. */
static void ends_with_control_c(int program) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    struct seat tess = seat_enter(s, program, NULL, "tess");
    guest_expect(ann, "%s", told1(TOLD_COMES, "tess"));
    seat_type(&tess, "never mind");
    seat_sees(&tess, "never mind");
    seat_type(&tess, "\x03");
    guest_expect(ann, "%s", told1(TOLD_GOES, "tess"));
    server_stop(s);
}

Test(terminal, nc_ends_with_control_c) {
    ends_with_control_c(NC);
}
Test(terminal, plink_raw_ends_with_control_c) {
    ends_with_control_c(PLINK_RAW);
}

/* ---- editing of its own ---- */

/* TinTin++ edits by itself. */
static void edits_itself(const char *charset) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    struct seat tess = seat_enter(s, TINTIN, charset, "tess");
    guest_expect(ann, "%s", told1(TOLD_COMES, "tess"));
    seat_type(&tess, "晚上");
    seat_sees(&tess, "晚上");
    guest_say(ann, "你好");
    guest_expect(ann, "ann: 你好");
    seat_sees(&tess, "ann: 你好");
    seat_type(&tess, "\x7f安\r");
    guest_expect(ann, "tess: 晚安");
    seat_sees(&tess, "tess: 晚安");
    server_stop(s);
}

Test(terminal, tintin_edits_by_itself_in_utf8) {
    edits_itself(NULL);
}
Test(terminal, tintin_edits_by_itself_in_gbk) {
    edits_itself(gbk);
}
