/* e2e_bbs.c - clients that send each key by itself and have negotiated nothing are offered the
 * echo, once; all others are never sent a telnet byte. */
#include "tests/lib/bbs.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

TestSuite(bbs, .timeout = 180);

static const char one_worker[] = SERVER_QUIET(1);
static const char big5[] = SERVER_QUIET(1) "encoding = big5\n";

/* ---- what its screen shows ---- */

static void edits(const char *config, struct bbs_how how) {
    struct server *s = server_start("%s", config);
    struct guest *ann = guest_connect(s);
    guest_say(ann, "/encoding utf-8");
    guest_say(ann, "login ann");
    guest_until(ann, "%s", told1(TOLD_COMES, "ann"));
    struct bbs dan = bbs_start_at(HERE, s, how);
    bbs_type(&dan, "log");
    cr_expect(dan.echoed);
    bbs_row(&dan, 0, "log");
    bbs_type(&dan, "in dax");
    bbs_press(&dan, BBS_BACKSPACE);
    bbs_row(&dan, 0, "login da");
    bbs_type(&dan, "n\r");
    guest_expect(ann, "%s", told1(TOLD_COMES, "dan"));
    bbs_type(&dan, "好中文");
    bbs_row(&dan, 0, "好中文");
    bbs_press(&dan, BBS_BACKSPACE);
    bbs_row(&dan, 0, "好中");
    guest_say(ann, "不");
    bbs_row(&dan, 1, "ann: 不");
    bbs_row(&dan, 0, "好中");
    bbs_press(&dan, BBS_LEFT);
    bbs_press(&dan, BBS_LEFT);
    bbs_press(&dan, BBS_RIGHT);
    bbs_type(&dan, "x");
    bbs_row(&dan, 0, "好x中");
    bbs_press(&dan, BBS_DELETE);
    bbs_press(&dan, BBS_LEFT);
    bbs_press(&dan, BBS_LEFT);
    bbs_type(&dan, "很");
    bbs_press(&dan, BBS_RIGHT);
    bbs_type(&dan, "啊\r");
    guest_until(ann, "dan: 很好啊x");
    bbs_row(&dan, 1, "dan: 很好啊x");
    cr_expect_eq(dan.offers, 1);
    server_stop(s);
}

Test(bbs, a_bbs_client_sees_what_it_types) {
    edits(one_worker, (struct bbs_how){0});
}
Test(bbs, a_bbs_client_sees_what_it_types_in_big5) {
    edits(big5, (struct bbs_how){.charset = "BIG5"});
}
/* As PCManX is set by default. */
Test(bbs, keys_sent_twice_over_chinese_count_once) {
    edits(big5, (struct bbs_how){.charset = "BIG5", .doubles = true});
    edits(SERVER_QUIET(1) "encoding = gbk\n",
          (struct bbs_how){.charset = "CP936", .doubles = true});
    edits(one_worker, (struct bbs_how){.doubles = true});
}
Test(bbs, a_bbs_client_sees_what_it_types_in_gbk) {
    edits(SERVER_QUIET(1) "encoding = gbk\n", (struct bbs_how){.charset = "CP936"});
}
Test(bbs, a_client_with_a_local_echo_sees_nothing_twice) {
    edits(one_worker, (struct bbs_how){.shows = true});
}
Test(bbs, windows_telnet_sees_nothing_twice) {
    edits(SERVER_QUIET(1) "encoding = gbk\n", (struct bbs_how){.shows = true, .charset = "CP936"});
}

/* ---- what is a key ---- */

#define KEY(literal)                                                                               \
    { literal, sizeof(literal) - 1 }
struct key {
    const char *bytes;
    size_t len;
};

/* Three such reads within a line. */
Test(bbs, a_key_is_one_character_in_any_encoding) {
    static const struct key keys[] = {
        KEY("a"),        KEY(" "),        KEY("\303\251"),         KEY("\344\275\240"),
        KEY("\304\343"), KEY("\247\101"), KEY("\360\237\230\200"), KEY("\201\060\204\066"),
        KEY("\xe9"),     KEY("\202\240"),
    };
    struct server *s = server_start("%s", one_worker);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct bbs b = bbs_start(s, .mute = true, .blind = true);
        for (int line = 0; line < 3; line++) {
            bbs_send(&b, keys[i].bytes, keys[i].len);
            bbs_send(&b, keys[i].bytes, keys[i].len);
            bbs_keys(&b, "\r");
        }
        cr_expect_eq(b.offers, 0, "%s: after two", keys[i].bytes);
        for (int n = 0; n < 3; n++)
            bbs_send(&b, keys[i].bytes, keys[i].len);
        cr_expect_eq(b.offers, 1, "%s: after three", keys[i].bytes);
        guest_close(b.g);
        guest_close(b.other);
    }
    server_stop(s);
}

/* A terminal that sends lines would have sent these as part of one. */
Test(bbs, one_escape_sequence_is_enough) {
    static const struct key keys[] = {
        KEY("\033OA"),    KEY("\033[D"), KEY("\033[3~"), KEY("\033[1~"), KEY("\033[15~"),
        KEY("\033[1;5C"), KEY("\033OP"), KEY("\033[[A"), KEY("\033f"),   KEY("\033\033[D"),
    };
    struct server *s = server_start("%s", one_worker);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct bbs b = bbs_start(s, .mute = true, .blind = true);
        bbs_send(&b, keys[i].bytes, keys[i].len);
        cr_expect_eq(b.offers, 1, "%s", keys[i].bytes + 1);
        cr_expect_eq(b.g->answers_len, 6);
        cr_expect_eq(memcmp(b.g->answers, "\377\373\001\377\373\003", 6), 0);
        guest_close(b.g);
        guest_close(b.other);
    }
    server_stop(s);
}

/* ---- who is left alone ---- */

Test(bbs, lines_and_pieces_of_lines_are_no_keys) {
    static const struct key reads[] = {
        KEY("hello\r\n"),
        KEY("a\n"),
        KEY("a\r"),
        KEY("\033[A\r\n"),
        KEY("x\033[A\n"),
        KEY("\n"),
        KEY("one "),
        KEY("piece"),
        KEY(" by "),
        KEY("piece\n"),
        KEY("\033[A\033[A"),
        KEY("\033[D\033[D\n"),
        KEY("\033["),
        KEY("3~xy\n"),
        KEY("\304\343\272\303"),
        KEY("你好"),
        KEY("ab"),
        KEY("\b\b"),
        KEY("\r\n"),
        KEY("a"),
        KEY("\r\n"),
        KEY("a"),
        KEY("b"),
        KEY("cd\r\n"),
    };
    struct server *s = server_start("%s", one_worker);
    struct guest *ann = guest_enter(s, "ann");
    struct bbs b = bbs_start(s, .blind = true);
    bbs_keys(&b, "login bob\r\n");
    guest_expect(ann, "%s", told1(TOLD_COMES, "bob"));
    for (int times = 0; times < 3; times++)
        for (size_t i = 0; i < sizeof reads / sizeof *reads; i++)
            bbs_send(&b, reads[i].bytes, reads[i].len);
    cr_expect_eq(b.g->answers_len, 0);
    server_stop(s);
}

/* It is edited as well as can be without its screen. */
static void left_alone(struct bbs_how how) {
    struct server *s = server_start("%s", one_worker);
    struct guest *ann = guest_enter(s, "ann");
    struct bbs b = bbs_start_at(HERE, s, how);
    bbs_type(&b, "login bop\bb\r\n");
    guest_expect(ann, "%s", told1(TOLD_COMES, "bob"));
    for (int i = 0; i < 3; i++) {
        bbs_type(&b, "hellp\bo 你她\x7f好\r\n");
        guest_until(ann, "bob: hello 你好");
        if (i > 0) /* at first GBK is recognised, and the client is told */
            bbs_row(&b, 1, "bob: hello 你好");
    }
    cr_expect_eq(b.offers, 1);
    cr_expect_eq(b.g->answers_len, how.mute ? 6 : 9); /* who has answered is asked for eight bits */
    server_stop(s);
}

Test(bbs, a_client_that_does_not_answer_is_left_alone) {
    left_alone((struct bbs_how){.mute = true});
}
/* Windows telnet in China, if it did not: code page 936. */
Test(bbs, a_client_in_gbk_that_does_not_answer_is_left_alone) {
    left_alone((struct bbs_how){.mute = true, .charset = "CP936"});
}
/* Only a BBS client that is echoed sends keys twice. */
static void each_key_counts(struct bbs_how how) {
    struct server *s = server_start("%s", one_worker);
    struct guest *ann = guest_enter(s, "ann");
    struct bbs dan = bbs_start_at(HERE, s, how);
    bbs_type(&dan, "login dan\r");
    guest_expect(ann, "%s", told1(TOLD_COMES, "dan"));
    cr_expect_eq(dan.offers, 1);
    bbs_keys(&dan, "x好中\b\bz\r");
    guest_expect(ann, "dan: xz");
    server_stop(s);
}
Test(bbs, each_key_counts_of_a_client_that_does_not_answer) {
    each_key_counts((struct bbs_how){.mute = true, .blind = true});
}
Test(bbs, each_key_counts_of_a_client_that_refuses) {
    each_key_counts((struct bbs_how){.refuses = true, .blind = true});
}

Test(bbs, a_client_that_refuses_is_left_alone) {
    left_alone((struct bbs_how){.refuses = true});
}

/* ---- deaths ---- */

/* The offer is made once, by whichever worker; the answer may come to a successor, and what is then
 * drawn is the line that the predecessor read. */
Test(bbs, the_offer_outlives_workers) {
    struct server *s = server_start("%s", one_worker);
    s->workers_may_die = true;
    struct guest *ann = guest_enter(s, "ann");
    struct bbs b = bbs_start(s, .mute = true);
    static const char typed[] = "login bob";
    for (size_t i = 0; i < strlen(typed); i++) {
        bbs_send(&b, typed + i, 1);
        kill(server_worker_pid(s, 0), SIGKILL);
    }
    bbs_type(&b, "b");
    cr_expect_eq(b.offers, 1);
    bbs_row(&b, 0, "");
    b.how.mute = false;
    b.echoed = true;
    bbs_keys(&b, "\377\375\001\377\375\003");
    bbs_row(&b, 0, "login bobb");
    kill(server_worker_pid(s, 0), SIGKILL);
    bbs_type(&b, "\b\r");
    guest_expect(ann, "%s", told1(TOLD_COMES, "bob"));
    cr_expect_eq(b.offers, 1);
    server_stop(s);
}
