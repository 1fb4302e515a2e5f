/* e2e_metrics.c - the numbers over HTTP: what they say, that no death makes them go back, and that
 * a peer of that port, however it behaves, gets at most one answer and is nobody in the room. */
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"
#include "tests/lib/http.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(metrics_http, .timeout = 180);

static const char with_metrics[] = SERVER_QUIET(2) "metrics = 127.0.0.1:0\n";
static const char ask[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

static struct server *start(uint16_t *port, struct guest *g[2]) {
    struct server *s = server_start("%s", with_metrics);
    *port = http_metrics_port(s);
    g[0] = guest_enter(s, "ann");
    g[1] = guest_enter(s, "bob");
    guest_expect(g[0], "%s", told1(TOLD_COMES, "bob"));
    return s;
}

/* The room goes on, and nobody else is in it. */
static void undisturbed(struct guest *g[2], const char *line) {
    guest_say(g[0], "%s", line);
    guest_expect(g[0], "%s", told2(TOLD_SPEECH, "ann", line));
    guest_expect(g[1], "%s", told2(TOLD_SPEECH, "ann", line));
    guest_say(g[1], "who");
    guest_expect(g[1], "%s", told(TOLD_WHO));
    guest_expect_names(g[1], ((const char *const[]){"ann", "bob"}), 2);
}

static pid_t kill_worker(struct server *s, int k) {
    char named[64];
    pid_t pid = server_worker_pid(s, k);
    sprintf(named, "worker %d: pid ", k);
    int before = server_log_count(s, named);
    s->workers_may_die = true;
    kill(pid, SIGKILL);
    while (server_log_count(s, named) == before)
        usleep(1000);
    return pid;
}

Test(metrics_http, people_and_connections_are_counted) {
    struct guest *g[2];
    uint16_t port;
    struct server *s = start(&port, g);
    int idle = http_connect(port); /* one that asks nothing is no connection of a person */
    struct guest *stranger = guest_connect(s);
    guest_expect(stranger, "%s", told1(TOLD_GREETING, "Chatroom"));
    char *text = http_scrape(port);
    cr_expect_eq(http_sample(text, "chatroom_people"), 2);
    cr_expect_eq(http_sum(text, "chatroom_connections"), 3);
    cr_expect_eq(http_sum(text, "chatroom_worker_serving"), 2);
    cr_expect_eq(http_sum(text, "chatroom_connections_accepted_total"), 5);
    cr_expect_geq(http_sum(text, "chatroom_sent_bytes_total"), 100);
    undisturbed(g, "still here");
    close(idle);
    server_stop(s);
}

Test(metrics_http, promtool_accepts_them) {
    if (system("command -v promtool >/dev/null") != 0)
        skip_test("promtool is not installed");
    struct guest *g[2];
    uint16_t port;
    struct server *s = start(&port, g);
    char *text = http_scrape(port), path[320], command[700], said[2048];
    snprintf(path, sizeof path, "%s/metrics", s->dir);
    run_write_file(HERE, path, text);
    snprintf(command, sizeof command, "promtool check metrics <%s 2>&1", path);
    FILE *promtool = popen(command, "r");
    said[fread(said, 1, sizeof said - 1, promtool)] = '\0';
    cr_expect(pclose(promtool) == 0 && *said == '\0', "%s", said);
    server_stop(s);
}

Test(metrics_http, head_has_the_length_and_no_body) {
    struct guest *g[2];
    uint16_t port;
    struct server *s = start(&port, g);
    struct http_got got = http_ask(port, "HEAD /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    cr_expect_eq(got.status, 200);
    cr_expect_eq(got.body_len, 0);
    cr_expect_gt(got.content_length, 1000);
    cr_expect(strstr(got.text, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    cr_expect(strstr(got.text, "Connection: close\r\n"));
    server_stop(s);
}

static const struct {
    const char *bytes;
    int status;
} asked[] = {
    {"GET /metrics HTTP/1.0\r\n\r\n", 200},
    {"GET /metrics?name=x HTTP/1.1\r\nHost: [::1]:9100\r\n\r\n", 200},
    {"GET /metrics HTTP/1.1\r\nHost: chatroom:9100\r\n\r\n", 200},
    {"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n", 200},
    {"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\nGET /metrics HTTP/1.1\r\nHost: a\r\n\r\n",
     200},
    {"GET /metrics HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
     200},
    {"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n", 404},
    {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
    {"GET /metrics/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
    {"GET http://localhost/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
    {"POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
    {"DELETE /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 405},
    {"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nname", 400},
    {"GET /metrics HTTP/1.1\r\n\r\n", 400},
    {"GET /metrics HTTP/1.1\r\nHost:\r\n\r\n", 400},
    {"GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
    {"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421},
    {"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1.evil.example:9100\r\n\r\n", 421},
    {"GET /metrics HTTP/2.0\r\n\r\n", 505},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"login ann\r\n", 400},
    {"\r\n", 400},
    {"\xff\xfd\x03\xff\xfb\x18", 400},
    {"\x16\x03\x01\x02", 400},
    {"SSH-2.0-OpenSSH_9.2\r\n", 400},
    {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET /metrics HTTP/1.0\r\n\r\n", 400},
};

Test(metrics_http, each_request_has_one_answer_and_nobody_hears_of_it) {
    struct guest *g[2];
    uint16_t port;
    struct server *s = start(&port, g);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        int lines = server_log_count(s, "127.0.0.1:");
        struct http_got got = http_ask(port, asked[i].bytes);
        cr_expect_eq(got.status, asked[i].status, "%s: %.60s", asked[i].bytes, got.text);
        cr_expect_eq(got.body_len, got.content_length, "%s: %s", asked[i].bytes, got.text);
        cr_expect_not(got.reset, "%s", asked[i].bytes);
        cr_expect_leq(server_log_count(s, "127.0.0.1:"), lines + 1, "%s", asked[i].bytes);
    }
    undisturbed(g, "quiet here");
    server_logged(s, " asked for metrics: 421 Misdirected Request");
    server_stop(s);
}

Test(metrics_http, the_machines_own_name_is_served) {
    char name[256] = "", request[400];
    gethostname(name, sizeof name - 1);
    struct guest *g[2];
    uint16_t port;
    struct server *s = start(&port, g);
    snprintf(request, sizeof request, "GET /metrics HTTP/1.1\r\nHost: %s:9100\r\n\r\n", name);
    cr_expect_eq(http_ask(port, request).status, 200);
    server_stop(s);
}

/* A body, a line and a head without end: answered when they are too long, and what follows is not
 * taken for another request. */
Test(metrics_http, what_has_no_end_is_cut) {
    enum { LEN = 1 << 20 };
    static char bytes[LEN];
    struct guest *g[2];
    uint16_t port;
    struct server *s = start(&port, g);
    memset(bytes, 'x', LEN);
    memcpy(bytes, "GET /", 5);
    struct http_got got = http_ask_at(HERE, port, bytes, LEN);
    cr_expect(got.status == 414 || got.reset, "%.60s", got.text);
    int fields = sprintf(bytes, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n");
    for (size_t at = (size_t)fields; at + 8 < LEN; at += 6)
        memcpy(bytes + at, "X: y\r\n", 6);
    got = http_ask_at(HERE, port, bytes, LEN);
    cr_expect(got.status == 431 || got.reset, "%.60s", got.text);
    got = http_ask_at(HERE, port, bytes, 3000); /* and without a flood behind it */
    cr_expect(got.status == 431 && !got.reset, "%.60s", got.text);
    undisturbed(g, "short here");
    server_stop(s);
}

/* Half a request survives its worker at any byte. */
Test(metrics_http, a_request_goes_on_in_a_successor) {
    static const char request[] =
        "GET /metrics?a=b HTTP/1.1\r\nX-Long: aaaa\r\nHost: localhost \r\n\r\n";
    struct server *s = server_start("%s", SERVER_QUIET(1) "metrics = 127.0.0.1:0\n");
    uint16_t port = http_metrics_port(s);
    static const size_t cuts[] = {1, 3, 9, 20, 29, 42, 45, 52, 58, 60, sizeof request - 2};
    int fd[sizeof cuts / sizeof cuts[0]];
    size_t count = sizeof cuts / sizeof cuts[0];
    for (size_t i = 0; i < count; i++) {
        fd[i] = http_connect(port);
        http_send(fd[i], request, cuts[i]);
    }
    char *before = http_scrape(port);
    double received = http_sum(before, "chatroom_received_bytes_total");
    cr_expect_geq(received, 100, "all of them are read");
    for (int k = 0; k < 2; k++)
        kill_worker(s, 0);
    for (size_t i = 0; i < count; i++) {
        http_send(fd[i], request + cuts[i], sizeof request - 1 - cuts[i]);
        struct http_got got = http_read_all(fd[i]);
        cr_expect(got.status == 200 && got.body_len == got.content_length && !got.reset,
                  "cut at %zu: %.100s", cuts[i], got.text);
    }
    server_stop(s);
}

/* A peer that has its answer and stays: the successor ends it, whose FIN counts as one byte more
 * than was sent, and takes the record for no damaged one. */
Test(metrics_http, a_peer_that_stays_is_ended_by_a_successor) {
    struct server *s = server_start("%s", SERVER_QUIET(1) "metrics = 127.0.0.1:0\n");
    uint16_t port = http_metrics_port(s);
    int fd = http_connect(port);
    char byte;
    http_send_text(fd, "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    while (recv(fd, &byte, 1, 0) == 1)
        ;
    kill_worker(s, 0);
    free(http_scrape(port));
    cr_expect_eq(server_log_count(s, "damaged"), 0);
    close(fd);
    server_stop(s);
}

Test(metrics_http, the_transcript_is_counted) {
    struct server *s = server_prepare();
    server_launch(s, "%stranscript = %s/transcript\n", with_metrics, s->dir);
    uint16_t port = http_metrics_port(s);
    struct guest *ann = guest_enter(s, "ann");
    guest_say(ann, "for the record");
    guest_expect(ann, "%s", told2(TOLD_SPEECH, "ann", "for the record"));
    int64_t deadline = wait_deadline();
    char *text = http_scrape(port);
    while (http_sample(text, "chatroom_transcript_lines_total") < 2 && wait_left_ms(deadline) > 0) {
        free(text);
        text = http_scrape(port);
    }
    cr_expect_eq(http_sample(text, "chatroom_transcript_lines_total"), 2, "a coming and a line");
    cr_expect_eq(http_sample(text, "chatroom_transcript_active"), 1);
    cr_expect_eq(http_sample(text, "chatroom_transcript_missed_lines_total"), 0);
    server_stop(s);
}

/* The requests move to the worker that stays. */
Test(metrics_http, a_request_goes_on_when_its_worker_retires) {
    enum { MANY = 8 };
    struct server *s = server_start("%s", with_metrics);
    uint16_t port = http_metrics_port(s);
    int fd[MANY];
    for (int i = 0; i < MANY; i++) {
        fd[i] = http_connect(port);
        http_send(fd[i], ask, sizeof ask / 2);
    }
    server_configure(s, "%slisten = 127.0.0.1:%u\nmetrics = 127.0.0.1:%u\n", SERVER_QUIET(1),
                     s->port, port);
    server_signal(s, SIGHUP);
    server_logged(s, "worker 1 ended: others have its clients");
    for (int i = 0; i < MANY; i++) {
        http_send_text(fd[i], ask + sizeof ask / 2);
        cr_expect_eq(http_read_all(fd[i]).status, 200);
    }
    server_stop(s);
}

/* One that was accepted and had no time to be recorded is of its kind, too; here, one
 * that waits in the queue of a worker that is stopped and then killed. */
Test(metrics_http, what_waits_for_a_dead_worker_is_served_by_its_successor) {
    struct server *s = server_start("%s", SERVER_QUIET(1) "metrics = 127.0.0.1:0\n");
    uint16_t port = http_metrics_port(s);
    pid_t pid = server_worker_pid(s, 0);
    kill(pid, SIGSTOP);
    int fd = http_connect(port);
    http_send_text(fd, ask);
    s->workers_may_die = true;
    kill(pid, SIGKILL);
    struct http_got got = http_read_all(fd);
    cr_expect_eq(got.status, 200);
    server_stop(s);
}

/* Each counter of `before` is at least as high in `after`. */
static void not_gone_back(const char *before, const char *after) {
    char *copy = strdup(before), *save = NULL;
    int counters = 0;
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *value = strrchr(line, ' ');
        if (*line == '#' || !strstr(line, "_total"))
            continue;
        *value++ = '\0';
        cr_expect_geq(http_sample(after, line), strtod(value, NULL), "%s", line);
        counters++;
    }
    cr_assert_gt(counters, 20);
    free(copy);
}

Test(metrics_http, no_counter_goes_back_when_workers_die_or_the_program_is_replaced) {
    struct guest *g[2];
    uint16_t port;
    struct server *s = start(&port, g);
    char *before = http_scrape(port);
    cr_expect_eq(http_sum(before, "chatroom_worker_deaths_total"), 0);
    for (int i = 0; i < 6; i++) {
        kill_worker(s, i % 2);
        undisturbed(g, "on and on");
        char *after = http_scrape(port);
        not_gone_back(before, after);
        free(before);
        before = after;
    }
    cr_expect_eq(http_sum(before, "chatroom_worker_deaths_total"), 6);
    server_signal(s, SIGUSR2);
    server_logged(s, "upgraded: ");
    undisturbed(g, "in a new program");
    char *after = http_scrape(port);
    not_gone_back(before, after);
    cr_expect_eq(http_sum(after, "chatroom_worker_deaths_total"), 6, "an upgrade is no death");
    cr_expect_eq(http_sample(after, "chatroom_people"), 2);
    server_stop(s);
}

Test(metrics_http, sixteen_at_a_time_and_the_next_is_told) {
    enum { MOST = 16, ALL = MOST + 1 };
    struct guest *g[2];
    uint16_t port;
    struct server *s = start(&port, g);
    struct pollfd all[ALL];
    int told = 0, slow = 0;
    for (int i = 0; i < ALL; i++) {
        all[i] = (struct pollfd){.fd = http_connect(port), .events = POLLIN};
        http_send_text(all[i].fd, "GET /met");
    }
    cr_assert_gt(poll(all, ALL, 1000 * WAIT_SECONDS), 0);
    for (int i = 0; i < ALL; i++) {
        if (!all[i].revents)
            continue;
        struct http_got got = http_read_all(all[i].fd);
        cr_expect(got.status == 503 || got.reset, "%s", got.text);
        all[i].fd = -1;
        told++;
    }
    cr_expect_eq(told, 1);
    undisturbed(g, "full there");
    for (int i = 0; i < ALL; i++) /* a slow head is answered, and its place is free again */
        slow += all[i].fd >= 0 && http_read_all(all[i].fd).status == 408;
    cr_expect_eq(slow, MOST);
    struct http_got got; /* a place is free when its worker has seen the end of the connection */
    int64_t deadline = wait_deadline();
    while ((got = http_ask(port, ask)).status == 503 && wait_left_ms(deadline) > 0)
        ;
    cr_assert_eq(got.status, 200);
    cr_expect_geq(http_sample(got.body, "chatroom_connections_refused_total{reason=\"metrics\"}"),
                  1);
    undisturbed(g, "free there");
    server_stop(s);
}

Test(metrics_http, a_full_room_still_says_so) {
    struct server *s =
        server_start("%s", SERVER_QUIET(2) "metrics = 127.0.0.1:0\n"
                                           "max_clients = 1\nmax_clients_per_address = 1\n");
    uint16_t port = http_metrics_port(s);
    int idle = http_connect(port);
    free(http_scrape(port)); /* and `idle` is accepted, or waits */
    struct guest *ann = guest_enter(s, "ann");
    struct guest *bob = guest_connect(s);
    guest_expect(bob, "The room is full.");
    char *text = http_scrape(port);
    cr_expect_eq(http_sample(text, "chatroom_connections_refused_total{reason=\"max_clients\"}"),
                 1);
    cr_expect_eq(http_sum(text, "chatroom_connections"), 1);
    guest_say(ann, "alone");
    guest_expect(ann, "%s", told2(TOLD_SPEECH, "ann", "alone"));
    close(idle);
    server_stop(s);
}

static bool refused(uint16_t port) {
    int fd = http_open(port, 0);
    if (fd >= 0)
        close(fd);
    return fd < 0;
}

Test(metrics_http, a_reload_adds_moves_and_removes_them) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    server_configure(s, "%slisten = 127.0.0.1:%u\nmetrics = 127.0.0.1:0\n", server_quiet, s->port);
    server_signal(s, SIGHUP);
    uint16_t first = http_metrics_port(s);
    free(http_scrape(first));
    server_configure(s, "%slisten = 127.0.0.1:%u\nmetrics = 127.0.0.2:0\n", server_quiet, s->port);
    server_signal(s, SIGHUP);
    server_logged(s, "no longer listening on 127.0.0.1:%u", first);
    server_logged(s, "metrics: http://127.0.0.2:");
    server_configure(s, "%slisten = 127.0.0.1:%u\nmetrics = 127.0.0.1:%u\n", server_quiet, s->port,
                     s->port);
    server_signal(s, SIGHUP);
    server_logged(s, "metrics: port %u is that of listen (line ", s->port);
    server_configure(s, "%slisten = 127.0.0.1:%u\n", server_quiet, s->port);
    server_signal(s, SIGHUP);
    server_logged(s, "no longer listening on 127.0.0.2:");
    int64_t deadline = wait_deadline();
    while (!refused(first) && wait_left_ms(deadline) > 0)
        usleep(10000);
    cr_expect(refused(first));
    guest_say(ann, "all the while");
    guest_expect(ann, "%s", told2(TOLD_SPEECH, "ann", "all the while"));
    server_stop(s);
}

/* A thousand that connect, of which some ask, some say half, some reset. */
Test(metrics_http, a_thousand_connections_disturb_nobody) {
    enum { MANY = 1000 };
    static const struct linger at_once = {.l_onoff = 1};
    struct guest *g[2];
    uint16_t port;
    struct server *s = start(&port, g);
    int fd[MANY], answered = 0, turned_away = 0;
    for (int i = 0; i < MANY; i++) {
        fd[i] = http_connect(port);
        if (i % 4 == 0)
            http_send_text(fd[i], ask);
        else if (i % 4 == 1)
            http_send_text(fd[i], "GET /metrics HTTP/1.1\r\nHost:");
        if (i % 4 == 2)
            setsockopt(fd[i], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        if (i % 4 >= 2)
            close(fd[i]);
        if (i % 100 == 0)
            undisturbed(g, "talking");
    }
    for (int i = 0; i < MANY; i += 4) {
        struct http_got got = http_read_all(fd[i]);
        answered += got.status == 200;
        turned_away += got.status == 503 || got.reset;
        cr_expect(got.status == 200 || got.status == 503 || got.reset, "%d: %.60s", i, got.text);
    }
    cr_expect_eq(answered + turned_away, MANY / 4);
    for (int i = 1; i < MANY; i += 4)
        close(fd[i]);
    undisturbed(g, "and on");
    int64_t deadline = wait_deadline();
    struct http_got got;
    while ((got = http_ask(port, ask)).status != 200 && wait_left_ms(deadline) > 0)
        ;
    cr_expect_eq(got.status, 200);
    server_stop(s);
}

/* The whole answer comes, however late and slowly it is read, and whatever dies meanwhile.  Of 64
 * workers it is longer than a small socket takes. */
Test(metrics_http, an_answer_is_whole_however_slowly_it_is_read) {
    struct server *s =
        server_start("%s", SERVER_QUIET(64) "metrics = 127.0.0.1:0\nmax_clients = 50\n");
    uint16_t port = http_metrics_port(s);
    int fd = http_open(port, 1);
    cr_assert_geq(fd, 0);
    http_send_text(fd, ask);
    char first[1];
    cr_assert_eq(recv(fd, first, 1, MSG_PEEK), 1, "the answer has begun");
    for (int k = 0; k < 64; k += 9)
        kill_worker(s, k);
    struct http_got got = http_read_all(fd);
    cr_expect_eq(got.status, 200);
    cr_expect_eq(got.body_len, got.content_length);
    cr_expect_gt(got.body_len, 30000);
    server_stop(s);
}

/* Each line without its number, which differs by the moment. */
static char *without_numbers(const char *text) {
    char *out = strdup(text), *to = out;
    for (const char *line = out; *line;) {
        size_t len = strcspn(line, "\n"), keep = len;
        while (*line != '#' && keep > 0 && line[keep] != ' ')
            keep--;
        memmove(to, line, keep);
        to += keep;
        *to++ = '\n';
        line += len + (line[len] == '\n');
    }
    *to = '\0';
    return out;
}

Test(metrics_http, chatroom_ctl_prints_the_same_also_of_workers_that_stand_still) {
    struct server *s = ctl_server("%s", with_metrics);
    uint16_t port = http_metrics_port(s);
    struct guest *ann = guest_enter(s, "ann");
    char *over_http = http_scrape(port);
    const struct ran *ran = ctl_ok(s, "metrics");
    cr_expect_str_eq(without_numbers(ran->out), without_numbers(over_http));
    cr_expect_eq(http_sample(ran->out, "chatroom_people"), 1);
    for (int k = 0; k < 2; k++)
        kill(server_worker_pid(s, k), SIGSTOP);
    ran = ctl_ok(s, "metrics");
    cr_expect_eq(http_sample(ran->out, "chatroom_people"), 1);
    for (int k = 0; k < 2; k++)
        kill(server_worker_pid(s, k), SIGCONT);
    s->workers_may_die = true;
    guest_say(ann, "go on");
    guest_expect(ann, "%s", told2(TOLD_SPEECH, "ann", "go on"));
    ran = ctl_ok(s, "--json", "metrics");
    cr_expect(
        strncmp(ran->out, "{\"samples\":[{\"name\":\"chatroom_build_info\",\"labels\":{", 50) == 0,
        "%.100s", ran->out);
    cr_expect(strstr(ran->out, "{\"name\":\"chatroom_people\",\"labels\":{},\"value\":1}"), "%s",
              ran->out);
    cr_expect(strstr(ran->out,
                     "{\"name\":\"chatroom_worker_serving\",\"labels\":{\"worker\":\"1\"},"
                     "\"value\":1}"),
              "%s", ran->out);
    server_stop(s);
}
