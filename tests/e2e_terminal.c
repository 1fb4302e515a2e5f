/* e2e_terminal.c - at home in every terminal: the programs people really use, each on a terminal of
 * its own, in UTF-8 and in GBK, talking with one behind a socket. */
#include "tests/lib/guest.h"
#include "tests/lib/pty.h"
#include "tests/lib/terminal.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(terminal, .timeout = 180);

static const char quiet[] = "workers = 2\nflood_rate = 0\nhistory = 0\n";
static const char gbk[] = "CP936";

/* PORT stands for the server's. */
enum { GNU, GNU_KEYS, BUSYBOX, NC, PLINK, PLINK_RAW, TINTIN };
static const struct {
    const char *package; /* Debian's */
    const char *argv[6];
    const char *in_gbk; /* what tells the program that its terminal is in GBK */
} programs[] = {
    [GNU] = {"inetutils-telnet", {"inetutils-telnet", "127.0.0.1", "PORT"}, NULL},
    [GNU_KEYS] = {"inetutils-telnet", {"inetutils-telnet", "--", "127.0.0.1", "-PORT"}, NULL},
    [BUSYBOX] = {"busybox", {"busybox", "telnet", "127.0.0.1", "PORT"}, NULL},
    [NC] = {"netcat-openbsd", {"nc", "127.0.0.1", "PORT"}, NULL},
    [PLINK] = {"putty-tools", {"plink", "-telnet", "-P", "PORT", "127.0.0.1"}, NULL},
    [PLINK_RAW] = {"putty-tools", {"plink", "-raw", "-P", "PORT", "127.0.0.1"}, NULL},
    [TINTIN] = {"tintin++",
                {"tt++", "-G", "-e", "#session s 127.0.0.1 PORT"},
                "#config charset GBK-1\r"},
};

/* Somebody at a program. */
struct seat {
    struct pty *pty;
    const char *charset; /* of the terminal; NULL: UTF-8 */
};

static const char *in_charset(const struct seat *t, const char *text) {
    return t->charset ? terminal_recode(t->charset, "UTF-8", text, strlen(text)) : text;
}
static void type(const struct seat *t, const char *text) {
    pty_type(t->pty, in_charset(t, text));
}
static void sees(const struct seat *t, const char *text) {
    pty_expect(t->pty, in_charset(t, text));
}

static struct pty *start(const struct server *s, int program) {
    static char words[6][64];
    char *argv[7] = {NULL}, path[4096];
    for (int i = 0; i < 6 && programs[program].argv[i]; i++) {
        const char *word = programs[program].argv[i], *port = strstr(word, "PORT");
        argv[i] = words[i];
        if (port)
            sprintf(words[i], "%.*s%u", (int)(port - word), word, s->port);
        else
            strcpy(words[i], word);
    }
    snprintf(path, sizeof path, "%s:/usr/games", getenv("PATH")); /* where Debian keeps tt++ */
    setenv("PATH", path, 1);
    struct pty *p = pty_run_at(HERE, argv);
    if (!p)
        cr_skip_test("no %s here (Debian: %s)", argv[0], programs[program].package);
    return p;
}

static struct seat enter(const struct server *s, int program, const char *charset,
                         const char *name) {
    char line[128];
    struct seat t = {start(s, program), charset};
    sees(&t, "Use \"login <nick>\"");
    if (charset && programs[program].in_gbk) {
        type(&t, programs[program].in_gbk);
        sees(&t, "HAS BEEN SET");
    }
    if (charset) {
        type(&t, "/encoding gbk\r");
        sees(&t, "*** Your encoding is now gbk.");
    }
    snprintf(line, sizeof line, "login %s\r", name);
    type(&t, line);
    sees(&t, told1(TOLD_COMES, name));
    return t;
}

/* ---- a conversation ---- */

static void talks(int program, const char *charset) {
    struct server *s = server_start("%s", quiet);
    struct guest *ann = guest_enter(s, "安");
    struct seat tess = enter(s, program, charset, "黛西");
    guest_expect(ann, "%s", told1(TOLD_COMES, "黛西"));
    guest_say(ann, "你好, 黛西");
    guest_expect(ann, "安: 你好, 黛西");
    sees(&tess, "安: 你好, 黛西");
    type(&tess, "晚上好，安。 abc\r");
    guest_expect(ann, "黛西: 晚上好，安。 abc");
    sees(&tess, "黛西: 晚上好，安。 abc");
    type(&tess, "半句");
    guest_say(ann, "我说");
    guest_expect(ann, "安: 我说");
    sees(&tess, "安: 我说");
    type(&tess, "话\r");
    guest_expect(ann, "黛西: 半句话");
    sees(&tess, "黛西: 半句话");
    guest_say(ann, "café 😀!");
    guest_expect(ann, "安: café 😀!");
    sees(&tess, charset ? "安: café ?!" : "安: café 😀!");
    type(&tess, "/msg 安 你好\r");
    guest_expect(ann, "%s", told2(TOLD_PRIVATE, "黛西", "你好"));
    sees(&tess, told2(TOLD_COPY, "安", "你好"));
    type(&tess, "logout\r");
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

/* To GNU telnet the bytes 83, 8F, 9A, 9C, 9D are its ^C, ^O, ^Z, ^\ and ^], until it is asked for
 * eight bits, which it is as soon as it lets itself be known: by the first of them.  (But not by
 * 9D, which opens a prompt of its own.) */
Test(terminal, gnu_telnet_types_every_character) {
    struct server *s = server_start("%s", quiet);
    struct guest *ann = guest_enter(s, "ann");
    struct seat tess = enter(s, GNU, NULL, "tess");
    guest_expect(ann, "%s", told1(TOLD_COMES, "tess"));
    static const char *const lines[] = {"惚描月晚", "丝绸, 惚描月晚"};
    for (int i = 0; i < 2; i++) {
        char line[64];
        sprintf(line, "%s\r", lines[i]);
        type(&tess, line);
        guest_expect(ann, "tess: %s", lines[i]);
        sprintf(line, "tess: %s", lines[i]);
        sees(&tess, line);
    }
    type(&tess, "never mind");
    sees(&tess, "never mind");
    type(&tess, "\x03");
    type(&tess, "after\r");
    guest_expect(ann, "tess: after");
    sees(&tess, "tess: after");
    guest_say(ann, "there?");
    sees(&tess, "ann: there?");
    server_stop(s);
}

/* A terminal in GBK that has not said so: the first Chinese line tells. */
Test(terminal, who_types_gbk_is_understood_at_once) {
    struct server *s = server_start("%s", quiet);
    struct guest *ann = guest_enter(s, "安");
    struct seat tess = {start(s, GNU), gbk};
    sees(&tess, "Use \"login <nick>\"");
    type(&tess, "黛西\r");
    sees(&tess, "*** You seem to type gbk");
    sees(&tess, told1(TOLD_COMES, "黛西"));
    guest_expect(ann, "%s", told1(TOLD_COMES, "黛西"));
    server_stop(s);
}

/* What was said before the switch is shown again in the new encoding. */
Test(terminal, history_is_in_the_encoding_one_has_now) {
    struct server *s = server_start("%s", quiet);
    struct guest *ann = guest_enter(s, "安");
    struct seat tess = enter(s, GNU, NULL, "tess");
    guest_say(ann, "中文");
    sees(&tess, "安: 中文");
    type(&tess, "/encoding gbk\r");
    sees(&tess, "*** Your encoding is now gbk.");
    tess.charset = gbk;
    type(&tess, "/history 2\r");
    sees(&tess, "安: 中文");
    server_stop(s);
}

/* ---- Ctrl-C ---- */

/* BusyBox has a menu of its own, and overlooks the key unless it is waiting in poll(). */
static void control_c(const struct seat *t, int program, const char *choice) {
    char path[32], state = '?', *stat;
    int64_t deadline = wait_deadline();
    sprintf(path, "/proc/%d/stat", (int)t->pty->pid);
    while (program == BUSYBOX && state != 'S' && wait_left_ms(deadline) > 0) {
        stat = run_read_file(path);
        state = stat ? strrchr(stat, ')')[2] : '?';
        free(stat);
        wait_breath();
    }
    type(t, "\x03");
    if (program == BUSYBOX) {
        sees(t, "exit telnet");
        type(t, choice);
    }
}

static void goes_on_after_control_c(int program) {
    struct server *s = server_start("%s", quiet);
    struct guest *ann = guest_enter(s, "ann");
    struct seat tess = enter(s, program, NULL, "tess");
    guest_expect(ann, "%s", told1(TOLD_COMES, "tess"));
    for (int i = 0; i < 2; i++) {
        type(&tess, "never mind");
        sees(&tess, "never mind");
        control_c(&tess, program, "\r");
        type(&tess, "after\r");
        guest_expect(ann, "tess: after");
        sees(&tess, "tess: after");
        guest_say(ann, "there?");
        guest_expect(ann, "ann: there?");
        sees(&tess, "ann: there?");
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

/* ---- character mode ---- */

/* Until the server echoes: with a key typed, somebody's line then comes between taking it away and
 * putting it back. */
static void by_key(const struct seat *t, struct guest *ann) {
    static const char away[] = "\r \r";
    type(t, "x");
    for (int i = 0; i < 1000; i++) {
        char line[32];
        size_t len = (size_t)sprintf(line, "ann: sync %d.", i);
        guest_say(ann, "sync %d.", i);
        guest_until(ann, "ann: sync %d.", i);
        sees(t, line);
        const char *before = t->pty->screen + t->pty->at - len - strlen(away);
        if (strncmp(before, away, strlen(away)) == 0) {
            sees(t, "x");
            type(t, "\x15");
            sees(t, "\b \b");
            return;
        }
    }
    cr_assert_fail("the server never echoes");
}

static void row_is(const struct seat *t, unsigned above, const char *text) {
    struct terminal *screen = terminal_make(80, t->charset);
    terminal_show(screen, t->pty->screen, t->pty->len);
    cr_expect_str_eq(terminal_row(screen, above), text, "row %u above", above);
    free(screen);
}

static struct seat enter_by_key(struct server *s, struct guest **ann, int program,
                                const char *charset) {
    *ann = guest_enter(s, "ann");
    struct seat t = enter(s, program, charset, "tess");
    if (program == BUSYBOX)
        control_c(&t, program, "c\r"); /* to character mode */
    by_key(&t, *ann);
    return t;
}

static void edits(int program, const char *charset) {
    struct server *s = server_start("%s", quiet);
    struct guest *ann;
    struct seat tess = enter_by_key(s, &ann, program, charset);
    type(&tess, "你好a");
    sees(&tess, "你好a");
    type(&tess, "\x7f");
    sees(&tess, "\b \b");
    type(&tess, "\b");
    sees(&tess, "\b \b\b \b");
    row_is(&tess, 0, "你");
    guest_say(ann, "你们好");
    sees(&tess, "ann: 你们好\r\n你");
    row_is(&tess, 1, "ann: 你们好");
    row_is(&tess, 0, "你");
    type(&tess, "们\r");
    guest_until(ann, "tess: 你们");
    sees(&tess, "tess: 你们");
    row_is(&tess, 2, "你们");
    row_is(&tess, 1, "tess: 你们");
    type(&tess, "one two\x17three\x12\r");
    guest_expect(ann, "tess: one three");
    sees(&tess, "tess: one three");
    row_is(&tess, 2, "one three");
    server_stop(s);
}

#define EDITS(program, name)                                                                       \
    Test(terminal, name##_is_edited_in_utf8) {                                                     \
        edits(program, NULL);                                                                      \
    }                                                                                              \
    Test(terminal, name##_is_edited_in_gbk) {                                                      \
        edits(program, gbk);                                                                       \
    }
EDITS(GNU_KEYS, gnu_telnet_by_key)
EDITS(BUSYBOX, busybox_by_key)
EDITS(PLINK, plink)

/* The terminal has told its width: a line of several rows makes way as a whole. */
static void wraps(int program) {
    struct server *s = server_start("%s", quiet);
    struct guest *ann;
    struct seat tess = enter_by_key(s, &ann, program, NULL);
    char wide[200] = "";
    for (int i = 0; i < 59; i++)
        strcat(wide, "宽");
    type(&tess, "a"); /* so that the last column of the first row cannot hold half of one */
    type(&tess, wide);
    type(&tess, "end");
    sees(&tess, "end");
    guest_say(ann, "hello");
    sees(&tess, "ann: hello");
    sees(&tess, "end");
    row_is(&tess, 2, "ann: hello");
    type(&tess, "\x15");
    sees(&tess, "\033[J");
    row_is(&tess, 1, "ann: hello");
    row_is(&tess, 0, "");
    server_stop(s);
}

Test(terminal, gnu_telnet_by_key_wraps) {
    wraps(GNU_KEYS);
}
Test(terminal, plink_wraps) {
    wraps(PLINK);
}

/* The successor knows the screen as well as the worker that was killed. */
Test(terminal, the_half_typed_line_outlives_a_worker) {
    struct server *s = server_start("workers = 1\nflood_rate = 0\nhistory = 0\n");
    struct guest *ann;
    s->workers_may_die = true;
    struct seat tess = enter_by_key(s, &ann, GNU_KEYS, NULL);
    type(&tess, "half a l");
    sees(&tess, "half a l");
    for (int i = 0; i < 3; i++) {
        kill(server_worker_pid(s, 0), SIGKILL);
        guest_say(ann, "still %d", i);
        guest_until(ann, "ann: still %d", i);
        sees(&tess, "still");
        sees(&tess, "half a l");
        row_is(&tess, 0, "half a l");
    }
    type(&tess, "\x7fline\r");
    guest_expect(ann, "tess: half a line");
    server_stop(s);
}
