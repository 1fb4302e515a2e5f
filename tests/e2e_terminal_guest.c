/* e2e_terminal_guest.c - terminals that need no program: a telnet that edits nothing and says
 * nothing, two encodings in private, and one who means harm. */
#include "tests/lib/guest.h"
#include "tests/lib/terminal.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(terminal_guest, .timeout = 180);

static const char gbk[] = "CP936";

static void say_in(struct guest *g, const char *text) {
    const char *bytes = terminal_recode(g->charset, "UTF-8", text, strlen(text));
    guest_send(g, bytes, strlen(bytes));
    guest_type(g, "\r\n");
}

static struct guest *enter_gbk(const struct server *s, const char *name) {
    struct guest *g = guest_connect_as(s, .charset = gbk);
    guest_say(g, "/encoding gbk");
    say_in(g, name);
    guest_until(g, "%s", told1(TOLD_COMES, name));
    return g;
}

/* ---- Windows telnet in China: key by key, echoed by itself, BS as 08, code page 936 ---- */

static void keys(struct guest *g, const char *bytes) {
    for (; *bytes; bytes++)
        guest_send(g, bytes, 1);
}

Test(terminal_guest, one_who_never_negotiates_is_edited_silently) {
    struct server *s = server_start("workers = 2\nflood_rate = 0\nhistory = 0\n");
    struct guest *ann = guest_enter(s, "ann"), *win = guest_connect_as(s, .charset = gbk);
    guest_until(win, "%s", told(TOLD_HOW));
    keys(win, "login wim\bn\r\n");
    guest_expect(ann, "%s", told1(TOLD_COMES, "win"));
    guest_until(win, "%s", told1(TOLD_COMES, "win"));
    for (int i = 0; i < 3; i++) {
        keys(win, "\304\343\304\343\b"); /* before anything tells that this is GBK */
        guest_say(ann, "sync %d", i);
        guest_until(ann, "ann: sync %d", i);
        guest_expect(win, "ann: sync %d", i); /* and nothing but that */
        keys(win, "x\x7f\272\303\r\n");
        guest_until(ann, "win: 你好");
        guest_until(win, "win: 你好");
    }
    cr_assert_eq(win->answers_len, 0);
    server_stop(s);
}

/* ---- CHARSET (RFC 2066) ---- */

Test(terminal_guest, an_encoding_agreed_on_is_used_at_once) {
    struct server *s = server_start("workers = 2\nflood_rate = 0\nhistory = 0\n");
    struct guest *ann = guest_enter(s, "ann"), *mud = guest_connect(s);
    guest_until(mud, "%s", told(TOLD_HOW));
    mud->telnet = true;
    guest_type(mud, "\xff\xfb\x2a"); /* WILL CHARSET */
    guest_until_answer(mud, 0xfd, 42);
    guest_say(mud, "mud");
    guest_until(mud, "%s", told1(TOLD_COMES, "mud"));
    guest_expect(ann, "%s", told1(TOLD_COMES, "mud"));
    guest_say(ann, "你好");
    guest_expect(mud, "ann: 你好");
    /* It asks for itself: the answer is a subnegotiation, which is read by hand. */
    guest_type(mud, "\xff\xfa\x2a\x01;GBK;X-NONE\xff\xf0");
    static const char accepted[] = "\xff\xfa\x2a\x02GBK\xff\xf0";
    int64_t deadline = wait_deadline();
    while (guest_pending(mud) < sizeof accepted - 1)
        cr_assert(wait_left_ms(deadline) > 0 && wait_fd(mud->fd, 1, deadline), "no answer");
    cr_assert_eq(memcmp(mud->data + mud->at, accepted, sizeof accepted - 1), 0);
    mud->at += sizeof accepted - 1;
    mud->charset = gbk;
    guest_say(ann, "再见");
    guest_expect(mud, "ann: 再见");
    server_stop(s);
}

/* ---- privately, across workers and encodings ---- */

Test(terminal_guest, two_encodings_talk_privately_across_workers) {
    struct server *s = server_start("workers = 4\nflood_rate = 0\nhistory = 0\n");
    struct guest *ann = guest_enter(s, "安妮"), *bo = enter_gbk(s, "小波");
    int tries = 0;
    while (server_worker_of(s, ann->who) == server_worker_of(s, bo->who)) {
        cr_assert_lt(tries++, 100);
        say_in(bo, "logout");
        guest_until(ann, "%s", told1(TOLD_GOES, "小波"));
        bo = enter_gbk(s, "小波");
    }
    guest_say(ann, "/msg 小波 你好 😀");
    guest_until(ann, "%s", told2(TOLD_COPY, "小波", "你好 😀"));
    guest_expect(bo, "%s", told2(TOLD_PRIVATE, "安妮", "你好 ?"));
    say_in(bo, "/reply 你也好");
    guest_expect(bo, "%s", told2(TOLD_COPY, "安妮", "你也好"));
    guest_expect(ann, "%s", told2(TOLD_PRIVATE, "小波", "你也好"));
    guest_say(ann, "/reply 再见");
    guest_expect(ann, "%s", told2(TOLD_COPY, "小波", "再见"));
    guest_expect(bo, "%s", told2(TOLD_PRIVATE, "安妮", "再见"));
    server_stop(s);
}

/* Two bytes of theirs that are UTF-8, too: what they are sent decides. */
Test(terminal_guest, gbk_that_could_be_utf8_is_gbk) {
    struct server *s = server_start("workers = 2\nflood_rate = 0\nhistory = 0\n");
    struct guest *ann = guest_enter(s, "ann"), *bo = enter_gbk(s, "泰丝");
    guest_expect(ann, "%s", told1(TOLD_COMES, "泰丝"));
    say_in(bo, "哈哈");
    guest_expect(ann, "泰丝: 哈哈");
    guest_expect(bo, "泰丝: 哈哈");
    guest_say(bo, "哈哈"); /* in UTF-8 */
    guest_expect(ann, "泰丝: 哈哈");
    guest_expect(bo, "泰丝: 哈哈");
    server_stop(s);
}

/* ---- one who means harm ---- */

#define BYTES(literal)                                                                             \
    { literal, sizeof(literal) - 1 }
static const struct {
    const char *bytes;
    size_t len;
} hostile[] = {
    BYTES("\033[2J\033[H"),
    BYTES("\033[31mred\033[0m"),
    BYTES("\033]0;title\007"),
    BYTES("\033]52;c;cm0gLXJm\007"),
    BYTES("\033P$q\"p\033\\"),
    BYTES("\033[6n\033[c\033[5n"),
    BYTES("\033c\033#8"),
    BYTES("\033(0lqqk\033(B"),
    BYTES("\033[1A\033[2Kbob: forged"),
    BYTES("\033_tmux\033\\\033^pm\033\\"),
    BYTES("\033"),
    BYTES("\033[20t\033[21t"),
    BYTES("\302\2332J"),
    BYTES("\302\235 0;title\302\234"),
    BYTES("\302\220q\302\234"),
    BYTES("\302\205new line"),
    BYTES("\2332J"),
    BYTES("\235 0;title\234"),
    BYTES("\220q\234"),
    BYTES("a\001\002\004\005\006\007b"),
    BYTES("a\013b\014c\016d\017e"),
    BYTES("a\000b"),
    BYTES("\005\032\034\035\036\037"),
    BYTES("\342\200\256bob: forged\342\200\254"),
    BYTES("\342\200\252a\342\200\253b\342\200\255c"),
    BYTES("\342\201\246a\342\201\247b\342\201\250c\342\201\251"),
    BYTES("\342\200\216a\342\200\217b\330\234c"),
    BYTES("in\342\200\213vis\342\200\214ib\342\200\215le"),
    BYTES("\357\273\277bom"),
    BYTES("a\342\201\240b\342\201\241c\342\201\244d"),
    BYTES("soft\302\255hyphen"),
    BYTES("a\342\200\250line\342\200\251paragraph"),
    BYTES("a\363\240\200\201b\363\240\201\277tag"),
    BYTES("a\357\267\220b\357\277\277c\364\217\277\277d"),
    BYTES("a\356\200\200private"),
    BYTES("a\343\205\244\341\205\237\341\205\240filler"),
    BYTES("a\341\240\216b\357\270\217c"),
    BYTES("a\314\201\314\201\314\201\314\201\314\201\314\201\314\201\314\201\314\201"),
    BYTES("\300\233[2J overlong escape"),
    BYTES("\340\200\233[2J\360\200\200\233[2J"),
    BYTES("\300\212\300\215 overlong line end"),
    BYTES("\355\240\200\355\260\200 surrogates"),
    BYTES("\364\220\200\200\370\210\200\200\200 beyond"),
    BYTES("\304\033[2J half of GBK"),
    BYTES("\201\302\2332J"),
    BYTES("\344\033[2J\344\275\033[2J"),
    BYTES("\377\377\377\373\001\377\375\006"),
    BYTES("\377\372\030\000\033[2J\377\360after it"),
    BYTES("*** The server is going down.\033[8m"),
    BYTES("x\tbob: forged\bby tabs"),
};
enum { HOSTILE = sizeof hostile / sizeof hostile[0] };

/* Never on anybody's screen, beyond what every guest checks of every line. */
static void is_harmless(const char *line, size_t i) {
    static const char *const never[] = {
        "\302\233",     "\302\235",     "\302\220",     "\302\234",     "\302\205",
        "\302\255",     "\342\200\213", "\342\200\214", "\342\200\215", "\342\200\216",
        "\342\200\217", "\342\200\250", "\342\200\251", "\342\200\252", "\342\200\253",
        "\342\200\254", "\342\200\255", "\342\200\256", "\342\201\240", "\342\201\241",
        "\342\201\244", "\342\201\246", "\342\201\247", "\342\201\250", "\342\201\251",
        "\330\234",     "\357\273\277", "\363\240",     "\356\200\200", "\343\205\244",
        "\341\205\237", "\341\205\240", "\341\240\216", "\357\270\217", "\357\267\220",
    };
    for (size_t n = 0; n < sizeof never / sizeof never[0]; n++)
        cr_expect_null(strstr(line, never[n]), "hostile %zu: %s", i, line);
}

static void all_is_well(struct guest **g, int n, const char *mark, size_t i) {
    for (int k = 0; k < n; k++)
        for (const char *line = NULL; !line || strcmp(line, mark) != 0;) {
            line = guest_next(g[k]);
            is_harmless(line, i);
        }
}

static void harm(struct guest *mal, const char *before, size_t i) {
    guest_send(mal, before, strlen(before));
    guest_send(mal, hostile[i].bytes, hostile[i].len);
    guest_type(mal, "\r\n");
}

Test(terminal_guest, nothing_hostile_reaches_another_terminal) {
    struct server *s = server_start("workers = 2\nflood_rate = 0\nhistory = 0\nline_max = 512\n");
    struct guest *mal = guest_enter(s, "mal");
    struct guest *all[4] = {guest_enter(s, "bob"), enter_gbk(s, "大卫"), guest_connect(s), mal};
    guest_say(all[2], "/encoding big5");
    guest_say(all[2], "eve");
    guest_until(all[2], "%s", told1(TOLD_COMES, "eve"));
    all[2]->charset = "BIG5";
    mal->telnet = true;
    guest_say(mal, "/encoding utf-8");
    for (size_t i = 0; i < HOSTILE; i++) {
        char mark[32];
        harm(mal, "", i);
        harm(mal, "/me ", i);
        harm(mal, "/msg bob ", i);
        harm(mal, "/nick ", i);
        harm(mal, "/nick x", i);
        guest_say(mal, "/nick mal");
        guest_say(mal, "mark %zu", i);
        sprintf(mark, "mal: mark %zu", i);
        all_is_well(all, 4, mark, i);
    }
    server_stop(s);
}

Test(terminal_guest, no_hostile_name_is_taken) {
    struct server *s = server_start("workers = 2\nflood_rate = 0\nhistory = 0\n");
    struct guest *all[2] = {guest_enter(s, "bob"), enter_gbk(s, "大卫")};
    for (size_t i = 0; i < HOSTILE; i++) {
        struct guest *mal = guest_connect(s);
        char mark[32];
        mal->telnet = true;
        guest_say(mal, "/encoding utf-8");
        harm(mal, "login ", i);
        harm(mal, "login x", i);
        guest_say(mal, "login mal");
        guest_say(mal, "mark %zu", i);
        sprintf(mark, "mal: mark %zu", i);
        all_is_well(&mal, 1, mark, i); /* none was good enough, so it is called what it said last */
        all_is_well(all, 2, mark, i);
        guest_say(mal, "logout");
        guest_expect_end(mal);
        guests_until(all, 2, told1(TOLD_GOES, "mal"));
    }
    server_stop(s);
}
