/* e2e_identity.c - nobody passes for another person: guests after a reload that asks for names,
 * names that an encoding cannot show, answers to a person that has left, private lines that were
 * not delivered. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(identity, .timeout = 180);

static const char closed[] = SERVER_QUIET(2);
static const char open_room[] = SERVER_QUIET(2) "login = no\n";
static const char with_history[] = "workers = 2\nflood_rate = 0\nconnect_rate = 0\nhistory = 20\n";
enum { GUESTS = 6 };

static void asked(struct guest *g) {
    guest_expect(g, "%s", told(TOLD_LOG_IN));
    guest_expect(g, "%s", told(TOLD_HOW));
}

/* Guests come in from addresses of their own, 127.0.0.2 and so on. */
static void guests_come(struct server *s, struct guest **g, int n) {
    for (int i = 0; i < n; i++) {
        char from[32];
        snprintf(from, sizeof from, "127.0.0.%d", i + 2);
        g[i] = guest_connect_as(s, .from = from);
        guests_until(g, i + 1, told1(TOLD_COMES, from));
    }
}

static void reload(struct server *s, const char *conf) {
    server_configure(s, "%s", conf);
    server_signal(s, SIGHUP);
}

static void guests_asked(struct guest **g, int n) {
    for (int i = 0; i < n; i++) {
        guest_until(g[i], "%s", told(TOLD_LOG_IN));
        guest_expect(g[i], "%s", told(TOLD_HOW));
    }
}

static void kill_workers(struct server *s) {
    s->workers_may_die = true;
    for (int k = 0; k < s->workers; k++) {
        int before = server_log_count(s, "was killed by signal 9");
        kill(server_worker_pid(s, k), SIGKILL);
        for (int64_t deadline = wait_deadline();
             server_log_count(s, "was killed by signal 9") == before;) {
            cr_assert_gt(wait_left_ms(deadline), 0);
            wait_breath();
        }
    }
}

/* ---- a reload asks guests for names ---- */

Test(identity, guests_of_a_room_that_is_closed_say_nothing_until_they_log_in) {
    static const char *const lines[] = {
        "hello you", "ann: hello", "say hello",     "/me waves",      "//ann: hello",
        "/say x",    "/nick ann",  "/ignore ann",   "/msg ann hello", "/msg 127.0.0.3:1 x",
        "look",      "/who",       "/timestamps on"};
    struct server *s = server_start("%s", open_room);
    struct guest *g[GUESTS];
    guests_come(s, g, GUESTS);
    reload(s, closed);
    guests_asked(g, GUESTS);
    struct guest *ann = guest_enter(s, "ann");
    for (int i = 0; i < GUESTS; i++)
        for (size_t k = 0; k < sizeof lines / sizeof lines[0]; k++) {
            guest_say(g[i], "%s", lines[k]);
            asked(g[i]);
        }
    guest_say(ann, "look");
    guest_expect(ann, "%s", told(TOLD_LOOK));
    guest_expect(ann, "ann");
    guest_say(ann, "/msg %s x", g[0]->endpoint);
    guest_expect(ann, "%s", told1(TOLD_NOBODY, g[0]->endpoint));
    for (int i = 0; i < GUESTS; i++) {
        char name[16];
        snprintf(name, sizeof name, "eve%d", i);
        guest_say(g[i], "login %s", name);
        guest_until(g[i], "%s", told1(TOLD_COMES, name));
        guest_expect(ann, "%s", told1(TOLD_COMES, name));
        guest_say(g[i], "ann: hello");
        guest_expect(ann, "%s", told2(TOLD_SPEECH, name, "ann: hello"));
    }
    server_stop(s);
}

/* A bare line may look like anybody's, or the server's. */
Test(identity, bare_lines_of_an_open_room_are_no_history_of_a_closed_one) {
    struct server *s = server_start("%slogin = no\n", with_history);
    struct guest *g = guest_connect(s);
    static const char *const forged[] = {"ann: I resign", "*** The server is going down.",
                                         "* ann waves"};
    for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
        guest_say(g, "%s", forged[i]);
        guest_until(g, "%s", forged[i]);
    }
    reload(s, with_history);
    guests_asked(&g, 1); /* by the one worker, which has read it by then */
    struct guest *bob = guest_connect(s);
    guest_say(bob, "login bob");
    for (const char *line = guest_next(bob); strcmp(line, told1(TOLD_COMES, "bob")) != 0;
         line = guest_next(bob))
        for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++)
            cr_assert_str_neq(line, forged[i]);
    guest_say(bob, "/history 20");
    guest_say(bob, "here");
    for (const char *line = guest_next(bob); strcmp(line, "bob: here") != 0; line = guest_next(bob))
        for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++)
            cr_assert_str_neq(line, forged[i]);
    server_stop(s);
}

Test(identity, what_works_before_login_works_for_guests_that_are_asked) {
    struct server *s = server_start("%s", open_room);
    struct guest *g[3];
    guests_come(s, g, 3);
    reload(s, closed);
    guests_asked(g, 3);
    guest_say(g[0], "/help");
    guest_until(g[0], "/nick NAME          change your name"); /* of a room with names */
    guest_say(g[1], "/encoding gbk");
    guest_expect(g[1], "*** Your encoding is now gbk.");
    guest_say(g[2], "/quit");
    guest_expect_end(g[2]);
    struct guest *ann = guest_enter(s, "ann");
    guest_close(g[1]); /* was in the room no more: nothing is said of it */
    guest_say(g[0], "login bob");
    guest_expect(ann, "%s", told1(TOLD_COMES, "bob"));
    server_stop(s);
}

Test(identity, a_guest_leaves_and_comes_with_the_configuration) {
    struct server *s = server_start("%s", open_room);
    struct guest *ann = guest_connect_as(s, .from = "127.0.0.9");
    struct guest *g[3];
    guests_come(s, g, 3);
    reload(s, closed);
    guests_asked(g, 3);
    guests_asked(&ann, 1);
    guest_say(ann, "login ann");
    guest_until(ann, "%s", told1(TOLD_COMES, "ann"));
    server_configure(s, "%s", open_room);
    server_signal(s, SIGHUP);
    for (int i = 0; i < 3; i++) { /* the room is open again: they are in it again */
        char from[32];
        snprintf(from, sizeof from, "127.0.0.%d", i + 2);
        guest_until(g[i], "%s", told1(TOLD_COMES, from));
    }
    guest_say(g[1], "hello again");
    guest_until(ann, "hello again");
    guest_say(ann, "hello");
    guests_until(g, 3, told2(TOLD_SPEECH, "ann", "hello")); /* one with a name keeps it */
    reload(s, closed);
    for (int i = 0; i < 3; i++) {
        guests_asked(&g[i], 1);
        guest_until_begins(ann, "127.0.0."); /* in an order that the workers decide */
    }
    guest_say(ann, "alone");
    guest_until(ann, "%s", told2(TOLD_SPEECH, "ann", "alone"));
    server_stop(s);
}

/* How many lines up to `last` ask the guest to log in. */
static int askings_until(struct guest *g, const char *last) {
    int n = 0;
    while (strcmp(guest_next(g), last) != 0)
        n += strcmp(g->line, told(TOLD_LOG_IN)) == 0;
    return n;
}

/* The workers die right behind the reload, while it is being done. */
Test(identity, guests_are_asked_once_whatever_dies) {
    for (int round = 0; round < 3; round++) {
        struct server *s = server_start("%s", open_room);
        struct guest *g[GUESTS];
        guests_come(s, g, GUESTS);
        reload(s, closed);
        if (round > 0)
            server_logged(s, "reloaded: ");
        if (round > 1)
            guests_asked(g, GUESTS);
        kill_workers(s);
        for (int i = 0; i < GUESTS && round < 2; i++) {
            guest_until(g[i], "%s", told(TOLD_LOG_IN));
            guest_expect(g[i], "%s", told(TOLD_HOW));
        }
        for (int i = 0; i < GUESTS; i++) {
            char name[16];
            guest_say(g[i], "ann: hello");
            asked(g[i]); /* once for its line, and not once more for the reload */
            snprintf(name, sizeof name, "eve%d", i);
            guest_say(g[i], "login %s", name);
            cr_assert_eq(askings_until(g[i], told1(TOLD_COMES, name)), 0);
        }
        guest_say(g[0], "all here");
        guests_until(g, GUESTS, told2(TOLD_SPEECH, "eve0", "all here"));
        server_stop(s);
    }
}

Test(identity, a_guest_that_is_asked_has_the_time_of_a_newcomer) {
    struct server *s = server_start("%slogin_timeout = 1s\n", open_room);
    struct guest *g[3];
    guests_come(s, g, 3);
    server_configure(s, "%slogin_timeout = 1s\n", closed);
    server_signal(s, SIGHUP);
    for (int i = 0; i < 3; i++) {
        guests_asked(&g[i], 1);
        guest_say(g[i], "hello you"); /* does not lengthen it */
        while (guest_read(g[i]))
            ;
    }
    server_stop(s);
}

/* ---- names that an encoding cannot show ---- */

/* The `???#N` with which the line begins. */
static const char *number_of(const char *line) {
    static char number[32];
    size_t len = 4 + strspn(line + 4, "0123456789");
    cr_assert(strncmp(line, "\?\?\?#", 4) == 0 && len > 4 && len < sizeof number, "%s", line);
    snprintf(number, sizeof number, "%.*s", (int)len, line);
    return number;
}

static const struct {
    const char *command, *charset, *name, *next;
} unshown[] = {
    {"/encoding gbk", "CP936", "김철수", "이영희"},
    {"/encoding gbk", "CP936", "अमित", "सीता"},
    {"/encoding big5", "BIG5", "张说", "邓颖"},
    {"/encoding big5", "BIG5", "สมชาย", "สมหญิง"},
};

Test(identity, a_name_that_cannot_be_shown_is_a_number_in_every_sentence) {
    struct server *s = server_start("%s", closed);
    for (size_t i = 0; i < sizeof unshown / sizeof unshown[0]; i++) {
        struct guest *li = guest_enter(s, "li");
        guest_say(li, "%s", unshown[i].command);
        guest_next(li);
        li->charset = unshown[i].charset;
        struct guest *ann = guest_enter(s, "ann"), *kim = guest_enter(s, unshown[i].name);
        guest_until(ann, "%s", told1(TOLD_COMES, unshown[i].name));
        guest_until(li, "%s", told1(TOLD_COMES, "ann"));
        const char *number = number_of(guest_next(li));
        guest_say(kim, "hello?");
        guest_expect(ann, "%s", told2(TOLD_SPEECH, unshown[i].name, "hello?"));
        guest_expect(li, "%s", told2(TOLD_SPEECH, number, "hello?"));
        guest_say(kim, "/me waves");
        guest_expect(li, "%s", told2(TOLD_ME, number, "waves"));
        guest_say(kim, "/nick %s", unshown[i].next);
        guest_expect(li, "%s", told2(TOLD_NICK, number, number));
        guest_say(kim, "/nick kim");
        guest_expect(li, "%s", told2(TOLD_NICK, number, "kim"));
        guest_say(kim, "/nick %s", unshown[i].name);
        guest_expect(li, "%s", told2(TOLD_NICK, "kim", number));
        guest_until(kim, "%s", told2(TOLD_NICK, "kim", unshown[i].name)); /* its record has it */
        guest_say(li, "look");
        guest_until(li, "%s", number);
        guest_say(li, "who");
        guest_until(li, "%s", told(TOLD_WHO));
        guest_until(li, "%s", number);
        guest_say(kim, "/quit");
        guest_until(li, "%s", told1(TOLD_GOES, number));
        guest_close(li);
        guest_until(ann, "%s", told1(TOLD_GOES, "li"));
        guest_say(ann, "/quit");
        while (guest_read(ann))
            ;
    }
    server_stop(s);
}

Test(identity, the_number_stands_for_the_name_in_commands) {
    struct server *s = server_start("%s", closed);
    struct guest *li = guest_enter_gbk(s, "李四"), *kim = guest_enter(s, "김철수");
    char number[32];
    strcpy(number, number_of(guest_next(li)));
    const char *const spelt[] = {number + 3, number};
    for (int i = 0; i < 2; i++) {
        guest_say(li, "/msg %s hi there", spelt[i]);
        guest_expect(li, "%s", told2(TOLD_COPY, number, "hi there"));
        guest_expect(kim, "%s", told2(TOLD_PRIVATE, "李四", "hi there"));
        guest_say(kim, "/reply yes");
        guest_expect(kim, "%s", told2(TOLD_COPY, "李四", "yes"));
        guest_expect(li, "%s", told2(TOLD_PRIVATE, number, "yes"));
        guest_say(li, "/reply good");
        guest_expect(li, "%s", told2(TOLD_COPY, number, "good"));
        guest_expect(kim, "%s", told2(TOLD_PRIVATE, "李四", "good"));
        guest_say(li, "/ignore %s", spelt[i]);
        guest_next(li);
        guest_say(kim, "not seen");
        guest_expect(kim, "%s", told2(TOLD_SPEECH, "김철수", "not seen"));
        guest_say(li, "/unignore %s", spelt[!i]);
        guest_next(li);
        guest_say(kim, "seen");
        guest_expect(li, "%s", told2(TOLD_SPEECH, number, "seen"));
        guest_until(kim, "%s", told2(TOLD_SPEECH, "김철수", "seen"));
    }
    server_stop(s);
}

Test(identity, a_number_that_nobody_has) {
    static const char *const none[] = {"#0",   "#999999", "#4294967295", "#99999999999999999999",
                                       "#",    "#-1",     "#1x",         "\?\?\?#999999",
                                       "\?#7", "\?\?\?",  "#12#"};
    struct guest *g[2];
    struct server *s = guests_two(g);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        guest_say(g[0], "/msg %s hello", none[i]);
        guest_expect(g[0], "%s", told1(TOLD_NOBODY, none[i]));
        guest_say(g[0], "/ignore %s", none[i]);
        guest_expect(g[0], "%s", told1(TOLD_NOBODY, none[i]));
        guest_say(g[0], "/unignore %s", none[i]);
        guest_expect(g[0], "%s", told1(TOLD_NOBODY, none[i]));
    }
    guest_say(g[1], "hello");
    guests_expect(g, 2, told2(TOLD_SPEECH, "bob", "hello"));
    server_stop(s);
}

/* ---- answers ---- */

static void write_to_ann(struct guest *ann, struct guest *bob, const char *name) {
    guest_say(bob, "/msg ann hi");
    guest_until(bob, "%s", told2(TOLD_COPY, "ann", "hi"));
    guest_until(ann, "%s", told2(TOLD_PRIVATE, name, "hi"));
}

Test(identity, an_answer_goes_to_the_connection_that_wrote) {
    for (int deaths = 0; deaths < 2; deaths++) {
        struct guest *g[2];
        struct server *s = guests_two(g);
        write_to_ann(g[0], g[1], "bob");
        guest_say(g[1], "/nick rob");
        guests_until(g, 2, told2(TOLD_NICK, "bob", "rob")); /* its record has it */
        if (deaths)
            kill_workers(s);
        guest_say(g[0], "/reply one");
        guest_expect(g[0], "%s", told2(TOLD_COPY, "rob", "one"));
        guest_say(g[1], "/quit");
        guest_expect(g[0], "%s", told1(TOLD_GOES, "rob"));
        if (deaths)
            kill_workers(s);
        guest_say(g[0], "/reply two");
        guest_expect(g[0], "%s", told1(TOLD_NOBODY, "rob"));
        struct guest *stranger = guest_enter(s, "rob");
        guest_expect(g[0], "%s", told1(TOLD_COMES, "rob"));
        struct guest *other = guest_enter(s, "bob");
        guest_expect(g[0], "%s", told1(TOLD_COMES, "bob"));
        if (deaths)
            kill_workers(s);
        guest_say(g[0], "/reply three");
        guest_expect(g[0], "%s", told1(TOLD_NOBODY, "rob"));
        write_to_ann(g[0], other, "bob"); /* and now it is that one */
        guest_say(g[0], "/reply four");
        guest_expect(g[0], "%s", told2(TOLD_COPY, "bob", "four"));
        guest_until(other, "%s", told2(TOLD_PRIVATE, "ann", "four"));
        guest_say(stranger, "/reply five");
        guest_until(stranger, "Nobody has written to you yet.");
        server_stop(s);
    }
}

Test(identity, an_answer_to_a_guest_that_has_left_names_its_address) {
    struct server *s = server_start("%s", open_room);
    struct guest *g[2];
    guests_come(s, g, 2);
    guest_say(g[1], "/msg %s hi", g[0]->endpoint);
    guest_until(g[0], "%s", told2(TOLD_PRIVATE, g[1]->endpoint, "hi"));
    guest_say(g[0], "/reply one");
    guest_expect(g[0], "%s", told2(TOLD_COPY, g[1]->endpoint, "one"));
    guest_close(g[1]);
    guest_expect(g[0], "%s", told1(TOLD_GOES, "127.0.0.3"));
    guest_say(g[0], "/reply two");
    guest_expect(g[0], "%s", told1(TOLD_NOBODY, g[1]->endpoint));
    struct guest *other = guest_connect_as(s, .from = "127.0.0.3"); /* takes its number */
    guest_until(other, "%s", told1(TOLD_COMES, "127.0.0.3"));
    guest_expect(g[0], "%s", told1(TOLD_COMES, "127.0.0.3"));
    guest_say(g[0], "/reply three");
    guest_expect(g[0], "%s", told1(TOLD_NOBODY, g[1]->endpoint));
    server_stop(s);
}

/* ---- private lines that were not delivered ---- */

/* Each line is answered by its copy or by the refusal; what the addressee receives in the end is
 * exactly the lines whose copies were shown. */
Test(identity, a_speaker_is_told_of_every_line_that_was_not_delivered) {
    enum { LINES = 20000, REFUSED = 20 };
    static bool shown[LINES];
    for (int deaths = 0; deaths < 2; deaths++) {
        struct server *s = server_start("%s", closed);
        struct guest *ann = guest_enter(s, "ann");
        struct guest *bob = guest_enter_as(s, "bob", .receive_buffer = 4096);
        guest_expect(ann, "%s", told1(TOLD_COMES, "bob"));
        char text[1000];
        int n = 0;
        for (int refused = 0; refused < REFUSED; n++) {
            cr_assert_lt(n, LINES, "it reads without end");
            memset(text, 'x', sizeof text - 1);
            text[sizeof text - 1] = '\0';
            text[sprintf(text, "%d", n)] = ' ';
            guest_say(ann, "/msg bob %s", text);
            shown[n] = strcmp(guest_next(ann), told2(TOLD_COPY, "bob", text)) == 0;
            if (!shown[n])
                cr_assert_str_eq(ann->line, told1(TOLD_NOT_READING, "bob"));
            refused += !shown[n];
            if (deaths && refused == REFUSED / 2 && !shown[n])
                kill_workers(s);
        }
        for (int i = 0; i < n; i++)
            if (shown[i])
                cr_assert_eq(strtol(guest_next(bob) + strlen("[ann] "), NULL, 10), i, "%.60s",
                             bob->line);
        guest_say(ann, "the end");
        guest_expect(bob, "%s", told2(TOLD_SPEECH, "ann", "the end"));
        server_stop(s);
    }
}
