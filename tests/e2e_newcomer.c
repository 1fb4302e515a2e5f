/* e2e_newcomer.c - what a newcomer's screen shows in character mode, and how it is answered. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

TestSuite(newcomer, .timeout = 180);

/* In character mode: the server echoes. */
static struct guest *newcomer(struct server *s, const char *name) {
    struct guest *g = guest_enter(s, name);
    g->telnet = true;
    guest_type(g, "\377\375\001\377\375\003");
    guest_until_answer(g, 251, 1);
    return g;
}

/* The next bytes are these. */
static void shows(struct guest *g, const char *bytes) {
    int64_t deadline = wait_deadline();
    size_t len = strlen(bytes);
    while (guest_pending(g) < len)
        cr_assert(wait_fd(g->fd, POLLIN, deadline), "\"%.*s\" instead of \"%s\"",
                  (int)(g->len - g->at), g->data + g->at, bytes);
    cr_assert_arr_eq(g->data + g->at, bytes, len, "\"%.*s\" instead of \"%s\"",
                     (int)(g->len - g->at), g->data + g->at, bytes);
    g->at += len;
}

Test(newcomer, a_typed_command_that_leaves_ends_its_row) {
    static const char *const words[] = {"/quit", "logout", "/exit", "／bye"};
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct guest *g = newcomer(s, "tess");
        guest_expect(ann, "%s", told1(TOLD_COMES, "tess"));
        guest_send(g, words[i], strlen(words[i]));
        shows(g, words[i]);
        guest_type(g, "\r");
        shows(g, "\r\n");
        guest_expect_end(g);
        guest_expect(ann, "%s", told1(TOLD_GOES, "tess"));
    }
    struct guest *g = guest_enter(s, "lin"); /* in line mode its terminal has ended it */
    guest_say(g, "/quit");
    guest_expect_end(g);
    server_stop(s);
}

/* Tab with text behind it in one read. */
Test(newcomer, a_pasted_tab_is_a_blank) {
    static const struct {
        const char *pasted, *said;
    } pastes[] = {
        {"first\tsecond\r", "first second"},
        {"\tindented\r", "indented"},
        {"b\tc\td\r", "b c d"},
        {"\033[200~x\ty\033[201~\r", "x y"},
        {"ask an\tnow\r", "ask an now"},
        {"中\t文\r", "中 文"},
    };
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "annabel");
    struct guest *g = newcomer(s, "tess");
    guest_expect(ann, "%s", told1(TOLD_COMES, "tess"));
    for (size_t i = 0; i < sizeof pastes / sizeof *pastes; i++) {
        guest_send(g, pastes[i].pasted, strlen(pastes[i].pasted));
        guest_expect(ann, "tess: %s", pastes[i].said);
    }
    guest_type(g, "nobody\t"); /* a key */
    shows(g, "");
    server_stop(s);
}

#define FAMILY "👨‍👩‍👧"
#define GERMANY "🇩🇪"
#define FRANCE "🇫🇷"

Test(newcomer, an_emoji_of_several_code_points_is_one_to_the_keys) {
    static const struct {
        const char *typed, *said;
    } lines[] = {
        {"x" FAMILY "\177y\r", "xy"},       {"x" GERMANY "\177y\r", "xy"},
        {GERMANY FRANCE "\177\r", GERMANY}, {GERMANY FRANCE "\033[D\177\r", FRANCE},
        {"a👍🏽\177b\r", "ab"},         {"a❤️\177b\r", "ab"},
        {"a🏳️‍🌈\177b\r", "ab"},   {FAMILY "z\033[D\033[Dx\r", "x" FAMILY "z"},
        {FAMILY "z\033[H\033[3~\r", "z"},   {"😀😀\177\r", "😀"},
        {"🏽🏽\177x\r", "x"},
    };
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    struct guest *g = newcomer(s, "tess");
    guest_expect(ann, "%s", told1(TOLD_COMES, "tess"));
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        guest_send(g, lines[i].typed, strlen(lines[i].typed));
        guest_expect(ann, "tess: %s", lines[i].said);
    }
    server_stop(s);
}

Test(newcomer, a_private_copy_has_the_name_as_its_holder_writes_it) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    static const char *const typed[] = {"BOB", "Bob", "bob", "ＢＯＢ"};
    for (size_t i = 0; i < sizeof typed / sizeof *typed; i++) {
        guest_say(g[0], "/msg %s hi", typed[i]);
        guest_expect(g[0], "[to bob] hi");
        guest_expect(g[1], "[ann] hi");
    }
    guest_say(g[0], "/msg Zoe hi");
    guest_expect(g[0], "%s", told1(TOLD_NOBODY, "Zoe"));
    server_stop(s);
}

Test(newcomer, a_command_without_its_text_is_answered_with_its_use) {
    static const struct {
        const char *typed, *use;
    } uses[] = {{"/msg", "Use /msg NAME TEXT"},
                {"/msg bob", "Use /msg NAME TEXT"},
                {"/me", "Use /me TEXT"},
                {"/reply", "Use /reply TEXT"}};
    struct guest *g[2];
    struct server *s = guests_two(g);
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        guest_say(g[0], "%s", uses[i].typed);
        guest_expect(g[0], "%s", uses[i].use);
    }
    server_stop(s);
}
