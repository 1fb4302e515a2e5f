/* settle.c - see settle.h. */
#include "worker/relay/settle.h"

#include "ipc/fault.h"
#include "worker/relay/pass.h"
#include "worker/relay/place.h"
#include "worker/relay/remote.h"
#include "worker/state/breadcrumb.h"
#include "worker/state/lock.h"
#include "worker/state/speaker.h"

#include <string.h>

/* The row whose client the entry is of; NO_ROW: of none that is still there. */
static uint32_t settle_row(const struct relay_process *p, const struct entry *entry) {
    const struct client_table *clients = &p->w.seg->clients;
    bool there = client_is_remote(clients, entry->client) &&
                 segment_has_client(p->w.seg, entry->client) &&
                 client_is(&clients->at[entry->client], entry->generation);
    return there ? entry->client - clients->len : NO_ROW;
}

/* ---- people ---- */

/* Of a coming or a new name: both give the record the name in the side data. */
static void settle_name(struct relay_process *p, uint64_t index, const struct entry *entry,
                        uint32_t row) {
    struct worker *w = &p->w;
    struct client *c = relay_record(p, row);
    char name[LABEL_TEXT] = "";
    uint32_t len;
    const char *side = (const char *)room_side(&w->seg->room, index, &len);
    if (client_facts(c)->seen > index)
        return;
    memcpy(name, side, strnlen(side, len < sizeof name ? len : sizeof name - 1));
    uint64_t key = speaker_key(w, name);
    struct facts *f = client_begin(c);
    client_set_name(&w->seg->clients, c, f, name);
    f->flags |= FACT_IN_ROOM;
    f->seen = index + 1;
    FAULT("relay.name.before");
    name_table_confirm(&w->seg->names, key, entry->client, entry->generation, index);
    FAULT("relay.name.confirmed");
    client_commit(c);
    remote_know(p, row, remote_node(p, name), key);
}

static void settle_leave(struct relay_process *p, uint32_t row) {
    FAULT("relay.leave.before");
    remote_free(p, row); /* its key in the name table is void by that */
}

/* A name's bucket is free for others only once it is cleared: void ones lengthen every search.  Of
 * a leave its publisher does that; a machine's end is one entry for all of its people. */
static void settle_free_name(struct relay_process *p, uint32_t row) {
    struct worker *w = &p->w;
    worker_lock(w);
    name_table_clear(&w->seg->names, p->remotes.key[row], remote_client(p, row),
                     remote_generation(p, row));
    worker_unlock(w);
}

/* Records whose coming is before the entry: in a second application later ones may be there. */
static void settle_away(struct relay_process *p, uint32_t node, uint64_t index) {
    for (uint32_t row = 0; row < remote_high(p); row++) {
        struct client *c = relay_record(p, row);
        if (p->remotes.key[row] != 0 && p->remotes.node[row] == node && client_live(c) &&
            client_facts(c)->flags & FACT_IN_ROOM && client_facts(c)->seen <= index) {
            settle_free_name(p, row);
            settle_leave(p, row);
        }
    }
}

/* ---- the place ---- */

static void settle_node(struct relay_process *p, const struct side_foreign *side, uint64_t index) {
    struct relay_node *node = &p->place.node[side->node];
    node->life = side->life;
    node->mark = side->mark;
    node->turn = side->turn;
    node->lines = side->lines;
    node->people = side->people;
    node->state = side->state;
    if (side->state == RELAY_NODE_AWAY && room_entry(&p->w.seg->room, index)->kind == ENTRY_NODE)
        settle_away(p, side->node, index);
}

static void settle_foreign(struct relay_process *p, uint64_t index) {
    struct side_foreign side;
    uint32_t len;
    const uint8_t *bytes = room_side(&p->w.seg->room, index, &len);
    memcpy(&side, bytes + len, sizeof side);
    if (side.node < RELAY_NODES)
        settle_node(p, &side, index);
    if (side.node == RELAY_LINK)
        p->place.link_said = side.mark != 0;
    else
        p->place.in = side.in;
}

/* ---- entries ---- */

static void settle_own(struct relay_process *p, uint64_t index, const struct entry *entry) {
    uint32_t row = settle_row(p, entry);
    if (row != NO_ROW) {
        switch ((enum entry_kind)entry->kind) {
        case ENTRY_JOIN:
        case ENTRY_NICK: settle_name(p, index, entry, row); break;
        case ENTRY_LEAVE: settle_leave(p, row); break;
        default: break;
        }
    }
    if (entry->flags & ENTRY_FOREIGN)
        settle_foreign(p, index);
}

void settle(struct relay_process *p) {
    const struct room *room = &p->w.seg->room;
    uint64_t count = room_count(room);
    if (p->place.index == count)
        return;
    for (uint64_t index = p->place.index; index < count; index++) {
        const struct entry *entry = room_entry(room, index);
        p->place.own_lines += pass_is_line(entry);
        if (entry->slot == RELAY_SLOT)
            settle_own(p, index, entry);
        worker_beat(&p->w);
    }
    p->place.index = count;
    place_commit(p);
}
