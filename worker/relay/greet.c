/* greet.c - see greet.h. */
#include "worker/relay/greet.h"

#include "ipc/decimal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- questions ---- */

static void greet_ask(struct greet *g, struct engine *e, enum greet_step step, uint64_t now) {
    uint32_t free_step = 0;
    while (g->step[free_step] != GREET_DONE)
        free_step++;
    g->step[free_step] = step;
    resp_commit(&e->tx);
    engine_asked(e, now);
}

void greet_begin(struct greet *g, struct engine *e, const struct account *account, uint64_t now) {
    memset(g, 0, sizeof *g);
    if (account->password[0]) {
        resp_put_array(&e->tx, account->user[0] ? 3 : 2);
        resp_put_text(&e->tx, "AUTH");
        if (account->user[0])
            resp_put_text(&e->tx, account->user);
        resp_put_text(&e->tx, account->password);
        greet_ask(g, e, GREET_AUTH, now);
    }
    resp_put_array(&e->tx, 1);
    resp_put_text(&e->tx, "ROLE");
    greet_ask(g, e, GREET_ROLE, now);
    if (account->db != 0) {
        resp_put_array(&e->tx, 2);
        resp_put_text(&e->tx, "SELECT");
        resp_put_number(&e->tx, account->db);
        greet_ask(g, e, GREET_SELECT, now);
    }
}

/* ---- answers ---- */

static bool greet_is(const struct resp_element *el, const char *text) {
    return el->len == strlen(text) && memcmp(el->bytes, text, el->len) == 0;
}

static bool greet_contains(const struct resp_element *el, const char *text) {
    return memmem(el->bytes, el->len, text, strlen(text)) != NULL;
}

static void greet_fail(struct greet *g, bool slow, const char *why) {
    if (g->wrong[0])
        return;
    snprintf(g->wrong, sizeof g->wrong, "%s", why);
    g->slow = slow;
}

static void greet_error(struct greet *g, const struct resp_element *el) {
    char words[TROUBLE_WORDS];
    greet_fail(g, false, trouble_words(el->bytes, el->len, words));
}

/* The engine's words are not told: an error about AUTH may repeat what was sent. */
static void greet_auth(struct greet *g, const struct resp_element *el) {
    if (el->kind != RESP_ERROR)
        return;
    if (greet_contains(el, "no password is set") ||
        greet_contains(el, "without any password configured"))
        g->open = true;
    else if (greet_contains(el, "WRONGPASS") || greet_contains(el, "invalid password"))
        g->auth = "the password or the user in `relay` is wrong";
    else if (greet_contains(el, "wrong number of arguments") || greet_contains(el, "syntax error"))
        g->auth = "it knows no users (Redis before version 6): leave the user in `relay` empty";
    else if (greet_contains(el, "max number of clients"))
        greet_fail(g, false, "it has as many clients as it takes (maxclients)");
    else
        g->auth = "it refuses the password in `relay`";
}

static void greet_group(struct greet *g, const struct resp_element *el) {
    g->groups++;
    if (el->kind != RESP_BULK || el->len >= sizeof g->group)
        return;
    if (g->groups == 1 || greet_is(el, GREET_GROUP))
        snprintf(g->group, sizeof g->group, "%.*s", (int)el->len, el->bytes);
}

static void greet_role(struct greet *g, const struct resp_element *el) {
    if (el->kind == RESP_ERROR && el->depth == 0) {
        if (greet_contains(el, "NOPERM")) /* it may be one; if it is not, READONLY will say so */
            g->role = GREET_IS_PRIMARY;
        else if (!g->auth)
            greet_error(g, el);
    } else if (el->depth == 1 && el->index == 0 && el->kind == RESP_BULK) {
        g->role = greet_is(el, "master")     ? GREET_IS_PRIMARY
                  : greet_is(el, "slave")    ? GREET_IS_REPLICA
                  : greet_is(el, "sentinel") ? GREET_IS_SENTINEL
                                             : GREET_UNKNOWN;
    } else if (el->depth == 2 && g->role == GREET_IS_SENTINEL) {
        greet_group(g, el);
    }
}

/* As `relay` may name it: a Sentinel is not trusted with the log, or with what is resolved. */
static bool greet_is_host(const struct resp_element *el) {
    for (size_t i = 0; i < el->len; i++)
        if (!isalnum((unsigned char)el->bytes[i]) && !memchr("-._:", el->bytes[i], 4))
            return false;
    return el->kind == RESP_BULK && el->len > 0;
}

static void greet_address(struct greet *g, const struct resp_element *el) {
    char port[8];
    uint32_t number;
    if (el->kind == RESP_ERROR) {
        greet_error(g, el);
    } else if (el->kind == RESP_NIL) {
        greet_fail(g, false, "it is a Sentinel that knows no primary");
    } else if (el->depth == 1 && el->index == 0 && el->len < sizeof g->primary.host &&
               greet_is_host(el)) {
        snprintf(g->primary.host, sizeof g->primary.host, "%.*s", (int)el->len, el->bytes);
    } else if (el->depth == 1 && el->index == 1 && el->len < sizeof port) {
        snprintf(port, sizeof port, "%.*s", (int)el->len, el->bytes);
        if (decimal_parse(port, UINT16_MAX, &number))
            g->primary.port = (uint16_t)number;
    }
}

static void greet_take(struct greet *g, const struct resp_element *el) {
    switch (g->step[g->at]) {
    case GREET_AUTH: greet_auth(g, el); break;
    case GREET_ROLE: greet_role(g, el); break;
    case GREET_SELECT:
        if (el->kind == RESP_ERROR && g->role == GREET_IS_PRIMARY)
            greet_error(g, el);
        break;
    case GREET_ADDRESS: greet_address(g, el); break;
    default: break;
    }
    g->at += el->last;
}

/* ---- what they come to ---- */

static enum greet_state greet_sentinel(struct greet *g, struct engine *e, uint64_t now) {
    if (g->primary.host[0] && g->primary.port != 0)
        return GREET_ELSEWHERE;
    if (g->at > 0 && g->step[g->at - 1] == GREET_ADDRESS) {
        greet_fail(g, false, "it is a Sentinel that names no primary");
        return GREET_FAILED;
    }
    if (g->groups == 0 || g->group[0] == '\0' ||
        (g->groups > 1 && strcmp(g->group, GREET_GROUP) != 0)) {
        greet_fail(g, true,
                   g->groups == 0 ? "it is a Sentinel that watches no Redis"
                                  : "it is a Sentinel of several, of which none is called "
                                    "\"" GREET_GROUP "\"");
        return GREET_FAILED;
    }
    resp_put_array(&e->tx, 3);
    resp_put_text(&e->tx, "SENTINEL");
    resp_put_text(&e->tx, "get-master-addr-by-name");
    resp_put_text(&e->tx, g->group);
    greet_ask(g, e, GREET_ADDRESS, now);
    return GREET_BUSY;
}

static enum greet_state greet_verdict(struct greet *g, struct engine *e, uint64_t now) {
    if (!g->wrong[0] && g->role == GREET_IS_SENTINEL)
        return greet_sentinel(g, e, now);
    if (g->auth)
        greet_fail(g, true, g->auth);
    if (g->role == GREET_IS_REPLICA)
        greet_fail(g, false, "it is a replica");
    if (g->role == GREET_UNKNOWN)
        greet_fail(g, false, "it does not say whether it is a primary");
    return g->wrong[0] ? GREET_FAILED : GREET_PRIMARY;
}

enum greet_state greet_work(struct greet *g, struct engine *e, uint64_t now) {
    struct resp_element el;
    while (g->step[g->at] != GREET_DONE && engine_read(e, now, &el))
        greet_take(g, &el);
    if (g->step[g->at] == GREET_DONE)
        return greet_verdict(g, e, now);
    return e->wrong[0] ? GREET_FAILED : GREET_BUSY;
}
