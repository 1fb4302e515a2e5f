/* e2e_request.c - what an operator asks the master for by chatroom-ctl: what is done, what is
 * refused and why, and what becomes of it when processes are stopped or die. */
#include "master/ctl/view.h"
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"
#include "tests/lib/swarm.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(requests, .timeout = 180);
TestSuite(control_across_a_death, .timeout = 180);

/* The answer as text and as JSON: `outcome` has \n between its sentences, as JSON has it. */
static void done(const struct server *s, const char *outcome, char *command, char *argument) {
    char want[2048], *const text[] = {command, argument, NULL};
    char *const json[] = {"--json", command, argument, NULL};
    const struct ran *ran = ctl_ok_at(HERE, s, text);
    cr_assert_eq(ran->out[strlen(outcome)], '\n', "%s", ran->out);
    snprintf(want, sizeof want, "%s\n", outcome);
    cr_assert_str_eq(ran->out, want);
    snprintf(want, sizeof want, "{\"ok\":true,\"text\":\"%s\"}\n", outcome);
    cr_assert_str_eq(ctl_ok_at(HERE, s, json)->out, want);
}

/* One sentence without quotes; in both forms. */
static void refused(const struct server *s, const char *sentence, char *command, char *argument) {
    char want[2048], *const text[] = {command, argument, NULL};
    char *const json[] = {command, argument ? argument : "--json", argument ? "--json" : NULL,
                          NULL};
    ctl_refused_at(HERE, s, sentence, text);
    const struct ran *ran = ctl_run_at(HERE, s, json);
    cr_assert_eq(ran->status, 1);
    cr_assert_str_eq(ran->err, "");
    snprintf(want, sizeof want, "{\"ok\":false,\"error\":\"%s\"}\n", sentence);
    cr_assert_str_eq(ran->out, want);
}

static char *in_dir(const struct server *s, const char *name) {
    static char path[4][400];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", s->dir, name);
    return path[next];
}

/* ---- reload ---- */

Test(requests, reload) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    server_configure(s, SERVER_QUIET(3) "control = %s\n", ctl_socket(s));
    done(s, "reloaded", "reload", NULL);
    server_logged(s, "asked by an operator: reload");
    cr_assert_eq(server_log_count(s, "reloaded: "), 2);
    cr_assert_gt(server_worker_pid(s, 2), 0);
    server_stop(s);
}

Test(requests, reload_of_a_file_with_errors_names_each_with_its_line) {
    struct server *s = ctl_server(SERVER_QUIET(1));
    char want[2048];
    server_configure(s, "workers = 0\ncontrol = %s\ncolour = red\n", ctl_socket(s));
    const struct ran *ran = ctl_run(s, "reload");
    cr_assert_eq(ran->status, 1);
    cr_assert_str_eq(ran->out, "");
    snprintf(want, sizeof want,
             "chatroom-ctl: %s:1: workers: 0 is out of range; it goes from 1 to 64\n"
             "chatroom-ctl: %s:3: unknown key \"colour\"\n"
             "chatroom-ctl: reload failed; the old configuration stays in effect\n",
             s->conf, s->conf);
    cr_assert_str_eq(ran->err, want);
    ran = ctl_run(s, "--json", "reload");
    snprintf(
        want, sizeof want,
        "{\"ok\":false,\"error\":\"%s:1: workers: 0 is out of range; it goes from 1 to 64\\u000a"
        "%s:3: unknown key \\\"colour\\\"\\u000a"
        "reload failed; the old configuration stays in effect\"}\n",
        s->conf, s->conf);
    cr_assert_eq(ran->status, 1);
    cr_assert_str_eq(ran->out, want);
    cr_assert_str_eq(ran->err, "");
    server_stop(s);
}

Test(requests, reload_of_a_file_that_is_gone) {
    struct server *s = ctl_server(SERVER_QUIET(1));
    char want[1024];
    cr_assert_eq(unlink(s->conf), 0);
    const struct ran *ran = ctl_run(s, "reload");
    snprintf(want, sizeof want,
             "chatroom-ctl: %s: No such file or directory\n"
             "chatroom-ctl: reload failed; the old configuration stays in effect\n",
             s->conf);
    cr_assert_str_eq(ran->err, want);
    cr_assert_eq(ran->status, 1);
    server_stop(s);
}

Test(requests, more_errors_than_an_outcome_holds_are_counted_as_the_rest) {
    struct server *s = ctl_server(SERVER_QUIET(1));
    char conf[8192] = "";
    for (int i = 0; i < 60; i++)
        snprintf(conf + strlen(conf), sizeof conf - strlen(conf), "colour%d = red\n", i);
    server_configure(s, "%s", conf);
    const struct ran *ran = ctl_run(s, "reload");
    cr_assert_eq(ran->status, 1);
    cr_assert_not_null(strstr(ran->err, ":1: unknown key \"colour0\"\n"));
    cr_assert_not_null(strstr(ran->err, "\"\nchatroom-ctl: ... the log has the rest\n"));
    cr_assert_null(strstr(ran->err, "colour59"));
    cr_assert_eq(server_log_count(s, "colour59"), 1);
    server_stop(s);
}

/* It is done, and what did not go well is said. */
Test(requests, reload_whose_log_cannot_be_opened) {
    struct server *s = ctl_server(SERVER_QUIET(1));
    char *pipe = in_dir(s, "pipe"); /* without a reader */
    cr_assert_eq(mkfifo(pipe, 0600), 0);
    server_configure(s, SERVER_QUIET(1) "control = %s\nlog = %s\n", ctl_socket(s), pipe);
    const struct ran *ran = ctl_ok(s, "reload");
    cr_assert_eq(strncmp(ran->out, "reloaded\nlog ", 13), 0, "%s", ran->out);
    cr_assert_not_null(strstr(ran->out, "; logging goes on where it was\n"), "%s", ran->out);
    server_stop(s);
}

Test(requests, reload_names_what_waits_for_a_restart) {
    struct server *s = ctl_server(SERVER_QUIET(1));
    server_configure(s, SERVER_QUIET(1) "control = %s\nring_size = 64K\n", ctl_socket(s));
    const struct ran *ran = ctl_ok(s, "reload");
    cr_assert_eq(strncmp(ran->out, "reloaded\nring_size", 18), 0, "%s", ran->out);
    server_stop(s);
}

/* ---- reopen ---- */

static struct server *server_with_log(const char *log) {
    struct server *s = server_prepare();
    snprintf(s->log, sizeof s->log, "%s/%s", s->dir, log);
    server_launch(s, SERVER_QUIET(1) "control = %s\nlog = %s\n", ctl_socket(s), s->log);
    return s;
}

Test(requests, reopen_after_the_log_was_moved) {
    struct server *s = server_with_log("log");
    char *old = in_dir(s, "log.1");
    cr_assert_eq(rename(s->log, old), 0);
    done(s, "log reopened", "reopen", NULL);
    server_logged(s, "log reopened");
    char *text = run_read_file(old);
    cr_assert_not_null(strstr(text, "ready: "));
    free(text);
    server_stop(s);
}

Test(requests, reopen_of_a_log_that_cannot_be_opened) {
    struct server *s = server_with_log("log");
    char *old = in_dir(s, "log.1"), log[300];
    snprintf(log, sizeof log, "%s", s->log);
    cr_assert_eq(rename(s->log, old), 0);
    cr_assert_eq(mkdir(log, 0700), 0);
    snprintf(s->log, sizeof s->log, "%s", old);
    for (int json = 0; json < 2; json++) {
        const struct ran *ran = json ? ctl_run(s, "reopen", "--json") : ctl_run(s, "reopen");
        const char *said = json ? ran->out : ran->err;
        cr_assert_eq(ran->status, 1);
        cr_assert_eq(strncmp(said, json ? "{\"ok\":false,\"error\":\"log /" : "chatroom-ctl: log /",
                             json ? 26 : 19),
                     0, "%s", said);
        cr_assert_not_null(strstr(said, "; logging goes on where it was"), "%s", said);
    }
    server_logged(s, "logging goes on where it was");
    cr_assert_eq(rmdir(log), 0);
    done(s, "log reopened", "reopen", NULL);
    snprintf(s->log, sizeof s->log, "%s", log);
    server_stop(s);
}

Test(requests, reopen_of_a_transcript) {
    struct server *s = server_prepare();
    char *transcript = in_dir(s, "transcript"), *old = in_dir(s, "transcript.1");
    server_launch(s, SERVER_QUIET(1) "control = %s\ntranscript = %s\n", ctl_socket(s), transcript);
    cr_assert_eq(rename(transcript, old), 0);
    done(s, "log and transcript reopened", "reopen", NULL);
    cr_assert_eq(access(transcript, F_OK), 0);
    server_stop(s);
}

Test(requests, reopen_of_a_log_without_a_path) {
    struct server *s = ctl_server(SERVER_QUIET(1));
    done(s, "log reopened", "reopen", NULL);
    server_stop(s);
}

/* ---- loglevel ---- */

Test(requests, loglevel_until_the_next_reload) {
    struct server *s = ctl_server(SERVER_QUIET(1));
    done(s, "log level debug, until the next reload", "loglevel", "debug");
    server_logged(s, "debug [%d] worker 0: configuration 3 adopted", (int)server_worker_pid(s, 0));
    ctl_ok(s, "reload");
    ctl_ok(s, "loglevel", "info");
    ctl_ok(s, "loglevel", "error");
    int before = server_log_count(s, "asked by an operator");
    ctl_ok(s, "loglevel", "error");
    cr_assert_eq(server_log_count(s, "asked by an operator"), before);
    ctl_ok(s, "reload");
    ctl_ok(s, "reload");
    cr_assert_gt(server_log_count(s, "asked by an operator"), before);
    server_stop(s);
}

Test(requests, loglevel_with_a_word_that_is_none) {
    struct server *s = ctl_server(SERVER_QUIET(1));
    static char *const wrong[] = {"loud", "INFO", "0", "info;", "warning"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char want[256];
        snprintf(want, sizeof want, "log_level: \"%s\" is not one of: error, warn, info, debug",
                 wrong[i]);
        ctl_refused(s, want, "loglevel", wrong[i]);
    }
    server_logged(s, "loglevel refused: log_level: \"warning\" is not one of: error, warn");
    const struct ran *ran = ctl_run(s, "loglevel", "loud", "--json");
    cr_assert_eq(ran->status, 1);
    cr_assert_str_eq(ran->out, "{\"ok\":false,\"error\":\"log_level: \\\"loud\\\" is not one of: "
                               "error, warn, info, debug\"}\n");
    cr_assert_eq(ctl_run(s, "loglevel")->status, 2);
    cr_assert_eq(ctl_run(s, "loglevel", "info", "debug")->status, 2);
    server_stop(s);
}

/* ---- upgrade ---- */

struct upgraded {
    struct server *s;
    struct guest *g[2];
    char binary[400];
};

static void copy(const char *from, const char *to) {
    static struct ran ran;
    run(&ran, "cp", (char *)from, (char *)to);
    cr_assert_eq(ran.status, 0, "%s", ran.err);
}

/* A server with a copy of the binary of its own, and two people. */
static struct upgraded upgraded_start(void) {
    struct upgraded u;
    u.s = server_prepare();
    snprintf(u.binary, sizeof u.binary, "%s/chatroom-master", u.s->dir);
    copy(run_server_path(), u.binary);
    u.s->binary = u.binary;
    u.s->workers_may_die = true;
    server_launch(u.s, "%sworker_timeout = 500ms\ncontrol = %s\n", server_quiet, ctl_socket(u.s));
    u.g[0] = guest_enter(u.s, "ann");
    u.g[1] = guest_enter(u.s, "bob");
    guest_expect(u.g[0], "%s", told1(TOLD_COMES, "bob"));
    return u;
}

static void upgraded_talk(struct upgraded *u) {
    guest_say(u->g[0], "hello");
    guests_expect(u->g, 2, "ann: hello");
    guest_say(u->g[1], "still here");
    guests_expect(u->g, 2, "bob: still here");
}

/* The new binary is a script: `check` when it is asked whether it agrees, `then` when started. */
static void upgraded_replace(struct upgraded *u, const char *check, const char *then) {
    char text[1600], fresh[420];
    snprintf(text, sizeof text, "#!/bin/sh\nif [ -n \"$CHATROOM_CHECK\" ]; then %s; fi\n%s\n",
             check, then);
    snprintf(fresh, sizeof fresh, "%s.new", u->binary);
    run_write_file(HERE, fresh, text);
    cr_assert_eq(chmod(fresh, 0700), 0);
    cr_assert_eq(rename(fresh, u->binary), 0);
}

Test(requests, upgrade) {
    struct upgraded u = upgraded_start();
    done(u.s, "upgraded", "upgrade", NULL);
    cr_assert_eq(server_log_count(u.s, "upgraded: room"), 2);
    upgraded_talk(&u);
    server_stop(u.s);
}

static void upgrade_refused(const char *check, const char *why) {
    struct upgraded u = upgraded_start();
    char sentence[512];
    upgraded_replace(&u, check, "exit 0");
    snprintf(sentence, sizeof sentence, "upgrade refused: %s; going on as before", why);
    refused(u.s, sentence, "upgrade", NULL);
    upgraded_talk(&u);
    server_stop(u.s);
}

Test(requests, upgrade_to_a_binary_that_does_not_agree) {
    upgrade_refused("echo its layout is another >&2; exit 1", "its layout is another");
}
Test(requests, upgrade_to_a_binary_without_an_answer) {
    upgrade_refused("exit 0", "it is no chatroom-master: it ended with status 0 and no answer");
}
Test(requests, upgrade_to_a_binary_that_never_answers) {
    upgrade_refused("exec 2>&-; exec sleep 60", "no answer within 2000 ms");
}

Test(requests, upgrade_to_a_binary_that_is_missing_or_no_program) {
    struct upgraded u = upgraded_start();
    char sentence[1024];
    cr_assert_eq(unlink(u.binary), 0);
    snprintf(sentence, sizeof sentence,
             "upgrade refused: %s: No such file or directory; going on as before", u.binary);
    refused(u.s, sentence, "upgrade", NULL);
    run_write_file(HERE, u.binary, "nothing that runs\n");
    snprintf(sentence, sizeof sentence,
             "upgrade refused: %s: Permission denied; going on as before", u.binary);
    refused(u.s, sentence, "upgrade", NULL);
    cr_assert_eq(chmod(u.binary, 0700), 0);
    snprintf(sentence, sizeof sentence,
             "upgrade refused: %s: Exec format error; going on as before", u.binary);
    refused(u.s, sentence, "upgrade", NULL);
    upgraded_talk(&u);
    server_stop(u.s);
}

/* The configuration has an error that only the new binary is asked about. */
Test(requests, upgrade_to_a_binary_that_does_not_accept_the_configuration) {
    struct upgraded u = upgraded_start();
    char sentence[1024];
    server_configure(u.s, "workers = 0\ncontrol = %s\n", ctl_socket(u.s));
    snprintf(sentence, sizeof sentence,
             "upgrade refused: %s:1: workers: 0 is out of range; it goes from 1 to 64; going on "
             "as before",
             u.s->conf);
    refused(u.s, sentence, "upgrade", NULL);
    server_stop(u.s);
}

/* It agreed; then it ended or hung, and the master that has waited went on with the old binary. */
static void upgrade_undone(const char *then) {
    struct upgraded u = upgraded_start();
    char check[600];
    snprintf(check, sizeof check, "exec '%s' \"$@\"", run_server_path());
    upgraded_replace(&u, check, then);
    server_adopt_orphans();
    ctl_refused(u.s,
                "upgrade: the new binary died or hung as it began; going back to the binary before",
                "upgrade");
    server_await_guardian(u.s);
    upgraded_talk(&u);
    ctl_ok(u.s, "shutdown");
    guests_expect(u.g, 2, told(TOLD_GOING_DOWN));
    server_ended(u.s);
}

Test(requests, upgrade_to_a_binary_that_dies_as_it_begins) {
    upgrade_undone("kill -9 $$");
}
Test(requests, upgrade_to_a_binary_that_gives_up_as_it_begins) {
    upgrade_undone("exit 1");
}
Test(requests, upgrade_to_a_binary_that_hangs_as_it_begins) {
    upgrade_undone("kill -STOP $$");
}

/* ---- control across a death ---- */

/* The check kills the master, which is its parent, in the middle of the request. */
static struct upgraded master_dies(int times) {
    struct upgraded u = upgraded_start();
    char check[1500], *tries = in_dir(u.s, "tries");
    snprintf(check, sizeof check,
             "echo try >>'%s'; if [ $(wc -l <'%s') -le %d ]; then kill -9 $PPID; exit 1; fi; "
             "exec '%s' \"$@\"",
             tries, tries, times, run_server_path());
    char then[500];
    snprintf(then, sizeof then, "exec '%s' \"$@\"", run_server_path());
    upgraded_replace(&u, check, then);
    return u;
}

static int lines_of(const char *path) {
    char *text = run_read_file(path);
    int n = 0;
    for (char *p = text; p && *p; p++)
        n += *p == '\n';
    free(text);
    return n;
}

static void end_successor(struct upgraded *u) {
    upgraded_talk(u);
    ctl_ok(u->s, "shutdown");
    guests_expect(u->g, 2, told(TOLD_GOING_DOWN));
    server_ended(u->s);
}

Test(control_across_a_death, a_successor_does_again_what_a_master_died_of) {
    struct upgraded u = master_dies(1);
    cr_assert_str_eq(ctl_ok(u.s, "upgrade")->out, "upgraded\n");
    cr_assert_eq(lines_of(in_dir(u.s, "tries")), 2);
    end_successor(&u);
}

Test(control_across_a_death, nothing_is_tried_a_third_time) {
    struct upgraded u = master_dies(100);
    ctl_refused(u.s, "the server's master process died twice while it did this", "upgrade");
    cr_assert_eq(lines_of(in_dir(u.s, "tries")), 2);
    end_successor(&u);
}

/* ---- a command that waits ---- */

struct waiting {
    pid_t pid;
    char out[400];
};

static struct waiting ctl_begin(const struct server *s, char *command) {
    static int number;
    struct waiting w;
    char *argv[] = {ctl_path(), "-s", ctl_socket(s), command, NULL};
    snprintf(w.out, sizeof w.out, "%s/ctl.%d", s->dir, number++);
    w.pid = run_start(HERE, argv, w.out, w.out);
    return w;
}

static void ctl_end(const struct waiting *w, int want, const char *said) {
    int status;
    cr_assert(run_wait(w->pid, &status, wait_deadline()));
    char *text = run_read_file(w->out);
    cr_assert_str_eq(text, said);
    cr_assert_eq(WEXITSTATUS(status), want);
    free(text);
}

/* Until the server has a request that waits. */
static void await_asked(const struct server *s) {
    struct view view;
    char err[VIEW_ERROR];
    cr_assert(view_open(&view, ctl_socket(s), err), "%s", err);
    for (int64_t deadline = wait_deadline(); !request_next(view.seg.requests);) {
        cr_assert_gt(wait_left_ms(deadline), 0, "it was not asked");
        wait_breath();
    }
    view_close(&view);
}

Test(control_across_a_death, one_that_waits_is_done_by_the_successor_of_a_dead_master) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *ann = guest_enter(s, "ann");
    kill(server_master_pid(s), SIGSTOP);
    struct waiting w = ctl_begin(s, "reload");
    await_asked(s);
    server_new_master(s);
    ctl_end(&w, 0, "reloaded\n");
    guest_say(ann, "undisturbed");
    guest_expect(ann, "ann: undisturbed");
    ctl_ok(s, "shutdown");
    guest_expect(ann, "%s", told(TOLD_GOING_DOWN));
    server_ended(s);
}

Test(control_across_a_death, shutdown_is_done_by_the_successor_of_a_dead_master) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *ann = guest_enter(s, "ann");
    kill(server_master_pid(s), SIGSTOP);
    struct waiting w = ctl_begin(s, "shutdown");
    await_asked(s);
    kill(server_master_pid(s), SIGKILL);
    guest_expect(ann, "%s", told(TOLD_GOING_DOWN));
    ctl_end(&w, 0, "");
    server_ended(s);
}

/* The tool is stopped, and looks again when its request's place has another's. */
Test(requests, one_whose_place_was_taken_by_later_ones_is_not_known) {
    struct server *s = ctl_server(SERVER_QUIET(1) "worker_timeout = 60s\n");
    kill(server_master_pid(s), SIGSTOP);
    struct waiting w = ctl_begin(s, "reload");
    await_asked(s);
    kill(w.pid, SIGSTOP);
    kill(server_master_pid(s), SIGCONT);
    server_logged(s, "reloaded: ");
    for (int i = 0; i < REQUESTS; i++)
        ctl_ok(s, "reopen");
    kill(w.pid, SIGCONT);
    ctl_end(&w, 1,
            "chatroom-ctl: later requests took its place; whether it was done is unknown, see the "
            "log\n");
    server_stop(s);
}

Test(requests, two_at_one_instant_are_both_done) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    for (int i = 0; i < 5; i++) {
        struct waiting a = ctl_begin(s, "reload"), b = ctl_begin(s, "reload");
        ctl_end(&a, 0, "reloaded\n");
        ctl_end(&b, 0, "reloaded\n");
    }
    cr_assert_eq(server_log_count(s, "reloaded: "), 10);
    server_stop(s);
}

/* ---- the socket itself ---- */

static int control(const struct server *s) {
    char line[512];
    int fd = ctl_connect(s);
    cr_assert(ctl_line(fd, line));
    return fd;
}

static const char *ask(int fd, const char *line) {
    static char answer[1024];
    cr_assert_eq(write(fd, line, strlen(line)), (ssize_t)strlen(line));
    cr_assert(ctl_line(fd, answer));
    return answer;
}

Test(requests, nine_at_once_and_the_ninth_is_told) {
    struct server *s = ctl_server(SERVER_QUIET(2) "worker_timeout = 60s\n");
    int fd = control(s);
    kill(server_master_pid(s), SIGSTOP);
    for (int i = 1; i <= 8; i++) {
        char line[100];
        snprintf(line, sizeof line, "request %016x reload\n", i);
        cr_assert_str_eq(ask(fd, line), "ok");
    }
    refused(s, "the server is busy with eight requests; ask again", "reload", NULL);
    cr_assert_str_eq(ask(fd, "request 0000000000000003 reload\n"), "ok", "it is there");
    kill(server_master_pid(s), SIGCONT);
    while (server_log_count(s, "asked by an operator: reload") < 8)
        server_logged(s, "asked by an operator: reload");
    done(s, "reloaded", "reload", NULL);
    cr_assert_eq(server_log_count(s, "reloaded: "), 10);
    close(fd);
    server_stop(s);
}

Test(requests, a_number_is_carried_out_once) {
    struct server *s = ctl_server(SERVER_QUIET(1));
    int fd = control(s);
    for (int i = 0; i < 3; i++)
        cr_assert_str_eq(ask(fd, "request 00000000000000a7 reopen\n"), "ok");
    ctl_ok(s, "reload"); /* is done after it */
    cr_assert_eq(server_log_count(s, "asked by an operator: reopen"), 1);
    close(fd);
    server_stop(s);
}

Test(requests, a_line_that_is_no_request) {
    struct server *s = ctl_server(SERVER_QUIET(1));
    static const char number[] =
        "no a request's number is 16 hexadecimal digits, not all of them 0";
    char line[1200], text[600];
    int fd = control(s);
    cr_assert_str_eq(ask(fd, "request\n"), number);
    cr_assert_str_eq(ask(fd, "request 0000000000000000 reload\n"), number);
    cr_assert_str_eq(ask(fd, "request 12 reload\n"), number);
    cr_assert_str_eq(ask(fd, "request 00000000000000aG reload\n"), number);
    cr_assert_str_eq(ask(fd, "request 00000000000000a7\n"), "no a request needs a verb");
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    snprintf(line, sizeof line, "request 00000000000000a7 loglevel %s\n", text);
    cr_assert_str_eq(ask(fd, line), "no the arguments are too long");
    cr_assert_eq(server_log_count(s, "asked by an operator"), 0);
    close(fd);
    refused(s, "the arguments are too long, or have more than one line", "loglevel", text);
    server_stop(s);
}

/* ---- what stands still, and what is gone ---- */

/* The request stays, and is done once the master can. */
Test(requests, a_master_that_is_stopped) {
    struct server *s = ctl_server(SERVER_QUIET(2) "worker_timeout = 60s\n");
    kill(server_master_pid(s), SIGSTOP);
    refused(s,
            "reload: the server has made no progress for 2 seconds; whether it will be done is "
            "unknown, see the log",
            "reload", NULL);
    kill(server_master_pid(s), SIGCONT);
    done(s, "reloaded", "reload", NULL);
    cr_assert_eq(server_log_count(s, "reloaded: "), 4);
    server_stop(s);
}

Test(requests, shutdown_of_a_master_that_is_stopped) {
    struct server *s = ctl_server(SERVER_QUIET(2) "worker_timeout = 60s\n");
    struct guest *ann = guest_enter(s, "ann");
    kill(server_master_pid(s), SIGSTOP);
    ctl_refused(s,
                "shutdown: the server has made no progress for 2 seconds; whether it will be done "
                "is unknown, see the log",
                "shutdown");
    kill(server_master_pid(s), SIGCONT);
    guest_expect(ann, "%s", told(TOLD_GOING_DOWN));
    server_ended(s);
}

Test(requests, workers_that_are_all_stopped) {
    struct server *s = ctl_server(SERVER_QUIET(2) "worker_timeout = 60s\n");
    for (int i = 0; i < 2; i++)
        kill(server_worker_pid(s, i), SIGSTOP);
    refused(s, "the server does not answer", "reload", NULL);
    refused(s, "the server does not answer", "shutdown", NULL);
    for (int i = 0; i < 2; i++)
        kill(server_worker_pid(s, i), SIGCONT);
    done(s, "reloaded", "reload", NULL);
    server_stop(s);
}

Test(requests, a_server_that_is_gone) {
    struct server *s = ctl_server(SERVER_QUIET(1));
    char sentence[512];
    snprintf(sentence, sizeof sentence, "%s: no server listens there", ctl_socket(s));
    ctl_ok(s, "shutdown");
    refused(s, sentence, "reload", NULL);
    refused(s, sentence, "shutdown", NULL);
    refused(s, sentence, "loglevel", "info");
}

Test(requests, a_server_whose_processes_were_all_killed) {
    struct server *s = ctl_server(SERVER_QUIET(1));
    char sentence[512];
    int status;
    snprintf(sentence, sizeof sentence, "%s: no server listens there", ctl_socket(s));
    kill(-s->pid, SIGKILL);
    cr_assert(run_wait(s->pid, &status, wait_deadline()));
    refused(s, sentence, "upgrade", NULL);
}

/* ---- shutdown ---- */

enum { PEOPLE = 50 };
struct leaving {
    bool in[PEOPLE], told[PEOPLE];
    int entered, said, left;
};

static void leaving_heard(void *state, int member, const char *line) {
    struct leaving *l = state;
    if (strcmp(line, told(TOLD_HOW)) == 0)
        return;
    if (strcmp(line, told(TOLD_GOING_DOWN)) == 0) {
        cr_assert_not(l->told[member]);
        l->told[member] = true;
        l->left++;
    } else if (strstr(line, "has entered") && !l->in[member]) {
        l->in[member] = true;
        l->entered++;
    } else if (strstr(line, ": line")) {
        l->said++;
    }
}
static bool all_entered(void *state) {
    return ((struct leaving *)state)->entered == PEOPLE;
}
static bool all_talk(void *state) {
    return ((struct leaving *)state)->said >= PEOPLE * PEOPLE;
}
static bool all_told(void *state) {
    return ((struct leaving *)state)->left == PEOPLE;
}

/* When the command returns, no process of the server is left. */
Test(requests, shutdown_while_50_people_talk) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    static struct leaving l;
    struct swarm *w = swarm_connect(s, PEOPLE, leaving_heard, &l);
    for (int i = 0; i < PEOPLE; i++)
        swarm_say(w, i, "login p%d", i);
    swarm_pump(w, all_entered, &l);
    for (int i = 0; i < 20 * PEOPLE; i++)
        swarm_say(w, i % PEOPLE, "line %d", i);
    swarm_pump(w, all_talk, &l);
    struct waiting ctl = ctl_begin(s, "shutdown");
    swarm_pump(w, all_told, &l);
    ctl_end(&ctl, 0, "");
    int status;
    cr_assert_eq(waitpid(s->pid, &status, WNOHANG), s->pid, "it has ended before the command");
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cr_assert_neq(access(ctl_socket(s), F_OK), 0);
}

Test(requests, shutdown_in_json) {
    struct server *s = ctl_server(SERVER_QUIET(1));
    cr_assert_str_eq(ctl_ok(s, "shutdown", "--json")->out, "{\"ok\":true}\n");
    server_ended(s);
}
