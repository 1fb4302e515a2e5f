/* world.c - see world.h. */
#include "worker/relay/world.h"

#include "ipc/clock.h"
#include "ipc/log.h"
#include "ipc/relay.h"
#include "worker/command/say.h"
#include "worker/relay/foreign.h"
#include "worker/relay/intake.h"
#include "worker/relay/remote.h"
#include "worker/state/speaker.h"

#include <stdio.h>
#include <string.h>

enum { WORLD_PATIENCE_MS = LINK_LEASE_MS + LINK_BEAT_MS, WORLD_REST_US = 10000000 };

/* The list's strings have no NUL.  False: it does not fit. */
static bool world_string(const char *text, size_t len, char *out, size_t size) {
    bool fits = len < size;
    snprintf(out, size, "%.*s", fits ? (int)len : 0, text);
    return fits && strlen(out) == len;
}

/* ---- the end of a machine's list ---- */

static bool world_sweep(struct relay_process *p, uint32_t node) {
    const struct remotes *r = &p->remotes;
    for (uint32_t row = 0; row < remote_high(p); row++) {
        if (r->key[row] == 0 || r->node[row] != node || r->world[row] == p->world.look)
            continue;
        if (!intake_room(p))
            return false;
        foreign_leaves(p, row);
    }
    return true;
}

/* Of a machine that is seen for the first time and has no people, nothing is said. */
static bool world_back(struct relay_process *p, uint32_t node) {
    struct relay_node *n = &p->in.node[node];
    struct words words = {.name = n->name, .n = p->remotes.people[node]};
    if (n->state == RELAY_NODE_HERE)
        return true;
    if (!intake_room(p))
        return false;
    bool said = n->state == RELAY_NODE_AWAY || words.n > 0;
    n->state = RELAY_NODE_HERE;
    log_info("node \"%s\" is in reach (%u in the room)", n->name, (unsigned)words.n);
    if (!said)
        return true;
    intake_seal(p, say_notice(&p->w, ENTRY_NODE, SAY_NODE_BACK, &words), node);
    return true;
}

static bool world_finish(struct relay_process *p) {
    uint32_t node = p->world.node;
    if (node < RELAY_NODES && !(world_sweep(p, node) && world_back(p, node)))
        return false;
    p->world.node = RELAY_NODES;
    return true;
}

/* ---- events ---- */

static void world_life(struct relay_node *n, const struct link_event *ev) {
    if (ev->life > n->life) { /* where its items begin is not known */
        n->life = ev->life;
        n->turn = ev->turn;
        n->mark = 0;
    } else if (ev->life == n->life && ev->turn > n->turn) {
        n->turn = ev->turn;
    }
}

static bool world_node(struct relay_process *p, const struct link_event *ev) {
    struct world *world = &p->world;
    char name[NODE_NAME_MAX];
    uint32_t node;
    if (!world_finish(p))
        return false;
    if (!world_string(ev->name, ev->name_len, name, sizeof name) || !relay_is_node(name)) {
        intake_refuse(p, RELAY_NODES, NULL, "it is in the list of machines, and has no name");
        return true;
    }
    if (strcmp(name, p->node) == 0)
        return true;
    node = intake_node(p, name);
    if (node == RELAY_NODES && !intake_add_node(p, name, &node))
        return false;
    if (node == RELAY_NODES) {
        intake_refuse(p, node, name, "more machines than there is room for");
        return true;
    }
    world_life(&p->in.node[node], ev);
    world->seen[node] = world->look;
    world->node = node;
    return true;
}

static bool world_person(struct relay_process *p, const struct link_event *ev) {
    uint32_t node = p->world.node;
    char name[NAME_BYTES_MAX + 1], label[LABEL_TEXT];
    if (node == RELAY_NODES)
        return true;
    if (intake_frees_names(p) ? !intake_flush(p) : !intake_room(p))
        return false;
    if (!world_string(ev->name, ev->name_len, name, sizeof name) ||
        !item_is_person(name, strlen(name), p->w.config.room)) {
        intake_refuse(p, node, NULL, "a person in its list has no name that may be one");
        return true;
    }
    foreign_label(name, p->in.node[node].name, label);
    uint32_t row = remote_find(p, speaker_key(&p->w, label));
    if (row == NO_ROW)
        foreign_comes(p, node, label, ev->value_len == 1 && ev->value[0] == 'b');
    else
        p->remotes.world[row] = p->world.look;
    return true;
}

/* A machine that is not in the list may be about to come back to an engine that has lost all. */
static bool world_missing(struct relay_process *p) {
    struct world *world = &p->world;
    bool patient = clock_ms() < p->up_at + WORLD_PATIENCE_MS;
    world->again_at = 0;
    for (uint32_t i = 0; i < RELAY_NODES; i++) {
        if (p->in.node[i].state != RELAY_NODE_HERE || world->seen[i] == world->look)
            continue;
        if (patient)
            world->again_at = p->up_at + WORLD_PATIENCE_MS;
        else if (!foreign_away(p, i))
            return false;
    }
    return true;
}

static void world_rest(struct world *world, uint64_t now_us) {
    uint64_t rest = (WORLD_SHARE - 1) * (now_us - world->asked_us);
    world->rest_us = now_us + (rest < WORLD_REST_US ? rest : WORLD_REST_US);
}

bool world_event(struct relay_process *p, const struct link_event *ev) {
    switch (ev->kind) {
    case LINK_NODE: return world_node(p, ev);
    case LINK_PERSON: return world_person(p, ev);
    default: break;
    }
    if (!world_finish(p) || !world_missing(p))
        return false;
    p->world.asked = false;
    world_rest(&p->world, clock_us());
    return true;
}

bool world_wanted(const struct relay_process *p, uint64_t now_us) {
    return p->world.due && p->reading.caught && now_us >= p->world.rest_us;
}

void world_begin(struct relay_process *p, uint64_t now_us) {
    struct world *world = &p->world;
    world->due = false;
    world->asked = true;
    world->asked_us = now_us;
    world->look++;
    world->node = RELAY_NODES;
}

int world_timeout(const struct relay_process *p, uint64_t now) {
    uint64_t at = p->world.again_at;
    return at == 0 ? -1 : at > now ? (int)(at - now) : 0;
}

void world_look(struct relay_process *p, uint64_t now) {
    if (p->world.again_at == 0 || now < p->world.again_at)
        return;
    p->world.again_at = 0;
    p->world.due = true;
}
