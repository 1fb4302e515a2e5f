/* e2e_foreign.c - other protocols on the port: closed with one line in the log, and nothing of them
 * is spoken, obeyed or answered; people's first lines are. */
#include "tests/lib/guest.h"
#include "tests/lib/probes.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

TestSuite(foreign_room, .timeout = 180);

#define FROM "127.0.7." /* and a number: the log has few connections a second of one address */

struct room {
    struct server *s;
    struct guest *ann; /* hears what the room hears */
    bool open;
    int said;
    int visits;
    char from[24]; /* of the last visit */
};

static struct room room_start(bool open) {
    struct room r = {.open = open};
    r.s = server_start("%s"
                       "login = %s\n",
                       server_quiet, open ? "no" : "yes");
    if (open) {
        r.ann = guest_connect_as(r.s, .from = "127.0.0.2");
        guest_until(r.ann, "%s", told1(TOLD_COMES, "127.0.0.2"));
    } else {
        r.ann = guest_enter(r.s, "ann");
    }
    return r;
}

/* Since the last call the room heard nothing but comings and goings of guests by their address. */
static void room_heard_nothing(struct room *r, const char *what) {
    char mark[64], line[80];
    snprintf(mark, sizeof mark, "mark %d", r->said++);
    guest_say(r->ann, "%s", mark);
    snprintf(line, sizeof line, r->open ? "%s" : "ann: %s", mark);
    for (;;) {
        const char *heard = guest_next(r->ann);
        if (strcmp(heard, line) == 0)
            return;
        bool moves = strncmp(heard, FROM, strlen(FROM)) == 0 && strstr(heard, " the room.");
        cr_assert(r->open && moves, "%s: the room heard \"%s\"", what, heard);
    }
}

/* A connection that has its first lines. */
static struct guest *room_visit(struct room *r) {
    snprintf(r->from, sizeof r->from, FROM "%d", ++r->visits);
    struct guest *g = guest_connect_as(r->s, .from = r->from);
    guest_until(g, "%s", r->open ? told1(TOLD_GREETING, "Chatroom") : told(TOLD_HOW));
    g->telnet = true;
    return g;
}

/* Sends what the server still takes. */
static void send_some(const struct guest *g, const char *bytes, size_t len, size_t step) {
    for (size_t at = 0; at < len; at += step)
        if (send(g->fd, bytes + at, len - at < step ? len - at : step, MSG_NOSIGNAL) < 0)
            return;
}

/* The server closes, says nothing before, and logs why. */
static void ends(const struct room *r, struct guest *g, const char *reason) {
    const char *line = guest_read(g);
    if (line && strncmp(line, FROM, sizeof FROM - 1) != 0)
        for (const char *empty = told(TOLD_LOG_IN); line; line = guest_read(g)) /* an empty line */
            cr_expect(strcmp(line, empty) == 0 || strcmp(line, told(TOLD_HOW)) == 0, "%s", line);
    while (line)
        line = guest_read(g);
    if (reason)
        server_logged(r->s, "client %s disconnected: %s", g->endpoint, reason);
}

static void every_probe(bool open, bool bytewise) {
    struct room r = room_start(open);
    for (size_t i = 0; i < probes_foreign_count; i++) {
        const struct probe *p = &probes_foreign[i];
        struct guest *g = room_visit(&r);
        send_some(g, p->bytes, p->len, bytewise ? 1 : p->len);
        ends(&r, g, bytewise ? NULL : p->whole ? p->whole : p->split);
        cr_assert_eq(server_log_count(r.s, "disconnected: it "), (int)i + 1, "%s", p->what);
        room_heard_nothing(&r, p->what);
    }
    cr_assert_eq(server_log_count(r.s, " is spam"), 0);
    server_stop(r.s);
}

Test(foreign_room, login_room) {
    every_probe(false, false);
}
Test(foreign_room, login_room_byte_by_byte) {
    every_probe(false, true);
}
Test(foreign_room, open_room) {
    every_probe(true, false);
}
Test(foreign_room, open_room_byte_by_byte) {
    every_probe(true, true);
}

/* Longer than a line may be, than the input buffer, and than both with what follows it. */
Test(foreign_room, a_request_longer_than_a_line) {
    static const size_t lens[] = {900, 1020, 1025, 2000, 8000, 60000};
    for (int open = 0; open < 2; open++) {
        struct room r = room_start(open);
        for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
            char *request = malloc(lens[i] + 64);
            memset(request, 'a', lens[i]);
            memcpy(request, i % 2 ? "GET /" : "SUBSCRIBE /", i % 2 ? 5 : 11);
            strcpy(request + lens[i], " HTTP/1.1\r\n\r\nlogin spam\r\nbuy\r\n");
            struct guest *g = room_visit(&r);
            send_some(g, request, strlen(request), 700);
            ends(&r, g, "it speaks HTTP");
            room_heard_nothing(&r, "a long request");
            free(request);
        }
        server_stop(r.s);
    }
}

/* The beginning came to a worker that died; its successor judges the whole. */
Test(foreign_room, a_worker_dies_within_the_first_line) {
    static const char request[] = "POST / HTTP/1.1\r\nHost: a\r\n\r\nlogin spam\r\nbuy\r\n";
    for (int open = 0; open < 2; open++) {
        struct room r = room_start(open);
        r.s->workers_may_die = true;
        for (size_t cut = 1; cut < 15; cut += 3) { /* within the line that is judged */
            struct guest *g = room_visit(&r);
            int k = server_worker_of(r.s, g->endpoint);
            send_some(g, request, cut, cut);
            kill(server_worker_pid(r.s, k), SIGKILL);
            send_some(g, request + cut, sizeof request - 1 - cut, 5);
            ends(&r, g, "it speaks HTTP");
            room_heard_nothing(&r, "a request over two workers");
        }
        server_stop(r.s);
    }
}

Test(foreign_room, words_of_scanners_are_not_spoken_in_the_open_room) {
    struct room r = room_start(true);
    for (size_t i = 0; i < probes_words_count; i++) {
        struct guest *g = room_visit(&r);
        guest_say(g, "%s", probes_words[i]);
        guest_until(g, "/say TEXT           speak");
        room_heard_nothing(&r, probes_words[i]);
        guest_say(g, "%s", probes_words[i]); /* the second line is speech, whatever it says */
        guest_until(r.ann, "%s", probes_words[i]);
        guest_close(g);
    }
    server_stop(r.s);
}

Test(foreign_room, people_s_first_lines_in_the_open_room) {
    struct room r = room_start(true);
    for (size_t i = 0; i < probes_harmless_count; i++) {
        const char *said = probes_harmless[i];
        struct guest *g = room_visit(&r);
        guest_say(g, "%s", said);
        if (*said == '/')
            guest_until_begins(r.ann, "* " FROM);
        else
            guest_until(r.ann, "%s", said);
        guest_say(g, "GET / HTTP/1.1"); /* no first line any more */
        guest_until(r.ann, "GET / HTTP/1.1");
        guest_close(g);
        guest_until(r.ann, "%s", told1(TOLD_GOES, r.from));
    }
    cr_assert_eq(server_log_count(r.s, "disconnected: it "), 0);
    server_stop(r.s);
}

Test(foreign_room, people_s_first_lines_before_login) {
    struct room r = room_start(false);
    for (size_t i = 0; i < probes_harmless_count; i++) {
        struct guest *g = room_visit(&r);
        guest_say(g, "%s", probes_harmless[i]);
        room_heard_nothing(&r, probes_harmless[i]);
        guest_say(g, "login bob");
        guest_until(g, "%s", told1(TOLD_COMES, "bob"));
        guest_say(g, "/quit");
        guest_until(r.ann, "%s", told1(TOLD_GOES, "bob"));
    }
    server_stop(r.s);
}

/* GBK and Big5 people, keys, and telnet's negotiation with its NULs. */
Test(foreign_room, first_bytes_of_terminals) {
    static const struct probe first[] = {
        {"GBK", "\xb4\xf3\xbc\xd2\xba\xc3", 6, "大家好", NULL},
        {"Ctrl-C", "\x03hello", 6, "hello", NULL},
        {"backspace", "\b\x7fhello", 7, "hello", NULL},
        {"^V", "\x16hello", 6, "hello", NULL},
        {"^A", "\x01hello there", 12, "hello there", NULL},
        {"CR NUL", "\r\0hello", 7, "hello", NULL},
        {"telnet", "\xff\xfd\x03\xff\xfb\x1f\xff\xfa\x1f\0P\0\x18\xff\xf0hello", 20, "hello", NULL},
    };
    struct room r = room_start(true);
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        struct guest *g = room_visit(&r);
        send_some(g, first[i].bytes, first[i].len, 1);
        send_some(g, "\r\0", 2, 2);
        guest_until(r.ann, "%s", first[i].split);
        guest_close(g);
    }
    server_stop(r.s);
}

Test(foreign_room, words_of_a_newcomer) {
    static const char *const leave[] = {"quit", "exit", "bye", "logout", "QUIT", "/quit"};
    static const char *const help[] = {"help", "?", "HELP", "/help"};
    static const char *const nothing[] = {"bob", "hello", "hi there", "who", "root", "admin"};
    struct room r = room_start(false);
    for (size_t i = 0; i < sizeof leave / sizeof leave[0]; i++) {
        struct guest *g = room_visit(&r);
        guest_say(g, "%s", leave[i]);
        guest_expect_end(g);
    }
    struct guest *g = room_visit(&r);
    for (size_t i = 0; i < sizeof help / sizeof help[0]; i++) {
        guest_say(g, "%s", help[i]);
        guest_until(g, "say TEXT            speak");
        guest_until_begins(g, "/help ");
    }
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
        guest_say(g, "%s", nothing[i]);
        guest_expect(g, "%s", told(TOLD_LOG_IN));
        guest_expect(g, "%s", told(TOLD_HOW));
    }
    guest_say(g, "LOGIN bob");
    guest_until(r.ann, "%s", told1(TOLD_COMES, "bob"));
    server_stop(r.s);
}
