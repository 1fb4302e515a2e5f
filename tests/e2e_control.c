/* e2e_control.c - the control socket, and chatroom-ctl's commands that act in the room. */
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

TestSuite(control, .timeout = 180);

Test(control, an_announcement_reaches_everybody) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter_gbk(s, "bob");
    guest_expect(ann, "%s", told1(TOLD_COMES, "bob"));
    ctl_ok(s, "say", "back at", "noon");
    guest_expect(ann, "*** back at noon");
    guest_expect(bob, "*** back at noon");
    ctl_ok(s, "say", "你好, 大家?");
    guest_expect(ann, "*** 你好, 大家?");
    guest_expect(bob, "*** 你好, 大家?");
    guest_say(ann, "thanks");
    guest_expect(bob, "%s", told2(TOLD_SPEECH, "ann", "thanks"));
    const char *path = ctl_socket(s);
    server_stop(s);
    cr_assert_neq(access(path, F_OK), 0, "the socket was left");
}

/* ---- what a client of the socket may do ---- */

static int connected(const struct server *s) {
    char line[256];
    int fd = ctl_connect(s);
    cr_assert(ctl_line(fd, line));
    cr_assert_eq(strncmp(line, "chatroom-control 1 ", 19), 0, "%s", line);
    return fd;
}

static void put(int fd, const void *bytes, size_t len) {
    cr_assert_eq(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void answers(int fd, const char *want) {
    char line[1024];
    cr_assert(ctl_line(fd, line), "closed instead of \"%s\"", want);
    cr_assert_str_eq(line, want);
}

static void closed(int fd) {
    char line[1024];
    cr_assert_not(ctl_line(fd, line), "%s", line);
    close(fd);
}

static const char not_text[] = "no the line is not text in UTF-8",
                  too_long[] = "no a line has at most 4096 bytes";

Test(control, what_is_no_command_is_answered) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    static const struct {
        const char *bytes;
        size_t len;
        const char *answer;
    } wrong[] = {
        {"\n", 1, "no this server has no command \"\""},
        {"  \t \n", 5, "no this server has no command \"\""},
        {"dance now\n", 10, "no this server has no command \"dance\""},
        {"SAY x\n", 6, "no this server has no command \"SAY\""},
        {"login ann\n", 10, "no this server has no command \"login\""},
        {"who\n", 4, "no this server has no command \"who\""},
        {"/quit\n", 6, "no this server has no command \"/quit\""},
        {"say\n", 4, "no there is no text to say"},
        {"say \r\n", 6, "no there is no text to say"},
        {"\xff\xfd\x01\n", 4, not_text},
        {"say \xc3\n", 6, not_text},
        {"say a\0b\n", 8, not_text},
        {"\0\n", 2, not_text},
        {"kick\n", 5, "no a name is missing"},
        {"kick ann\n", 9, "no there is no \"ann\" here"},
    };
    struct guest *bob = guest_enter(s, "bob");
    int fd = connected(s);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        put(fd, wrong[i].bytes, wrong[i].len);
        answers(fd, wrong[i].answer);
    }
    put(fd, "say still here\n", 15);
    answers(fd, "ok");
    guest_expect(bob, "*** still here");
    close(fd);
    server_stop(s);
}

Test(control, a_text_is_clean_and_has_the_length_of_a_line) {
    struct server *s = ctl_server(SERVER_QUIET(1) "line_max = 64\n");
    struct guest *ann = guest_enter(s, "ann");
    int fd = connected(s);
    put(fd,
        "say a\033[2Jb\xe2\x80\xae"
        "c\n",
        15);
    answers(fd, "ok");
    guest_expect(ann, "*** a[2Jbc");
    char line[128] = "say ";
    memset(line + 4, 'x', 64);
    strcpy(line + 68, "\n");
    put(fd, line, 69);
    answers(fd, "ok");
    guest_expect(ann, "*** %.64s", line + 4);
    strcpy(line + 68, "x\n");
    put(fd, line, 70);
    answers(fd, "no the text is longer than 64 bytes");
    close(fd);
    server_stop(s);
}

Test(control, a_line_arrives_in_pieces_and_lines_arrive_together) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *ann = guest_enter(s, "ann");
    int fd = connected(s);
    static const char line[] = "say byte by byte\n";
    for (size_t i = 0; i < sizeof line - 1; i++)
        put(fd, line + i, 1);
    answers(fd, "ok");
    guest_expect(ann, "*** byte by byte");
    put(fd, "say one\nsay two\nno\nsay three\n", 29);
    answers(fd, "ok");
    answers(fd, "ok");
    answers(fd, "no this server has no command \"no\"");
    answers(fd, "ok");
    guest_expect(ann, "*** one");
    guest_expect(ann, "*** two");
    guest_expect(ann, "*** three");
    close(fd);
    server_stop(s);
}

Test(control, a_line_of_a_megabyte) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *ann = guest_enter(s, "ann");
    enum { MEGABYTE = 1 << 20 };
    static char line[MEGABYTE + 1];
    static const size_t lengths[] = {4097, 5000, 65536, MEGABYTE};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        int fd = connected(s);
        memset(line, 'x', lengths[i]);
        memcpy(line, "say ", 4);
        line[lengths[i]] = '\n';
        put(fd, line, lengths[i] + 1);
        answers(fd, too_long);
        put(fd, "say short\n", 10);
        answers(fd, "ok");
        guest_expect(ann, "*** short");
        close(fd);
    }
    server_stop(s);
}

/* Its time is over after ten seconds; others are served meanwhile. */
Test(control, half_a_line_and_a_reader_that_reads_nothing_end) {
    struct server *s = ctl_server(SERVER_QUIET(1));
    struct guest *ann = guest_enter(s, "ann");
    int half = connected(s), silent = connected(s), deaf = connected(s);
    static char lines[1 << 17];
    put(half, "say half a li", 13);
    for (size_t i = 0; i < sizeof lines; i += 4)
        memcpy(lines + i, "foo\n", 4);
    for (int i = 0; i < 64; i++)
        (void)!send(deaf, lines, sizeof lines, MSG_DONTWAIT | MSG_NOSIGNAL);
    guest_say(ann, "hello");
    guest_expect(ann, "%s", told2(TOLD_SPEECH, "ann", "hello"));
    ctl_ok(s, "say", "meanwhile");
    guest_expect(ann, "*** meanwhile");
    closed(half);
    closed(silent);
    char line[256];
    while (ctl_line(deaf, line))
        cr_assert_str_eq(line, "no this server has no command \"foo\"");
    guest_say(ann, "well");
    guest_expect(ann, "%s", told2(TOLD_SPEECH, "ann", "well"));
    server_stop(s);
}

Test(control, eight_connections_at_a_time) {
    enum { MANY = 100, MOST = 8 };
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *ann = guest_enter(s, "ann");
    for (int round = 0; round < 3; round++) {
        int fd[MANY], served = 0;
        char line[256];
        for (int i = 0; i < MANY; i++)
            fd[i] = ctl_connect(s);
        for (int i = 0; i < MANY; i++) {
            cr_assert(ctl_line(fd[i], line));
            if (strncmp(line, "chatroom-control ", 17) == 0) {
                served++;
                continue;
            }
            cr_assert_str_eq(line, "no 8 connections are open already");
            closed(fd[i]);
            fd[i] = -1;
        }
        /* Of the round before, one may be closed and its record not free yet. */
        cr_assert(round == 0 ? served == MOST : served > 0 && served <= MOST, "%d", served);
        if (served == MOST)
            ctl_refused(s, "8 connections are open already", "say", "hello");
        for (int i = 0; i < MANY; i++) {
            if (fd[i] < 0)
                continue;
            put(fd[i], "say hi\n", 7);
            answers(fd[i], "ok");
            guest_expect(ann, "*** hi");
            shutdown(fd[i], SHUT_WR);
            closed(fd[i]);
        }
    }
    server_stop(s);
}

/* A connection that is refused for its user gives nothing away. */
Test(control, another_user_is_refused) {
    skip_unless_root();
    struct server *s = ctl_server(SERVER_QUIET(1));
    cr_assert_eq(chmod(s->dir, 0755), 0);
    cr_assert_eq(chmod(ctl_socket(s), 0666), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char line[256];
        if (setgid(65534) != 0 || setuid(65534) != 0)
            _exit(2);
        int fd = ctl_connect(s);
        (void)!send(fd, "say boo\n", 8, MSG_NOSIGNAL);
        bool refused =
            ctl_line(fd, line) &&
            strcmp(line, "no only root and the server's user may use this socket") == 0 &&
            !ctl_line(fd, line);
        _exit(refused ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    cr_assert_eq(status, 0);
    server_logged(s, "control: refused user 65534");
    cr_assert_eq(chmod(ctl_socket(s), 0600), 0);
    ctl_ok(s, "say", "hello");
    server_stop(s);
}

/* A connection of an operator is no person and no client. */
Test(control, a_connection_counts_for_no_limit_and_is_in_no_list) {
    struct server *s = ctl_server(SERVER_QUIET(1) "max_clients = 1\nmax_clients_per_address = 1\n");
    int fd = connected(s);
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_connect(s);
    guest_expect(bob, "%s", told(TOLD_FULL));
    int other = connected(s);
    guest_say(ann, "who");
    guest_expect(ann, "%s", told(TOLD_WHO));
    guest_expect(ann, "ann");
    guest_say(ann, "look");
    guest_expect(ann, "%s", told(TOLD_LOOK));
    guest_expect(ann, "ann");
    put(other, "say both\n", 9);
    answers(other, "ok");
    guest_expect(ann, "*** both");
    guest_close(ann);
    close(fd);
    close(other);
    server_logged(s, "disconnected");
    guest_enter(s, "eve");
    server_stop(s);
}

/* Unlike the open room's clients it is greeted by no sentence, and comes into no room. */
Test(control, an_open_room_and_a_reload_of_login_leave_it_alone) {
    struct server *s = ctl_server(SERVER_QUIET(1) "login = no\n");
    int fd = connected(s);
    put(fd, "say one\n", 8);
    answers(fd, "ok");
    server_configure(s, SERVER_QUIET(1) "login = yes\ncontrol = %s\n", ctl_socket(s));
    server_signal(s, SIGHUP);
    server_logged(s, "reloaded");
    put(fd, "say two\n", 8);
    answers(fd, "ok");
    server_stop(s);
    closed(fd); /* without a goodbye */
}

/* ---- the socket's life ---- */

static void wait_for_no_file(const char *path) {
    int64_t deadline = wait_deadline();
    while (access(path, F_OK) == 0 && wait_left_ms(deadline) > 0)
        wait_breath();
    cr_assert_neq(access(path, F_OK), 0, "%s is still there", path);
}

Test(control, the_file_is_the_users_alone_and_is_removed_at_the_end) {
    struct stat is;
    struct server *s = ctl_server(SERVER_QUIET(1));
    cr_assert_eq(lstat(ctl_socket(s), &is), 0);
    cr_assert(S_ISSOCK(is.st_mode));
    cr_assert_eq(is.st_mode & 07777, 0600);
    cr_assert_eq(is.st_uid, geteuid());
    const char *path = ctl_socket(s);
    server_stop(s);
    cr_assert_neq(lstat(path, &is), 0);
}

static void bind_at(const char *path, bool listens, int *fd) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.107s", path);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(*fd, (struct sockaddr *)&address, sizeof address), 0);
    if (listens)
        cr_assert_eq(listen(*fd, 8), 0);
}

static void start_is_refused(struct server *s, const char *why) {
    static struct ran ran;
    char want[600];
    server_configure(s, SERVER_QUIET(1) "control = %s\n", ctl_socket(s));
    run(&ran, run_server_path(), "-c", s->conf);
    snprintf(want, sizeof want, "control %s: %s", ctl_socket(s), why);
    cr_assert_eq(ran.status, 1);
    cr_assert(strstr(ran.err, want), "%s", ran.err);
}

Test(control, a_dead_servers_file_is_replaced_and_a_living_ones_is_not) {
    int fd;
    struct server *s = server_prepare();
    bind_at(ctl_socket(s), false, &fd);
    close(fd);
    server_launch(s, SERVER_QUIET(1) "control = %s\n", ctl_socket(s));
    ctl_ok(s, "say", "hello");
    start_is_refused(s, "another server listens there");
    ctl_ok(s, "say", "hello again");
    server_stop(s);
    s = server_prepare();
    cr_assert_eq(mkdir(ctl_socket(s), 0700), 0);
    start_is_refused(s, "it is not a socket");
    rmdir(ctl_socket(s));
    run_write_file(HERE, ctl_socket(s), "precious");
    start_is_refused(s, "it is not a socket");
    char *kept = run_read_file(ctl_socket(s));
    cr_assert_str_eq(kept, "precious");
    free(kept);
    unlink(ctl_socket(s));
    cr_assert_eq(symlink("/nowhere", ctl_socket(s)), 0);
    start_is_refused(s, "it is a symbolic link");
}

Test(control, a_folder_in_which_others_could_put_a_socket_is_refused) {
    struct server *s = server_prepare();
    cr_assert_eq(chmod(s->dir, 0777), 0);
    start_is_refused(s, geteuid() == 0 ? "every user could put any file into the folder"
                                       : "every user could put a socket into its folder");
    cr_assert_eq(chmod(s->dir, 01777), 0);
    server_launch(s, SERVER_QUIET(1) "control = %s\n", ctl_socket(s));
    server_stop(s);
}

Test(control, as_root_with_a_user_the_file_is_that_users) {
    skip_unless_root();
    struct stat is;
    struct server *s = server_prepare();
    cr_assert_eq(chown(s->dir, 65534, 65534), 0);
    server_launch(s, SERVER_QUIET(1) "user = nobody\ncontrol = %s\n", ctl_socket(s));
    cr_assert_eq(lstat(ctl_socket(s), &is), 0);
    cr_assert_eq(is.st_uid, 65534);
    cr_assert_eq(is.st_mode & 07777, 0600);
    ctl_ok(s, "say", "hello");
    const char *path = ctl_socket(s);
    server_stop(s);
    cr_assert_neq(lstat(path, &is), 0, "its folder is the user's");
}

/* The user cannot remove it; the next start does. */
Test(control, as_root_with_a_user_in_a_folder_of_roots) {
    skip_unless_root();
    char dir[256], path[300];
    static struct ran ran;
    run_make_dir(HERE, dir, sizeof dir);
    snprintf(path, sizeof path, "%s/control", dir);
    cr_assert_eq(chmod(dir, 0755), 0);
    for (int i = 0; i < 2; i++) {
        struct server *s = server_prepare();
        server_launch(s, SERVER_QUIET(1) "user = nobody\ncontrol = %s\n", path);
        server_logged(s, "so the control socket's file will be left at the end");
        run(&ran, ctl_path(), "-s", path, "say", "hello");
        cr_assert_eq(ran.status, 0, "%s", ran.err);
        server_stop(s);
        cr_assert_eq(access(path, F_OK), 0);
        run(&ran, ctl_path(), "-s", path, "say", "hello");
        cr_assert_eq(ran.status, 1, "%s", ran.err);
    }
    unlink(path);
    rmdir(dir);
}

static void reload_with(struct server *s, const char *control) {
    static int times;
    server_configure(s, SERVER_QUIET(2) "room = R%d\n%s%s\n", ++times, *control ? "control = " : "",
                     control);
    server_signal(s, SIGHUP);
    server_logged(s, "reloaded: room \"R%d\"", times);
}

Test(control, a_reload_adds_moves_and_removes_it) {
    char other[320], first[320], sentence[400];
    static struct ran ran;
    struct server *s = server_start(SERVER_QUIET(2));
    struct guest *ann = guest_enter(s, "ann");
    snprintf(first, sizeof first, "%s", ctl_socket(s));
    snprintf(other, sizeof other, "%s/other", s->dir);
    snprintf(sentence, sizeof sentence, "%s: no server listens there", first);
    ctl_refused(s, sentence, "say", "hello");
    reload_with(s, first);
    ctl_ok(s, "say", "one");
    guest_expect(ann, "*** one");
    reload_with(s, other);
    wait_for_no_file(first);
    run(&ran, ctl_path(), "-s", other, "say", "two");
    cr_assert_eq(ran.status, 0, "%s", ran.err);
    guest_expect(ann, "*** two");
    ctl_refused(s, sentence, "say", "hello");
    unlink(other); /* and a reload makes it anew */
    reload_with(s, other);
    run(&ran, ctl_path(), "-s", other, "say", "three");
    cr_assert_eq(ran.status, 0, "%s", ran.err);
    guest_expect(ann, "*** three");
    reload_with(s, "");
    wait_for_no_file(other);
    guest_say(ann, "well");
    guest_expect(ann, "%s", told2(TOLD_SPEECH, "ann", "well"));
    server_stop(s);
}

/* Nothing of a reload that is refused takes effect. */
Test(control, a_reload_to_a_path_that_is_taken_is_refused) {
    char other[320];
    int fd;
    struct server *s = ctl_server(SERVER_QUIET(2));
    snprintf(other, sizeof other, "%s/other", s->dir);
    bind_at(other, true, &fd);
    server_configure(s, SERVER_QUIET(2) "control = %s\n", other);
    server_signal(s, SIGHUP);
    server_logged(s, "control %s: another server listens there", other);
    ctl_ok(s, "say", "hello");
    cr_assert_eq(access(other, F_OK), 0);
    close(fd);
    server_configure(s, SERVER_QUIET(2) "control = %s\nlisten = 192.0.2.1:9\n", other);
    server_signal(s, SIGHUP);
    server_logged(s, "listen 192.0.2.1:9");
    ctl_ok(s, "say", "hello");
    wait_for_no_file(other);
    server_stop(s);
}

Test(control, it_outlives_its_workers_the_master_and_an_upgrade) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    s->workers_may_die = true;
    struct guest *ann = guest_enter(s, "ann");
    int fd[2] = {connected(s), connected(s)};
    for (int k = 0; k < 2; k++)
        kill(server_worker_pid(s, k), SIGKILL);
    for (int k = 0; k < 2; k++)
        closed(fd[k]); /* a successor does not know what it was sent */
    ctl_ok(s, "say", "workers");
    guest_expect(ann, "*** workers");
    server_signal(s, SIGUSR2);
    server_logged(s, "upgraded");
    ctl_ok(s, "say", "upgrade");
    guest_expect(ann, "*** upgrade");
    server_new_master(s);
    ctl_ok(s, "say", "master");
    guest_expect(ann, "*** master");
    server_new_guardian(s);
    ctl_ok(s, "say", "guardian");
    guest_expect(ann, "*** guardian");
    server_signal(s, SIGTERM);
    guest_expect(ann, "%s", told(TOLD_GOING_DOWN));
    wait_for_no_file(ctl_socket(s));
    server_ended(s);
}

Test(control, a_worker_that_retires_closes_it) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    int fd[8];
    for (int i = 0; i < 8; i++)
        fd[i] = connected(s);
    server_configure(s, SERVER_QUIET(1) "control = %s\n", ctl_socket(s));
    server_signal(s, SIGHUP);
    server_logged(s, "worker 1 ended");
    int served = 0;
    char line[64];
    for (int i = 0; i < 8; i++) {
        (void)!send(fd[i], "kick\n", 5, MSG_NOSIGNAL);
        served += ctl_line(fd[i], line);
        close(fd[i]);
    }
    ctl_ok(s, "say", "hello");
    s->workers_may_die = true;
    server_stop(s);
    cr_log_info("%d of 8 were served on", served);
}

/* ---- servers that do not answer ---- */

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Exit 1, with this sentence; the time is chatroom-ctl's own, by the clock of its process: CPU that
 * it does not get is not its fault, so the bound here is a loose one. */
static void ends_in_time(struct server *s, const char *sentence) {
    int64_t begun = now_ms();
    ctl_refused(s, sentence, "say", "hello");
    cr_assert_lt(now_ms() - begun, 10000);
}

Test(control, a_server_that_is_gone) {
    char sentence[400];
    int fd;
    struct server *s = server_prepare();
    snprintf(sentence, sizeof sentence, "%s: no server listens there", ctl_socket(s));
    ends_in_time(s, sentence);
    bind_at(ctl_socket(s), false, &fd);
    close(fd);
    ends_in_time(s, sentence);
    unlink(ctl_socket(s));
    run_write_file(HERE, ctl_socket(s), "a file");
    ends_in_time(s, sentence);
}

Test(control, a_server_that_is_stopped) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    s->workers_may_die = true;
    kill(-s->pid, SIGSTOP);
    ends_in_time(s, "the server does not answer");
    const struct ran *ran = ctl_run(s, "--json", "kick", "ann");
    cr_assert_eq(ran->status, 1);
    cr_assert_str_eq(ran->out, "{\"ok\":false,\"error\":\"the server does not answer\"}\n");
    kill(-s->pid, SIGCONT);
    ctl_ok(s, "say", "hello");
    server_stop(s);
}

/* A queue that nobody empties. */
Test(control, a_server_whose_queue_is_full) {
    char sentence[400];
    int fd, waiting[64], n = 0;
    struct server *s = server_prepare();
    bind_at(ctl_socket(s), false, &fd);
    cr_assert_eq(listen(fd, 1), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.107s", ctl_socket(s));
    do
        waiting[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    while (connect(waiting[n], (struct sockaddr *)&address, sizeof address) == 0 && ++n < 64);
    snprintf(sentence, sizeof sentence, "%s: the server does not answer", ctl_socket(s));
    ends_in_time(s, sentence);
}

/* A server that says `first`, and nothing more. */
static void speaks(const char *first, bool closes, const char *sentence) {
    int fd;
    struct server *s = server_prepare();
    bind_at(ctl_socket(s), true, &fd);
    pid_t pid = fork();
    if (pid == 0) {
        int client = accept(fd, NULL, NULL);
        (void)!send(client, first, strlen(first), MSG_NOSIGNAL);
        if (closes)
            shutdown(client, SHUT_RDWR);
        pause();
    }
    ends_in_time(s, sentence);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(fd);
    unlink(ctl_socket(s));
}

Test(control, servers_of_other_kinds_and_versions) {
    speaks("chatroom-control 2 0 0 more\n", false,
           "the server is of another version: it speaks protocol 2, not 1");
    speaks("chatroom-control 1\n", false,
           "the server is of another version: it speaks protocol 1, not 1");
    speaks("+OK POP3\n", false, "this is no server's control socket");
    speaks("", true, "the server does not answer");
    speaks("no end of a line", false, "the server does not answer");
    speaks("no you may not\033[2J\n", true, "you may not?[2J");
    speaks("chatroom-control 1 0 0\n", true,
           "the connection broke; whether it was done is unknown; the room shows whether it was "
           "said");
    speaks("chatroom-control 1 0 0\nmaybe\n", false,
           "the connection broke; whether it was done is unknown; the room shows whether it was "
           "said");
    speaks("chatroom-control 1 0 0\n", false,
           "the server does not answer; whether it was done is unknown; the room shows whether it "
           "was said");
}

/* ---- the command line ---- */

Test(control, usage) {
    static struct ran ran;
    static char *const wrong[][6] = {
        {"-x"}, {"-s"}, {"--nonsense", "say", "x"}, {"dance"}, {"say"}, {NULL}, {"-s", "/nowhere"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *argv[8] = {ctl_path()};
        for (int k = 0; k < 6 && wrong[i][k]; k++)
            argv[1 + k] = wrong[i][k];
        run_at(HERE, &ran, argv);
        cr_assert_eq(ran.status, 2, "%zu: status %d", i, ran.status);
        cr_assert_str_empty(ran.out);
        cr_assert_eq(strncmp(ran.err, "chatroom-ctl: ", 14), 0, "%s", ran.err);
    }
    run(&ran, ctl_path(), "-h");
    cr_assert_eq(ran.status, 0);
    cr_assert_eq(strncmp(ran.out, "usage: chatroom-ctl ", 20), 0, "%s", ran.out);
    cr_assert(strstr(ran.out, "kick NAME [REASON]"), "%s", ran.out);
    run(&ran, ctl_path(), "-V");
    cr_assert_eq(ran.status, 0);
    cr_assert_eq(strncmp(ran.out, "chatroom-ctl ", 13), 0, "%s", ran.out);
}

Test(control, json_before_and_behind_the_command) {
    struct server *s = ctl_server(SERVER_QUIET(1));
    struct guest *ann = guest_enter(s, "ann");
    cr_assert_str_eq(ctl_ok(s, "--json", "say", "a")->out, "{\"ok\":true}\n");
    cr_assert_str_eq(ctl_ok(s, "say", "--json", "b")->out, "{\"ok\":true}\n");
    cr_assert_str_eq(ctl_ok(s, "say", "--", "--json")->out, "");
    guest_expect(ann, "*** a");
    guest_expect(ann, "*** b");
    guest_expect(ann, "*** --json");
    ctl_refused(s, "the text has more than one line", "say", "a\nkick ann");
    server_stop(s);
}

/* Something else is at its path: a new master says so, and serves on. */
Test(control, a_master_that_cannot_open_it_again_serves_on) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *ann = guest_enter(s, "ann");
    s->workers_may_die = true;
    unlink(ctl_socket(s));
    cr_assert_eq(mkdir(ctl_socket(s), 0700), 0);
    server_new_master(s);
    server_logged(s, "control %s: it is not a socket", ctl_socket(s));
    guest_enter(s, "bob");
    guest_expect(ann, "%s", told1(TOLD_COMES, "bob"));
    cr_assert_eq(rmdir(ctl_socket(s)), 0);
    server_signal(s, SIGHUP); /* and a reload makes it anew */
    server_logged(s, "reloaded");
    ctl_ok(s, "say", "back");
    guest_expect(ann, "*** back");
    server_signal(s, SIGTERM);
    guest_expect(ann, "%s", told(TOLD_GOING_DOWN));
    wait_for_no_file(ctl_socket(s));
}
