/* e2e_places.c - the machine that the server finds: networks without IPv6, another server that is
 * started in the same instant, kernels and sandboxes that lack a call, CPU quotas, service
 * managers, pidfiles that others remove. */
#include "ipc/system.h"
#include "tests/lib/guest.h"
#include "tests/lib/network.h"
#include "tests/lib/sandbox.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

TestSuite(places, .timeout = 180);

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct sandbox_rule refused;
static void refuse(void) {
    if (!sandbox_deny(&refused))
        _exit(126);
}

static void refuse_call(struct sandbox_rule rule) {
    if (!sandbox_works())
        skip_test("this kernel has no seccomp");
    refused = rule;
    run_before_exec = refuse;
}

/* Starts the server without waiting. */
static void begin(struct server *s) {
    char *argv[] = {run_server_path(), "-c", s->conf, NULL};
    s->pid = run_start(HERE, argv, s->err, s->err);
    s->cleaner[1] = run_cleaner(HERE, s->pid, NULL);
}

/* ---- without IPv6 ---- */

static void refuse_ipv6(int error) {
    refuse_call((struct sandbox_rule){SYS_socket, 0, ~0u, AF_INET6, error});
}

Test(places, without_ipv6_every_address_is_every_ipv4_address) {
    static const char *const any[] = {"*:0", "[::]:0", "[0::0]:0"};
    static const int errors[] = {EAFNOSUPPORT, EPROTONOSUPPORT, EPERM, EACCES};
    for (size_t i = 0; i < COUNT(errors); i++) {
        refuse_ipv6(errors[i]);
        struct server *s = server_start("workers = 2\nlisten = %s\n", any[i % COUNT(any)]);
        cr_assert_str_eq(s->listening + strcspn(s->listening, ":"), strrchr(s->listening, ':'),
                         "one address: %s", s->listening);
        cr_assert_eq(strncmp(s->listening, "0.0.0.0:", 8), 0, "%s", s->listening);
        server_logged(s, "this machine has no IPv6; listening on 0.0.0.0:");
        guest_close(guest_enter_as(s, "ann", .to = "127.0.0.2"));
        server_stop(s);
    }
}

Test(places, without_ipv6_the_default_serves_ipv4) {
    network_own(); /* its port is free there */
    refuse_ipv6(EAFNOSUPPORT);
    struct server *s = server_prepare();
    run_write_file(HERE, s->conf, "workers = 1\n");
    begin(s);
    server_wait_ready(s);
    cr_assert_str_eq(s->listening, "0.0.0.0:6666");
    guest_close(guest_enter(s, "ann"));
    server_stop(s);
}

Test(places, without_ipv6_an_ipv6_address_is_an_error) {
    static struct ran ran;
    struct server *s = server_prepare();
    server_configure(s, "workers = 1\nlisten = 127.0.0.1:0\nlisten = [::1]:0\n");
    refuse_ipv6(EAFNOSUPPORT);
    run(&ran, run_server_path(), "-c", s->conf);
    cr_assert_eq(ran.status, 1);
    cr_assert_str_eq(ran.err, "chatroom-master: listen [::1]:0: Address family not supported by "
                              "protocol\n");
}

/* Waits for the reload that sets the room's name; its list of addresses. */
static void lists_after_reload(struct server *s, const char *listen, const char *want) {
    static int n;
    char text[1024];
    n++;
    server_configure(s, "workers = 2\nroom = Room %d\n%s", n, listen);
    server_signal(s, SIGHUP);
    snprintf(text, sizeof text, "%s",
             server_logged(s, "reloaded: room \"Room %d\", listening on ", n));
    char *from = strstr(text, "listening on ") + strlen("listening on "),
         *end = strstr(from, ", 2 workers");
    cr_assert(end, "%s", text);
    *end = '\0';
    cr_assert_str_eq(from, want);
    guest_close(guest_connect(s));
}

Test(places, without_ipv6_one_address_is_not_opened_twice) {
    char conf[300], want[64];
    refuse_ipv6(EAFNOSUPPORT);
    struct server *s = server_start("workers = 2\nlisten = 0.0.0.0:0\n");
    snprintf(want, sizeof want, "0.0.0.0:%u", s->port);
    static const char *const lists[] = {
        "listen = 0.0.0.0:%u\nlisten = [::]:%u\n", "listen = *:%u\nlisten = 0.0.0.0:%u\n",
        "listen = *:%u\nlisten = [::]:%u\n", "listen = 0.0.0.0:%u\n"};
    for (size_t i = 0; i < COUNT(lists); i++) {
        snprintf(conf, sizeof conf, lists[i], s->port, s->port);
        lists_after_reload(s, conf, want);
    }
    cr_assert_eq(server_log_count(s, "no longer listening"), 0);
    server_stop(s);
}

/* sysctl net.ipv6.conf.all.disable_ipv6: there are sockets, but no addresses. */
Test(places, with_ipv6_disabled_on_all_interfaces) {
    static struct ran ran;
    skip_unless_ipv6();
    network_own();
    int fd = open("/proc/sys/net/ipv6/conf/all/disable_ipv6", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "1", 1) != 1)
        skip_test("disable_ipv6 cannot be set: %s", strerror(errno));
    struct server *s = server_start("workers = 2\nlisten = *:0\n");
    guest_close(guest_enter(s, "ann"));
    server_stop(s);
    s = server_prepare();
    server_configure(s, "listen = [::1]:0\n");
    run(&ran, run_server_path(), "-c", s->conf);
    cr_assert_eq(ran.status, 1);
    cr_assert_str_eq(ran.err, "chatroom-master: listen [::1]:0: Cannot assign requested address\n");
}

/* ---- addresses ---- */

Test(places, a_mapped_address_is_an_ipv4_address) {
    struct server *s = server_start("workers = 2\nlisten = [::ffff:127.0.0.1]:0\n");
    char want[64], conf[300];
    snprintf(want, sizeof want, "127.0.0.1:%u", s->port);
    cr_assert_str_eq(s->listening, want);
    guest_close(guest_enter(s, "ann"));
    snprintf(conf, sizeof conf, "listen = [::ffff:7f00:1]:%u\nlisten = 127.0.0.1:%u\n", s->port,
             s->port);
    lists_after_reload(s, conf, want);
    server_stop(s);
}

Test(places, what_cannot_be_listened_on_is_named_by_line) {
    static struct ran ran;
    struct server *s = server_prepare();
    char want[3][400];
    server_configure(s, "listen = localhost:6666\nlisten = [fe80::1%%lo]:6666\nworkers = 1\n"
                        "listen = [fe80::1]:6666\n");
    run(&ran, run_server_path(), "-t", "-c", s->conf);
    cr_assert_eq(ran.status, 1);
    snprintf(want[0], sizeof want[0], "%s:1: listen: \"localhost:6666\" is not address:port",
             s->conf);
    snprintf(want[1], sizeof want[1], "%s:2: listen: \"[fe80::1%%lo]:6666\" is not", s->conf);
    snprintf(want[2], sizeof want[2], "%s:4: listen: [fe80::1]:6666: a link-local address",
             s->conf);
    for (int i = 0; i < 3; i++)
        cr_assert(strstr(ran.out, want[i]), "no %s in: %s", want[i], ran.out);
}

/* A listener that a wider one covers stays open for its queue, but is not named. */
Test(places, the_list_of_addresses_is_the_configurations) {
    char conf[300], want[100];
    network_own_ports();
    skip_unless_ipv6();
    struct server *s = server_start("workers = 2\n"); /* 127.0.0.1 */
    static const char *const listen[] = {"0.0.0.0", "[::]", "127.0.0.1", "[::]"};
    for (size_t i = 0; i < COUNT(listen); i++) {
        snprintf(conf, sizeof conf, "listen = %s:%u\n", listen[i], s->port);
        snprintf(want, sizeof want, "%s:%u", listen[i], s->port);
        lists_after_reload(s, conf, want);
    }
    snprintf(conf, sizeof conf, "listen = *:%u\nlisten = [::]:%u\nlisten = [0:0::]:%u\n", s->port,
             s->port, s->port);
    lists_after_reload(s, conf, want);
    server_stop(s);
}

/* ---- two servers at once ---- */

static bool is_ready(const struct server *s) {
    return server_log_count(s, ": ready: ") > 0;
}

static bool has_ended(struct server *s, int *status) {
    return s->pid == 0 || (waitpid(s->pid, status, WNOHANG) == s->pid && (s->pid = 0) == 0);
}

/* Both wait for the lock when it is released, so neither listens yet. */
static void start_both(const char *first, const char *second) {
    network_own();
    struct server *s[2] = {server_prepare(), server_prepare()};
    int status[2] = {0, 0}, lock = network_hold();
    server_configure(s[0], "workers = 1\n%s", first);
    server_configure(s[1], "workers = 1\n%s", second);
    begin(s[0]);
    begin(s[1]);
    close(lock);
    for (int k = 0; k < 2; k++) {
        for (int64_t deadline = wait_deadline(); !is_ready(s[k]) && !has_ended(s[k], &status[k]);) {
            cr_assert_gt(wait_left_ms(deadline), 0);
            wait_breath();
        }
    }
    int loser = is_ready(s[0]) ? 1 : 0;
    char *said = run_read_file(s[loser]->err);
    cr_assert_neq(is_ready(s[0]), is_ready(s[1]), "%d and %d", is_ready(s[0]), is_ready(s[1]));
    cr_assert_eq(s[loser]->pid, 0);
    cr_assert(WIFEXITED(status[loser]) && WEXITSTATUS(status[loser]) == 1);
    cr_assert(strstr(said, "chatroom-master: listen ") == said, "%s", said);
    cr_assert_str_eq(strstr(said, ": Address already in use\n"), ": Address already in use\n");
    free(said);
    server_wait_ready(s[1 - loser]);
    guest_close(guest_connect(s[1 - loser]));
    server_stop(s[1 - loser]);
}

Test(places, of_two_started_at_once_one_serves) {
    static const char *const pairs[][2] = {
        {"listen = 127.0.0.1:7000\n", "listen = 127.0.0.1:7000\n"},
        {"listen = 127.0.0.1:7000\n", "listen = 0.0.0.0:7000\n"},
        {"listen = 0.0.0.0:7000\n", "listen = 0.0.0.0:7000\n"},
        {"listen = 127.0.0.1:7000\n", "listen = *:7000\n"},
        {"listen = [::]:7000\n", "listen = 0.0.0.0:7000\n"},
        {"listen = *:7000\n", "listen = [::]:7000\n"},
        {"listen = 127.0.0.1:7001\nlisten = 127.0.0.1:7000\n",
         "listen = 127.0.0.1:7000\nlisten = 127.0.0.1:7002\n"},
    };
    skip_unless_ipv6();
    network_own();
    for (size_t i = 0; i < COUNT(pairs); i++) {
        for (int n = 0; n < 3; n++)
            start_both(pairs[i][0], pairs[i][1]);
    }
}

/* Other ports and other addresses do not collide. */
Test(places, two_with_ports_of_their_own_both_serve) {
    struct server *s[4];
    network_own();
    static const char *const listen[] = {"127.0.0.1:0", "127.0.0.1:0", "127.0.0.2:7000",
                                         "127.0.0.3:7000"};
    int lock = network_hold();
    for (int k = 0; k < 4; k++) {
        s[k] = server_prepare();
        server_configure(s[k], "workers = 1\nlisten = %s\n", listen[k]);
        begin(s[k]);
    }
    close(lock);
    for (int k = 0; k < 4; k++)
        server_wait_ready(s[k]);
    cr_assert_neq(s[0]->port, s[1]->port);
    for (int k = 0; k < 4; k++)
        server_stop(s[k]);
}

static void reload_to(struct server *s, const char *listen) {
    server_configure(s, "workers = 1\n%s", listen);
    server_signal(s, SIGHUP);
}

/* Two servers that take up one more address at once. */
Test(places, of_two_that_reload_at_once_one_has_the_address) {
    network_own();
    struct server *s[2] = {server_start("workers = 1\nlisten = 127.0.0.1:7001\n"),
                           server_start("workers = 1\nlisten = 127.0.0.1:7002\n")};
    int lock = network_hold();
    reload_to(s[0], "listen = 127.0.0.1:7001\nlisten = 127.0.0.1:7000\n");
    reload_to(s[1], "listen = 127.0.0.1:7002\nlisten = 0.0.0.0:7000\n");
    close(lock);
    int outcome[2][2];
    for (int k = 0; k < 2; k++) {
        int64_t deadline = wait_deadline();
        do {
            cr_assert_gt(wait_left_ms(deadline), 0);
            wait_breath();
            outcome[k][0] = server_log_count(s[k], "reloaded: ");
            outcome[k][1] = server_log_count(s[k], ":7000: Address already in use; the old "
                                                   "configuration stays in effect");
        } while (outcome[k][0] + outcome[k][1] == 0);
    }
    cr_assert_eq(outcome[0][0] + outcome[1][0], 1, "%d and %d have it", outcome[0][0],
                 outcome[1][0]);
    server_stop(s[0]);
    server_stop(s[1]);
}

/* An upgraded server, and one whose master was killed, can take the lock and give it back. */
Test(places, the_lock_outlives_the_master) {
    network_own();
    struct server *s = server_start("workers = 1\nlisten = 127.0.0.1:7001\n");
    s->workers_may_die = true;
    server_signal(s, SIGUSR2);
    server_logged(s, "upgraded: room");
    reload_to(s, "listen = 127.0.0.1:7001\nlisten = 127.0.0.1:7002\n");
    server_logged(s, "listening on 127.0.0.1:7001, 127.0.0.1:7002, 1 workers");
    close(network_hold());
    server_new_master(s);
    server_configure(s, "workers = 1\nlisten = 127.0.0.1:7003\n");
    server_signal(s, SIGHUP);
    server_logged(s, "listening on 127.0.0.1:7003, 1 workers");
    close(network_hold());
    server_stop(s);
}

/* A holder that does not release it is named. */
Test(places, a_process_that_keeps_the_lock_is_named) {
    static struct ran ran;
    char want[200];
    network_own();
    struct server *s = server_prepare();
    server_configure(s, "workers = 1\n");
    int lock = network_hold();
    run(&ran, run_server_path(), "-c", s->conf);
    snprintf(want, sizeof want,
             "chatroom-master: listen: process %d is binding addresses and does not end\n",
             (int)getpid());
    cr_assert_eq(ran.status, 1);
    cr_assert_str_eq(ran.err, want);
    close(lock);
}

Test(places, another_users_lock_stops_nobody) {
    skip_unless_root();
    network_own();
    const struct passwd *nobody = getpwnam("nobody");
    int ready[2];
    cr_assert(nobody && pipe(ready) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        char byte;
        if (setgid(nobody->pw_gid) != 0 || setuid(nobody->pw_uid) != 0)
            _exit(1);
        network_hold();
        close(ready[0]);
        close(ready[1]);
        (void)!read(STDIN_FILENO, &byte, 0);
        pause();
    }
    close(ready[1]);
    cr_assert_eq(read(ready[0], &pid, 0), 0);
    char byte;
    cr_assert_eq(read(ready[0], &byte, 1), 0, "it holds the lock");
    struct server *s = server_start("workers = 1\n");
    server_logged(s, "process %d of user %u holds a lock", (int)pid, (unsigned)nobody->pw_uid);
    guest_close(guest_enter(s, "ann"));
    server_stop(s);
    kill(pid, SIGKILL);
}

/* ---- a kernel or a sandbox that lacks a call ---- */

Test(places, a_missing_call_that_a_death_needs_is_named_at_start) {
    static const struct {
        struct sandbox_rule rule;
        const char *sentence;
    } cases[] = {
        {{SYS_pidfd_open, 0, 0, 0, EPERM}, "pidfd_open: Operation not permitted"},
        {{SYS_pidfd_send_signal, 0, 0, 0, ENOSYS}, "pidfd_send_signal: Function not implemented"},
        {{SYS_pidfd_send_signal, 0, 0, 0, EPERM}, "pidfd_send_signal: Operation not permitted"},
        {{SYS_waitid, 0, ~0u, SYSTEM_P_PIDFD, EINVAL}, "waitid(P_PIDFD): Invalid argument"},
        {{SYS_getsockopt, 2, ~0u, SO_COOKIE, ENOPROTOOPT}, "SO_COOKIE: Protocol not available"},
        {{SYS_getsockopt, 2, ~0u, SO_COOKIE, EPERM}, "SO_COOKIE: Operation not permitted"},
    };
    static struct ran ran;
    char want[200];
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct server *s = server_prepare();
        server_configure(s, "workers = 1\n");
        refuse_call(cases[i].rule);
        run(&ran, run_server_path(), "-c", s->conf);
        snprintf(want, sizeof want, "chatroom-master: %s\n", cases[i].sentence);
        cr_assert_eq(ran.status, 1, "%s", ran.err);
        cr_assert_str_eq(ran.err, want);
    }
}

/* Each promise is kept without these. */
Test(places, a_missing_call_that_can_be_done_without) {
    static const struct sandbox_rule rules[] = {
        {SYS_close_range, 0, 0, 0, ENOSYS},
        {SYS_close_range, 0, 0, 0, EPERM},
        {SYS_flock, 0, 0, 0, ENOSYS},
        {SYS_sched_getaffinity, 0, 0, 0, EPERM},
        {SYS_setsockopt, 2, ~0u, 44 /* TCP_RTO_MAX_MS */, ENOPROTOOPT},
    };
    for (size_t i = 0; i < COUNT(rules); i++) {
        refuse_call(rules[i]);
        struct server *s = server_start("workers = 1\n");
        s->workers_may_die = true;
        struct guest *ann = guest_enter(s, "ann");
        kill(server_worker_pid(s, 0), SIGKILL);
        server_logged(s, "was killed by signal 9");
        guest_say(ann, "after a death");
        guest_until(ann, "ann: after a death");
        server_signal(s, SIGUSR2);
        server_logged(s, "upgraded: room");
        guest_say(ann, "after an upgrade");
        guest_until(ann, "ann: after an upgrade");
        server_stop(s);
    }
}

/* ---- CPU quotas ---- */

static char groups[300]; /* stands in for /sys/fs/cgroup */

static void enter_groups(void) {
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount(groups, "/sys/fs/cgroup", NULL, MS_BIND, NULL) != 0)
        _exit(126);
}

static bool can_enter_groups(void) {
    int status = 1;
    pid_t pid = fork();
    if (pid == 0) {
        enter_groups();
        _exit(0);
    }
    return waitpid(pid, &status, 0) == pid && status == 0;
}

static void quota(const char *text) {
    char path[400];
    snprintf(path, sizeof path, "%s/cpu.max", groups);
    run_write_file(HERE, path, text);
}

Test(places, auto_workers_keep_to_a_cpu_quota) {
    cpu_set_t cores;
    cr_assert_eq(sched_getaffinity(0, sizeof cores, &cores), 0);
    int all = CPU_COUNT(&cores) < 64 ? CPU_COUNT(&cores) : 64;
    struct server *s = server_prepare();
    snprintf(groups, sizeof groups, "%s/groups", s->dir);
    cr_assert_eq(mkdir(groups, 0755), 0);
    if (!can_enter_groups())
        skip_test("only root can mount other control groups");
    quota("150000 100000\n");
    run_before_exec = enter_groups;
    s->workers_may_die = true; /* one that retires is started again */
    server_launch(s, "workers = auto\n");
    cr_assert_eq(s->workers, all < 2 ? all : 2);
    quota("30000 100000\n"); /* changed while it runs: a reload follows */
    server_signal(s, SIGHUP);
    server_logged(s, "reloaded: room \"Chatroom\", listening on 127.0.0.1:%u, 1 workers", s->port);
    quota("max 100000\n");
    server_signal(s, SIGHUP);
    server_logged(s, ", %d workers, pid", all);
    server_stop(s);
}

/* ---- the service manager ---- */

static int manager;
static char message[4096];

static void manage(const char *socket_name, const struct sockaddr_un *at, socklen_t len) {
    struct timeval most = {.tv_sec = 20};
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(manager, (const struct sockaddr *)at, len), 0);
    cr_assert_eq(setsockopt(manager, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most), 0);
    setenv("NOTIFY_SOCKET", socket_name, 1);
}

/* What is sent to be kept is another test's (e2e_store.c). */
static void notified(const char *want) {
    do {
        ssize_t n = recv(manager, message, sizeof message - 1, 0);
        cr_assert_gt(n, 0, "the manager is not told %s", want);
        message[n] = '\0';
    } while (strncmp(message, "FDSTORE", strlen("FDSTORE")) == 0);
    cr_assert_eq(strncmp(message, want, strlen(want)), 0, "%s", message);
}

static uint64_t monotonic_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void reloads(struct server *s, const char *outcome) {
    unsigned long long when = 0;
    uint64_t before = monotonic_us();
    server_signal(s, SIGHUP);
    notified("RELOADING=1\n");
    cr_assert_eq(sscanf(message, "RELOADING=1\nMONOTONIC_USEC=%llu", &when), 1, "%s", message);
    cr_assert(before <= when && when <= monotonic_us(), "%llu", when);
    notified("READY=1");
    server_logged(s, "%s", outcome);
}

static void manages(struct server *s) {
    server_launch(s, "workers = 1\n");
    notified("READY=1\nMAINPID=");
    reloads(s, "reloaded: ");
    server_configure(s, "workers = many\n");
    reloads(s, "the old configuration stays in effect");
    run_write_file(HERE, s->conf, "");
    unlink(s->conf);
    reloads(s, "No such file or directory");
    server_signal(s, SIGTERM);
    notified("STOPPING=1");
    server_ended(s);
}

Test(places, a_service_manager_is_told_of_each_reload) {
    struct server *s = server_prepare();
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%.80s/notify", s->dir);
    manage(at.sun_path, &at, sizeof at);
    manages(s);
}

Test(places, a_service_manager_with_an_abstract_socket) {
    struct server *s = server_prepare();
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char name[100];
    snprintf(name, sizeof name, "@chatroom-test-%d", (int)getpid());
    memcpy(at.sun_path + 1, name + 1, strlen(name) - 1);
    manage(name, &at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name)));
    manages(s);
}

/* ---- logs ---- */

/* Standard error is a socket, as systemd gives; read by the test. */
static int stream;
static struct sockaddr_un stream_at;
static void stream_errors(void) {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&stream_at, sizeof stream_at) != 0 ||
        dup2(fd, STDERR_FILENO) < 0 || close(fd) != 0)
        _exit(126);
}

static void stream_begin(struct server *s) {
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    stream_at.sun_family = AF_UNIX;
    snprintf(stream_at.sun_path, sizeof stream_at.sun_path, "%.80s/errors", s->dir);
    cr_assert_eq(bind(listener, (struct sockaddr *)&stream_at, sizeof stream_at), 0);
    cr_assert_eq(listen(listener, 1), 0);
    run_before_exec = stream_errors;
    begin(s);
    stream = accept(listener, NULL, NULL);
    close(listener);
}

static void streamed(const char *want) {
    static char text[65536];
    static size_t len;
    struct timeval most = {.tv_sec = 20};
    setsockopt(stream, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    while (!strstr(text, want)) {
        ssize_t n = recv(stream, text + len, sizeof text - len - 1, 0);
        cr_assert_gt(n, 0, "no \"%s\" in: %s", want, text);
        len += (size_t)n;
        text[len] = '\0';
    }
    text[len = 0] = '\0';
}

Test(places, standard_error_may_be_a_socket) {
    static const char *const logs[] = {"stderr", "/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"};
    for (size_t i = 0; i < COUNT(logs); i++) {
        struct server *s = server_prepare();
        int status;
        server_configure(s, "workers = 1\nlog = %s\n%s", logs[i],
                         geteuid() == 0 ? "user = nobody\n" : "");
        stream_begin(s);
        streamed("ready: ");
        server_signal(s, SIGUSR1);
        streamed("log reopened");
        server_signal(s, SIGTERM);
        streamed("ended");
        cr_assert(run_wait(s->pid, &status, wait_deadline()));
        cr_assert_eq(status, 0);
        close(stream);
    }
}

/* A /dev in which there is no log yet. */
static void own_dev(const struct server *s) {
    char dev[300], path[400];
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        skip_test("only root can have a /dev of its own");
    snprintf(dev, sizeof dev, "%s/dev", s->dir);
    cr_assert_eq(mkdir(dev, 0755), 0);
    cr_assert_eq(mount("dev", dev, "tmpfs", 0, "mode=755"), 0);
    static const char *const kept[] = {"null", "zero", "urandom"};
    for (size_t i = 0; i < COUNT(kept); i++) {
        char from[100];
        struct stat is;
        snprintf(from, sizeof from, "/dev/%s", kept[i]);
        snprintf(path, sizeof path, "%s/%s", dev, kept[i]);
        cr_assert_eq(stat(from, &is) | mknod(path, S_IFCHR | 0666, is.st_rdev), 0);
    }
    snprintf(path, sizeof path, "%s/shm", dev);
    cr_assert_eq(mkdir(path, 01777) | mount("/dev/shm", path, NULL, MS_BIND, NULL), 0);
    cr_assert_eq(mount(dev, "/dev", NULL, MS_MOVE, NULL), 0);
}

static int syslog_at(void) {
    const struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    struct timeval most = {.tv_sec = 20};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    unlink(at.sun_path);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most), 0);
    return fd;
}

static void syslog_has(int fd, const char *want) {
    char line[2048] = "";
    while (!strstr(line, want)) {
        ssize_t n = recv(fd, line, sizeof line - 1, 0);
        cr_assert_gt(n, 0, "syslog never had %s", want);
        line[n] = '\0';
    }
}

Test(places, a_syslog_may_come_later_and_be_restarted) {
    int status;
    struct server *s = server_prepare();
    char pidfile[300];
    own_dev(s);
    snprintf(pidfile, sizeof pidfile, "%s/pid", s->dir);
    server_configure(s, "workers = 1\nlog = syslog\npidfile = %s\n", pidfile);
    begin(s);
    server_logged(s, "log = syslog: lines are lost until it is there: /dev/log: No such file");
    char *text;
    for (int64_t deadline = wait_deadline(); !(text = run_read_file(pidfile)) || !*text;) {
        cr_assert_gt(wait_left_ms(deadline), 0, "never ready");
        free(text);
        wait_breath();
    }
    free(text);
    int log = syslog_at();
    server_signal(s, SIGHUP);
    syslog_has(log, "reloaded: ");
    close(log);
    server_signal(s, SIGUSR1); /* lost, without harm */
    log = syslog_at();
    server_signal(s, SIGTERM);
    syslog_has(log, "ended");
    cr_assert(run_wait(s->pid, &status, wait_deadline()));
    cr_assert_eq(status, 0);
    close(log);
}

/* ---- pidfiles, and what -t sees ---- */

static pid_t pid_in(const char *path) {
    char *text = run_read_file(path);
    pid_t pid = text ? (pid_t)atoi(text) : 0;
    free(text);
    return pid;
}

/* The server's folder is removed once the server was reaped: the process that removes it runs
 * beside the test. */
static void end_without_reaping(struct server *s) {
    siginfo_t info = {0};
    int64_t deadline = wait_deadline();
    server_signal(s, SIGTERM);
    while (waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && !info.si_pid) {
        cr_assert_gt(wait_left_ms(deadline), 0);
        wait_breath();
    }
    cr_assert_eq(info.si_pid, s->pid);
}

Test(places, a_reload_writes_a_pidfile_that_was_removed_or_replaced) {
    struct server *s = server_prepare();
    char pidfile[300], moved[300];
    snprintf(pidfile, sizeof pidfile, "%s/pid", s->dir);
    snprintf(moved, sizeof moved, "%s/moved", s->dir);
    server_launch(s, "workers = 1\npidfile = %s\n", pidfile);
    for (int way = 0; way < 3; way++) {
        int before = server_log_count(s, "reloaded: ");
        if (way == 0)
            cr_assert_eq(unlink(pidfile), 0);
        else if (way == 1)
            cr_assert_eq(rename(pidfile, moved), 0);
        else
            run_write_file(HERE, pidfile, "1\n"); /* another file, by rename */
        server_signal(s, SIGHUP);
        for (int64_t deadline = wait_deadline(); server_log_count(s, "reloaded: ") == before;) {
            cr_assert_gt(wait_left_ms(deadline), 0);
            wait_breath();
        }
        cr_assert_eq(pid_in(pidfile), s->pid, "way %d", way);
        cr_assert_eq(pid_in(moved), 0, "a file that was moved names no process");
    }
    static struct ran ran;
    run(&ran, run_server_path(), "-c", s->conf);
    cr_assert(strstr(ran.err, "another server holds it"), "%s", ran.err);
    end_without_reaping(s);
    cr_assert_eq(access(s->dir, F_OK), 0);
    cr_assert_neq(access(pidfile, F_OK), 0);
    server_ended(s);
}

Test(places, a_pidfile_that_the_user_cannot_remove_is_named_at_start) {
    skip_unless_root();
    for (int sticky = 0; sticky < 2; sticky++) {
        struct server *s = server_prepare();
        char pidfile[300];
        snprintf(pidfile, sizeof pidfile, "%s/run", s->dir);
        cr_assert_eq(chmod(s->dir, 0755) | mkdir(pidfile, 0755), 0);
        const struct passwd *nobody = getpwnam("nobody");
        cr_assert_eq(chmod(pidfile, sticky ? 01777 : 0755), 0);
        cr_assert_eq(sticky ? 0 : chown(pidfile, nobody->pw_uid, (gid_t)-1), 0);
        strcat(pidfile, "/pid");
        server_launch(s, "workers = 1\nuser = nobody\npidfile = %s\n", pidfile);
        cr_assert_eq(server_log_count(s, "from a sticky folder, so the pidfile will be emptied"),
                     sticky);
        end_without_reaping(s);
        cr_assert_eq(access(pidfile, F_OK) == 0, sticky);
        cr_assert_eq(pid_in(pidfile), 0);
        server_ended(s);
    }
}

Test(places, a_check_refuses_the_files_that_a_start_would_refuse) {
    static struct ran ran;
    static const char *const keys[] = {"log", "pidfile"};
    struct server *s = server_prepare();
    char path[4][300], want[1600];
    static const char *const reasons[] = {"it is a symbolic link, which is not followed to a file",
                                          "it is a symbolic link, which is not followed to a file",
                                          "it has 2 names (hard links)"};
    for (int i = 0; i < 4; i++)
        snprintf(path[i], sizeof path[i], "%s/file%d", s->dir, i);
    run_write_file(HERE, path[3], "");
    cr_assert_eq(symlink("nowhere", path[0]) | symlink("file3", path[1]) | link(path[3], path[2]),
                 0);
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < 3; i++) {
            server_configure(s, "workers = 1\n\n%s = %s\n", keys[k], path[i]);
            run(&ran, run_server_path(), "-t", "-c", s->conf);
            snprintf(want, sizeof want, "%s:3: %s %s: %s", s->conf, keys[k], path[i], reasons[i]);
            cr_assert_eq(ran.status, 1, "%s", ran.out);
            cr_assert_eq(strncmp(ran.out, want, strlen(want)), 0, "%s", ran.out);
            cr_assert_eq(access(path[0], F_OK), -1, "it was created");
        }
    }
    static const char *const good[] = {"log = /dev/null", "log = /dev/stderr", "log = syslog"};
    for (size_t i = 0; i < COUNT(good); i++) {
        server_configure(s, "workers = 1\n%s\npidfile = %s/new\n", good[i], s->dir);
        run(&ran, run_server_path(), "-t", "-c", s->conf);
        cr_assert_eq(ran.status, 0, "%s", ran.out);
    }
    snprintf(path[0], sizeof path[0], "%s/new", s->dir);
    cr_assert_eq(access(path[0], F_OK), -1, "it was created");
}

/* The file may be in use by the server that is to be reloaded. */
Test(places, a_check_beside_a_running_server_is_well) {
    static struct ran ran;
    struct server *s = server_prepare();
    snprintf(s->log, sizeof s->log, "%s/log", s->dir);
    server_launch(s, "workers = 1\nlog = %s\npidfile = %s/pid\n", s->log, s->dir);
    run(&ran, run_server_path(), "-t", "-c", s->conf);
    cr_assert_eq(ran.status, 0, "%s", ran.out);
    server_stop(s);
}
