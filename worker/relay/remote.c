/* remote.c - see remote.h. */
#include "worker/relay/remote.h"

#include "ipc/fault.h"
#include "worker/state/lock.h"
#include "worker/state/speaker.h"

#include <stdlib.h>
#include <string.h>

bool remote_make(struct relay_process *p) {
    struct remotes *r = &p->remotes;
    uint32_t chains = 64;
    r->len = p->w.seg->clients.remote_len;
    while (chains < r->len)
        chains *= 2;
    r->mask = chains - 1;
    r->key = calloc(r->len + 1, sizeof *r->key);
    r->next = calloc(r->len + 1, sizeof *r->next);
    r->world = calloc(r->len + 1, sizeof *r->world);
    r->node = calloc(r->len + 1, sizeof *r->node);
    r->free = calloc(r->len + 1, sizeof *r->free);
    r->chain = calloc(chains, sizeof *r->chain);
    return r->key && r->next && r->world && r->node && r->free && r->chain;
}

uint32_t remote_find(const struct relay_process *p, uint64_t key) {
    const struct remotes *r = &p->remotes;
    uint32_t at = r->chain[key & r->mask];
    while (at != 0 && r->key[at - 1] != key)
        at = r->next[at - 1];
    return at != 0 ? at - 1 : NO_ROW;
}

void remote_forget(struct relay_process *p, uint32_t row) {
    struct remotes *r = &p->remotes;
    if (r->key[row] == 0)
        return;
    uint32_t *link = &r->chain[r->key[row] & r->mask];
    while (*link != row + 1)
        link = &r->next[*link - 1];
    *link = r->next[row];
    r->key[row] = 0;
    if (r->node[row] < RELAY_NODES)
        r->people[r->node[row]]--;
}

void remote_know(struct relay_process *p, uint32_t row, uint32_t node, uint64_t key) {
    struct remotes *r = &p->remotes;
    uint32_t *chain = &r->chain[key & r->mask];
    remote_forget(p, row);
    r->key[row] = key;
    r->node[row] = (uint8_t)node;
    r->next[row] = *chain;
    *chain = row + 1;
    if (node < RELAY_NODES)
        r->people[node]++;
}

uint32_t remote_node(const struct relay_process *p, const char *name) {
    const char *at = strrchr(name, '@');
    for (uint32_t i = 0; at && i < RELAY_NODES; i++)
        if (strcmp(p->place.node[i].name, at + 1) == 0)
            return i;
    return RELAY_NODES;
}

/* ---- records ---- */

/* A row that was never used. */
static uint32_t remote_grow(struct relay_process *p) {
    struct segment *seg = p->w.seg;
    uint32_t row = remote_high(p);
    if (row >= p->remotes.len)
        return NO_ROW;
    if (!segment_has_client(seg, remote_client(p, row))) {
        worker_lock(&p->w);
        int error = segment_grow_remote(seg, remote_client(p, row));
        worker_unlock(&p->w);
        if (error != 0)
            return NO_ROW;
    }
    FAULT("remote.high.before");
    atomic_store_explicit(&seg->header->remote_high, row + 1, memory_order_release);
    FAULT("remote.high.after");
    return row;
}

uint32_t remote_claim(struct relay_process *p, uint32_t node, uint64_t key, bool bot) {
    struct remotes *r = &p->remotes;
    const struct facts facts = {
        .flags = FACT_GREETED, .last_input = p->w.tenths, .web = bot ? WEB_BOT : 0};
    uint32_t row = r->free_count > 0 ? r->free[--r->free_count] : remote_grow(p);
    if (row == NO_ROW)
        return NO_ROW;
    client_open_remote(relay_record(p, row), RELAY_SLOT, &facts);
    remote_know(p, row, node, key);
    r->world[row] = p->world.look;
    return row;
}

void remote_free(struct relay_process *p, uint32_t row) {
    struct remotes *r = &p->remotes;
    remote_forget(p, row);
    client_free_remote(relay_record(p, row));
    r->free[r->free_count++] = row;
}

/* ---- adoption ---- */

static void remote_adopt_row(struct relay_process *p, uint32_t row) {
    struct remotes *r = &p->remotes;
    struct client *c = relay_record(p, row);
    enum client_state state = client_state(client_word(c));
    const struct facts *f = client_facts(c);
    char name[LABEL_TEXT];
    if (state == CLIENT_FREE)
        r->free[r->free_count++] = row;
    if (state != CLIENT_LIVE || !(f->flags & FACT_NAMED))
        return;
    client_label(&p->w, c, f, name);
    remote_know(p, row, remote_node(p, name), speaker_key(&p->w, name));
}

void remote_adopt(struct relay_process *p) {
    for (uint32_t row = 0; row < remote_high(p); row++)
        remote_adopt_row(p, row);
}

void remote_sweep(struct relay_process *p) {
    for (uint32_t row = 0; row < remote_high(p); row++) {
        struct client *c = relay_record(p, row);
        enum client_state state = client_state(client_word(c));
        bool comes = state == CLIENT_LIVE && !(client_facts(c)->flags & FACT_IN_ROOM);
        if (state == CLIENT_FILLING || comes)
            remote_free(p, row);
    }
}
