/* e2e_machines_lies.c - what another machine says is not believed: items are written into the
 * stream by hand, as a machine of another version, with a fault or with a will would.  None of it
 * is seen in the room as anything but what it is, and the room goes on. */
#include "tests/lib/machines.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

TestSuite(machines_lies, .timeout = 180);

enum { LIFE = 0x1234 };

/* A machine that exists in the engine alone. */
struct liar {
    struct redis *r;
    char node[40];
    unsigned index, lines;
};

static void lie_bytes(struct redis *r, const char *bytes, size_t len) {
    const char *argv[] = {"XADD", "chatroom:lines", "*", "i", bytes, NULL};
    size_t lens[] = {4, 14, 1, 1, len};
    redis_do_at(HERE, r, argv, lens);
}

static void lie(struct redis *r, const char *payload) {
    lie_bytes(r, payload, strlen(payload));
}

static long long now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* An item like an honest machine's next one; the item after it is its next one, too, if this one is
 * not accepted. */
static const char *item(const struct liar *l, const char *kind, const char *who, const char *to,
                        const char *text) {
    static char payload[65536];
    bool line = strcmp(kind, "say") == 0 || strcmp(kind, "me") == 0;
    snprintf(payload, sizeof payload, "1\t%s\t%016x\t1\t%u\t%u\t%u\t%lld\t%s\t%s\t%s\t%s", l->node,
             LIFE, l->index, l->index + 1, l->lines + line, now_ms(), kind, who, to, text);
    return payload;
}

/* One that is accepted. */
static void honest(struct liar *l, const char *kind, const char *who, const char *to,
                   const char *text) {
    lie(l->r, item(l, kind, who, to, text));
    l->index++;
    l->lines += strcmp(kind, "say") == 0 || strcmp(kind, "me") == 0;
}

/* It comes into reach, with one person, eve. */
static struct liar liar_comes(struct redis *r, const char *node) {
    struct liar l = {.r = r, .index = 1};
    char key[80], value[80];
    snprintf(l.node, sizeof l.node, "%s", node);
    snprintf(key, sizeof key, "chatroom:lease:%s", node);
    snprintf(value, sizeof value, "%016x", LIFE);
    redis_do(r, "SET", key, value);
    snprintf(value, sizeof value, "%016x 1 1", LIFE);
    redis_do(r, "HSET", "chatroom:marks", node, value);
    snprintf(value, sizeof value, "%016x 1", LIFE);
    redis_do(r, "HSET", "chatroom:nodes", node, value);
    snprintf(value, sizeof value, "1\t%s\t%016x\t1\t1\t1\t0\t%lld\thello\t\t\t", node, LIFE,
             now_ms());
    lie(r, value);
    return l;
}

static void eve_joins(struct liar *l, struct guest *bob) {
    char key[80];
    snprintf(key, sizeof key, "chatroom:people:%s", l->node);
    redis_do(l->r, "HSET", key, "eve", "");
    honest(l, "join", "eve", "", "");
    /* Seen as a coming, or found in the list. */
    char name[80];
    snprintf(name, sizeof name, "eve@%s", l->node);
    machine_until_listed(bob, name, true);
    honest(l, "say", "eve", "", "here I am");
    guest_until(bob, "eve@%s: here I am", l->node);
}

struct scene {
    struct machines m;
    struct guest *bob;
    struct liar rome;
};

static struct scene begin(const char *conf) {
    struct scene s;
    machines_start(&s.m, 2, conf);
    s.bob = s.m.g[1];
    s.rome = liar_comes(s.m.redis, "rome");
    eve_joins(&s.rome, s.bob);
    /* A relay that has found eve before its next look at the list tells that rome is back. */
    for (int i = 0; i < s.m.n; i++)
        server_logged(s.m.s[i], "node \"rome\" is in reach");
    guest_until(s.m.g[0], "eve@rome: here I am");
    machines_settle(&s.m);
    return s;
}

/* The next thing that bob sees is an honest line. */
static void nothing_was_seen(struct scene *s) {
    static int turn;
    char text[32];
    snprintf(text, sizeof text, "honest %d", ++turn);
    honest(&s->rome, "say", "eve", "", text);
    guest_expect(s->bob, "eve@rome: %s", text);
}

static void end(struct scene *s) {
    nothing_was_seen(s);
    machines_settle(&s->m);
    machines_talk(&s->m);
    machines_stop(&s->m);
}

Test(machines_lies, what_an_honest_machine_does) {
    struct scene s = begin("");
    honest(&s.rome, "say", "eve", "", "hello");
    honest(&s.rome, "me", "eve", "", "waves");
    honest(&s.rome, "nick", "eve", "", "eva");
    honest(&s.rome, "msg", "eva", "bob@london", "psst");
    honest(&s.rome, "sys", "", "", "tea is ready");
    honest(&s.rome, "join", "sam", "", "");
    honest(&s.rome, "kick", "sam", "", "");
    honest(&s.rome, "join", "max", "", "b");
    honest(&s.rome, "leave", "max", "", "");
    honest(&s.rome, "nick", "eva", "", "eve");
    guest_expect(s.bob, "eve@rome: hello");
    guest_expect(s.bob, "* eve@rome waves");
    guest_expect(s.bob, "eve@rome is now known as eva@rome.");
    guest_expect(s.bob, "[eva@rome] psst");
    guest_expect(s.bob, "*** tea is ready");
    guest_expect(s.bob, "sam@rome has entered the room.");
    guest_expect(s.bob, "sam@rome was asked to leave.");
    guest_expect(s.bob, "max@rome has entered the room.");
    guest_expect(s.bob, "max@rome has left the room.");
    guest_expect(s.bob, "eva@rome is now known as eve@rome.");
    end(&s);
}

/* Control characters never reach a terminal, and a line stays one line (guest.h checks the bytes).
 */
Test(machines_lies, control_characters) {
    static const char *const texts[] = {
        "a\033[2Jb",
        "a\r\nbob: I am bob",
        "a\nb",
        "a\tb",
        "a\b\b\b\b\b\bb",
        "a\x7f"
        "b",
        "a\xc2\x9b"
        "2Jb",
        "a\xff\xfe\xfd"
        "b",
        "a\xe2\x80\xae"
        "b",
    };
    struct scene s = begin("");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        honest(&s.rome, "say", "eve", "", texts[i]);
        honest(&s.rome, "say", "eve", "", "honest");
        /* Cleaned, or refused, which is a line that is missing. */
        const char *line = guest_next(s.bob);
        if (strcmp(line, "*** 1 line skipped") != 0) {
            cr_assert_eq(strncmp(line, "eve@rome: a", 11), 0, "%zu: %s", i, line);
            cr_assert_eq(line[strlen(line) - 1], texts[i][strlen(texts[i]) - 1], "%s", line);
            cr_assert_null(strstr(line, "\xe2\x80\xae"));
        }
        guest_expect(s.bob, "eve@rome: honest");
    }
    honest(&s.rome, "sys", "", "", "a\r\n*** b\033[31m");
    cr_assert_eq(strncmp(guest_next(s.bob), "*** a", 5), 0);
    end(&s);
}

/* Whose name is not one, or is another's, says nothing. */
Test(machines_lies, names) {
    static const char *const names[] = {
        "bob@london",
        "eve@rome",
        "",
        " ",
        "e ve",
        "***",
        "eve\033[2J",
        "eve\r\nbob",
        "\xff\xff",
        "@",
        "e@",
        "Chatroom",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaa",
    };
    static const char *const kinds[] = {"say", "me", "join", "leave", "nick", "kick", "msg"};
    struct scene s = begin("");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
            lie(s.rome.r, item(&s.rome, kinds[k], names[i],
                               strcmp(kinds[k], "msg") == 0 ? "bob@london" : "", "text"));
        lie(s.rome.r, item(&s.rome, "nick", "eve", "", names[i]));
        nothing_was_seen(&s);
    }
    server_logged(s.m.s[1], "rome");
    end(&s);
}

/* Lines that are too long, of another version, of no form at all. */
Test(machines_lies, garbage) {
    static const char *const garbage[] = {
        "",
        "1",
        "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t",
        "2\trome\t0000000000001234\t1\t9\t10\t9\t1\tsay\teve\t\tversion 2",
        "1 rome 0000000000001234 1 9 10 9 1 say eve  blanks",
        "1\trome\t0000000000001234\t1\t9\t10\t9\t1\tsay\teve",
        "1\trome\t0000000000001234\t1\t9\t10\t9\t1\tshout\teve\t\tkind",
        "1\trome\t0000000000001234\t1\t9\tabc\t9\t1\tsay\teve\t\tindex",
        "1\trome\t0000000000001234\t1\t9\t-1\t9\t1\tsay\teve\t\tindex",
        "1\trome\t0000000000001234\t1\t9\t99999999999999999999999\t9\t1\tsay\teve\t\tindex",
        "1\trome\t0000000000001234\t1\t9\t\t9\t1\tsay\teve\t\tindex",
        "1\trome\t0000000000001234\t1\t9\t10 \t9\t1\tsay\teve\t\tindex",
        "1\trome\t0000000000001234\t1\tx\t10\t9\t1\tsay\teve\t\tprev",
        "1\trome\t0000000000001234\t99999999999\t9\t10\t9\t1\tsay\teve\t\tturn",
        "1\trome\t0000000000001234\t1\t9\t10\t99999999999\t1\tsay\teve\t\tlines",
        "1\trome\t0000000000001234\t1\t9\t10\t9\tnoon\tsay\teve\t\ttime",
        "1\trome\t1234\t1\t9\t10\t9\t1\tsay\teve\t\tlife",
        "1\trome\tzzzzzzzzzzzzzzzz\t1\t9\t10\t9\t1\tsay\teve\t\tlife",
        "1\trome\t-000000000001234\t1\t9\t10\t9\t1\tsay\teve\t\tlife",
        "1\tRome\t0000000000001234\t1\t9\t10\t9\t1\tsay\teve\t\tnode",
        "1\t-rome\t0000000000001234\t1\t9\t10\t9\t1\tsay\teve\t\tnode",
        "1\tro me\t0000000000001234\t1\t9\t10\t9\t1\tsay\teve\t\tnode",
        "1\t\t0000000000001234\t1\t9\t10\t9\t1\tsay\teve\t\tnode",
        "1\taaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\t0000000000001234\t1\t"
        "9"
        "\t10\t9\t1\tsay\teve\t\tnode",
        "\xff\xfe\xfd\xfc",
    };
    struct scene s = begin("");
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        lie(s.rome.r, garbage[i]);
        nothing_was_seen(&s);
    }
    static const char nul[] = "1\trome\t0000000000001234\t1\t9\t10\t9\t1\tsay\te\0ve\t\tNUL";
    lie_bytes(s.rome.r, nul, sizeof nul - 1);
    nothing_was_seen(&s);
    redis_do(s.rome.r, "XADD", "chatroom:lines", "*", "j", "another field");
    redis_do(s.rome.r, "XADD", "chatroom:lines", "*", "i", "x", "k", "two fields");
    nothing_was_seen(&s);
    server_logged(s.m.s[1], "rome");
    end(&s);
}

Test(machines_lies, lines_that_are_too_long) {
    static char text[60000];
    struct scene s = begin("");
    memset(text, 'x', sizeof text - 1);
    lie(s.rome.r, item(&s.rome, "say", "eve", "", text));
    nothing_was_seen(&s);
    text[4097] = '\0';
    lie(s.rome.r, item(&s.rome, "say", "eve", "", text));
    nothing_was_seen(&s);
    char *huge = malloc(8 << 20);
    memset(huge, 'x', 8 << 20);
    lie_bytes(s.rome.r, huge, 8 << 20);
    free(huge);
    nothing_was_seen(&s);
    end(&s);
}

/* The machine's own name, a life that is over, items that were there before. */
Test(machines_lies, the_past_and_another_machines_name) {
    struct scene s = begin("");
    struct liar old = s.rome;
    old.index = 1;
    old.lines = 0;
    lie(s.rome.r, item(&old, "say", "eve", "", "again"));
    lie(s.rome.r, "1\trome\t0000000000000001\t1\t9\t10\t9\t1\tsay\teve\t\tan older life");
    lie(s.rome.r, "1\trome\t0000000000000001\t9\t9\t10\t9\t1\tend\t\t\t");
    lie(s.rome.r, "1\trome\t0000000000001234\t0\t9\t10\t9\t1\tend\t\t\t");
    lie(s.rome.r, "1\tlondon\t0000000000000001\t1\t9\t10\t9\t1\tsay\tbob\t\tI am bob");
    lie(s.rome.r, "1\tlondon\t0000000000000001\t1\t9\t10\t9\t1\tend\t\t\t");
    lie(s.rome.r, "1\tparis\t0000000000000001\t1\t9\t10\t9\t1\tsay\tann\t\tI am ann");
    nothing_was_seen(&s);
    cr_assert(machine_lists(machine_list(s.bob, "who"), "eve@rome"));
    end(&s);
}

/* An `end` that no machine's own and no lease's is: until it speaks next, it is out of reach. */
Test(machines_lies, a_forged_end) {
    struct scene s = begin("");
    char payload[200];
    char value[80];
    snprintf(payload, sizeof payload, "1\tparis\t");
    const char *lives = redis_do(s.rome.r, "HGET", "chatroom:nodes", "paris");
    char life[20];
    unsigned turn;
    cr_assert_eq(sscanf(lives, "%16s %u", life, &turn), 2, "%s", lives);
    snprintf(value, sizeof value, "%s\t%u\t0\t0\t0\t%lld\tend\t\t\t", life, turn, now_ms());
    strcat(payload, value);
    lie(s.rome.r, payload);
    machines_settle(&s.m);
    server_logged(s.m.s[1], "node \"paris\" is out of reach");
    server_logged_more(s.m.s[1], "node \"paris\" is in reach", 1);
    machine_until_listed(s.bob, "ann@paris", true);
    machines_settle(&s.m);
    machines_talk(&s.m);
    machines_stop(&s.m);
}

/* What people who are not there do. */
Test(machines_lies, people_who_are_not_there) {
    struct scene s = begin("");
    lie(s.rome.r, item(&s.rome, "leave", "zoe", "", ""));
    s.rome.index++;
    lie(s.rome.r, item(&s.rome, "kick", "zoe", "", ""));
    s.rome.index++;
    lie(s.rome.r, item(&s.rome, "nick", "zoe", "", "zed"));
    s.rome.index++;
    lie(s.rome.r, item(&s.rome, "join", "eve", "", ""));
    s.rome.index++;
    lie(s.rome.r, item(&s.rome, "msg", "eve", "zoe@london", "psst"));
    s.rome.index++;
    lie(s.rome.r, item(&s.rome, "msg", "eve", "ann@paris", "psst"));
    s.rome.index++;
    lie(s.rome.r, item(&s.rome, "msg", "eve", "nobody", "psst"));
    s.rome.index++;
    lie(s.rome.r, item(&s.rome, "nobody", "zoe", "zed@london", ""));
    s.rome.index++;
    lie(s.rome.r, item(&s.rome, "unread", "zoe", "zed@london", ""));
    s.rome.index++;
    honest(&s.rome, "say", "eve", "", "and so on");
    guest_until(s.bob, "eve@rome: and so on");
    machine_until_listed(s.bob, "eve@rome", true);
    machines_settle(&s.m);
    machines_talk(&s.m);
    machines_stop(&s.m);
}

/* More people than a machine has places for, and more machines. */
Test(machines_lies, too_many_people_and_too_many_machines) {
    struct scene s = begin("max_clients = 64\n");
    for (int i = 0; i < 200; i++) {
        char name[32];
        snprintf(name, sizeof name, "p%d", i);
        redis_do(s.rome.r, "HSET", "chatroom:people:rome", name, "");
        honest(&s.rome, "join", name, "", "");
    }
    for (int i = 0; i < 40; i++) {
        char node[32];
        snprintf(node, sizeof node, "n%d", i);
        liar_comes(s.rome.r, node);
    }
    honest(&s.rome, "say", "eve", "", "so many");
    guest_until(s.bob, "eve@rome: so many");
    machines_settle(&s.m);
    machines_talk(&s.m);
    struct guest *dan = guest_enter(s.m.s[1], "dan"); /* those of the machine itself have theirs */
    guest_say(dan, "there is room");
    guest_until(s.m.g[1], "dan: there is room");
    machines_stop(&s.m);
}
