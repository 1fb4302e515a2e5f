/* survey.c - see survey.h. */
#include "ipc/survey.h"

#include "ipc/clock.h"

#include <string.h>

enum { SURVEY_TRIES = 32 };

#define survey_load(word) atomic_load_explicit(word, memory_order_relaxed)

static uint64_t survey_least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* ---- the server ---- */

/* A reload may publish two versions meanwhile; then it is read again, but not for ever. */
static void survey_config(const struct segment *seg, struct survey *out) {
    for (int tries = 0; tries < SURVEY_TRIES; tries++) {
        uint64_t version = segment_config_version(seg);
        const struct config *config = &seg->header->config[version & 1];
        memcpy(out->room, config->room, sizeof out->room);
        memcpy(out->relay.node, config->node, sizeof out->relay.node);
        out->relay.configured = relay_configured(config);
        out->login = *(const volatile uint8_t *)&config->login != 0; /* a bool may hold any byte */
        out->config_version = version;
        atomic_thread_fence(memory_order_acquire);
        if (segment_config_version(seg) == version)
            break;
    }
    out->room[sizeof out->room - 1] = '\0';
    out->relay.node[sizeof out->relay.node - 1] = '\0';
}

static void survey_listeners(const struct segment *seg, struct survey *out) {
    for (int i = 0; i < LISTENERS_MAX; i++) {
        const struct listener *l = &seg->header->listeners[i];
        if (survey_load(&l->state) == LISTENER_SERVING)
            out->listen[out->listen_count++] = l->bound;
    }
}

static void survey_header(const struct segment *seg, struct survey *out) {
    const struct segment_header *h = seg->header;
    out->taken_ms = clock_ms();
    out->uptime_ms = clock_boot_ms() - h->epoch_boot_ms;
    out->pid_namespace = h->pid_namespace;
    out->ending = survey_load(&h->shutdown) != 0;
    out->workers = (uint32_t)survey_least(survey_load(&h->workers), WORKERS_MAX);
    out->slots_used = (uint32_t)survey_least(survey_load(&h->slots_used), WORKERS_MAX);
    out->max_clients = h->geometry.max_clients;
}

static void survey_gate(const struct segment *seg, struct survey *out) {
    uint64_t owner = gate_owner(seg->gate);
    uint32_t slot = incarnation_slot(owner);
    out->gate_slot = owner != 0 && slot < SLOT_COUNT ? (int32_t)slot : -1;
    out->waiting = room_waiting(&seg->room);
}

/* ---- the room ---- */

/* The oldest text that a living participant keeps (room.h); `count` if none lives. */
static uint64_t survey_oldest_text(const struct segment *seg, uint64_t count) {
    uint64_t oldest = count;
    for (int i = 0; i < ROOM_SLOTS; i++) {
        const struct slot *slot = &seg->slots[i];
        if (slot_alive(survey_load(&slot->state)))
            oldest = survey_least(oldest, survey_load(&slot->guard));
    }
    return oldest;
}

/* The oldest entry that a slot needs, dead ones' too (room.h). */
static uint64_t survey_oldest_entry(const struct segment *seg, uint64_t count) {
    uint64_t oldest = count;
    for (int i = 0; i < ROOM_SLOTS; i++) {
        const struct slot *slot = &seg->slots[i];
        uint64_t floor = survey_load(&slot->overrun_floor);
        if (survey_load(&slot->state) == SLOT_UNUSED)
            continue;
        oldest = survey_least(oldest, survey_load(&slot->cursor));
        oldest = survey_least(oldest, survey_load(&slot->guard));
        if (floor != 0)
            oldest = survey_least(oldest, floor);
    }
    return oldest;
}

/* Two entries are copied; unless half a ledger was written meanwhile, they were whole. */
static void survey_room(const struct segment *seg, struct survey *out) {
    const struct room *room = &seg->room;
    for (int tries = 0; tries < SURVEY_TRIES; tries++) {
        uint64_t count = room_count(room), oldest = survey_oldest_text(seg, count);
        struct entry last = *room_entry(room, count - 1), first = *room_entry(room, oldest - 1);
        uint64_t last_side = room_end(room, count - 1, RING_SIDE),
                 first_side = room_end(room, oldest - 1, RING_SIDE);
        uint64_t needed = survey_oldest_entry(seg, count);
        out->count = count;
        out->people = last.people;
        out->lines = last.lines;
        out->said = last.said;
        out->ledger_len = room->ledger_len;
        out->ledger_used = survey_least(count - needed, room->ledger_len);
        for (int e = 0; e < RING_COUNT; e++) {
            out->ring_size[e] = room->ring_size[e];
            uint64_t used = e == RING_SIDE ? last_side - first_side : last.end[e] - first.end[e];
            out->ring_used[e] = survey_least(used, room->ring_size[e]);
        }
        atomic_thread_fence(memory_order_acquire);
        if (room_count(room) - count < room->ledger_len / 2 &&
            survey_oldest_text(seg, count) == oldest)
            return;
    }
}

/* ---- slots ---- */

static void survey_counts(const struct slot_stats *stats, struct survey_counts *out,
                          struct survey_counts *total) {
    *out = (struct survey_counts){
        .accepted = survey_load(&stats->accepted),
        .closed = survey_load(&stats->closed),
        .sends = survey_load(&stats->sends),
        .bytes_out = survey_load(&stats->bytes_out),
        .bytes_in = survey_load(&stats->bytes_in),
        .overruns = survey_load(&stats->overruns),
        .delivered = survey_load(&stats->delivered),
    };
    total->accepted += out->accepted;
    total->closed += out->closed;
    total->sends += out->sends;
    total->bytes_out += out->bytes_out;
    total->bytes_in += out->bytes_in;
    total->overruns += out->overruns;
    total->delivered += out->delivered;
}

/* How far `at` is behind; a position that is beyond was moved after `count` was read. */
static uint64_t survey_behind(uint64_t count, uint64_t at) {
    return at < count ? count - at : 0;
}

static void survey_slot(const struct slot *slot, uint64_t count, struct survey_slot *out) {
    out->state = survey_load(&slot->state);
    out->pid = survey_load(&slot->pid);
    out->incarnation = survey_load(&slot->incarnation);
    out->heartbeat = survey_load(&slot->heartbeat);
    out->asleep = survey_load(&slot->asleep) != 0;
    out->at_gate = survey_load(&slot->at_gate) != 0;
    out->at_disk = survey_load(&slot->breadcrumb.phase) == BREADCRUMB_DISK;
    out->clients = survey_load(&slot->clients);
    out->deaths = survey_load(&slot->deaths);
    out->died = survey_load(&slot->died);
    for (int i = 0; i < REFUSED_REASONS; i++)
        out->refused[i] = survey_load(&slot->refused[i]);
    if (slot_alive(out->state)) {
        out->lag = survey_behind(count, survey_load(&slot->cursor));
        out->flush_lag = survey_behind(count, survey_load(&slot->guard));
    }
}

/* ---- the transcript ---- */

/* A place is filled before `turn` names it; one that was filled again meanwhile is looked at anew.
 */
static void survey_transcript(const struct segment *seg, struct survey *out) {
    const struct transcript *t = &seg->header->transcript;
    struct transcript_place place = {0};
    for (int tries = 0; tries < SURVEY_TRIES; tries++) {
        uint32_t turn = atomic_load_explicit(&t->turn, memory_order_acquire);
        place = t->place[turn & 1];
        atomic_thread_fence(memory_order_acquire);
        if (survey_load(&t->turn) == turn)
            break;
    }
    out->transcript = slot_alive(survey_load(&seg->slots[TRANSCRIPT_SLOT].state)) && place.file;
    out->transcript_lines = survey_load(&t->lines_written);
    out->transcript_missed = survey_load(&t->lines_missed);
    if (out->transcript) {
        out->transcript_lag = survey_behind(out->count, place.index);
        out->transcript_unsynced = survey_behind(place.offset, place.synced_offset);
    }
}

/* ---- more machines ---- */

/* As survey_transcript does. */
static void survey_machines(const struct relay *r, struct survey_relay *out) {
    struct relay_place place;
    for (int tries = 0; tries < SURVEY_TRIES; tries++) {
        uint32_t turn = atomic_load_explicit(&r->turn, memory_order_acquire);
        place = r->place[turn & 1];
        atomic_thread_fence(memory_order_acquire);
        if (survey_load(&r->turn) == turn)
            break;
    }
    for (int i = 0; i < RELAY_NODES; i++) {
        struct relay_node *node = &place.node[i];
        node->name[sizeof node->name - 1] = '\0';
        if (node->state == RELAY_NODE_UNUSED || !relay_is_node(node->name))
            continue;
        struct survey_machine *machine = &out->machine[out->machine_count++];
        memcpy(machine->name, node->name, sizeof machine->name);
        machine->people = node->people;
        machine->in_reach = node->state == RELAY_NODE_HERE;
    }
}

/* What a process left that has died is not up, whatever its words say. */
static void survey_relay(const struct segment *seg, struct survey_relay *out) {
    const struct relay *r = &seg->header->relay;
    bool alive = slot_alive(survey_load(&seg->slots[RELAY_SLOT].state));
    int32_t since = (int32_t)(segment_now(seg) - survey_load(&r->since));
    out->up = alive && relay_is_up(r);
    out->since_ms = since > 0 ? (uint64_t)since : 0;
    out->lag = survey_load(&r->lag);
    out->lines_out = survey_load(&r->lines_out);
    out->lines_in = survey_load(&r->lines_in);
    out->skipped_out = survey_load(&r->skipped_out);
    out->skipped_in = survey_load(&r->skipped_in);
    out->refused = survey_load(&r->refused);
    memcpy(out->peer, r->peer, sizeof out->peer);
    memcpy(out->state, r->state, sizeof out->state);
    out->peer[sizeof out->peer - 1] = out->state[sizeof out->state - 1] = '\0';
    if (out->configured)
        survey_machines(r, out);
}

void survey_take(const struct segment *seg, struct survey *out) {
    memset(out, 0, sizeof *out);
    survey_header(seg, out);
    survey_config(seg, out);
    survey_listeners(seg, out);
    survey_gate(seg, out);
    survey_room(seg, out);
    survey_transcript(seg, out);
    survey_relay(seg, &out->relay);
    for (int i = 0; i < SLOT_COUNT; i++)
        survey_slot(&seg->slots[i], out->count, &out->slot[i]);
    for (int i = 0; i < WORKERS_MAX; i++) {
        survey_counts(&seg->slots[i].stats, &out->slot[i].counts, &out->total);
        out->connections += out->slot[i].clients;
    }
}

/* A worker that sleeps has work if there are entries that it has not applied: its bell was rung. */
static bool survey_has_work(const struct survey_slot *slot) {
    return slot_alive(slot->state) && (!slot->asleep || slot->lag > 0);
}

bool survey_stands_still(const struct survey *before, const struct survey *now, uint32_t slot) {
    const struct survey_slot *then = &before->slot[slot], *at = &now->slot[slot];
    return then->incarnation == at->incarnation && then->heartbeat == at->heartbeat &&
           survey_has_work(then) && survey_has_work(at);
}

/* ---- buffers ---- */

struct survey_pool survey_pool(const struct buffer_pool *pool) {
    return (struct survey_pool){
        .used = buffer_used(pool), .reserved = buffer_count(pool), .most = pool->count};
}

/* ---- clients ---- */

uint32_t survey_records(const struct segment *seg) {
    uint64_t steps = atomic_load_explicit(&seg->header->steps, memory_order_acquire);
    uint64_t most = survey_least(seg->clients.len, steps * GROWTH_CLIENTS);
    return (uint32_t)survey_least(most, survey_load(&seg->header->fd_high) + 1ull);
}

uint32_t survey_remote_records(const struct segment *seg) {
    uint64_t steps = atomic_load_explicit(&seg->header->remote_steps, memory_order_acquire);
    uint64_t most = survey_least(seg->clients.remote_len, steps * GROWTH_CLIENTS);
    return (uint32_t)survey_least(most, survey_load(&seg->header->remote_high));
}

bool survey_client(const struct segment *seg, uint32_t client, struct survey_client *out) {
    const struct client *c = &seg->clients.at[client];
    struct client_view view;
    if (!client_peek(&seg->clients, client, &view))
        return false;
    memset(out, 0, sizeof *out);
    out->client = client;
    out->generation = view.generation;
    out->remote = client_is_remote(&seg->clients, client);
    if (view.facts.flags & FACT_NAMED)
        memcpy(out->name, view.name, strnlen(view.name, sizeof view.name - 1));
    out->addr = view.addr;
    out->port = view.port;
    out->kind = view.facts.kind;
    out->person = client_is_person(&view.facts);
    out->slot = survey_load(&c->slot);
    out->encoding = (uint8_t)client_wire(&view.facts);
    out->blocked = __atomic_load_n(&c->mode, __ATOMIC_RELAXED) == MODE_BLOCKED;
    out->flags = view.facts.flags;
    out->web = view.facts.web;
    uint32_t idle = segment_tenths(seg) - view.facts.last_input;
    out->idle = (int32_t)idle < 0 ? 0 : idle; /* typed since the clock was read */
    return true;
}

static void survey_add_person(const struct survey_client *client, struct survey_clients *sum) {
    bool in = client->flags & FACT_IN_ROOM, quiet = client->flags & FACT_QUIET;
    sum->in_room += in && !quiet;
    sum->quiet += in && quiet;
    sum->not_logged_in += !in;
    sum->muted += in && client->flags & FACT_MUTED;
    sum->echoed += (client->flags & FACT_ECHOED) != 0;
    sum->converted += (client->flags & FACT_CONVERTED) != 0;
    if (client->encoding < ENC_COUNT)
        sum->encoding[client->encoding]++;
}

uint32_t survey_add_clients(const struct segment *seg, uint32_t from, uint32_t most,
                            struct survey_clients *sum) {
    uint32_t records = survey_records(seg),
             end = from + (uint32_t)survey_least(most, records - from);
    for (uint32_t at = from; at < end && at < records; at++) {
        struct survey_client client;
        if (!survey_client(seg, at, &client))
            continue;
        sum->by_kind[survey_least(client.kind, SURVEY_KINDS - 1)]++;
        sum->blocked += client.blocked;
        if (client.person)
            survey_add_person(&client, sum);
    }
    return end < records ? end : 0;
}

/* ---- words ---- */

const char *survey_state_name(uint32_t state) {
    static const char *const name[] = {
        [SLOT_UNUSED] = "unused",   [SLOT_DEAD] = "dead",         [SLOT_ADOPTING] = "adopting",
        [SLOT_SERVING] = "serving", [SLOT_RETIRING] = "retiring",
    };
    return state < sizeof name / sizeof name[0] ? name[state] : "unknown";
}

const char *survey_encoding_name(uint32_t encoding) {
    static const char *const name[ENC_COUNT] = {
        "utf-8",  "gbk",    "big5",         "gb18030",      "shift_jis",  "euc-jp",
        "euc-kr", "koi8-r", "windows-1251", "windows-1252", "iso-8859-1", "iso-8859-15",
    };
    return encoding < ENC_COUNT ? name[encoding] : "unknown";
}

const char *survey_ring_name(int ring) {
    return ring == RING_SIDE   ? "side"
           : ring == RING_JSON ? "json"
                               : survey_encoding_name((uint32_t)ring);
}
