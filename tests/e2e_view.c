/* e2e_view.c - chatroom-ctl status and who: what they show of a server that is well, hangs, dies,
 * or is another's. */
#include "ipc/header.h"
#include "ipc/layout.h"
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"
#include "tests/lib/skip.h"
#include "tests/lib/swarm.h"
#include "tests/lib/usage.h"

#include <criterion/criterion.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

TestSuite(view, .timeout = 300);

/* ---- helpers ---- */

/* What a command prints, however long; valid until the next call. */
static const char *shown(const struct server *s, const char *arguments) {
    static char out[2 << 20];
    char command[700];
    snprintf(command, sizeof command, "%s -s %s %s 2>&1", ctl_path(), ctl_socket(s), arguments);
    FILE *from = popen(command, "r");
    cr_assert_not_null(from);
    out[fread(out, 1, sizeof out - 1, from)] = '\0';
    int status = pclose(from);
    cr_assert_eq(status, 0, "%s: %s", arguments, out);
    return out;
}

static void has(const char *text, const char *part) {
    cr_assert_not_null(strstr(text, part), "\"%s\" is not in:\n%s", part, text);
}
static void has_not(const char *text, const char *part) {
    cr_assert_null(strstr(text, part), "\"%s\" is in:\n%s", part, text);
}

/* Runs it again and again until its output has the part. */
static const char *until(const struct server *s, const char *arguments, const char *part) {
    int64_t deadline = wait_deadline();
    for (;;) {
        const char *out = shown(s, arguments);
        if (strstr(out, part))
            return out;
        cr_assert_gt(wait_left_ms(deadline), 0, "\"%s\" never came:\n%s", part, out);
        wait_breath();
    }
}

static long number(const char *json, const char *key) {
    char name[64];
    snprintf(name, sizeof name, "\"%s\":", key);
    const char *at = strstr(json, name);
    cr_assert_not_null(at, "no %s in %s", key, json);
    return atol(at + strlen(name));
}

/* One JSON value and nothing else, by a parser that is not ours. */
static void is_json(const char *text) {
    cr_assert_eq(strcspn(text, "\n"), strlen(text) - 1, "not one line: %s", text);
    if (system("command -v python3 >/dev/null") != 0) {
        skip_part("python3 is not installed");
        return;
    }
    FILE *to = popen("python3 -c 'import json,sys; json.load(sys.stdin)'", "w");
    cr_assert_not_null(to);
    fputs(text, to);
    cr_assert_eq(pclose(to), 0, "no JSON: %s", text);
}

/* All of the server's processes: the master first, which sends SIGCONT to a guardian that is
 * stopped, and the guardian last. */
static int processes(struct server *s, pid_t pid[SERVER_WORKERS_MAX + 2]) {
    pid[0] = server_master_pid(s);
    for (int i = 0; i < s->workers; i++)
        pid[i + 1] = server_worker_pid(s, i);
    pid[s->workers + 1] = s->pid;
    return s->workers + 2;
}

static void stop_all(struct server *s) {
    pid_t pid[SERVER_WORKERS_MAX + 2];
    int n = processes(s, pid);
    for (int i = 0; i < n; i++)
        kill(pid[i], SIGSTOP);
    for (int i = 0; i < n; i++)
        usage_wait_state(pid[i], 'T');
}

static void go_on(struct server *s) {
    pid_t pid[SERVER_WORKERS_MAX + 2];
    for (int i = processes(s, pid); i-- > 0;)
        kill(pid[i], SIGCONT);
}

static int64_t milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- a server that is well ---- */

static int serving(const char *status) {
    int n = 0;
    for (const char *at = status; (at = strstr(at, "  serving\n")); at++)
        n++;
    return n;
}

/* "ready" in the log. */
Test(view, every_worker_serves_when_the_server_is_ready) {
    for (int i = 0; i < 5; i++) {
        struct server *s = ctl_server(SERVER_QUIET(24));
        const char *out = ctl_ok(s, "status")->out;
        cr_assert_eq(serving(out), 24, "%s", out);
        server_stop(s);
    }
}

Test(view, status_has_people_workers_and_rings) {
    struct server *s = ctl_server(SERVER_QUIET(3) "room = Tea & \\\"milk\\\"\n");
    struct guest *ann = guest_enter(s, "ann");
    guest_connect(s);
    guest_say(ann, "hello");
    guest_expect(ann, "%s", told2(TOLD_SPEECH, "ann", "hello"));
    const char *out = until(s, "status", "1 in the room, 1 not logged in");
    has(out, "listening      127.0.0.1:");
    has(out, "master         pid ");
    has(out, ", runs\n");
    has(out, "lines          1 said, 2 in all, 2 delivered\n");
    has(out, "connections    2 of 10,000\n");
    has(out, "WORKER");
    cr_assert_eq(out[strlen(out) - 1], '\n');
    cr_assert_eq(serving(out), 3, "%s", out);
    has_not(out, "hello");
    has_not(out, "NO WORKER");
    server_stop(s);
}

Test(view, status_as_json) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    guest_enter(s, "ann");
    const char *out = until(s, "status --json", "\"people\":1");
    is_json(out);
    has(out, "\"answered\":true");
    has(out, "\"room\":\"Chatroom\"");
    has(out, "\"login\":true");
    cr_assert_eq(number(out, "connections"), 1);
    cr_assert_eq(number(out, "max_clients"), 10000);
    cr_assert_eq(number(out, "lines"), 1);
    cr_assert_eq(number(out, "configuration"), 1);
    has(out, "\"gate_held_by\":null");
    has(out, "\"kind\":\"telnet\"");
    server_stop(s);
}

Test(view, status_counts_reloads_and_addresses) {
    struct server *s = ctl_server(SERVER_QUIET(1));
    server_configure(s,
                     SERVER_QUIET(1) "control = %s\nlisten = 127.0.0.1:0\nlisten = 127.0.0.2:0\n",
                     ctl_socket(s));
    server_signal(s, SIGHUP);
    server_logged(s, "reloaded");
    const char *out = shown(s, "status --json");
    cr_assert_eq(number(out, "configuration"), 2);
    has(out, "\"address\":\"127.0.0.2:");
    server_stop(s);
}

Test(view, status_has_the_transcript) {
    struct server *s = server_prepare();
    server_launch(s, SERVER_QUIET(1) "control = %s\ntranscript = %s/transcript\n", ctl_socket(s),
                  s->dir);
    const char *out = until(s, "status", "\ntranscript     pid ");
    has(out, "\nmaster         pid ");
    has(until(s, "status --json", "\"transcript\":{\"pid\":"), "\"master\":{\"pid\":");
    has(shown(s, "top --once"), "\ntranscript ");
    server_stop(s);
}

/* ---- people ---- */

Test(view, who_is_sorted_and_aligned) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *bob = guest_enter(s, "bob"), *mei = guest_enter(s, "李小龍"),
                 *ann = guest_enter_gbk(s, "ann"), *stranger = guest_connect(s);
    guest_expect(stranger, "%s", told1(TOLD_GREETING, "Chatroom"));
    const char *out = shown(s, "who");
    char row[4][200];
    cr_assert_eq(
        sscanf(out, "%199[^\n]\n%199[^\n]\n%199[^\n]\n%199[^\n]", row[0], row[1], row[2], row[3]),
        4, "%s", out);
    cr_assert_eq(strncmp(row[0], "NAME    ADDRESS ", 16), 0, "%s", out);
    cr_assert_eq(strncmp(row[1], "ann     127.0.0.1:", 18), 0, "%s", out);
    has(row[1], ann->endpoint);
    has(row[1], "  gbk  ");
    cr_assert_eq(strncmp(row[2], "bob     127.0.0.1:", 18), 0, "%s", out);
    has(row[2], bob->endpoint);
    cr_assert_eq(strncmp(row[3], "李小龍  127.0.0.1:", 21), 0, "wide: %s", out);
    has(row[3], mei->endpoint);
    has_not(out, stranger->endpoint);
    out = shown(s, "who --all");
    has(out, stranger->endpoint);
    has(out, "not-logged-in\n");
    server_stop(s);
}

Test(view, who_as_json) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    is_json(shown(s, "who --json"));
    cr_assert_str_eq(shown(s, "--json who"), "{\"people\":[]}\n");
    struct guest *ann = guest_enter(s, "ann");
    guest_enter(s, "Жанна");
    const char *out = shown(s, "who --json");
    is_json(out);
    has(out, "\"name\":\"ann\"");
    has(out, ann->endpoint);
    has(out, "\"name\":\"Жанна\"");
    has(out, "\"in_room\":true");
    has(out, "\"encoding\":\"utf-8\"");
    server_stop(s);
}

Test(view, who_in_an_open_room_has_addresses) {
    struct server *s = ctl_server(SERVER_QUIET(1) "login = no\n");
    struct guest *g = guest_connect(s);
    guest_say(g, "hello");
    guest_until(g, "hello");
    const char *out = until(s, "who", g->endpoint);
    has(out, "\n-     127.0.0.1:");
    has(shown(s, "who --json"), "\"name\":null");
    server_stop(s);
}

/* Nothing of what people say, say in private, or are typing. */
Test(view, nothing_that_is_said_or_typed_is_shown) {
    static const char *const commands[] = {"status",     "status --json", "who",       "who --all",
                                           "who --json", "top --once",    "top --json"};
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    guest_until(ann, "%s", told1(TOLD_COMES, "bob"));
    guest_say(ann, "XYZZY aloud");
    guest_expect(bob, "%s", told2(TOLD_SPEECH, "ann", "XYZZY aloud"));
    guest_say(ann, "/msg bob XYZZY private");
    guest_expect(bob, "%s", told2(TOLD_PRIVATE, "ann", "XYZZY private"));
    guest_type(ann, "XYZZY half");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        has_not(shown(s, commands[i]), "XYZZY");
    server_stop(s);
}

struct crowd {
    int people, in;
};
static void heard(void *state, int member, const char *line) {
    struct crowd *c = state;
    char own[64];
    snprintf(own, sizeof own, "m%d has entered the room.", member);
    c->in += strcmp(line, own) == 0;
}
static bool all_in(void *state) {
    struct crowd *c = state;
    return c->in == c->people;
}

Test(view, three_thousand_people_in_bounded_time) {
    struct crowd crowd = {.people = 3000};
    struct server *s = ctl_server(SERVER_QUIET(2) "max_clients = 3100\nannounce_max = 10\n");
    struct swarm *w = swarm_connect(s, 0, heard, &crowd);
    for (int i = 0; i < crowd.people; i++) {
        if (i % 500 == 0)
            swarm_add(w, s, 500);
        swarm_say(w, i, "login m%d", i);
    }
    swarm_pump(w, all_in, &crowd);
    const char *out = until(s, "status --json", "\"people\":3000");
    cr_assert_eq(number(out, "connections"), 3000);
    int64_t before = milliseconds();
    out = shown(s, "who");
    cr_assert_lt(milliseconds() - before, 2000, "no command takes longer");
    int rows = 0;
    for (const char *at = out; (at = strchr(at, '\n')); at++)
        rows++;
    cr_assert_eq(rows, 3001);
    has(out, "\nm2999  ");
    server_stop(s);
}

/* ---- a server that is not well ---- */

Test(view, a_stopped_server_is_shown_and_says_so) {
    struct server *s = ctl_server(SERVER_QUIET(2) "worker_timeout = 1h\n");
    guest_enter(s, "ann");
    until(s, "status", "1 in the room");
    stop_all(s);
    int64_t before = milliseconds();
    const char *out = shown(s, "status");
    cr_assert_lt(milliseconds() - before, 2000, "no command takes longer");
    has(out, "NO WORKER ANSWERS");
    has(out, ", STOPPED\n");
    has(out, "1 in the room");
    int stopped = 0;
    for (const char *at = out; (at = strstr(at, "  STOPPED\n")); at++)
        stopped++;
    cr_assert_eq(stopped, 2, "%s", out);
    has(shown(s, "who"), "\nann");
    out = shown(s, "status --json");
    has(out, "\"answered\":false");
    has(out, "\"stopped\":true,\"stands_still\":true");
    go_on(s);
    until(s, "status", ", runs\n");
    s->workers_may_die = true;
    server_stop(s);
}

Test(view, a_killed_worker_is_seen_to_come_back) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *ann = guest_enter(s, "ann");
    long people = 1;
    s->workers_may_die = true;
    for (int i = 0; i < 20; i++) {
        kill(server_worker_pid(s, i % 2), SIGKILL);
        const char *out = shown(s, "status --json");
        cr_assert_eq(number(out, "people"), people, "%s", out);
        cr_assert_leq(number(out, "connections"), 1 + 2);
        guest_say(ann, "line %d", i);
        guest_until(ann, "ann: line %d", i);
        has(shown(s, "who"), "\nann");
    }
    server_stop(s);
}

/* ---- sentences ---- */

Test(view, no_such_socket_and_nobody_there) {
    struct server *s = server_prepare();
    char sentence[600];
    snprintf(sentence, sizeof sentence, "%s: no server listens there", ctl_socket(s));
    ctl_refused(s, sentence, "status");
    ctl_refused(s, sentence, "who");
    ctl_refused(s, sentence, "top", "--once");
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%.107s", ctl_socket(s));
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    ctl_refused(s, sentence, "status");
    close(fd);
}

Test(view, a_socket_that_is_not_a_chatrooms) {
    struct server *s = server_prepare();
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%.107s", ctl_socket(s));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(fd, 8), 0);
    ctl_refused(s, "the server does not answer; the process that listens there is no chatroom's",
                "status");
}

/* Greets as a server of another version would. */
Test(view, another_version_by_its_greeting) {
    struct server *s = server_prepare();
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%.107s", ctl_socket(s));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(fd, 8), 0);
    pid_t pid = fork();
    if (pid == 0) {
        for (int client; (client = accept(fd, NULL, NULL)) >= 0;)
            (void)!write(client, "chatroom-control 1 0badcafe 12345\n", 34);
        _exit(0);
    }
    char sentence[300];
    snprintf(sentence, sizeof sentence,
             "the server is of another version (its layout is 0badcafe, this program's %08x): use "
             "the chatroom-ctl that belongs to it, or signals (chatroom-master(8))",
             layout_number());
    ctl_refused(s, sentence, "status");
    ctl_refused(s, sentence, "who");
    ctl_refused(s, sentence, "top", "--once");
    cr_assert_eq(ctl_run(s, "status", "--json")->status, 1);
    kill(pid, SIGKILL);
}

/* It answers nothing, and its memory is found: of another version. */
Test(view, another_version_by_its_memory) {
    struct server *s = server_prepare();
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%.107s", ctl_socket(s));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), memory = memfd_create("chatroom-segment", 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(fd, 8), 0);
    struct segment_header header = {.magic = SEGMENT_MAGIC, .layout = 7};
    cr_assert_eq(write(memory, &header, sizeof header), (ssize_t)sizeof header);
    cr_assert_not_null(
        strstr(ctl_run(s, "status")->err, "(its layout is 00000007, this program's"));
    cr_assert_eq(ftruncate(memory, 100), 0);
    cr_assert_not_null(strstr(ctl_run(s, "status")->err, "shared memory: it is no chatroom's"));
}

/* ---- who may look ---- */

static const char *become_name;

static void become(void) {
    const struct passwd *user = getpwnam(become_name);
    if (!user || setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
        _exit(99);
}

static const struct ran *run_as(const struct server *s, const char *user, char *command) {
    become_name = user;
    run_before_exec = become;
    const struct ran *ran = ctl_run(s, command);
    run_before_exec = NULL;
    return ran;
}

static struct server *server_of_nobody(void) {
    skip_unless_root();
    struct server *s = server_prepare();
    const struct passwd *user = getpwnam("nobody");
    cr_assert(user);
    cr_assert_eq(chmod(s->dir, 0755), 0);
    cr_assert_eq(chown(s->dir, user->pw_uid, (gid_t)-1), 0);
    server_launch(s, SERVER_QUIET(2) "user = nobody\nworker_timeout = 1h\ncontrol = %s\n",
                  ctl_socket(s));
    s->workers_may_die = true;
    return s;
}

Test(view, the_servers_user_may_look_also_when_all_is_stopped) {
    struct server *s = server_of_nobody();
    const struct ran *ran = run_as(s, "nobody", "status");
    cr_assert_eq(ran->status, 0, "%s", ran->err);
    has_not(ran->out, "NO WORKER");
    stop_all(s);
    ran = run_as(s, "nobody", "status");
    cr_assert_eq(ran->status, 0, "%s", ran->err);
    has(ran->out, "NO WORKER ANSWERS");
    has(ran->out, ", STOPPED\n");
    ran = run_as(s, "root", "who");
    cr_assert_eq(ran->status, 0, "%s", ran->err);
    go_on(s);
    server_stop(s);
}

Test(view, no_other_user_may) {
    struct server *s = server_of_nobody();
    const struct ran *ran = run_as(s, "daemon", "status");
    cr_assert_eq(ran->status, 1);
    cr_assert_str_eq(ran->out, "");
    has(ran->err, "only root and the server's user may use it\n");
    cr_assert_eq(chmod(ctl_socket(s), 0666), 0);
    ran = run_as(s, "daemon", "status");
    cr_assert_eq(ran->status, 1);
    has(ran->err, "only root and the server's user may use this socket\n");
    stop_all(s);
    ran = run_as(s, "daemon", "who");
    cr_assert_eq(ran->status, 1);
    cr_assert_str_eq(ran->out, "");
    has(ran->err, "the server does not answer; /proc shows the server's processes to root and its "
                  "user alone\n");
    go_on(s);
    server_stop(s);
}

static void without_proc(void) {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", "/proc", "tmpfs", 0, NULL) != 0)
        _exit(99);
}

Test(view, without_proc) {
    skip_if_proc_is_needed();
    struct server *s = server_of_nobody();
    run_before_exec = without_proc;
    const struct ran *ran = ctl_run(s, "status");
    if (ran->status == 99)
        skip_test("no mount namespace can be made");
    cr_assert_eq(ran->status, 0, "%s", ran->err);
    has(ran->out, ", runs\n");
    has_not(ran->out, "GONE");
    stop_all(s);
    ran = ctl_run(s, "status");
    run_before_exec = NULL;
    cr_assert_eq(ran->status, 1);
    cr_assert_str_eq(ran->err, "chatroom-ctl: the server does not answer; /proc does not show the "
                               "server's processes\n");
    go_on(s);
    server_stop(s);
}

/* ---- over upgrades and deaths ---- */

/* The process that began to listen is dead, and the segment's descriptor was handed on. */
Test(view, is_kept_over_an_upgrade_and_the_masters_death) {
    struct server *s = ctl_server(SERVER_QUIET(2) "worker_timeout = 1h\n");
    struct guest *ann = guest_enter(s, "ann");
    s->workers_may_die = true;
    server_signal(s, SIGUSR2);
    server_logged(s, "upgraded: room");
    until(s, "status --json", "\"answered\":true");
    pid_t master = server_new_master(s);
    const char *out = until(s, "status --json", "\"answered\":true");
    cr_assert_eq(number(strstr(out, "\"master\":"), "pid"), master);
    guest_say(ann, "still here");
    guest_until(ann, "%s", told2(TOLD_SPEECH, "ann", "still here"));
    stop_all(s);
    out = shown(s, "status --json");
    has(out, "\"answered\":false");
    cr_assert_eq(number(out, "people"), 1);
    go_on(s);
    server_new_guardian(s);
    until(s, "status --json", "\"answered\":true");
    server_signal(s, SIGTERM);
    guest_until(ann, "*** The server is going down.");
    server_ended(s);
}
