/* e2e_encodings.c - encodings from outside: those without a ring, Traditional Chinese for Big5,
 * what switches a client and what does not, and invisible characters that a script needs. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* The guest asks for an encoding that its client has by another name of iconv's. */
static void choose(struct guest *g, const char *name, const char *charset) {
    guest_say(g, "/encoding %s", name);
    guest_until(g, "*** Your encoding is now %s.", name);
    g->charset = charset;
}

static const struct {
    const char *name, *charset, *text, *unshown;
} others[] = {
    {"gb18030", "GB18030", "😀 㐀 𠮷 Łódź © • € 你好", NULL},
    {"shift_jis", "CP932", "日本語テスト ｶﾀｶﾅ 表\\ ソ", "한"},
    {"euc-jp", "EUC-JP", "こんにちは 漢字 ｱ", "한"},
    {"euc-kr", "EUC-KR", "안녕하세요", "ж한"},
    {"koi8-r", "KOI8-R", "Съешь ещё этих булок", "你"},
    {"windows-1251", "CP1251", "я люблю тебя, моя яичница", "你"},
    {"windows-1252", "CP1252", "naïve “café” – ÿ €", "你"},
    {"iso-8859-1", "ISO-8859-1", "señor ñandú ÿþ", "€"},
    {"iso-8859-15", "ISO-8859-15", "l'œuvre à 5 €", "你"},
};
enum { OTHERS = sizeof others / sizeof others[0] };

Test(encodings, without_a_ring_are_sent_and_read) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    for (int i = 0; i < OTHERS; i++) {
        char said[512], seen[512];
        choose(g[1], others[i].name, others[i].charset);
        guest_say(g[0], "%s", others[i].text);
        snprintf(said, sizeof said, "ann: %s", others[i].text);
        guests_expect(g, 2, said);
        if (others[i].unshown && i != 3) {
            guest_say(g[0], "a%sb", others[i].unshown);
            guest_expect(g[0], "ann: a%sb", others[i].unshown);
            guest_expect(g[1], "ann: a?b");
        }
        guest_say_in(g[1], others[i].text);
        snprintf(seen, sizeof seen, "bob: %s", others[i].text);
        guests_expect(g, 2, seen);
        guest_say_in(g[1], "/msg ann plain");
        guest_expect(g[1], "[to ann] plain");
        guest_expect(g[0], "[bob] plain");
        guest_say(g[0], "/msg bob %s", others[i].text);
        guest_until(g[0], "[to bob] %s", others[i].text);
        guest_expect(g[1], "[ann] %s", others[i].text);
    }
    server_stop(s);
}

Test(encodings, a_name_that_cannot_be_shown_is_its_number) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    choose(g[1], "koi8-r", "KOI8-R");
    struct guest *ming = guest_enter(s, "小明");
    char number[64], line[128];
    guest_expect(g[0], "%s", told1(TOLD_COMES, "小明"));
    cr_assert_eq(sscanf(guest_next(g[1]), "\?\?\?%63s has entered the room.", number), 1, "%s",
                 g[1]->line);
    guest_say(ming, "привет, 你");
    guest_expect(g[0], "小明: привет, 你");
    guest_expect(g[1], "\?\?\?%s: привет, ?", number);
    guest_say(ming, "/me ждёт");
    guest_expect(g[0], "* 小明 ждёт");
    guest_expect(g[1], "* \?\?\?%s ждёт", number);
    guest_say(g[1], "/msg %s hi", number);
    guest_expect(g[1], "[to \?\?\?%s] hi", number);
    guest_until(ming, "[bob] hi");
    guest_say(g[1], "look");
    snprintf(line, sizeof line, "\?\?\?%s", number);
    guest_until(g[1], "%s", line);
    guest_close(ming);
    guest_until(g[1], "\?\?\?%s has left the room.", number);
    server_stop(s);
}

Test(encodings, without_a_ring_go_with_times_history_and_ignoring) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    choose(g[1], "gb18030", "GB18030");
    struct guest *carl = guest_enter(s, "carl");
    guests_expect(g, 2, told1(TOLD_COMES, "carl"));
    guest_say(g[1], "/ignore carl");
    guest_until_begins(g[1], "You no longer");
    guest_say(carl, "𠮷");
    guest_until(g[0], "carl: 𠮷");
    guest_say(g[0], "😀 one");
    guest_expect(g[1], "ann: 😀 one");
    guest_say(g[1], "/timestamps on");
    guest_until_begins(g[1], "*** Lines");
    guest_say(g[0], "㐀 two");
    cr_assert_str_eq(guest_next(g[1]) + strlen("[00:00] "), "ann: 㐀 two", "%s", g[1]->line);
    guest_say(g[1], "/timestamps off");
    guest_until_begins(g[1], "*** Lines");
    guest_say(g[1], "/history 2");
    guest_until_begins(g[1], "*** ");
    do
        guest_next(g[1]);
    while (!strstr(g[1]->line, "ann: 㐀 two"));
    choose(g[1], "utf-8", NULL);
    guest_say(g[0], "😀 three");
    guest_expect(g[1], "ann: 😀 three");
    server_stop(s);
}

Test(encodings, charset_agrees_on_gb18030_with_its_four_bytes) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    g[1]->telnet = true;
    guest_type(g[1], "\xff\xfb\x2a");
    guest_until_answer(g[1], 253, 42);
    g[1]->telnet = false;
    guest_type(g[1], "\xff\xfa\x2a\x01;Big5;GB18030\xff\xf0");
    guest_type(g[1], "\x94\x39\xfc\x36 \xa2\xe3\r\n"); /* an emoji, the euro */
    guest_expect(g[0], "bob: 😀 €");
    char agreed[] = "\xff\xfa\x2a\x02GB18030\xff\xf0"
                    "bob: \x94\x39\xfc\x36 \xa2\xe3\r\n";
    while (guest_pending(g[1]) < sizeof agreed - 1)
        ;
    cr_assert(memmem(g[1]->data + g[1]->at, g[1]->len - g[1]->at, agreed, sizeof agreed - 1));
    server_stop(s);
}

/* GBK is code page 936. */
Test(encodings, the_euro_of_each) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    guest_say(g[1], "/encoding gbk");
    guest_until(g[1], "*** Your encoding is now gbk.");
    guest_say(g[0], "€5");
    guest_expect(g[0], "ann: €5");
    while (guest_pending(g[1]) < strlen("ann: x5\r\n"))
        ;
    cr_assert(memmem(g[1]->data + g[1]->at, g[1]->len - g[1]->at,
                     "ann: \x80"
                     "5\r\n",
                     9));
    guest_type(g[1], "\x80 \xa2\xe3\r\n");
    guest_expect(g[0], "bob: € €");
    server_stop(s);
}

/* A letter of 255 from, and to, a client that speaks telnet, and one that does not. */
Test(encodings, the_letter_that_telnet_calls_a_command) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    choose(g[1], "windows-1251", "CP1251");
    guest_type(g[1], "\xff\xf0\xea\xe0\xff, \xe4\xeb\xff\r\n");
    guests_expect(g, 2, "bob: яркая, для");
    struct guest *carl = guest_enter(s, "carl");
    guests_expect(g, 2, told1(TOLD_COMES, "carl"));
    carl->telnet = true;
    guest_type(carl, "\xff\xfb\x2a"); /* it speaks telnet */
    guest_until_answer(carl, 253, 42);
    guest_say(carl, "/encoding windows-1251");
    guest_until(carl, "*** Your encoding is now windows-1251.");
    guest_type(carl, "\xff\xff\xff\xff \xe4\xeb\xff\xff\r\n");
    guests_expect(g, 2, "carl: яя для");
    char doubled[] = "carl: \xff\xff\xff\xff \xe4\xeb\xff\xff\r\n";
    while (guest_pending(carl) < sizeof doubled - 1)
        ;
    cr_assert(memmem(carl->data, carl->len, doubled, sizeof doubled - 1));
    server_stop(s);
}

Test(encodings, which_there_are_is_said) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    guest_say(g[0], "/encoding klingon");
    const char *line = guest_until_begins(g[0], "Use /encoding");
    for (int i = 0; i < OTHERS; i++)
        cr_expect(strstr(line, others[i].name), "%s: %s", line, others[i].name);
    server_stop(s);
}

/* A client in an encoding without a ring goes on at the very byte in another worker. */
Test(encodings, a_worker_dies) {
    struct guest *g[2];
    struct server *s = server_start(SERVER_QUIET(1));
    s->workers_may_die = true;
    g[0] = guest_enter(s, "ann");
    g[1] = guest_enter(s, "bob");
    guest_expect(g[0], "%s", told1(TOLD_COMES, "bob"));
    choose(g[1], "gb18030", "GB18030");
    for (int i = 0; i < 5; i++) {
        guest_say(g[0], "😀 before");
        guests_expect(g, 2, "ann: 😀 before");
        guest_say(g[0], "𠮷 meanwhile");
        kill(server_worker_pid(s, 0), SIGKILL);
        guests_expect(g, 2, "ann: 𠮷 meanwhile");
        server_logged(s, "worker 0 was killed by signal 9");
    }
    guest_say_in(g[1], "㐀");
    guests_expect(g, 2, "bob: 㐀");
    server_stop(s);
}

/* ---- Traditional ---- */

static void no_marks(struct guest *g, const char *last) {
    do
        cr_assert_not(strchr(guest_next(g), '?'), "%s", g->line);
    while (!strstr(g->line, last));
}

Test(encodings, a_chinese_server_speaks_traditional_to_big5) {
    struct server *s = server_start("%slanguage = zh\nencoding = big5\n", server_quiet);
    struct guest *ann = guest_connect_as(s, .charset = "BIG5");
    guest_expect(ann, "歡迎進入Chatroom聊天室!");
    guest_expect(ann, "請先登入");
    guest_expect(ann, "使用\"login <暱稱>\"");
    guest_say(ann, "login ann");
    guest_until(ann, "ann進入聊天室!");
    struct guest *bob = guest_connect_as(s, .charset = "BIG5");
    guest_until(bob, "使用\"login <暱稱>\"");
    bob->charset = NULL;
    guest_say(bob, "/encoding utf-8");
    guest_say(bob, "login bob");
    guest_until(bob, "bob进入聊天室!");
    guest_expect(ann, "bob進入聊天室!");
    guest_say(ann, "look");
    guest_expect(ann, "聊天室裡有:");
    guest_expect_names(ann, ((const char *const[]){"ann", "bob"}), 2);
    guest_say(ann, "/nick amy");
    guest_expect(ann, "ann改名為amy。");
    guest_say(ann, "/nick login");
    guest_expect(ann, "這不是名字: login");
    no_marks(ann, "不可混用");
    guest_say(ann, "/help");
    no_marks(ann, "開頭的話");
    guest_say(ann, "/bad");
    guest_expect(ann, "未知指令: /bad");
    no_marks(ann, "/help");
    guest_say(bob, "歡迎 說話");
    guest_expect(ann, "bob: 歡迎 說話");
    guest_close(bob);
    guest_expect(ann, "bob離開聊天室!");
    server_signal(s, SIGTERM);
    guest_expect(ann, "*** 伺服器已被關閉!");
    server_ended(s);
}

Test(encodings, and_simplified_to_others_in_the_same_room) {
    struct server *s = server_start("%slanguage = zh\n", server_quiet);
    struct guest *ann = guest_connect(s), *bob = guest_connect(s), *carl = guest_connect(s);
    guest_expect(ann, "欢迎进入Chatroom聊天室!");
    guest_say(ann, "login ann");
    guest_until(ann, "ann进入聊天室!");
    guest_say(bob, "/encoding big5");
    guest_say(bob, "login bob");
    guest_until_begins(bob, "使用");
    bob->charset = "BIG5";
    guest_until(bob, "bob進入聊天室!");
    guest_expect(ann, "bob进入聊天室!");
    guest_say(carl, "/encoding gb18030");
    guest_say(carl, "login carl");
    guest_until_begins(carl, "使用");
    carl->charset = "GB18030";
    guest_until(carl, "carl进入聊天室!");
    guest_expect(ann, "carl进入聊天室!");
    guest_expect(bob, "carl進入聊天室!");
    server_stop(s);
}

/* ---- what switches whom ---- */

Test(encodings, only_common_chinese_switches) {
    static const struct {
        const char *bytes, *as;
    } lines[] = {
        {"caf\xe9", "Latin-1"},
        {"na\xefve \xfc"
         "ber Stra\xdf"
         "e",
         "Latin-1"},
        {"CR\xc9\xc9", "Latin-1, capitals"},
        {"\xd0\xd2\xc9\xd7\xc5\xd4", "KOI8-R"},
        {"\xda\xc4\xd2\xc1\xd7\xd3\xd4\xd7\xd5\xca\xd4\xc5", "KOI8-R"},
        {"\xef\xf0\xe8\xe2\xe5\xf2", "Windows-1251"},
        {"\xcf\xd0\xc8\xc2\xc5\xd2", "Windows-1251, capitals"},
        {"\x83\x65\x83\x58\x83\x67", "Shift_JIS"},
        {"\x93\xfa\x96\x7b\x8c\xea", "Shift_JIS"},
        {"\xc3\xbd\xc4", "Shift_JIS, half width"},
        {"\xc6\xfc\xcb\xdc\xb8\xec", "EUC-JP"},
        {"\xbe\xc8\xb3\xe7\xc7\xcf\xbc\xbc\xbf\xe4", "EUC-KR"},
        {"\xa7\x41\xa6\x6e", "Big5"},
    };
    struct server *s = server_start("%s", server_quiet);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char name[16];
        snprintf(name, sizeof name, "bob%zu", i);
        struct guest *g = guest_enter(s, name);
        guest_send(g, lines[i].bytes, strlen(lines[i].bytes));
        guest_type(g, "\r\n");
        cr_assert_eq(strncmp(guest_until_begins(g, "bob"), name, strlen(name)), 0, "%s", g->line);
        guest_say(g, "still UTF-8: é");
        guest_next(g);
        cr_assert(strstr(g->line, ": still UTF-8: é"), "%s: %s", lines[i].as, g->line);
    }
    static const char *const chinese[] = {"\xc4\xe3\xba\xc3", "\xb4\xf3\xbc\xd2\xba\xc3",
                                          "\xbb\xb6\xd3\xad!", "\xd6\xd0\xce\xc4\xb2\xe2\xca\xd4"};
    for (size_t i = 0; i < sizeof chinese / sizeof chinese[0]; i++) {
        char name[16];
        snprintf(name, sizeof name, "han%zu", i);
        struct guest *g = guest_enter(s, name);
        guest_send(g, chinese[i], strlen(chinese[i]));
        guest_type(g, "\r\n");
        guest_until_begins(g, "*** You seem to type gbk");
    }
    server_stop(s);
}

Test(encodings, who_typed_utf8_is_read_as_utf8) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    guest_say(g[1], "é");
    guests_expect(g, 2, "bob: é");
    guest_type(g[1], "\xc4\xe3\xba\xc3 hi\r\n"); /* GBK, pasted */
    guests_expect(g, 2, "bob: \357\277\275\357\277\275\357\277\275\357\277\275 hi");
    guest_say(g[1], "再见");
    guests_expect(g, 2, "bob: 再见");
    /* the same of one that is sent GBK; and /encoding begins anew */
    choose(g[1], "gbk", "GBK");
    guest_type(g[1], "\xc4\xe3\xba\xc3\r\n");
    guests_expect(g, 2, "bob: 你好");
    guest_say(g[1], "再见");
    guests_expect(g, 2, "bob: 再见");
    guest_type(g[1], "\xc4\xe3\r\n");
    guest_expect(g[0], "bob: \357\277\275\357\277\275");
    guest_expect(g[1], "bob: ??");
    guest_say(g[1], "/encoding gbk");
    guest_type(g[1], "\xc4\xe3\r\n");
    guest_until(g[1], "bob: 你");
    guest_expect(g[0], "bob: 你");
    server_stop(s);
}

Test(encodings, an_unknown_character_costs_one_mark) {
    static const struct {
        const char *encoding, *bytes, *text;
    } lines[] = {
        {"gbk", "\xc4\xe3\xaa\xa1\xba\xc3", "你\357\277\275好"},
        {"gbk", "\xc4\xe3\xa2\x41\xba\xc3", "你\357\277\275A好"},
        {"big5", "\xa7\x41\xff\xff\xa6\x6e", "你\357\277\275好"},
        {"big5", "\xa7\x41\x81\x41\xa6\x6e", "你\357\277\275A好"},
        {"gb18030", "\xc4\xe3\xfe\x39\xfe\x39\xba\xc3", "你\357\277\2759\357\277\2759好"},
        {"shift_jis", "\x93\xfa\x85\xa0\x96\x7b", "日\357\277\275本"},
        {"euc-kr", "\xb3\xaa\xc9\xa1\xb3\xaa", "나\357\277\275나"},
        {"euc-jp", "\xc6\xfc\x8f\xa1\xa1\xcb\xdc", "日\357\277\275本"},
    };
    struct guest *g[2];
    struct server *s = guests_two(g);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        guest_say(g[1], "/encoding %s", lines[i].encoding);
        guest_send(g[1], lines[i].bytes, strlen(lines[i].bytes));
        guest_type(g[1], "\r\n");
        guest_expect(g[0], "bob: %s", lines[i].text);
    }
    /* of a client that is not known to type GBK, too */
    struct guest *carl = guest_enter(s, "carl");
    guest_expect(g[0], "%s", told1(TOLD_COMES, "carl"));
    guest_type(carl, "\xc4\xe3\xba\xc3\xaa\xa1\xba\xc3\r\n");
    guest_expect(g[0], "carl: 你好\357\277\275好");
    server_stop(s);
}

/* ---- invisible characters ---- */

Test(encodings, joiners_stay_where_a_script_needs_them) {
    static const struct {
        const char *typed, *said;
    } lines[] = {
        {"می\342\200\214خواهم", "می\342\200\214خواهم"},                     /* Persian */
        {"क्\342\200\215ष क्\342\200\214ष", "क्\342\200\215ष क्\342\200\214ष"}, /* Hindi */
        {"র\342\200\215্য", "র\342\200\215্য"},                               /* Bengali */
        {"👨\342\200\215👩\342\200\215👧\342\200\215👦 x",
         "👨\342\200\215👩\342\200\215👧\342\200\215👦 x"},
        {"❤\357\270\217 ✈\357\270\216", "❤\357\270\217 ✈\357\270\216"},
        {"🏳\357\270\217\342\200\215🌈", "🏳\357\270\217\342\200\215🌈"},
        {"👩🏽\342\200\215🚀", "👩🏽\342\200\215🚀"},
        {"1\357\270\217\342\203\243", "1\357\270\217\342\203\243"},
        {"🇨🇳", "🇨🇳"},
        {"in\342\200\213vis\342\200\214ib\342\200\215le", "invisible"},
        {"你\342\200\215好\357\270\217", "你好"},
        {"می\342\200\214\342\200\214\342\200\214خ", "می\342\200\214خ"},
        {"👨\342\200\215 x", "👨 x"},
        {"\342\200\215👨", "👨"},
        {"a\315\270b \360\237\253\277", "a\315\270b \360\237\253\277"}, /* newer than the tables */
    };
    struct guest *g[2];
    struct server *s = guests_two(g);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char said[256];
        guest_say(g[0], "%s", lines[i].typed);
        snprintf(said, sizeof said, "ann: %s", lines[i].said);
        guests_expect(g, 2, said);
    }
    guest_say(g[0], "/nick می\342\200\214نا");
    guest_until_begins(g[0], "That is not a name");
    guest_say(g[0], "/nick ❤\357\270\217");
    guest_until_begins(g[0], "That is not a name");
    guest_say(g[0], "/nick a\315\270b");
    guest_until_begins(g[0], "That is not a name");
    server_stop(s);
}

/* Its bytes are valid UTF-8 as well: the line settles nothing. */
Test(encodings, thanks_in_gbk_does_not_settle_utf8) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    static const char *const both[] = {"\xd0\xbb\xd0\xbb" /* 谢谢 */, "\xd0\xa1\xd0\xb4",
                                       "\xd0\xa1"};
    for (size_t i = 0; i < sizeof both / sizeof both[0]; i++) {
        guest_send(g[1], both[i], strlen(both[i]));
        guest_type(g[1], "\r\n");
    }
    guest_type(g[1], "\xb4\xf3\xbc\xd2\xba\xc3\r\n");
    guest_until_begins(g[1], "*** You seem to type gbk");
    server_stop(s);
}
