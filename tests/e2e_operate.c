/* e2e_operate.c - the program itself: options, checks, starting, ending. */
#include "tests/lib/guest.h"
#include "tests/lib/network.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

TestSuite(operate, .timeout = 180);

static int lines_in(const char *text) {
    int n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

Test(operate, version_and_help) {
    static struct ran ran;
    static const char *const options[] = {"-V", "--version", "-h", "--help"};
    for (int i = 0; i < 4; i++) {
        run(&ran, run_server_path(), (char *)options[i]);
        cr_assert_eq(ran.status, 0, "%s: status %d: %s", options[i], ran.status, ran.err);
        static const char *const begins[] = {"chatroom-master ", "usage: chatroom-master "};
        cr_assert_eq(strncmp(ran.out, begins[i / 2], strlen(begins[i / 2])), 0, "%s: %s",
                     options[i], ran.out);
        cr_assert_str_empty(ran.err);
    }
    cr_assert(strstr(ran.out, "-c"), "%s", ran.out);
}

Test(operate, wrong_usage_exits_2) {
    static struct ran ran;
    static const char *const wrong[] = {"-x", "-c", "--nonsense"};
    for (int i = 0; i < 3; i++) {
        run(&ran, run_server_path(), (char *)wrong[i]);
        cr_assert_eq(ran.status, 2, "%s: status %d", wrong[i], ran.status);
        cr_assert_str_not_empty(ran.err);
        cr_assert_str_empty(ran.out);
    }
}

Test(operate, a_good_configuration_is_ok) {
    static struct ran ran;
    struct server *s = server_prepare();
    server_configure(s, "# all is well\nroom = \"The Room\" # really\n\nworkers = 2\n");
    run(&ran, run_server_path(), "-t", "-c", s->conf);
    char want[400];
    snprintf(want, sizeof want, "%s: ok\n", s->conf);
    cr_assert_eq(ran.status, 0, "%s", ran.err);
    cr_assert_str_eq(ran.out, want);
}

Test(operate, each_mistake_is_named_by_file_and_line) {
    static const char conf[] = "room = fine\n"          /* 1 */
                               "bogus = 1\n"            /* 2: unknown key */
                               "workers = 0\n"          /* 3: out of range */
                               "history = lots\n"       /* 4: wrong type */
                               "room = again\n"         /* 5: given twice */
                               "ring_size = 100000\n"   /* 6: not a power of two */
                               "listen = nowhere\n"     /* 7 */
                               "# listen = nowhere\n"   /* 8: a comment */
                               "just some words\n"      /* 9 */
                               "line_max = 4097\n"      /* 10: out of range */
                               "language = fr\n"        /* 11 */
                               "encoding = latin1\n"    /* 12 */
                               "login_timeout = 5x\n"   /* 13 */
                               "slow_client = hurry\n"; /* 14 */
    static const int bad[] = {2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14};
    static struct ran ran;
    struct server *s = server_prepare();
    server_configure(s, "%s", conf);
    for (int start = 0; start < 2; start++) { /* with -t, and on a real start */
        if (start)
            run(&ran, run_server_path(), "-c", s->conf);
        else
            run(&ran, run_server_path(), "-t", "-c", s->conf);
        cr_assert_eq(ran.status, 1);
        char *all = malloc(2 * RUN_OUTPUT_MAX);
        strcat(strcpy(all, ran.out), ran.err);
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            char want[400];
            snprintf(want, sizeof want, "%s:%d: ", s->conf, bad[i]);
            cr_assert(strstr(all, want), "line %d is not named in: %s", bad[i], all);
        }
        if (!start)
            cr_assert_eq(lines_in(all), (int)(sizeof bad / sizeof bad[0]), "%s", all);
        free(all);
    }
}

Test(operate, a_missing_configuration_is_named) {
    static struct ran ran;
    run(&ran, run_server_path(), "-t", "-c", "/nowhere/chatroom.conf");
    cr_assert_eq(ran.status, 1);
    cr_assert(strstr(ran.out, "/nowhere/chatroom.conf") ||
              strstr(ran.err, "/nowhere/chatroom.conf"));
}

Test(operate, a_port_in_use_is_an_error_in_one_line) {
    static struct ran ran;
    struct server *s = server_start("workers = 2\n"), *second = server_prepare();
    char port[16];
    sprintf(port, ":%u", s->port);
    server_configure(second, "listen = 127.0.0.1%s\nlog = %s/log\n", port, second->dir);
    run(&ran, run_server_path(), "-c", second->conf);
    cr_assert_eq(ran.status, 1);
    cr_assert_eq(lines_in(ran.err), 1, "%s", ran.err);
    cr_assert(strstr(ran.err, port), "%s", ran.err);
    struct guest *ann = guest_enter(s, "ann"); /* the first server is not affected */
    guest_say(ann, "still here");
    guest_expect(ann, "ann: still here");
    server_stop(s);
}

Test(operate, the_ready_line_names_room_addresses_workers_and_pid) {
    struct server *s =
        server_start("room = Parlour\nlisten = 127.0.0.1:0\nlisten = 127.0.0.2:0\nworkers = 3\n");
    const char *line = server_logged(s, "ready: ");
    char pid[32];
    sprintf(pid, "pid %d", s->pid);
    cr_assert(strstr(line, "Parlour") && strstr(line, "3 workers") && strstr(line, pid), "%s",
              line);
    cr_assert(strstr(s->listening, "127.0.0.2:"), "%s", s->listening);
    struct server other = *s; /* the second address */
    other.port = (uint16_t)atoi(strstr(s->listening, "127.0.0.2:") + strlen("127.0.0.2:"));
    struct guest *g[2] = {guest_enter(s, "ann"), NULL};
    g[1] = guest_enter_as(&other, "bob", .to = "127.0.0.2");
    guest_expect(g[0], "%s", told1(TOLD_COMES, "bob"));
    for (int k = 0; k < 3; k++)
        cr_assert_gt(server_worker_pid(s, k), 0);
    server_stop(s);
}

Test(operate, the_pidfile_names_the_guardian_once_it_is_ready) {
    struct server *s = server_prepare();
    char path[400];
    snprintf(path, sizeof path, "%s/pid", s->dir);
    server_launch(s, "workers = 2\npidfile = %s\n", path);
    char *text = run_read_file(path);
    for (int64_t d = wait_deadline(); !text && wait_left_ms(d) > 0; text = run_read_file(path))
        wait_breath();
    cr_assert(text, "no pidfile");
    cr_assert_eq(atoi(text), s->pid, "%s", text);
    server_stop(s);
}

Test(operate, says_goodbye_to_all_clients_and_ends) {
    static const int signals[] = {SIGTERM, SIGINT, SIGQUIT};
    for (int i = 0; i < 3; i++) {
        struct server *s = server_start(SERVER_QUIET(4));
        struct guest *g[8];
        char name[32];
        for (int k = 0; k < 8; k++) {
            sprintf(name, "guest%d", k);
            g[k] = guest_enter(s, name);
            guests_expect(g, k, told1(TOLD_COMES, name));
        }
        server_signal(s, signals[i]);
        guests_expect(g, 8, told(TOLD_GOING_DOWN));
        for (int k = 0; k < 8; k++)
            guest_expect_end(g[k]);
        server_ended(s);
    }
}

Test(operate, says_goodbye_in_chinese) {
    struct server *s = server_start("workers = 2\nlogin = no\nlanguage = zh\nencoding = gbk\n");
    struct guest *g = guest_connect_as(s, .charset = "GBK");
    guest_until(g, "%s", told_in(ZH, TOLD_COMES, "127.0.0.1", ""));
    server_signal(s, SIGTERM);
    guest_expect(g, "%s", told_in(ZH, TOLD_GOING_DOWN, "", ""));
    guest_expect_end(g);
    server_ended(s);
}

/* The server's pid is known only from the pidfile, and it is no child of this process. */
static pid_t detached_pid(struct server *s, const char *pidfile) {
    char *text = NULL;
    for (int64_t d = wait_deadline(); !text && wait_left_ms(d) > 0; text = run_read_file(pidfile))
        wait_breath();
    cr_assert(text, "no pidfile");
    pid_t pid = (pid_t)atoi(text);
    cr_assert_gt(pid, 1, "%s", text);
    free(text);
    s->cleaner[1] = run_cleaner(HERE, getpgid(pid), NULL);
    cr_assert_neq(getsid(pid), getsid(0));
    s->pid = getpid(); /* any living process: the wait for the log checks it */
    return pid;
}

/* A detached server serves a client, and SIGTERM ends it. */
static void serves_and_ends(struct server *s, const char *pidfile) {
    pid_t pid = detached_pid(s, pidfile);
    server_wait_ready(s);
    struct guest *ann = guest_enter(s, "ann");
    kill(pid, SIGTERM);
    guest_until(ann, "%s", told(TOLD_GOING_DOWN));
    guest_expect_end(ann);
    for (int64_t d = wait_deadline(); access(pidfile, F_OK) == 0; wait_breath()) /* removed last */
        cr_assert_gt(wait_left_ms(d), 0, "the server does not end");
}

Test(operate, detaches) {
    static struct ran ran;
    struct server *s = server_prepare();
    char pidfile[400];
    snprintf(pidfile, sizeof pidfile, "%s/pid", s->dir);
    snprintf(s->log, sizeof s->log, "%s/log", s->dir);
    server_configure(s, "workers = 2\npidfile = %s\nlog = %s\n", pidfile, s->log);
    run(&ran, run_server_path(), "-d", "-c", s->conf);
    cr_assert_eq(ran.status, 0, "%s", ran.err);
    serves_and_ends(s, pidfile);
}

/* A detached server closes the output of its starter, which `$(chatroom-master -d)` waits for. */
Test(operate, detached_it_keeps_no_descriptor_of_its_starter) {
    struct server *s = server_prepare();
    char pidfile[400], command[1024];
    snprintf(pidfile, sizeof pidfile, "%s/pid", s->dir);
    server_configure(s, "workers = 2\npidfile = %s\nnode = a\nrelay = redis://127.0.0.1:1\n",
                     pidfile);
    snprintf(command, sizeof command, "exec %s -d -c %s 2>&1 >%s/out", run_server_path(), s->conf,
             s->dir);
    FILE *said = popen(command, "re");
    cr_assert(said);
    snprintf(s->log, sizeof s->log, "%s/said", s->dir);
    int64_t deadline = wait_deadline();
    char text[16384];
    size_t len = 0;
    for (ssize_t n = 1; n > 0 && len < sizeof text - 1; len += (size_t)n) {
        cr_assert(wait_fd(fileno(said), POLLIN, deadline), "its standard error never ends");
        n = read(fileno(said), text + len, sizeof text - 1 - len);
        cr_assert_geq(n, 0);
    }
    text[len] = '\0';
    cr_assert_eq(pclose(said), 0, "%s", text);
    cr_assert(strstr(text, "log = stderr, in the background: nothing is logged from here on\n"),
              "%s", text);
    run_write_file(HERE, s->log, text);
    serves_and_ends(s, pidfile);
}

/* Opening it for writing would block until there is a reader. */
Test(operate, a_log_that_is_a_pipe_without_a_reader_is_refused) {
    static struct ran ran;
    struct server *s = server_prepare();
    char pipe[400], want[500];
    snprintf(pipe, sizeof pipe, "%s/pipe", s->dir);
    cr_assert_eq(mkfifo(pipe, 0600), 0);
    server_configure(s, "log = %s\n", pipe);
    run(&ran, run_server_path(), "-c", s->conf);
    snprintf(want, sizeof want, "chatroom-master: log %s: No such device or address\n", pipe);
    cr_assert_eq(ran.status, 1);
    cr_assert_str_eq(ran.err, want);
}

/* Root gives the log to the user that the server becomes, and that user can create a new one in its
 * own folder. */
Test(operate, as_another_user_it_can_still_reopen_its_log) {
    skip_unless_root();
    struct server *s = server_prepare();
    char folder[300], old[400];
    struct stat log;
    const struct passwd *nobody = getpwnam("nobody");
    cr_assert(nobody);
    snprintf(folder, sizeof folder, "%s/log", s->dir);
    cr_assert_eq(mkdir(folder, 0755), 0);
    cr_assert_eq(chmod(s->dir, 0755), 0);
    cr_assert_eq(chown(folder, nobody->pw_uid, nobody->pw_gid), 0);
    snprintf(s->log, sizeof s->log, "%s/log/log", s->dir);
    snprintf(old, sizeof old, "%s.1", s->log);
    server_launch(s, "workers = 2\nuser = nobody\nlog = %s\n", s->log);
    cr_assert_eq(stat(s->log, &log), 0);
    cr_assert_eq(log.st_uid, nobody->pw_uid);
    server_signal(s, SIGUSR1); /* the same path: as after rotation by copying */
    server_logged(s, "log reopened");
    cr_assert_eq(rename(s->log, old), 0);
    server_signal(s, SIGUSR1);
    server_logged(s, "log reopened");
    server_stop(s);
}

/* The log was opened as root.  A reload does not report an error because this user cannot look at
 * its path. */
Test(operate, as_another_user_it_reloads_with_a_log_it_cannot_see) {
    skip_unless_root();
    struct server *s = server_prepare();
    char folder[300], inner[320];
    snprintf(folder, sizeof folder, "%s/private", s->dir);
    snprintf(inner, sizeof inner, "%s/log", folder);
    cr_assert_eq(mkdir(folder, 0700), 0);
    cr_assert_eq(mkdir(inner, 0700), 0);
    cr_assert_eq(chmod(s->dir, 0755), 0);
    snprintf(s->log, sizeof s->log, "%s/private/log/log", s->dir);
    server_launch(s, "workers = 2\nuser = nobody\nlog = %s\n", s->log);
    server_configure(s, "workers = 2\nuser = nobody\nroom = New\nlog = %s\n", s->log);
    cr_assert_eq(chmod(s->conf, 0644), 0);
    server_signal(s, SIGHUP);
    server_logged(s, "reloaded: room \"New\"");
    server_stop(s);
}

/* Only sockets of the same user may share a port, and the first sockets were bound by root. */
Test(operate, as_another_user_it_binds_another_address_of_its_port) {
    skip_unless_root();
    network_own(); /* else another process may use the port at another address */
    struct server *s = server_prepare();
    cr_assert_eq(chmod(s->dir, 0755), 0);
    server_launch(s, "workers = 2\nuser = nobody\n");
    server_configure(s, "workers = 2\nuser = nobody\nlisten = 0.0.0.0:%d\n", s->port);
    cr_assert_eq(chmod(s->conf, 0644), 0);
    server_signal(s, SIGHUP);
    server_logged(s, "reloaded: room \"Chatroom\", listening on 0.0.0.0:%d, 2 workers", s->port);
    guest_close(guest_connect_as(s, .to = "127.0.0.2"));
    server_stop(s);
}

/* The first opened file must not become standard error. */
Test(operate, starts_without_standard_descriptors) {
    struct server *s = server_prepare();
    char script[400], text[800];
    snprintf(script, sizeof script, "%s/start", s->dir);
    snprintf(s->log, sizeof s->log, "%s/log", s->dir);
    snprintf(text, sizeof text, "#!/bin/sh\nexec '%s' \"$@\" 0<&- 1>&- 2>&-\n", run_server_path());
    run_write_file(HERE, script, text);
    cr_assert_eq(chmod(script, 0700), 0);
    s->binary = script;
    s->workers_may_die = true;
    server_launch(s, "%slog = %s\npidfile = %s/pid\n", server_quiet, s->log, s->dir);
    server_signal(s, SIGUSR2);
    server_logged(s, "upgraded: room");
    guest_close(guest_enter(s, "ann"));
    server_stop(s);
}

/* The server does not wait for a service manager that does not read. */
Test(operate, a_full_notify_socket_is_not_waited_for) {
    struct server *s = server_prepare();
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int deaf = socket(AF_UNIX, SOCK_DGRAM, 0), full = socket(AF_UNIX, SOCK_DGRAM, 0);
    snprintf(to.sun_path, sizeof to.sun_path, "%.90s/notify", s->dir);
    cr_assert_eq(bind(deaf, (struct sockaddr *)&to, sizeof to), 0);
    while (sendto(full, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to) == 1)
        ;
    setenv("NOTIFY_SOCKET", to.sun_path, 1);
    server_launch(s, "%s", server_quiet);
    server_logged(s, "NOTIFY_SOCKET: Resource temporarily unavailable");
    server_signal(s, SIGHUP);
    server_logged(s, "reloaded: room");
    server_stop(s);
}
