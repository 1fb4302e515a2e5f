/* whom.c - see whom.h. */
#include "worker/command/whom.h"

#include "ipc/address.h"
#include "worker/command/invocation.h"
#include "worker/state/lock.h"
#include "worker/state/speaker.h"

#include <stdio.h>
#include <string.h>

static void whom_is(uint32_t client, const struct client_view *view, struct whom *whom) {
    whom->client = client;
    whom->generation = view->generation;
    whom->key = 0;
    label_unique(client_view_name(view), &view->addr, view->port, whom->label);
}

bool whom_numbered(struct worker *w, const char *typed, struct whom *whom) {
    const struct segment *seg = w->seg;
    uint64_t number, clients = seg->clients.rows;
    struct client_view view;
    *whom = (struct whom){.client = NO_CLIENT};
    if (!label_typed(typed, &number))
        return false;
    uint32_t client = (uint32_t)(number % clients);
    if (!segment_has_client(seg, client) || !client_peek(&seg->clients, client, &view) ||
        !(view.facts.flags & FACT_IN_ROOM) || client_number(w, client, view.generation) != number)
        return false;
    whom_is(client, &view, whom);
    return true;
}

/* The record of a name's holder has the name once the join or nick is applied there; until then it
 * has none, or the one before. */
static bool whom_has_name(const struct worker *w, const struct client_view *view, uint64_t key) {
    return view->facts.flags & FACT_NAMED && speaker_key(w, client_view_name(view)) == key;
}

/* The holder of a name, which is as typed where its record does not have it yet. */
static bool whom_named(struct worker *w, const char *name, struct whom *whom) {
    struct segment *seg = w->seg;
    uint64_t key = speaker_key(w, name);
    struct client_view view;
    uint32_t client, generation;
    worker_lock(w);
    bool found = name_table_find(&seg->names, &seg->room, &seg->clients, room_count(&seg->room),
                                 key, &client, &generation);
    worker_unlock(w);
    if (!found || !client_peek(&seg->clients, client, &view) || view.generation != generation)
        return false;
    whom->client = client;
    whom->generation = generation;
    whom->key = key;
    if (whom_has_name(w, &view, key))
        label_name(client_view_name(&view), &view.addr, whom->label);
    else
        snprintf(whom->label, sizeof whom->label, "%s", name);
    return true;
}

static bool whom_there(struct worker *w, const char *typed, struct whom *whom) {
    struct client_view view;
    uint32_t client;
    if (!invocation_endpoint(w, typed, &view, &client))
        return false;
    whom_is(client, &view, whom);
    return true;
}

bool whom_find(struct worker *w, const struct client *asking, const char *typed,
               struct whom *whom) {
    if (whom_numbered(w, typed, whom))
        return true;
    bool named = client_facts(asking)->flags & FACT_NAMED || strchr(typed, '@');
    return named ? whom_named(w, typed, whom) : whom_there(w, typed, whom);
}

bool whom_any(struct worker *w, const char *typed, struct whom *whom) {
    return whom_numbered(w, typed, whom) || whom_named(w, typed, whom) ||
           whom_there(w, typed, whom);
}

/* In the open room `who` shows no names, and several guests may be of one address. */
const char *whom_nobody(const struct worker *w, const char *typed, char out[WHOM_NOBODY]) {
    struct in6_addr addr;
    uint16_t port;
    bool guest = !w->config.login && !endpoint_parse(typed, &addr, &port);
    snprintf(out, WHOM_NOBODY, "there is no \"%.128s\" here%s", typed,
             guest ? "; in the open room a guest is named by address:port" : "");
    return out;
}
