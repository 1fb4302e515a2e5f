/* e2e_tls.c - TLS in front of the room: stunnel and HAProxy end it, and name the client by a PROXY
 * header; the client is `openssl s_client`.  Each proxy listens at an address of its own. */
#include "tests/lib/pty.h"
#include "tests/lib/server.h"
#include "tests/lib/skip.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(tls, .timeout = 180);

#define TLS_PORT "6697"

struct front {
    struct server *s;
    char address[32], end[48]; /* where the proxy listens; with its port */
};

static bool accepts(const char *address) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(TLS_PORT))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, address, &to.sin_addr);
    bool connected = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    close(fd);
    return connected;
}

/* A server, and a file with a certificate and its key in the server's folder. */
static struct front front_make(const char *conf) {
    struct front f;
    struct ran ran;
    char cert[300], key[300];
    unsigned id = (unsigned)getpid();
    f.s = server_start(SERVER_QUIET(2) "proxy_from = 127.0.0.1\n%s", conf);
    snprintf(f.address, sizeof f.address, "127.%u.%u.%u", 64 + id / 65536 % 64, id / 256 % 256,
             id % 256);
    snprintf(f.end, sizeof f.end, "%s:" TLS_PORT, f.address);
    snprintf(cert, sizeof cert, "%s/cert.pem", f.s->dir);
    snprintf(key, sizeof key, "%s/key.pem", f.s->dir);
    run(&ran, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=chat.example.org",
        "-out", cert, "-keyout", key);
    if (ran.status == 127)
        skip_test("openssl is not installed");
    cr_assert_eq(ran.status, 0, "%s", ran.err);
    char *halves[] = {run_read_file(cert), run_read_file(key)}, both[8192], path[300];
    snprintf(both, sizeof both, "%s%s", halves[0], halves[1]);
    snprintf(path, sizeof path, "%s/chatroom.pem", f.s->dir);
    run_write_file(HERE, path, both);
    return f;
}

/* Starts the proxy, and waits until it listens.  It ends with the test. */
static void front_start(struct front *f, const char *text, char *const argv[], char *conf) {
    char out[300];
    int status;
    snprintf(conf, 300, "%s/proxy.conf", f->s->dir);
    snprintf(out, sizeof out, "%s/proxy.out", f->s->dir);
    run_write_file(HERE, conf, text);
    pid_t pid = run_start(HERE, argv, out, out);
    run_cleaner(HERE, pid, NULL);
    for (int64_t deadline = wait_deadline(); !accepts(f->address); wait_breath()) {
        if (waitpid(pid, &status, WNOHANG) == pid) {
            if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
                skip_test("%s is not installed", argv[0]);
            cr_assert_fail("%s ended: %s", argv[0], run_read_file(out));
        }
        cr_assert_gt(wait_left_ms(deadline), 0, "%s: %s", argv[0], run_read_file(out));
    }
}

static struct front front_stunnel(const char *conf) {
    struct front f = front_make(conf);
    char text[1024], path[300];
    snprintf(text, sizeof text,
             "foreground = yes\npid =\n\n[chatroom]\naccept = %s\nconnect = 127.0.0.1:%u\n"
             "protocol = proxy\ncert = %s/chatroom.pem\n",
             f.end, f.s->port, f.s->dir);
    front_start(&f, text, (char *[]){"stunnel4", path, NULL}, path);
    return f;
}

static struct front front_haproxy(const char *conf) {
    struct front f = front_make(conf);
    char text[1024], path[300];
    snprintf(text, sizeof text,
             "defaults\n    mode tcp\n    timeout connect 5s\n    timeout client 1d\n"
             "    timeout server 1d\n\nfrontend chatroom\n    bind %s ssl crt %s/chatroom.pem\n"
             "    default_backend chatroom\n\nbackend chatroom\n"
             "    server chatroom 127.0.0.1:%u send-proxy-v2 check inter 200ms\n",
             f.end, f.s->dir, f.s->port);
    front_start(&f, text, (char *[]){"haproxy", "-db", "-f", path, NULL}, path);
    return f;
}

static struct pty *client(struct front *f, const char *from) {
    struct pty *p = pty_run("openssl", "s_client", "-quiet", "-connect", f->end, "-bind",
                            (char *)from, "-servername", "chat.example.org");
    cr_assert(p);
    pty_expect(p, "Welcome to Chatroom");
    return p;
}

/* Two people talk; the log names them by their own addresses, and nothing of the proxy but as the
 * way by which they came. */
static void talks(struct front *f) {
    struct pty *ann = client(f, "127.0.0.2"), *bob = client(f, "127.0.0.3");
    server_logged(f->s, "client 127.0.0.2:");
    pty_type(ann, "login ann\r");
    pty_expect(ann, "ann has entered the room.");
    pty_type(bob, "login bob\r");
    pty_expect(ann, "bob has entered the room.");
    pty_type(ann, "hello\r");
    pty_expect(bob, "ann: hello");
    f->s->workers_may_die = true;
    for (int k = 0; k < 2; k++)
        kill(server_worker_pid(f->s, k), SIGKILL);
    pty_type(bob, "hi\r");
    pty_expect(ann, "bob: hi");
    pty_type(ann, "/quit\r");
    pty_end(ann);
    pty_expect(bob, "ann has left the room.");
    const char *line = server_logged(f->s, "client 127.0.0.2:");
    cr_assert(strstr(line, " disconnected"), "%s", line);
    cr_assert(strstr(server_logged(f->s, " is ann"), "client 127.0.0.2:"));
    cr_assert(strstr(server_logged(f->s, " is bob"), "client 127.0.0.3:"));
    cr_assert_eq(server_log_count(f->s, "client 127.0.0.1:"), 0); /* nor of a health check */
    cr_assert_eq(server_log_count(f->s, "connected via PROXY 127.0.0.1:"), 2);
    server_stop(f->s);
}

Test(tls, by_stunnel_people_keep_their_addresses) {
    struct front f = front_stunnel("");
    talks(&f);
}

Test(tls, by_haproxy_people_keep_their_addresses) {
    struct front f = front_haproxy("");
    talks(&f);
}

static void is_called_by_its_address(struct front *f) {
    struct pty *p = client(f, "127.0.0.2");
    pty_expect(p, "127.0.0.2 has entered the room.");
    pty_type(p, "/who\r");
    pty_expect(p, "The following are logged in:");
    pty_expect(p, "127.0.0.2:");
    server_stop(f->s);
}

Test(tls, by_stunnel_guests_are_called_by_their_addresses) {
    struct front f = front_stunnel("login = no\n");
    is_called_by_its_address(&f);
}

Test(tls, by_haproxy_guests_are_called_by_their_addresses) {
    struct front f = front_haproxy("login = no\n");
    is_called_by_its_address(&f);
}

/* They are greeted, and no line of the log but of `debug` is about them. */
Test(tls, health_checks_of_haproxy_are_unheard) {
    struct front f = front_haproxy("login = no\nlog_level = debug\n");
    for (int64_t deadline = wait_deadline(); server_log_count(f.s, "names nobody") < 5;) {
        cr_assert_gt(wait_left_ms(deadline), 0);
        wait_breath();
    }
    server_signal(f.s, SIGTERM);
    server_logged(f.s, ": ended");
    cr_assert_eq(server_log_count(f.s, "client "), server_log_count(f.s, "names nobody"));
    server_ended(f.s);
}
