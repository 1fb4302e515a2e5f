/* person.h - a person's browser over all of its connections: it loses its network, and comes back
 * into its place with the token of its first login.
 *
 *     struct person ann;
 *     person_enter(&ann, s, "ann");
 *     person_seen(&ann);
 *     person_lose(&ann);
 *     person_come_back(&ann, 2, 1);
 *     person_hears(&ann, "bob", "while you were away");
 */
#ifndef TESTS_LIB_PERSON_H
#define TESTS_LIB_PERSON_H

#include "tests/lib/browser.h"
#include "tests/lib/guest.h"

struct person {
    struct server *s;
    const char *name;
    struct browser_how how; /* of its next connection */
    struct browser *b;
    char token[40], since[40];
};

/* Connects, logs in with re 1, and reads up to its own join, the last event that it has seen.
 * Further arguments: how it connects. */
void person_enter_at(struct where where, struct person *p, struct server *s, const char *name,
                     struct browser_how how);
#define person_enter(p, s, name, ...)                                                              \
    person_enter_at(HERE, p, s, name, (struct browser_how){__VA_ARGS__})

/* Enters as ann, and bob, a telnet guest, after it: whose coming is the last that it has seen. */
struct guest *person_meets_bob_at(struct where where, struct person *ann, struct server *s);
#define person_meets_bob(ann, s) person_meets_bob_at(HERE, ann, s)

/* The last event that was read is the last that it has seen. */
void person_seen(struct person *p);

/* Its network is gone: a reset. */
void person_reset(struct person *p);
/* The same; the server knows it when this returns. */
void person_lose_at(struct where where, struct person *p);
#define person_lose(p) person_lose_at(HERE, p)

/* A new connection, whose hello is read, and the login with its token.  `re` 0: without a number,
 * as a page does it that says again what was not taken. */
void person_ask_back_at(struct where where, struct person *p, unsigned re);
#define person_ask_back(p, re) person_ask_back_at(HERE, p, re)
/* The same, and it is in its place again.  `last`: the last re of its former connection. */
void person_come_back_at(struct where where, struct person *p, unsigned re, unsigned last);
#define person_come_back(p, re, last) person_come_back_at(HERE, p, re, last)

/* The next event is that speech, and the last that it has seen. */
void person_hears_at(struct where where, struct person *p, const char *who, const char *text);
#define person_hears(p, who, text) person_hears_at(HERE, p, who, text)

#endif
