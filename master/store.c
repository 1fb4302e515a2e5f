/* store.c - see store.h. */
#include "master/store.h"

#include "ipc/address.h"
#include "ipc/clock.h"
#include "ipc/decimal.h"
#include "ipc/log.h"
#include "master/listen.h"
#include "master/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { STORE_DROP_MS = 200 };

/* Clients' sockets that go out together. */
struct store_batch {
    int fd[NOTIFY_FDS_MAX];
    uint32_t count;
};

void store_begin(struct store *store, const struct segment *seg) {
    const char *limit = getenv(STORE_ENV);
    memset(store, 0, sizeof *store);
    if (limit && !decimal_parse(limit, INT32_MAX, &store->limit))
        log_warn(STORE_ENV ": \"%s\" is no number", limit);
    if (!notify_wanted() || (limit && store->limit == 0))
        return;
    store->cookie = calloc(seg->clients.len, sizeof *store->cookie);
    store->kept = calloc(seg->clients.len, sizeof *store->kept);
    if (store->cookie && store->kept)
        return;
    log_warn("out of memory: nothing is kept over the server's end");
    free(store->cookie);
    free(store->kept);
    store->cookie = NULL;
}

/* How many clients may be in the store. */
static uint32_t store_most(const struct store *store) {
    uint32_t others = 1 + store->listeners, most = STORE_CLIENTS;
    if (store->limit > 0)
        most = store->limit > others ? store->limit - others : 0;
    return most < STORE_MOST ? most : STORE_MOST;
}

/* ---- the segment and the listeners ---- */

enum { STORE_STATE = 80 };

/* "VERB=1", and the object's name. */
static const char *store_state(const char *verb, int object, char out[STORE_STATE]) {
    struct stat is = {0};
    (void)fstat(object, &is);
    snprintf(out, STORE_STATE, "%s=1\nFDNAME=s%lx", verb, (unsigned long)is.st_ino);
    return out;
}

bool store_keep_segment(int object, uint32_t ms) {
    char state[STORE_STATE];
    return notify_descriptors(store_state("FDSTORE", object, state), &object, 1, ms) == NOTIFY_SENT;
}

void store_drop_segment(int object) {
    char state[STORE_STATE];
    if (notify_wanted())
        (void)notify_descriptors(store_state("FDSTOREREMOVE", object, state), NULL, 0,
                                 STORE_DROP_MS);
}

/* The cookie of the slot's socket, if that is to be kept; 0: it is not.  A segment that an upgrade
 * has converted from a layout without cookies has none yet. */
static uint64_t store_wanted(struct listener *l, uint32_t slot) {
    if (atomic_load(&l->state) != LISTENER_SERVING || !atomic_load(&l->listening[slot]))
        return 0;
    if (l->cookie[slot] == 0)
        l->cookie[slot] = socket_cookie(l->fd[slot]);
    return l->cookie[slot];
}

/* The listeners of one slot: one for each address. */
static void store_slot(struct store *store, struct segment *seg, uint32_t slot, uint32_t ms) {
    uint64_t cookie[LISTENERS_MAX];
    int fd[LISTENERS_MAX];
    uint32_t count = 0;
    for (int i = 0; i < LISTENERS_MAX; i++) {
        struct listener *l = &seg->header->listeners[i];
        uint64_t *kept = &store->listener[i][slot];
        cookie[i] = store_wanted(l, slot);
        store->listeners -= *kept != 0 && *kept != cookie[i];
        *kept = *kept == cookie[i] ? cookie[i] : 0;
        if (cookie[i] != *kept)
            fd[count++] = l->fd[slot];
    }
    if (count == 0 || notify_descriptors("FDSTORE=1\nFDNAME=l", fd, count, ms) != NOTIFY_SENT)
        return;
    for (int i = 0; i < LISTENERS_MAX; i++)
        store->listener[i][slot] = cookie[i];
    store->listeners += count;
}

static void store_listeners(struct store *store, struct segment *seg, uint32_t ms) {
    for (uint32_t slot = 0; slot < WORKERS_MAX; slot++)
        store_slot(store, seg, slot, ms);
}

/* ---- clients ---- */

/* A person's connection, or a browser's request; it is open on both sides. */
static bool store_keeps(const struct segment *seg, uint32_t fd, uint64_t cookie) {
    struct client_view view;
    return client_peek(&seg->clients, fd, &view) && !client_is_tool(&view.facts) &&
           !client_away(&view.facts) && socket_cookie((int)fd) == cookie;
}

/* Notes what is under the number now.  True: it is to be sent, if it is a client to be kept; with
 * `at_once` also one that no look before has found. */
static bool store_note(struct store *store, const struct segment *seg, uint32_t fd, bool at_once) {
    const struct client *c = &seg->clients.at[fd];
    uint64_t cookie = atomic_load_explicit(&c->cookie, memory_order_relaxed);
    if (client_state(client_word(c)) != CLIENT_LIVE)
        cookie = 0;
    bool same = store->cookie[fd] == cookie;
    if (!same) {
        store->count -= store->kept[fd];
        store->kept[fd] = false;
        store->cookie[fd] = cookie;
    }
    return cookie != 0 && !store->kept[fd] && (same || at_once);
}

static void store_tell_full(struct store *store) {
    if (!store->full)
        log_warn("%u connection(s) are kept over the server's end, and not more: the service "
                 "manager's store (FileDescriptorStoreMax) is full",
                 store_most(store));
    store->full = true;
}

/* False: the manager does not take it now. */
static bool store_send(struct store *store, struct store_batch *batch, uint32_t ms) {
    if (batch->count > 0 &&
        notify_descriptors("FDSTORE=1\nFDNAME=c", batch->fd, batch->count, ms) != NOTIFY_SENT)
        return false;
    for (uint32_t i = 0; i < batch->count; i++)
        store->kept[batch->fd[i]] = true;
    store->count += batch->count;
    batch->count = 0;
    return true;
}

/* One past the records that a client may be in. */
static uint32_t store_end(const struct segment *seg) {
    uint32_t high = atomic_load(&seg->header->fd_high);
    return high < seg->clients.len ? high + 1 : seg->clients.len;
}

/* Notes the records [from, to), and gathers those to be sent; the batch may be full before. */
static void store_gather(struct store *store, const struct segment *seg, uint32_t from, uint32_t to,
                         struct store_batch *batch) {
    for (uint32_t fd = from; fd < to && segment_has_client(seg, fd); fd++) {
        if (!store_note(store, seg, fd, false) || batch->count == NOTIFY_FDS_MAX ||
            !store_keeps(seg, fd, store->cookie[fd]))
            continue;
        if (store->count + batch->count < store_most(store))
            batch->fd[batch->count++] = (int)fd;
        else
            store_tell_full(store);
    }
}

/* ---- the calls ---- */

int store_wait_ms(const struct store *store, uint64_t now) {
    uint64_t passed = now - store->looked_at;
    if (!store_is_there(store))
        return -1;
    if (store->looked_at == 0)
        return STORE_LOOK_MS; /* the first look is when the server is ready */
    return passed < STORE_LOOK_MS ? (int)(STORE_LOOK_MS - passed) : 0;
}

void store_look(struct store *store, struct segment *seg, uint64_t now) {
    static struct store_batch batch;
    uint32_t end = store_end(seg);
    if (!store_is_there(store) || !atomic_load(&seg->header->ready) ||
        (store->segment && store_wait_ms(store, now) != 0))
        return;
    store->looked_at = now;
    store->segment = store->segment || store_keep_segment(seg->fd, 0);
    if (!store->segment)
        return;
    store_listeners(store, seg, 0);
    uint32_t from = store->next < end ? store->next : 0;
    uint32_t to = end - from > STORE_SLICE ? from + STORE_SLICE : end;
    batch.count = 0;
    store_gather(store, seg, from, to, &batch);
    (void)store_send(store, &batch, 0);
    store->next = to;
}

/* The rest of the clients, those too that came a moment ago.  False at `until`. */
static bool store_rest(struct store *store, struct segment *seg, uint64_t until) {
    static struct store_batch batch;
    uint32_t end = store_end(seg);
    batch.count = 0;
    for (uint32_t fd = 0; fd < end && segment_has_client(seg, fd); fd++) {
        bool room = store->count + batch.count < store_most(store);
        if (store_note(store, seg, fd, true) && store_keeps(seg, fd, store->cookie[fd]) && room)
            batch.fd[batch.count++] = (int)fd;
        while (batch.count == NOTIFY_FDS_MAX && !store_send(store, &batch, NOTIFY_WAIT_MS))
            if (clock_ms() >= until)
                return false;
    }
    while (!store_send(store, &batch, NOTIFY_WAIT_MS))
        if (clock_ms() >= until)
            return false;
    return true;
}

bool store_all(struct store *store, struct segment *seg, uint32_t ms) {
    uint64_t until = clock_ms() + ms;
    if (!store_is_there(store))
        return false;
    store->segment = store->segment || store_keep_segment(seg->fd, NOTIFY_WAIT_MS);
    store_listeners(store, seg, NOTIFY_WAIT_MS);
    bool all = store->segment && store_rest(store, seg, until);
    if (all && notify_barrier(clock_ms() < until ? (uint32_t)(until - clock_ms()) : 0))
        return true;
    log_error("the service manager did not take everything within %u ms: connections may end", ms);
    return false;
}

void store_drop(int object) {
    static const char *const names[] = {"FDSTOREREMOVE=1\nFDNAME=l", "FDSTOREREMOVE=1\nFDNAME=c"};
    for (int i = 0; i < 2 && notify_wanted(); i++)
        (void)notify_descriptors(names[i], NULL, 0, STORE_DROP_MS);
    if (object >= 0)
        store_drop_segment(object);
}
