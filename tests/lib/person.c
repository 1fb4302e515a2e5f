/* person.c - see person.h. */
#include "tests/lib/person.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void person_enter_at(struct where where, struct person *p, struct server *s, const char *name,
                     struct browser_how how) {
    *p = (struct person){.s = s, .name = name, .how = how};
    p->b = browser_connect_at(where, s, how);
    browser_say_at(where, p->b, "{'do':'login','name':'%s','re':1}", name);
    browser_until_at(where, p->b, "{'ev':'ok','re':1,'name':'%s','last':0}", name);
    snprintf(p->token, sizeof p->token, "%s", p->b->token);
    if (strlen(p->token) != 32)
        fail_at(where, "no token: %s", p->token);
    browser_until_at(where, p->b, "{'ev':'join','who':'%s'}", name);
    person_seen(p);
}

void person_seen(struct person *p) {
    snprintf(p->since, sizeof p->since, "%s", p->b->id);
}

void person_reset(struct person *p) {
    struct linger at_once = {.l_onoff = 1};
    setsockopt(p->b->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    browser_close(p->b);
}

void person_lose_at(struct where where, struct person *p) {
    person_reset(p);
    server_logged_at(where, p->s, "client %s disconnected; its place is kept", p->b->endpoint);
}

void person_ask_back_at(struct where where, struct person *p, unsigned re) {
    p->b = browser_connect_at(where, p->s, p->how);
    if (!browser_read_at(where, p->b) || !strstr(p->b->event, "'ev':'hello'"))
        fail_at(where, "no hello: %s", p->b->event);
    char number[24] = "";
    if (re != 0)
        snprintf(number, sizeof number, ",'re':%u", re);
    browser_say_at(where, p->b, "{'do':'login','name':'%s','token':'%s','since':'%s'%s}", p->name,
                   p->token, p->since, number);
}

void person_come_back_at(struct where where, struct person *p, unsigned re, unsigned last) {
    person_ask_back_at(where, p, re);
    browser_expect_at(where, p->b, "{'ev':'ok','re':%u,'name':'%s','last':%u}", re, p->name, last);
    if (strcmp(p->b->token, p->token) != 0)
        fail_at(where, "another token: %s", p->b->token);
}

void person_hears_at(struct where where, struct person *p, const char *who, const char *text) {
    browser_expect_at(where, p->b, "{'ev':'say','who':'%s','text':'%s'}", who, text);
    person_seen(p);
}

struct guest *person_meets_bob_at(struct where where, struct person *ann, struct server *s) {
    person_enter_at(where, ann, s, "ann", (struct browser_how){0});
    struct guest *bob = guest_enter_at(where, s, "bob", (struct guest_how){0});
    browser_expect_at(where, ann->b, "{'ev':'join','who':'bob'}");
    person_seen(ann);
    return bob;
}
