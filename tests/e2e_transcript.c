/* e2e_transcript.c - the room's lines in a file: what is in it, once each, whatever dies, moves or
 * fills up meanwhile; and the history that a restart takes from it. */
#include "tests/lib/guest.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

TestSuite(transcript, .timeout = 180);

enum { TIME_LEN = 24 };
#define CONF SERVER_QUIET(2) "transcript = %s\n"

static const char *in_dir(const struct server *s, const char *name) {
    static char path[4][600];
    static int next;
    char *out = path[next++ % 4];
    snprintf(out, sizeof path[0], "%s/%s", s->dir, name);
    return out;
}
static const char *file_of(const struct server *s) {
    return in_dir(s, "room.txt");
}

static struct server *begin(void) {
    struct server *s = server_prepare();
    server_launch(s, CONF, file_of(s));
    return s;
}

/* ---- what the file has ---- */

static void has_time(const char *line) {
    static const char form[] = "0000-00-00T00:00:00.000Z ";
    for (size_t i = 0; form[i]; i++)
        cr_assert(form[i] == '0' ? line[i] >= '0' && line[i] <= '9' : line[i] == form[i],
                  "no time: %.60s", line);
}

/* The file without its times, which the caller frees. */
static char *text_of(const char *path) {
    char *text = run_read_file(path), *to = text;
    if (!text)
        return strdup("");
    char *out = strdup(text);
    to = out;
    for (char *at = text, *end; *at && (end = strchr(at, '\n')); at = end + 1) {
        has_time(at);
        memcpy(to, at + TIME_LEN + 1, (size_t)(end + 1 - (at + TIME_LEN + 1)));
        to += end + 1 - (at + TIME_LEN + 1);
    }
    *to = '\0';
    free(text);
    return out;
}

static void comes_to_have_at(struct where where, const char *path, const char *want) {
    int64_t deadline = wait_deadline();
    for (;;) {
        char *is = text_of(path);
        bool same = strcmp(is, want) == 0;
        if (!same && wait_left_ms(deadline) == 0)
            fail_at(where, "%s has\n%s\ninstead of\n%s", path, is, want);
        free(is);
        if (same)
            return;
        wait_breath();
    }
}
#define comes_to_have(path, want) comes_to_have_at(HERE, path, want)

static void comes_to_end_with_at(struct where where, const char *path, const char *want) {
    int64_t deadline = wait_deadline();
    for (;;) {
        char *is = text_of(path);
        size_t len = strlen(is), n = strlen(want);
        bool ends = len >= n && strcmp(is + len - n, want) == 0;
        if (!ends && wait_left_ms(deadline) == 0)
            fail_at(where, "%s has\n%s\nwhich does not end with\n%s", path, is, want);
        free(is);
        if (ends)
            return;
        wait_breath();
    }
}
#define comes_to_end_with(path, want) comes_to_end_with_at(HERE, path, want)

static pid_t transcript_pid(struct server *s) {
    return (pid_t)atoi(strstr(server_logged(s, "transcript: pid "), "pid ") + 4);
}

/* Kills it and waits for its successor. */
static void kill_transcript(struct server *s) {
    pid_t pid = transcript_pid(s);
    cr_assert_eq(kill(pid, SIGKILL), 0);
    int64_t deadline = wait_deadline();
    while (transcript_pid(s) == pid) {
        cr_assert_gt(wait_left_ms(deadline), 0);
        wait_breath();
    }
}

Test(transcript, has_what_everybody_sees_with_its_time_and_kind) {
    struct server *s = begin();
    time_t before = time(NULL);
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    guest_say(ann, "h\xc3\xa9llo \xe4\xbd\xa0");
    guest_say(ann, "/me waves");
    guest_say(ann, "* bob sings");
    guest_say(ann, "/msg bob a secret");
    guest_say(ann, "/nick eve");
    guest_until(ann, "%s", told2(TOLD_NICK, "ann", "eve"));
    guest_close(bob);
    guest_until(ann, "%s", told1(TOLD_GOES, "bob"));
    comes_to_have(file_of(s), "join ann has entered the room.\n"
                              "join bob has entered the room.\n"
                              "say ann: h\xc3\xa9llo \xe4\xbd\xa0\n"
                              "me * ann waves\n"
                              "say ann: * bob sings\n"
                              "nick ann is now known as eve.\n"
                              "leave bob has left the room.\n");
    char *text = run_read_file(file_of(s));
    struct tm at = {0};
    cr_assert(strptime(text, "%Y-%m-%dT%H:%M:%S", &at));
    cr_assert_leq(llabs((long long)timegm(&at) - (long long)before), 2 + time(NULL) - before);
    free(text);
    server_stop(s);
}

Test(transcript, of_an_open_room_in_another_language_and_encoding) {
    struct server *s = server_prepare();
    server_launch(s, CONF "login = no\nlanguage = zh\n", file_of(s));
    struct guest *bob = guest_connect(s), *ann = guest_connect_as(s, .charset = "GBK");
    guest_until(bob, "127.0.0.1\xe8\xbf\x9b\xe5\x85\xa5\xe8\x81\x8a\xe5\xa4\xa9\xe5\xae\xa4!");
    guest_say(ann, "/encoding gbk");
    guest_say_in(ann, "\xe4\xbd\xa0\xe5\xa5\xbd");
    guest_until(bob, "\xe4\xbd\xa0\xe5\xa5\xbd");
    comes_to_end_with(file_of(s), "say \xe4\xbd\xa0\xe5\xa5\xbd\n");
    server_stop(s);
}

Test(transcript, a_coming_that_is_not_announced_is_not_in_it) {
    struct server *s = server_prepare();
    server_launch(s, CONF "announce_max = 1\n", file_of(s));
    struct guest *ann = guest_enter(s, "ann");
    struct guest *bob = guest_enter(s, "bob");
    guest_say(bob, "hi");
    guest_until(ann, "%s", told2(TOLD_SPEECH, "bob", "hi"));
    comes_to_have(file_of(s), "join ann has entered the room.\nsay bob: hi\n");
    server_stop(s);
}

Test(transcript, has_what_was_said_last_before_the_end) {
    struct server *s = begin();
    struct guest *ann = guest_enter(s, "ann");
    char path[600], want[8192] = "join ann has entered the room.\n";
    snprintf(path, sizeof path, "%s.copy", s->dir);
    cr_assert_eq(symlink(file_of(s), path), 0);
    for (int i = 0; i < 100; i++) {
        guest_say(ann, "line %d", i);
        snprintf(want + strlen(want), sizeof want - strlen(want), "say ann: line %d\n", i);
    }
    guest_until(ann, "%s", told2(TOLD_SPEECH, "ann", "line 99"));
    int fd = open(file_of(s), O_RDONLY | O_CLOEXEC);
    server_stop(s);
    char text[16384], *at = text, is[8192] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    cr_assert_gt(n, 0);
    text[n] = '\0';
    for (char *end; *at && (end = strchr(at, '\n')); at = end + 1)
        snprintf(is + strlen(is), sizeof is - strlen(is), "%.*s", (int)(end + 1 - (at + 25)),
                 at + 25);
    cr_assert_str_eq(is, want);
    close(fd);
    unlink(path);
}

/* One that dies at the end is replaced, because lines are left. */
Test(transcript, has_what_was_said_last_though_it_dies_at_the_end) {
    struct server *s = begin();
    struct guest *ann = guest_enter(s, "ann");
    comes_to_have(file_of(s), "join ann has entered the room.\n");
    int fd = open(file_of(s), O_RDONLY | O_CLOEXEC);
    pid_t pid = transcript_pid(s);
    kill(pid, SIGSTOP);
    guest_say(ann, "last");
    guest_until(ann, "ann: last");
    server_signal(s, SIGTERM);
    guest_until(ann, "%s", told(TOLD_GOING_DOWN));
    kill(pid, SIGKILL);
    server_ended(s);
    char text[512];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    cr_assert_gt(n, 0);
    text[n] = '\0';
    cr_assert(strstr(text, "Z say ann: last\n"), "%s", text);
    close(fd);
}

/* ---- deaths ---- */

/* Says n lines; they are in the file, and what bob hears is the order. */
static int said_lines;
static void say_lines(struct guest *ann, struct guest *bob, int n) {
    for (int i = 0; i < n; i++)
        guest_say(ann, "%d", said_lines + i);
    for (int i = 0; i < n; i++)
        guest_expect(bob, "ann: %d", said_lines + i);
    said_lines += n;
}

static void has_all_said(const char *path) {
    char last[64];
    snprintf(last, sizeof last, "say ann: %d\n", said_lines - 1);
    comes_to_end_with(path, last);
    char *text = text_of(path), *at = text;
    int next = 0;
    for (char *end; (end = strchr(at, '\n')); at = end + 1) {
        if (strncmp(at, "say ", 4) == 0)
            cr_assert_eq(atoi(at + strlen("say ann: ")), next, "%.*s, not %d", (int)(end - at), at,
                         next);
        next += strncmp(at, "say ", 4) == 0;
    }
    cr_assert_eq(next, said_lines);
    free(text);
}

Test(transcript, a_death_of_it_loses_and_doubles_nothing) {
    struct server *s = begin();
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    guest_until(ann, "%s", told1(TOLD_COMES, "bob"));
    for (int i = 0; i < 10; i++) {
        for (int k = 0; k < 20; k++)
            guest_say(ann, "%d", said_lines + k);
        kill_transcript(s);
        for (int k = 0; k < 20; k++)
            guest_expect(bob, "ann: %d", said_lines + k);
        said_lines += 20;
    }
    has_all_said(file_of(s));
    server_stop(s);
}

/* HOLES: the tail that a dead one has not committed is cut off. */
Test(transcript, what_a_dead_one_has_not_committed_is_cut_off) {
    struct server *s = begin();
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    say_lines(ann, bob, 3);
    has_all_said(file_of(s));
    pid_t pid = transcript_pid(s);
    kill(pid, SIGSTOP);
    int fd = open(file_of(s), O_WRONLY | O_APPEND | O_CLOEXEC);
    cr_assert_eq(write(fd, "2026-01-01T00:00:00.000Z say ann: 77\n2026-01", 44), 44);
    close(fd);
    kill(pid, SIGKILL);
    say_lines(ann, bob, 3);
    has_all_said(file_of(s));
    server_stop(s);
}

Test(transcript, goes_on_when_the_master_dies_and_when_the_binary_is_replaced) {
    struct server *s = begin();
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    s->workers_may_die = true;
    say_lines(ann, bob, 10);
    server_signal(s, SIGUSR2);
    server_logged(s, "upgraded: ");
    say_lines(ann, bob, 10);
    has_all_said(file_of(s));
    server_new_master(s);
    say_lines(ann, bob, 10);
    has_all_said(file_of(s));
    server_new_guardian(s);
    say_lines(ann, bob, 10);
    has_all_said(file_of(s));
    kill_transcript(s);
    say_lines(ann, bob, 10);
    has_all_said(file_of(s));
    server_stop(s);
}

Test(transcript, one_that_stands_still_is_replaced) {
    struct server *s = server_prepare();
    server_launch(s, CONF "worker_timeout = 300ms\n", file_of(s));
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    say_lines(ann, bob, 3);
    has_all_said(file_of(s));
    kill(transcript_pid(s), SIGSTOP);
    say_lines(ann, bob, 3);
    server_logged(s, "transcript has stood still for ");
    has_all_said(file_of(s));
    server_stop(s);
}

/* ---- what it is ---- */

static char *status_of(pid_t pid, const char *row) {
    static char line[256];
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    cr_assert(file);
    while (fgets(line, sizeof line, file) && strncmp(line, row, strlen(row)) != 0)
        ;
    fclose(file);
    return line + strlen(row);
}

/* HOLES 1: it has a table of its own, with no client's socket, no listener and no pidfd. */
Test(transcript, has_few_descriptors_and_names_itself) {
    struct server *s = begin();
    struct guest *ann = guest_enter(s, "ann");
    kill_transcript(s); /* the successor's master has clients' sockets */
    guest_say(ann, "hi");
    comes_to_end_with(file_of(s), "say ann: hi\n");
    pid_t pid = transcript_pid(s);
    char path[64], target[256];
    cr_assert_str_eq(status_of(pid, "Name:"), "\ttranscript\n");
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    for (struct dirent *entry; (entry = readdir(dir));) {
        ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
        target[n > 0 ? n : 0] = '\0';
        cr_expect(!strstr(target, "socket") && !strstr(target, "pidfd") &&
                      !strstr(target, "eventpoll"),
                  "%s is %s", entry->d_name, target);
    }
    closedir(dir);
    guest_close(ann);
    struct guest *bob = guest_enter(s, "bob");
    (void)bob;
    server_stop(s);
}

/* HOLES 10: a filter survives clone and exec, so no worker has one. */
Test(transcript, has_a_filter_of_system_calls_and_no_worker_has) {
    struct server *s = begin();
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    say_lines(ann, bob, 1);
    has_all_said(file_of(s));
    if (server_log_count(s, "no filter of system calls") > 0)
        skip_test("this build or machine has no filter");
    cr_assert_eq(atoi(status_of(server_worker_pid(s, 0), "Seccomp:")), 0);
    cr_assert_eq(atoi(status_of(s->pid, "Seccomp:")), 0);
    cr_assert_eq(atoi(status_of(server_master_pid(s), "Seccomp:")), 0);
    if (atoi(status_of(transcript_pid(s), "Seccomp:")) == 0)
        skip_test("this build has no filter");
    cr_assert_eq(atoi(status_of(transcript_pid(s), "Seccomp:")), 2);
    cr_assert_eq(atoi(status_of(transcript_pid(s), "NoNewPrivs:")), 1);
    server_stop(s);
}

/* HOLES 10: a guardian that a worker has started can replace the binary. */
Test(transcript, a_guardian_started_by_a_worker_can_upgrade) {
    struct server *s = server_prepare();
    char conf[700];
    snprintf(conf, sizeof conf, CONF "pidfile = %s\n", file_of(s), in_dir(s, "pid"));
    server_launch(s, "%s", conf);
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    s->workers_may_die = true;
    say_lines(ann, bob, 3);
    const pid_t both[] = {s->pid, server_master_pid(s)};
    server_new_guardian_of(s, both, 2);
    char *pid = run_read_file(in_dir(s, "pid"));
    cr_assert_eq(atoi(pid), s->pid, "%s", pid);
    free(pid);
    server_signal(s, SIGUSR2);
    server_logged(s, "upgraded: ");
    say_lines(ann, bob, 3);
    has_all_said(file_of(s));
    server_stop(s);
}

/* ---- files that come and go ---- */

static void reopen(struct server *s, const char *done) {
    int before = server_log_count(s, done);
    int64_t deadline = wait_deadline();
    server_signal(s, SIGUSR1);
    while (server_log_count(s, done) == before) {
        cr_assert_gt(wait_left_ms(deadline), 0, "%s", done);
        wait_breath();
    }
}

/* HOLES 20 */
Test(transcript, a_file_that_was_moved_away_is_finished_and_another_begun) {
    struct server *s = begin();
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    guest_until(ann, "%s", told1(TOLD_COMES, "bob"));
    for (int i = 1; i <= 3; i++) {
        char old[32], line[32];
        snprintf(old, sizeof old, "room.%d", i);
        guest_say(ann, "before %d", i);
        guest_until(bob, "ann: before %d", i);
        cr_assert_eq(rename(file_of(s), in_dir(s, old)), 0);
        guest_say(ann, "between %d", i);
        guest_until(bob, "ann: between %d", i);
        reopen(s, "going on in ");
        guest_say(ann, "after %d", i);
        snprintf(line, sizeof line, "say ann: after %d\n", i);
        comes_to_end_with(file_of(s), line);
        char *first = text_of(in_dir(s, old)), *second = text_of(file_of(s));
        char want[256];
        snprintf(want, sizeof want,
                 "%ssay ann: before %d\nsay ann: between %d\nsay ann: after %d\n",
                 i == 1 ? "join ann has entered the room.\njoin bob has entered the room.\n" : "",
                 i, i, i);
        char both[512];
        const char *skip = i == 1 ? first : strstr(first, "say ann: before");
        snprintf(both, sizeof both, "%s%s", skip, second);
        cr_assert_str_eq(both, want);
        free(first);
        free(second);
    }
    server_stop(s);
}

Test(transcript, a_death_between_moving_away_and_reopening_writes_into_the_old_one) {
    struct server *s = begin();
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    say_lines(ann, bob, 3);
    cr_assert_eq(rename(file_of(s), in_dir(s, "old")), 0);
    say_lines(ann, bob, 3);
    kill_transcript(s);
    say_lines(ann, bob, 3);
    has_all_said(in_dir(s, "old"));
    reopen(s, "going on in ");
    guest_say(ann, "new");
    comes_to_have(file_of(s), "say ann: new\n");
    has_all_said(in_dir(s, "old"));
    server_stop(s);
}

/* HOLES 21: logrotate's copytruncate. */
Test(transcript, a_file_that_was_shortened_has_no_hole) {
    struct server *s = begin();
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    say_lines(ann, bob, 30);
    has_all_said(file_of(s));
    cr_assert_eq(truncate(file_of(s), 0), 0);
    guest_say(ann, "after");
    comes_to_have(file_of(s), "say ann: after\n");
    cr_assert_eq(server_log_count(s, "was shortened; going on at byte 0"), 1);
    guest_say(ann, "more");
    comes_to_have(file_of(s), "say ann: after\nsay ann: more\n");
    cr_assert_eq(truncate(file_of(s), 50), 0); /* within the second line */
    guest_say(ann, "last");
    comes_to_have(file_of(s), "say ann: after\nsay ann: last\n");
    server_stop(s);
}

Test(transcript, a_reload_adds_moves_and_removes_it) {
    struct server *s = server_start(SERVER_QUIET(2));
    struct guest *ann = guest_enter(s, "ann");
    guest_say(ann, "nowhere");
    guest_until(ann, "ann: nowhere");
    static const char *const names[] = {"one", "two", "one"};
    int reloads = 0;
    for (int i = 0; i < 3; i++) {
        server_configure(s, SERVER_QUIET(2) "room = R%d\ntranscript = %s\n", ++reloads,
                         in_dir(s, names[i]));
        server_signal(s, SIGHUP);
        server_logged(s, "%s %s", i == 0 ? "writing to" : "going on in", in_dir(s, names[i]));
        guest_say(ann, "line %d", i);
        char want[64];
        snprintf(want, sizeof want, "say ann: line %d\n", i);
        comes_to_end_with(in_dir(s, names[i]), want);
    }
    server_configure(s, SERVER_QUIET(2) "room = R%d\n", ++reloads);
    server_signal(s, SIGHUP);
    server_logged(s, "writing to no file any more");
    guest_say(ann, "nowhere");
    guest_until(ann, "ann: nowhere");
    comes_to_have(in_dir(s, "one"), "say ann: line 0\nsay ann: line 2\n");
    comes_to_have(in_dir(s, "two"), "say ann: line 1\n");
    server_stop(s);
}

/* ---- files that are refused ---- */

static void refuses(struct server *s, const char *reason) {
    static struct ran ran;
    char want[700];
    snprintf(want, sizeof want, "transcript %s: %s\n", file_of(s), reason);
    server_configure(s, CONF, file_of(s));
    run(&ran, run_server_path(), "-c", s->conf);
    cr_assert_eq(ran.status, 1);
    cr_assert(strstr(ran.err, want), "%s", ran.err);
    if (strstr(reason, "another server"))
        return;
    run(&ran, run_server_path(), "-t", "-c", s->conf);
    cr_assert_eq(ran.status, 1);
    cr_assert(strstr(ran.out, want), "%s", ran.out);
}

Test(transcript, a_file_that_is_another_text_is_refused_and_stays) {
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"root:x:0:0:root:/root:/bin/bash\n", "line 1, byte 1: "},
        {"2026-11-25 17:04:05.120 info [1] x\n", "line 1, byte 11: "},
        {"2026-11-25T17:04:05.120Z told ann: hi\n", "line 1, byte 26: "},
        {"2026-11-25T17:04:05.120Z saying\n", "line 1, byte 29: "},
        {"\n", "line 1, byte 1: "},
    };
    struct server *s = server_prepare();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char reason[200];
        run_write_file(HERE, file_of(s), cases[i].text);
        snprintf(reason, sizeof reason,
                 "%sit holds something else than a transcript (TIME KIND LINE)", cases[i].reason);
        refuses(s, reason);
        char *is = run_read_file(file_of(s));
        cr_assert_str_eq(is, cases[i].text);
        free(is);
    }
}

Test(transcript, neither_a_link_nor_a_pipe_is_followed) {
    struct server *s = server_prepare();
    cr_assert_eq(symlink("elsewhere", file_of(s)), 0);
    refuses(s, "it is a symbolic link, which is not followed to a file");
    cr_assert_eq(unlink(file_of(s)), 0);
    cr_assert_eq(mkfifo(file_of(s), 0600), 0);
    refuses(s, "it is not a regular file");
}

Test(transcript, of_two_servers_with_one_file_the_second_is_refused) {
    struct server *s = begin();
    struct server *second = server_prepare();
    static struct ran ran;
    server_configure(second, CONF, file_of(s));
    run(&ran, run_server_path(), "-c", second->conf);
    cr_assert_eq(ran.status, 1);
    cr_assert(strstr(ran.err, "another server writes it"), "%s", ran.err);
    struct guest *ann = guest_enter(s, "ann");
    (void)ann;
    comes_to_have(file_of(s), "join ann has entered the room.\n");
    server_stop(s);
}

Test(transcript, a_reload_to_a_bad_file_keeps_the_old_one) {
    struct server *s = begin();
    struct guest *ann = guest_enter(s, "ann");
    run_write_file(HERE, in_dir(s, "other"), "a text\n");
    server_configure(s, CONF, in_dir(s, "other"));
    server_signal(s, SIGHUP);
    server_logged(s, "the transcript goes on where it was");
    server_logged(s, "reloaded: ");
    guest_say(ann, "hi");
    comes_to_have(file_of(s), "join ann has entered the room.\nsay ann: hi\n");
    server_stop(s);
}

/* ---- history over a restart ---- */

static void restart_with(struct server *s, const char *text) {
    run_write_file(HERE, file_of(s), text);
    server_launch(s, "workers = 2\nflood_rate = 0\nhistory = 3\ntranscript = %s\n", file_of(s));
}

/* A line of this moment. */
static void add(char *text, size_t size, const char *kind, const char *line) {
    char when[32];
    time_t now = time(NULL);
    struct tm at;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", gmtime_r(&now, &at));
    snprintf(text + strlen(text), size - strlen(text), "%s.000Z %s %s\n", when, kind, line);
}

Test(transcript, what_was_said_before_a_restart_is_the_history) {
    char text[2048] = "2001-01-01T00:00:00.000Z say old: long ago\n";
    struct server *s = server_prepare();
    add(text, sizeof text, "say", "ann: one");
    add(text, sizeof text, "say", "ann: two");
    add(text, sizeof text, "join", "bob has entered the room.");
    add(text, sizeof text, "me", "* bob waves");
    add(text, sizeof text, "say", "bob: \xe4\xbd\xa0\xe5\xa5\xbd");
    add(text, sizeof text, "leave", "bob has left the room.");
    restart_with(s, text);
    struct guest *cat = guest_connect_as(s, .charset = "GBK");
    guest_say(cat, "/encoding gbk");
    guest_say(cat, "login cat");
    guest_until(cat, "%s", told1(TOLD_EARLIER, "3"));
    guest_expect_earlier(cat, "ann: two");
    guest_expect_earlier(cat, "* bob waves");
    guest_expect_earlier(cat, "bob: \xe4\xbd\xa0\xe5\xa5\xbd");
    guest_expect(cat, "%s", told(TOLD_HELP));
    comes_to_end_with(file_of(s), "leave bob has left the room.\njoin cat has entered the room.\n");
    char *is = run_read_file(file_of(s));
    cr_assert_eq(strncmp(is, text, strlen(text)), 0, "what was there stays");
    free(is);
    server_stop(s);
}

/* A crash of the machine: a part of a line, and NULs. */
Test(transcript, a_last_line_without_its_end_is_cut_off) {
    static const char *const tails[] = {"2026-11-25T17:04:05.1",
                                        "2026-11-25T17:04:05.120Z say ann: hal", "x"};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        char text[512] = "", want[64];
        struct server *s = server_prepare();
        add(text, sizeof text, "say", "ann: one");
        size_t whole = strlen(text);
        strcat(text, tails[i]);
        restart_with(s, text);
        snprintf(want, sizeof want, "%zu bytes from byte %zu on are cut off", strlen(tails[i]),
                 whole);
        server_logged(s, "%s", want);
        struct guest *ann = guest_enter(s, "ann");
        (void)ann;
        comes_to_have(file_of(s), "say ann: one\njoin ann has entered the room.\n");
        server_stop(s);
    }
}

Test(transcript, nuls_are_cut_off) {
    static const size_t counts[] = {1, 100, 4096, 200000};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        char text[512] = "";
        struct server *s = server_prepare();
        add(text, sizeof text, "say", "ann: one");
        run_write_file(HERE, file_of(s), text);
        cr_assert_eq(truncate(file_of(s), (off_t)(strlen(text) + counts[i])), 0);
        if (i % 2) { /* a line that was written behind what was not */
            int fd = open(file_of(s), O_WRONLY | O_APPEND | O_CLOEXEC);
            cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
            close(fd);
        }
        server_launch(s, CONF, file_of(s));
        struct guest *ann = guest_enter(s, "ann");
        (void)ann;
        comes_to_have(file_of(s), "say ann: one\njoin ann has entered the room.\n");
        server_stop(s);
    }
}

Test(transcript, damaged_lines_are_passed_over_and_the_first_is_named) {
    char text[2048] = "", want[128];
    struct server *s = server_prepare();
    add(text, sizeof text, "say", "ann: one");
    size_t bad = strlen(text);
    strcat(text, "\xff\xfe garbage\n\n");
    add(text, sizeof text, "say", "ann: \xff");
    add(text, sizeof text, "say", "ann: two");
    restart_with(s, text);
    snprintf(want, sizeof want, "byte %zu: no line of a transcript; passed over", bad);
    server_logged(s, "%s", want);
    server_logged(s, "2 more such lines");
    struct guest *cat = guest_connect(s);
    guest_say(cat, "login cat");
    guest_until(cat, "%s", told1(TOLD_EARLIER, "2"));
    guest_expect_earlier(cat, "ann: one");
    guest_expect_earlier(cat, "ann: two");
    server_stop(s);
}

/* A guest of an open room can type what looks like anybody's line. */
Test(transcript, a_line_without_a_name_is_not_shown_in_a_room_with_names) {
    char text[2048] = "";
    struct server *s = server_prepare();
    add(text, sizeof text, "say", "*** The server is going down.");
    add(text, sizeof text, "say", "ann: one");
    add(text, sizeof text, "me", "ann has left the room.");
    restart_with(s, text);
    struct guest *cat = guest_connect(s);
    guest_say(cat, "login cat");
    guest_until(cat, "%s", told1(TOLD_EARLIER, "1"));
    guest_expect_earlier(cat, "ann: one");
    server_stop(s);
}

/* ---- a full disk ---- */

static void mount_disk(const struct server *s) {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mkdir(in_dir(s, "disk"), 0755) != 0 ||
        mount("none", in_dir(s, "disk"), "tmpfs", 0, "size=1m,mode=0755") != 0)
        skip_test("no file system can be mounted: %s", strerror(errno));
}

static void fill_disk(const struct server *s) {
    static char filler[65536];
    int fd = open(in_dir(s, "disk/filler"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, filler, sizeof filler) > 0)
        ;
    cr_assert_eq(errno, ENOSPC);
    close(fd);
}

static void say_until_full(struct server *s, struct guest *ann, struct guest *bob) {
    while (server_log_count(s, "the room goes on") == 0) {
        say_lines(ann, bob, 50);
        wait_breath();
    }
}

Test(transcript, a_full_disk_that_empties_loses_nothing_that_the_ring_has_kept) {
    skip_unless_root();
    struct server *s = server_prepare();
    mount_disk(s);
    server_launch(s, CONF, in_dir(s, "disk/room.txt"));
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    guest_until(ann, "%s", told1(TOLD_COMES, "bob"));
    fill_disk(s);
    say_until_full(s, ann, bob);
    say_lines(ann, bob, 100);
    cr_assert_eq(server_log_count(s, "the room goes on"), 1);
    cr_assert_eq(unlink(in_dir(s, "disk/filler")), 0);
    server_logged(s, "the transcript goes on in ");
    has_all_said(in_dir(s, "disk/room.txt"));
    cr_assert_eq(server_log_count(s, "missed"), 0);
    umount2(in_dir(s, "disk"), MNT_DETACH);
    server_stop(s);
}

/* The ring is all the backlog there is: what it loses is counted, in the log and in the file. */
Test(transcript, what_the_ring_loses_meanwhile_is_counted_in_the_file) {
    skip_unless_root();
    struct server *s = server_prepare();
    mount_disk(s);
    server_launch(s, CONF "ring_size = 64K\n", in_dir(s, "disk/room.txt"));
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    comes_to_end_with(in_dir(s, "disk/room.txt"), "join bob has entered the room.\n");
    guest_until(ann, "%s", told1(TOLD_COMES, "bob"));
    fill_disk(s);
    say_until_full(s, ann, bob);
    for (int i = 0; i < 40; i++)
        say_lines(ann, bob, 100);
    cr_assert_eq(unlink(in_dir(s, "disk/filler")), 0);
    server_logged(s, "lines are missed: ");
    say_lines(ann, bob, 1);
    char last[64];
    snprintf(last, sizeof last, "say ann: %d\n", said_lines - 1);
    comes_to_end_with(in_dir(s, "disk/room.txt"), last);
    char *text = text_of(in_dir(s, "disk/room.txt")), *at = text;
    int next = 0, notices = 0, n;
    for (char *end; (end = strchr(at, '\n')); at = end + 1) {
        if (sscanf(at, "sys *** %d lines skipped", &n) == 1) {
            next += n;
            notices++;
        } else if (strncmp(at, "say ", 4) == 0) {
            cr_assert_eq(atoi(at + strlen("say ann: ")), next, "%.*s\n%s", (int)(end - at), at,
                         text);
            next++;
        }
    }
    cr_assert_eq(next, said_lines, "%d of %d", next, said_lines);
    cr_assert_geq(notices, 1);
    free(text);
    umount2(in_dir(s, "disk"), MNT_DETACH);
    server_stop(s);
}

static void limit_files(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 16384;
    signal(SIGXFSZ, SIG_DFL);
    setrlimit(RLIMIT_FSIZE, &limit);
}

/* The limit is one byte within a line: what does not fit is cut off. */
Test(transcript, at_the_limit_of_a_file_s_size_no_line_is_torn) {
    struct server *s = server_prepare();
    run_before_exec = limit_files;
    server_launch(s, CONF, file_of(s));
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    guest_until(ann, "%s", told1(TOLD_COMES, "bob"));
    say_until_full(s, ann, bob);
    cr_assert_eq(rename(file_of(s), in_dir(s, "old")), 0);
    server_signal(s, SIGUSR1);
    say_lines(ann, bob, 1);
    char last[64], line[2][64];
    snprintf(last, sizeof last, "say ann: %d\n", said_lines - 1);
    comes_to_end_with(file_of(s), last);
    char *old = text_of(in_dir(s, "old")), *new = text_of(file_of(s));
    char *end = old + strlen(old) - 1;
    cr_assert_eq(*end, '\n');
    *end = '\0';
    snprintf(line[0], sizeof line[0], "%.60s", strrchr(old, '\n') + 1);
    snprintf(line[1], sizeof line[1], "%.*s", (int)strcspn(new, "\n"), new);
    cr_assert_eq(atoi(line[0] + 9) + 1, atoi(line[1] + 9), "%s, %s", line[0], line[1]);
    free(old);
    free(new);
    server_stop(s);
}

/* It is created as root, given to the user, and reopened by the user. */
Test(transcript, belongs_to_the_server_s_user) {
    skip_unless_root();
    struct server *s = server_prepare();
    const struct passwd *nobody = getpwnam("nobody");
    struct stat is;
    if (!nobody)
        skip_test("there is no user nobody");
    uid_t uid = nobody->pw_uid;
    cr_assert_eq(chmod(s->dir, 0755) | chown(s->dir, uid, (gid_t)-1), 0);
    server_launch(s, CONF "user = nobody\n", file_of(s));
    cr_assert_eq(stat(file_of(s), &is), 0);
    cr_assert_eq(is.st_uid, uid);
    cr_assert_eq(is.st_mode & 07777, 0640);
    cr_assert_eq(rename(file_of(s), in_dir(s, "old")), 0);
    server_logged(s, "writing to ");
    server_signal(s, SIGUSR1);
    server_logged(s, "going on in ");
    struct guest *ann = guest_enter(s, "ann");
    (void)ann;
    comes_to_have(file_of(s), "join ann has entered the room.\n");
    cr_assert_eq(stat(file_of(s), &is), 0);
    cr_assert_eq(is.st_uid, uid);
    server_stop(s);
}

/* HOLES 22: a stopped one stands for one whose disk hangs. */
Test(transcript, the_server_ends_in_time_though_its_disk_hangs) {
    struct server *s = server_prepare();
    server_launch(s, CONF "worker_timeout = 1h\n", file_of(s));
    struct guest *ann = guest_enter(s, "ann");
    comes_to_have(file_of(s), "join ann has entered the room.\n");
    kill(transcript_pid(s), SIGSTOP);
    guest_say(ann, "hi");
    guest_until(ann, "ann: hi");
    server_signal(s, SIGTERM);
    server_logged(s, "transcript: its disk does not answer");
    server_ended(s);
}
