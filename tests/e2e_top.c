/* e2e_top.c - chatroom-ctl top on a terminal: what is on its screen, and that the terminal is given
 * back however it ends. */
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"
#include "tests/lib/pty.h"
#include "tests/lib/terminal.h"
#include "tests/lib/usage.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>

TestSuite(top, .timeout = 300);

/* top on a terminal, and the terminal's screen as far as it was fed. */
struct seat {
    struct pty *pty;
    struct terminal *screen;
    size_t fed;
    struct termios before;
};

static struct seat seat_at(const struct server *s) {
    struct seat seat = {.screen = terminal_make(80, NULL)};
    seat.pty = pty_run("sh", "-c", "printf 'before\\r\\n'; exec \"$0\" \"$@\"", ctl_path(), "-s",
                       ctl_socket(s), "top");
    cr_assert_not_null(seat.pty);
    tcgetattr(seat.pty->fd, &seat.before);
    return seat;
}

/* Up to the last escape sequence, which may not have come whole. */
static void seat_feed(struct seat *seat, bool all) {
    struct pty *p = seat->pty;
    const char *last = strrchr(p->screen + seat->fed, '\033');
    size_t end = all ? p->len : last ? (size_t)(last - p->screen) : seat->fed;
    terminal_show(seat->screen, p->screen + seat->fed, end - seat->fed);
    seat->fed = end;
}

/* The row that contains the text, -1: none does. */
static int seat_row(struct seat *seat, const char *text) {
    for (int row = 0; row < 64; row++) {
        if (strstr(terminal_line(seat->screen, (unsigned)row), text))
            return row;
    }
    return -1;
}

static int seat_until(struct seat *seat, const char *text) {
    int64_t deadline = wait_deadline();
    for (int row; (row = seat_row(seat, text)) < 0; seat_feed(seat, false))
        pty_more(seat->pty, deadline);
    return seat_row(seat, text);
}

/* Ends: the screen before is back, with its cursor.  Returns the wait status. */
static int seat_end(struct seat *seat) {
    int status = pty_end(seat->pty);
    seat_feed(seat, true);
    cr_assert_not(seat->screen->alternate);
    cr_assert_not(seat->screen->no_cursor);
    cr_assert_str_eq(terminal_line(seat->screen, 0), "before");
    return status;
}

static void seat_leaves(struct seat *seat, const char *keys) {
    pty_type(seat->pty, keys);
    int status = seat_end(seat);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
}

Test(top, shows_people_and_processes) {
    struct server *s = ctl_server(SERVER_QUIET(2) "room = Tea\n");
    guest_enter(s, "ann");
    struct seat seat = seat_at(s);
    seat_until(&seat, "1 in the room");
    cr_assert(seat.screen->alternate);
    cr_assert(seat.screen->no_cursor);
    cr_assert_eq(seat_row(&seat, " Tea  up "), 0);
    cr_assert_gt(seat_row(&seat, "utf-8 ["), 0);
    int heading = seat_row(&seat, "PROCESS");
    cr_assert_gt(heading, 0);
    cr_assert_eq(seat_row(&seat, "guardian "), heading + 2);
    cr_assert_eq(seat_row(&seat, "master "), heading + 1);
    char pid[32];
    snprintf(pid, sizeof pid, " %d ", (int)server_worker_pid(s, 1));
    cr_assert_eq(seat_row(&seat, pid), heading + 4);
    cr_assert_eq(seat_row(&seat, "STOPPED"), -1);
    guest_enter(s, "bob");
    seat_until(&seat, "2 in the room");
    seat_leaves(&seat, "q");
    server_stop(s);
}

Test(top, every_way_out_gives_the_terminal_back) {
    struct server *s = ctl_server(SERVER_QUIET(1));
    struct seat seat = seat_at(s);
    seat_until(&seat, "serving");
    seat_leaves(&seat, "xQ");
    seat = seat_at(s);
    seat_until(&seat, "serving");
    seat_leaves(&seat, "\x03");
    static const int signals[] = {SIGTERM, SIGHUP, SIGQUIT};
    for (int i = 0; i < 3; i++) {
        seat = seat_at(s);
        seat_until(&seat, "serving");
        kill(seat.pty->pid, signals[i]);
        int status = seat_end(&seat);
        cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == signals[i], "status %x",
                  (unsigned)status);
    }
    server_stop(s);
}

Test(top, modes_are_restored_while_it_is_stopped) {
    struct server *s = ctl_server(SERVER_QUIET(1));
    struct seat seat = seat_at(s);
    struct termios now;
    seat_until(&seat, "serving");
    tcgetattr(seat.pty->fd, &now);
    cr_assert_eq(now.c_lflag & (ICANON | ECHO), 0);
    pty_type(seat.pty, "\x1a");
    usage_wait_state(seat.pty->pid, 'T');
    for (int64_t deadline = wait_deadline(); seat.screen->alternate;) {
        seat_feed(&seat, true);
        if (seat.screen->alternate)
            pty_more(seat.pty, deadline);
    }
    cr_assert_str_eq(terminal_line(seat.screen, 0), "before");
    tcgetattr(seat.pty->fd, &now);
    cr_assert_eq(now.c_lflag, seat.before.c_lflag);
    kill(seat.pty->pid, SIGCONT);
    seat_until(&seat, "serving");
    cr_assert(seat.screen->alternate);
    seat_leaves(&seat, "q");
    server_stop(s);
}

Test(top, follows_the_windows_size) {
    struct server *s = ctl_server(SERVER_QUIET(4));
    struct seat seat = seat_at(s);
    seat_until(&seat, "serving");
    seat.screen->columns = 30;
    pty_resize(seat.pty, 6, 30);
    int64_t deadline = wait_deadline();
    for (bool small = false; !small;) {
        pty_more(seat.pty, deadline);
        seat_feed(&seat, false);
        small = strlen(terminal_line(seat.screen, 2)) <= 30 && seat_row(&seat, "People") == 2 &&
                seat_row(&seat, "PROCESS") < 0;
        if (!small)
            memset(seat.screen->cell, 0, sizeof seat.screen->cell);
    }
    static const unsigned sizes[][2] = {{1, 1}, {2, 3}, {3, 500}, {60, 2}, {24, 80}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        seat.screen->columns = 500;
        pty_resize(seat.pty, sizes[i][0], sizes[i][1]);
        pty_more(seat.pty, deadline);
    }
    memset(seat.screen->cell, 0, sizeof seat.screen->cell);
    seat_until(&seat, "serving");
    pty_type(seat.pty, "q");
    int status = pty_end(seat.pty);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    server_stop(s);
}

/* All workers and the master: nobody answers, and the screen names each. */
Test(top, shows_a_room_whose_processes_are_all_stopped) {
    struct server *s = ctl_server(SERVER_QUIET(2) "worker_timeout = 1h\n");
    guest_enter(s, "ann");
    pid_t pid[3] = {server_master_pid(s), server_worker_pid(s, 0), server_worker_pid(s, 1)};
    for (int i = 0; i < 3; i++)
        kill(pid[i], SIGSTOP);
    for (int i = 0; i < 3; i++)
        usage_wait_state(pid[i], 'T');
    struct seat seat = seat_at(s);
    seat_until(&seat, "master STOPPED  worker 0 STOPPED  worker 1 STOPPED");
    cr_assert_geq(seat_row(&seat, "1 in the room"), 0);
    for (int i = 3; i-- > 0;)
        kill(pid[i], SIGCONT);
    for (int64_t deadline = wait_deadline(); seat_row(&seat, "STOPPED") >= 0;) {
        pty_more(seat.pty, deadline);
        seat_feed(&seat, false);
    }
    seat_leaves(&seat, "q");
    s->workers_may_die = true;
    server_stop(s);
}

Test(top, says_that_the_server_has_ended) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct seat seat = seat_at(s);
    seat_until(&seat, "serving");
    server_stop(s);
    int status = pty_end(seat.pty);
    seat_feed(&seat, true);
    cr_assert_not(seat.screen->alternate);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    cr_assert_str_eq(terminal_line(seat.screen, 1), "chatroom-ctl: the server has ended");
}

Test(top, lives_through_kills) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *ann = guest_enter(s, "ann");
    struct seat seat = seat_at(s);
    seat_until(&seat, "1 in the room");
    s->workers_may_die = true;
    for (int i = 0; i < 10; i++) {
        pid_t old = server_worker_pid(s, i % 2);
        char pid[32];
        kill(old, SIGKILL);
        guest_say(ann, "line %d", i);
        guest_until(ann, "ann: line %d", i);
        snprintf(pid, sizeof pid, " %d ", (int)server_worker_pid(s, i % 2));
        seat_until(&seat, pid);
    }
    cr_assert_geq(seat_row(&seat, "1 in the room"), 0);
    seat_leaves(&seat, "q");
    server_stop(s);
}

static void is_plain(const char *text) {
    cr_assert_not_null(strstr(text, "master"), "%s", text);
    for (const char *at = text; *at; at++)
        cr_assert(*at == '\n' || (unsigned char)*at >= ' ', "a control character: %s", text);
}

Test(top, without_a_terminal_it_is_printed_once) {
    struct server *s = ctl_server(SERVER_QUIET(1));
    is_plain(ctl_ok(s, "top")->out);
    is_plain(ctl_ok(s, "top", "--once")->out);
    const struct ran *ran = ctl_ok(s, "top", "--json");
    cr_assert_not_null(strstr(ran->out, "\"lines_per_second\":"));
    cr_assert_eq(ctl_run(s, "top", "twice")->status, 2);
    struct pty *p =
        pty_run("sh", "-c", "TERM=dumb exec \"$0\" \"$@\"", ctl_path(), "-s", ctl_socket(s), "top");
    pty_expect(p, "master");
    pty_end(p);
    cr_assert_null(strchr(p->screen, '\033'), "%s", p->screen);
    server_stop(s);
}
