/* e2e_terminal_keys.c - character mode: the server echoes and edits by whole characters, and
 * redraws the half-typed line after lines of other clients. */
#include "tests/lib/seat.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

TestSuite(terminal_keys, .timeout = 180);

static const char gbk[] = "CP936";

/* Waits until the server echoes: it then removes a typed key, sends another guest's line, and draws
 * the key again. */
static void by_key(const struct seat *t, struct guest *ann) {
    static const char away[] = "\r \r";
    seat_type(t, "x");
    for (int i = 0; i < 1000; i++) {
        char line[32];
        size_t len = (size_t)sprintf(line, "ann: sync %d.", i);
        guest_say(ann, "sync %d.", i);
        guest_until(ann, "ann: sync %d.", i);
        seat_sees(t, line);
        const char *before = t->pty->screen + t->pty->at - len - strlen(away);
        if (strncmp(before, away, strlen(away)) == 0) {
            seat_sees(t, "x");
            seat_type(t, "\x15");
            seat_sees(t, "\b \b");
            return;
        }
    }
    cr_assert_fail("the server never echoes");
}

static struct seat enter_by_key(struct server *s, struct guest **ann, int program,
                                const char *charset) {
    *ann = guest_enter(s, "ann");
    struct seat t = seat_enter(s, program, charset, "tess");
    if (program == BUSYBOX)
        seat_control_c(&t, "c\r"); /* switches to character mode */
    by_key(&t, *ann);
    return t;
}

static void edits(int program, const char *charset) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann;
    struct seat tess = enter_by_key(s, &ann, program, charset);
    seat_type(&tess, "你好a");
    seat_sees(&tess, "你好a");
    seat_type(&tess, "\x7f");
    seat_sees(&tess, "\b \b");
    seat_type(&tess, "\b");
    seat_sees(&tess, "\b \b\b \b");
    seat_row_is(&tess, 0, "你");
    guest_say(ann, "你们好");
    seat_sees(&tess, "ann: 你们好\r\n你");
    seat_row_is(&tess, 1, "ann: 你们好");
    seat_row_is(&tess, 0, "你");
    seat_type(&tess, "们\r");
    guest_until(ann, "tess: 你们");
    seat_sees(&tess, "tess: 你们");
    seat_row_is(&tess, 2, "ann: 你们好"); /* what was typed made way for what was said */
    seat_row_is(&tess, 1, "tess: 你们");
    seat_type(&tess, "one two\x17three\x12\r");
    guest_expect(ann, "tess: one three");
    seat_sees(&tess, "tess: one three");
    seat_row_is(&tess, 2, "tess: 你们");
    server_stop(s);
}

#define EDITS(program, name)                                                                       \
    Test(terminal_keys, name##_is_edited_in_utf8) {                                                \
        edits(program, NULL);                                                                      \
    }                                                                                              \
    Test(terminal_keys, name##_is_edited_in_gbk) {                                                 \
        edits(program, gbk);                                                                       \
    }
EDITS(GNU_KEYS, gnu_telnet_by_key)
EDITS(BUSYBOX, busybox_by_key)
EDITS(PLINK, plink)

/* The server knows the terminal's width: a half-typed line of several rows is redrawn as a
 * whole. */
static void wraps(int program) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann;
    struct seat tess = enter_by_key(s, &ann, program, NULL);
    char wide[200] = "";
    for (int i = 0; i < 59; i++)
        strcat(wide, "宽");
    seat_type(&tess, "a"); /* then half a wide character is left in the first row */
    seat_type(&tess, wide);
    seat_type(&tess, "end");
    seat_sees(&tess, "end");
    guest_say(ann, "hello");
    seat_sees(&tess, "ann: hello");
    seat_sees(&tess, "end");
    seat_row_is(&tess, 2, "ann: hello");
    seat_type(&tess, "\x15");
    seat_sees(&tess, "\033[J");
    seat_row_is(&tess, 1, "ann: hello");
    seat_row_is(&tess, 0, "");
    server_stop(s);
}

Test(terminal_keys, gnu_telnet_by_key_wraps) {
    wraps(GNU_KEYS);
}
Test(terminal_keys, plink_wraps) {
    wraps(PLINK);
}

/* The successor of a killed worker redraws the line correctly. */
Test(terminal_keys, the_half_typed_line_outlives_a_worker) {
    struct server *s = server_start(SERVER_QUIET(1));
    struct guest *ann;
    s->workers_may_die = true;
    struct seat tess = enter_by_key(s, &ann, GNU_KEYS, NULL);
    seat_type(&tess, "half a l");
    seat_sees(&tess, "half a l");
    for (int i = 0; i < 3; i++) {
        kill(server_worker_pid(s, 0), SIGKILL);
        guest_say(ann, "still %d", i);
        guest_until(ann, "ann: still %d", i);
        seat_sees(&tess, "still");
        seat_sees(&tess, "half a l");
        seat_row_is(&tess, 0, "half a l");
    }
    seat_type(&tess, "\x7fline\r");
    guest_expect(ann, "tess: half a line");
    server_stop(s);
}
