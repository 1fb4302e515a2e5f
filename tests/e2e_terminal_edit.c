/* e2e_terminal_edit.c - character mode: what keys make of the half-typed line, on the typist's
 * screen and in what others hear, wherever the keys are split and whatever dies between them. */
#include "tests/lib/guest.h"
#include "tests/lib/terminal.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(terminal_edit, .timeout = 180);

/* ---- a terminal in character mode, on a socket ---- */

struct typist {
    struct guest *g;
    struct terminal *t;
    const char *charset;
};

static void look(struct typist *p) {
    size_t n = guest_pending(p->g);
    terminal_show(p->t, p->g->data + p->g->at, n);
    p->g->at += n;
}

/* Waits until the cursor's row has this text, the row above it `above`, and the cursor is in
 * `column`. */
static void shows_at(struct where where, struct typist *p, const char *above, const char *row,
                     unsigned column) {
    int64_t deadline = wait_deadline();
    for (;;) {
        char got[2][TERMINAL_ROW_MAX];
        look(p);
        strcpy(got[0], terminal_row(p->t, 1));
        strcpy(got[1], terminal_row(p->t, 0));
        if ((!above || strcmp(got[0], above) == 0) && strcmp(got[1], row) == 0 &&
            p->t->column == column)
            return;
        if (wait_left_ms(deadline) == 0 || !wait_fd(p->g->fd, POLLIN, deadline))
            fail_at(where, "the screen has \"%s\", \"%s\", cursor %u", got[0], got[1],
                    p->t->column);
    }
}
#define shows(p, above, row, column) shows_at(HERE, p, above, row, column)

static void keys(struct typist *p, const char *utf8) {
    const char *bytes =
        p->charset ? terminal_recode(p->charset, "UTF-8", utf8, strlen(utf8)) : utf8;
    guest_send(p->g, bytes, strlen(bytes));
}

static void one_by_one(struct typist *p, const char *utf8) {
    const char *bytes =
        p->charset ? terminal_recode(p->charset, "UTF-8", utf8, strlen(utf8)) : utf8;
    for (; *bytes; bytes++)
        guest_send(p->g, bytes, 1);
}

/* DO ECHO, DO SGA, and, where the width is known, WILL NAWS and its size. */
static void negotiate(struct guest *g, unsigned width) {
    unsigned char size[9] = {255, 250, 31, (unsigned char)(width >> 8), (unsigned char)width,
                             0,   24,  255};
    guest_type(g, "\377\375\001\377\375\003");
    guest_until_answer(g, 251, 1);
    if (width == 0)
        return;
    guest_type(g, "\377\373\037");
    guest_until_answer(g, 253, 31);
    size[8] = 240;
    guest_send(g, size, sizeof size);
}

static struct typist enter(struct server *s, struct guest *ann, const char *charset,
                           unsigned width) {
    struct typist p = {.charset = charset};
    p.g = guest_connect_as(s, .charset = charset);
    p.g->telnet = true;
    guest_until(p.g, "%s", told(TOLD_HOW));
    if (charset) {
        guest_say(p.g, "/encoding %s", strcmp(charset, "BIG5") == 0 ? "big5" : "gbk");
        guest_until_begins(p.g, "*** Your encoding");
    }
    guest_say(p.g, "login tess");
    guest_until(p.g, "%s", told1(TOLD_COMES, "tess"));
    guest_until(ann, "%s", told1(TOLD_COMES, "tess"));
    negotiate(p.g, width);
    p.t = terminal_make(width > 0 ? width : 80, charset);
    return p;
}

/* ---- keys ---- */

#define LEFT "\033[D"
#define RIGHT "\033[C"
#define UP "\033[A"
#define DOWN "\033[B"
#define HOME "\033[H"
#define END "\033[F"
#define DELETE "\033[3~"

static const struct {
    const char *typed, *row;
    unsigned column;
} edits[] = {
    {"ac" LEFT "b", "abc", 2},
    {"ac\033ODb", "abc", 2},
    {"ac" LEFT LEFT LEFT LEFT "b", "bac", 1},
    {"abc" LEFT LEFT RIGHT RIGHT RIGHT "d", "abcd", 4},
    {"bc" HOME "a" END "d", "abcd", 4},
    {"bc\001a\005d", "abcd", 4},
    {"bc\033[1~a\033[4~d", "abcd", 4},
    {"ac\002b\006d", "abcd", 4},
    {"axb" LEFT LEFT DELETE, "ab", 1},
    {"axb" LEFT "\177", "ab", 1},
    {"axb" LEFT "\b", "ab", 1},
    {"axb" HOME RIGHT "\004", "ab", 1},
    {"ab" DELETE DELETE, "ab", 2},
    {"abcd" LEFT LEFT "\013", "ab", 2},
    {"abcd" LEFT LEFT "\025", "cd", 0},
    {"one two three" LEFT LEFT LEFT LEFT LEFT LEFT "\027", "one  three", 4},
    {"one two\033[1;5Dx", "one xtwo", 5},
    {"one two" HOME "\033fx", "onex two", 4},
    {"one two\033\177x", "one x", 5},
    {"你好" LEFT "們", "你們好", 4},
    {"你好" HOME DELETE, "好", 0},
    {"你好嗎" LEFT "\177", "你嗎", 2},
    {"a你b好" LEFT LEFT LEFT "x" END "y", "ax你b好y", 8},
    {"你" LEFT LEFT RIGHT "a", "你a", 3},
    {"a\fb", "ab", 2},
    {"gone\003here", "here", 4},
    {"a\033[5~\033[15~\033OP\033[[A\033[I\033[Zb", "ab", 2},
    {"\004a", "a", 1},
};

static const char *const charsets[] = {NULL, "CP936", "BIG5"};

/* Each line is typed, is on the screen with the cursor where it belongs, and is what all hear and
 * the typist sees, once. */
static void edits_at(unsigned width, bool split) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    for (size_t e = 0; e < 3; e++) {
        struct typist p = enter(s, ann, charsets[e], width);
        char before[64] = "", said[64];
        for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
            if (split)
                one_by_one(&p, edits[i].typed);
            else
                keys(&p, edits[i].typed);
            shows(&p, before, edits[i].row, edits[i].column);
            if (i % 3 == 0) { /* while another speaks */
                guest_say(ann, "and %zu", i);
                guest_expect(ann, "ann: and %zu", i);
                sprintf(before, "ann: and %zu", i);
                shows(&p, before, edits[i].row, edits[i].column);
            }
            keys(&p, "\r");
            guest_expect(ann, "tess: %s", edits[i].row);
            sprintf(said, "tess: %s", edits[i].row);
            shows(&p, said, "", 0);
            if (i % 3 == 0)
                cr_assert_str_eq(terminal_row(p.t, 2), before, "the typed line made way");
            strcpy(before, said);
        }
        guest_close(p.g);
        guest_expect(ann, "%s", told1(TOLD_GOES, "tess"));
    }
    server_stop(s);
}

Test(terminal_edit, keys_edit_the_line_on_a_terminal_of_unknown_width) {
    edits_at(0, false);
}
Test(terminal_edit, keys_edit_the_line_on_a_usual_terminal) {
    edits_at(80, true);
}
Test(terminal_edit, keys_edit_the_line_on_a_wide_terminal) {
    edits_at(300, false);
}
Test(terminal_edit, keys_edit_the_line_on_a_narrow_terminal) {
    edits_at(20, false);
}

/* A line of several rows: what is around the cursor is on the screen. */
Test(terminal_edit, a_long_line_is_edited_around_its_cursor) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    struct typist p = enter(s, ann, NULL, 20);
    char line[201] = "";
    for (int i = 0; i < 20; i++)
        sprintf(line + strlen(line), "%03d:......", i);
    keys(&p, line);
    shows(&p, "016:......017:......", "018:......019:......", 20);
    for (int i = 0; i < 100; i++)
        keys(&p, LEFT);
    shows(&p, NULL, "010:......011:......", 0);
    keys(&p, "<>");
    shows(&p, NULL, "<>010:......011:....", 2);
    keys(&p, "\177\177" HOME "\033[3~A");
    shows(&p, NULL, "A00:......001:......", 1);
    guest_say(ann, "meanwhile");
    guest_expect(ann, "ann: meanwhile");
    shows(&p, "ann: meanwhile", "A00:......001:......", 1);
    keys(&p, "\r");
    line[0] = 'A';
    guest_expect(ann, "tess: %s", line);
    server_stop(s);
}

/* ---- the line before ---- */

Test(terminal_edit, up_brings_back_the_line_before_and_down_what_was_typed) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    struct typist p = enter(s, ann, NULL, 80);
    keys(&p, UP DOWN "first\r");
    guest_expect(ann, "tess: first");
    keys(&p, UP);
    shows(&p, "tess: first", "first", 5);
    keys(&p, UP LEFT "+\r");
    guest_expect(ann, "tess: firs+t");
    keys(&p, "half" UP);
    shows(&p, "tess: firs+t", "firs+t", 6);
    keys(&p, DOWN);
    shows(&p, "tess: firs+t", "half", 4);
    keys(&p, DOWN UP "\r");
    guest_expect(ann, "tess: firs+t");
    keys(&p, "/msg ann 你好\r");
    guest_expect(ann, "%s", told2(TOLD_PRIVATE, "tess", "你好"));
    shows(&p, told2(TOLD_COPY, "ann", "你好"), "", 0);
    cr_assert_str_eq(terminal_row(p.t, 2), "tess: firs+t");
    keys(&p, UP);
    shows(&p, NULL, "/msg ann 你好", 13);
    keys(&p, "\016\r"); /* ^N: back to the empty line */
    shows(&p, NULL, "", 0);
    keys(&p, "\020\003\020\025" UP); /* ^P; erased, it comes back all the same */
    shows(&p, NULL, "/msg ann 你好", 13);
    keys(&p, "\025");
    shows(&p, NULL, "", 0);
    keys(&p, "end\r");
    guest_expect(ann, "tess: end");
    server_stop(s);
}

/* The line before is longer than a record's own place for it. */
Test(terminal_edit, long_lines_are_brought_back_whole) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    struct typist p = enter(s, ann, NULL, 80);
    char line[1001];
    for (int i = 0; i < 1000; i++)
        line[i] = (char)('a' + i % 23);
    line[1000] = '\0';
    for (int i = 0; i < 3; i++) {
        keys(&p, i == 0 ? line : UP);
        keys(&p, "\r");
        guest_expect(ann, "tess: %s", line);
        keys(&p, "short" UP DOWN "\025");
    }
    server_stop(s);
}

/* ---- Tab ---- */

Test(terminal_edit, tab_completes_a_name) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "annabel");
    struct typist p = enter(s, ann, NULL, 80);
    guest_enter(s, "王小明");
    guest_enter(s, "王小红");
    static const struct {
        const char *typed, *row;
        unsigned column;
    } rows[] = {
        {"an\t", "annabel:", 9},
        {"AN\t\005yes", "annabel: yes", 12},
        {"/msg a\t", "/msg annabel", 13},
        {"ask an\t\005now", "ask annabel now", 15},
        {"王\t", "王小", 4},
        {"王小红\t\005!", "王小红: !", 9},
        {"te\t", "te", 2},
        {"x an" LEFT "\t", "x annabel n", 10},
        {"\t", "", 0},
        {"nobody\t", "nobody", 6},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        keys(&p, rows[i].typed);
        shows(&p, NULL, rows[i].row, rows[i].column);
        keys(&p, "\005\025");
        shows(&p, NULL, "", 0);
    }
    server_stop(s);
}

Test(terminal_edit, tab_names_nobody_to_a_client_outside) {
    struct server *s = server_start("%s", server_quiet);
    guest_enter(s, "annabel");
    struct typist p = {.g = guest_connect(s), .t = terminal_make(80, NULL)};
    guest_until(p.g, "%s", told(TOLD_HOW));
    p.g->telnet = true;
    negotiate(p.g, 80);
    keys(&p, "login ann\t");
    shows(&p, NULL, "login ann", 9);
    keys(&p, "b");
    shows(&p, NULL, "login annb", 10);
    server_stop(s);
}

/* ---- too long ---- */

Test(terminal_edit, a_line_that_is_too_long_is_told_at_once_and_kept) {
    struct server *s = server_start("%sline_max = 64\n", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    struct typist p = enter(s, ann, NULL, 80);
    static const char limit[] = "A line has at most 64 bytes.";
    char line[65];
    memset(line, 'x', 64);
    line[64] = '\0';
    keys(&p, line);
    shows(&p, NULL, line, 64);
    keys(&p, "y");
    shows(&p, limit, line, 64);
    keys(&p, "zzz你");
    keys(&p, "\177!" LEFT);
    line[63] = '!';
    shows(&p, limit, line, 63);
    keys(&p, "\r");
    guest_expect(ann, "tess: %s", line);
    /* Not shortened, it is not said, which is told again; but it comes back. */
    keys(&p, line);
    keys(&p, "more\r");
    shows(&p, limit, "", 0);
    cr_assert_str_eq(terminal_row(p.t, 3), line);
    cr_assert_str_eq(terminal_row(p.t, 4), limit);
    keys(&p, UP "\177\r");
    line[63] = '\0';
    guest_expect(ann, "tess: %s", line);
    server_stop(s);
}

/* ---- line mode ---- */

Test(terminal_edit, sequences_are_no_text_in_line_mode_and_move_nothing) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *g[2];
    server_stop(s);
    s = guests_two(g);
    guest_type(g[0], "a\033[Db\033OHc\033[3~d\033x\033[200~e\033[201~f\033[[A\033[Mabcg\r\n");
    guest_expect(g[1], "ann: abcdefg");
    static const char split[] = "a\033[1;5Db\033]11;rgb:0/0/0\033\\c\033\r\nd\r\n";
    for (size_t i = 0; i < sizeof split - 1; i++)
        guest_send(g[0], split + i, 1);
    guest_expect(g[1], "ann: abc");
    guest_expect(g[1], "ann: d");
    guest_type(g[0], "a\tb\001\005\013c\r\n"); /* keys of the server's editor only */
    guest_expect(g[1], "ann: a bc");
    guest_type(g[0], "\346\233\264A\r\n"); /* 9B is no CSI */
    guest_expect(g[1], "ann: 更A");
    server_stop(s);
}

/* ---- deaths ---- */

/* A worker dies before every single byte, in the middle of sequences and characters too. */
Test(terminal_edit, keys_outlive_a_worker_at_any_byte) {
    struct server *s = server_start(SERVER_QUIET(1));
    struct guest *ann = guest_enter(s, "ann");
    static const char typed[] = "ac" LEFT "你" HOME "\033OC\177b" END "\002" DELETE "d";
    s->workers_may_die = true;
    struct typist p = enter(s, ann, NULL, 80);
    keys(&p, "before\r");
    guest_expect(ann, "tess: before");
    for (const char *at = typed; *at; at++) {
        kill(server_worker_pid(s, 0), SIGKILL);
        guest_send(p.g, at, 1);
        guest_say(ann, "%d", (int)(at - typed));
        guest_expect(ann, "ann: %d", (int)(at - typed));
    }
    shows(&p, NULL, "b你d", 4);
    kill(server_worker_pid(s, 0), SIGKILL);
    keys(&p, UP);
    shows(&p, NULL, "before", 6);
    kill(server_worker_pid(s, 0), SIGKILL);
    keys(&p, DOWN);
    shows(&p, NULL, "b你d", 4);
    kill(server_worker_pid(s, 0), SIGKILL);
    keys(&p, LEFT "\r");
    guest_expect(ann, "tess: b你d");
    shows(&p, "tess: b你d", "", 0);
    server_stop(s);
}
