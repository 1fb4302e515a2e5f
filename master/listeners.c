/* listeners.c - see listeners.h. */
#include "master/listeners.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "master/listen.h"
#include "master/listen_lock.h"
#include "master/process.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

/* How long to wait for another server that binds: at a start, and at a reload, when workers look
 * whether the master stands still. */
enum { LISTENERS_WAIT_START_MS = 5000, LISTENERS_WAIT_RELOAD_MS = 1000 };

/* An address with port 0 is found by what was configured, and by the port that the kernel chose. */
static bool listeners_is_for(const struct listener *l, const struct listen_address *address) {
    return listen_same(&l->configured, address) || listen_same(&l->bound, address);
}

static struct listener *listeners_find(struct segment *seg, const struct listen_address *address) {
    for (int i = 0; i < LISTENERS_MAX; i++) {
        struct listener *l = &seg->header->listeners[i];
        if (atomic_load(&l->state) != LISTENER_UNUSED && listeners_is_for(l, address))
            return l;
    }
    return NULL;
}

/* Without IPv6, [::] and 0.0.0.0 are one. */
static bool listeners_has(struct segment *seg, const struct listen_address *address) {
    struct listen_address bound = listen_resolve(address);
    return listeners_find(seg, address) || listeners_find(seg, &bound);
}

/* Whether a listener of this server has a part of the address.  Such a listener does not keep the
 * server from binding, since sockets with SO_REUSEPORT share a port. */
static bool listeners_overlap(const struct segment *seg, const struct listen_address *address) {
    for (int i = 0; i < LISTENERS_MAX; i++) {
        const struct listener *l = &seg->header->listeners[i];
        if (atomic_load(&l->state) != LISTENER_UNUSED &&
            (listen_receives(&l->bound, address) || listen_receives(address, &l->bound)))
            return true;
    }
    return false;
}

/* NULL: the descriptors suffice for no more addresses. */
static struct listener *listeners_unused(struct segment *seg) {
    struct listener *unused = NULL;
    uint32_t used = 0;
    for (int i = 0; i < LISTENERS_MAX; i++) {
        struct listener *l = &seg->header->listeners[i];
        if (atomic_load(&l->state) != LISTENER_UNUSED)
            used++;
        else if (!unused)
            unused = l;
    }
    return used < seg->header->master.addresses ? unused : NULL;
}

/* While the master opens or closes sockets, `listeners_moves` is odd.  A worker that looks for
 * orphaned connections waits until it is even: a listener that is in no record yet looks like one
 * (worker/ledger/adopt.c). */
static void listeners_move(struct segment *seg) {
    _Atomic uint32_t *moves = &seg->header->listeners_moves;
    atomic_store(moves, atomic_load(moves) | 1);
    FAULT("listeners.move");
}

static void listeners_rest(struct segment *seg) {
    _Atomic uint32_t *moves = &seg->header->listeners_moves;
    FAULT("listeners.moved");
    atomic_store(moves, (atomic_load(moves) | 1) + 1);
    FAULT("listeners.rest");
}

static bool listeners_lock(struct segment *seg, char *err, size_t err_size) {
    bool reload = atomic_load(&seg->header->workers) > 0;
    return listen_lock_take(&seg->header->master,
                            reload ? LISTENERS_WAIT_RELOAD_MS : LISTENERS_WAIT_START_MS, err,
                            err_size);
}

static bool listeners_open_new(struct segment *seg, const struct config *config,
                               struct listener *opened[], uint32_t *count, char *err,
                               size_t err_size) {
    for (uint32_t i = 0; i < config->listen_count; i++) {
        if (listeners_has(seg, &config->listen[i]))
            continue;
        struct listener *l = listeners_unused(seg);
        if (!l) {
            snprintf(err, err_size, "listen: no descriptors for more than %u addresses at a time",
                     seg->header->master.addresses);
            return false;
        }
        if (*count == 0 && !listeners_lock(seg, err, err_size))
            return false;
        bool beside = listeners_overlap(seg, &config->listen[i]);
        if (!listen_open(l, &config->listen[i], beside, err, err_size))
            return false;
        opened[(*count)++] = l;
        atomic_store(&l->state, LISTENER_SERVING);
    }
    return true;
}

/* By its own address, or by one that covers it.  In the latter case it stays open: closing its
 * queue would reset the connections that wait there, and they are to be served. */
static bool listeners_still_configured(const struct config *config, const struct listener *l) {
    for (uint32_t i = 0; i < config->listen_count; i++) {
        if (listeners_is_for(l, &config->listen[i]) || listen_covers(&config->listen[i], &l->bound))
            return true;
    }
    return false;
}

static void listeners_drain(struct listener *l, const struct config *config) {
    uint32_t state = atomic_load(&l->state);
    char text[ENDPOINT_TEXT];
    if (state == LISTENER_UNUSED)
        return;
    bool configured = listeners_still_configured(config, l);
    if (state == LISTENER_DRAINING && configured)
        atomic_store(&l->state, LISTENER_SERVING); /* configured again before it was closed */
    if (state == LISTENER_SERVING && !configured) {
        log_info("no longer listening on %s", endpoint_format(&l->bound.addr, l->bound.port, text));
        atomic_store(&l->state, LISTENER_DRAINING);
    }
}

bool listeners_configure(struct segment *seg, const struct config *config, char *err,
                         size_t err_size) {
    struct listener *opened[LISTEN_MAX];
    uint32_t count = 0;
    listeners_move(seg);
    bool all = listeners_open_new(seg, config, opened, &count, err, err_size);
    for (uint32_t i = 0; i < count && !all; i++) {
        atomic_store(&opened[i]->state, LISTENER_UNUSED);
        listen_close(opened[i]);
    }
    if (!all)
        listen_lock_release(&seg->header->master);
    listeners_rest(seg);
    for (int i = 0; i < LISTENERS_MAX && all; i++)
        listeners_drain(&seg->header->listeners[i], config);
    return all;
}

/* An address that cannot be bound again is given up: what it was in the life before is no reason
 * not to start.  The configuration's is bound anew by listeners_configure, or is the error. */
bool listeners_return(struct segment *seg, char *err, size_t err_size) {
    char why[512];
    if (!listeners_lock(seg, err, err_size))
        return false;
    listeners_move(seg);
    for (int i = 0; i < LISTENERS_MAX; i++) {
        struct listener *l = &seg->header->listeners[i];
        if (atomic_load(&l->state) == LISTENER_UNUSED || listen_again(l, why, sizeof why))
            continue;
        log_warn("%s; this address is not returned to", why);
        atomic_store(&l->state, LISTENER_UNUSED);
        listen_close(l);
    }
    listeners_rest(seg);
    return true;
}

/* A copy in a descriptor store keeps a socket in each epoll set that has it, under a number that
 * will be another's. */
static void listeners_unpoll(struct segment *seg, const struct listener *l) {
    for (uint32_t k = 0; k < WORKERS_MAX; k++) {
        for (uint32_t slot = 0; slot < WORKERS_MAX && atomic_load(&l->listening[k]); slot++)
            epoll_ctl(seg->slots[slot].epoll_fd, EPOLL_CTL_DEL, l->fd[k], NULL);
    }
}

/* Unused first: no worker polls it again, no reload takes it into use again, and a successor of
 * this master closes what is left. */
static void listeners_close(struct segment *seg, struct listener *l) {
    atomic_store(&l->state, LISTENER_UNUSED);
    FAULT("listeners.drained");
    listeners_unpoll(seg, l);
    listen_close(l);
}

void listeners_close_drained(struct segment *seg) {
    listeners_move(seg);
    for (int i = 0; i < LISTENERS_MAX; i++) {
        if (atomic_load(&seg->header->listeners[i].state) == LISTENER_DRAINING)
            listeners_close(seg, &seg->header->listeners[i]);
    }
    listeners_rest(seg);
}

void listeners_repair(struct segment *seg) {
    listeners_move(seg);
    for (int i = 0; i < LISTENERS_MAX; i++) {
        struct listener *l = &seg->header->listeners[i];
        uint32_t state = atomic_load(&l->state);
        if (state == LISTENER_UNUSED || (state == LISTENER_DRAINING && l->fd[0] < 0))
            listeners_close(seg, l);
    }
    listeners_rest(seg);
}

static bool listeners_start(struct segment *seg, uint32_t workers) {
    bool all = true;
    for (int i = 0; i < LISTENERS_MAX; i++) {
        struct listener *l = &seg->header->listeners[i];
        if (atomic_load(&l->state) != LISTENER_SERVING)
            continue;
        for (uint32_t k = 0; k < workers; k++) {
            if (listen_start(l, k))
                continue;
            log_error_errno("listen for worker %u", k);
            all = false;
        }
    }
    return all;
}

bool listeners_assign(struct segment *seg, uint32_t workers) {
    assert(workers >= 1 && workers <= WORKERS_MAX);
    if (process_plain_fork())
        workers = 1;
    struct segment_header *h = seg->header;
    for (uint32_t k = 0; k < WORKERS_MAX; k++) {
        atomic_store(&h->polled_by[k], (uint8_t)(k < workers ? k : k % workers));
        FAULT("listeners.polled_by");
    }
    bool all = listeners_start(seg, workers);
    listen_lock_release(&h->master);
    if (workers > atomic_load(&h->slots_used))
        atomic_store(&h->slots_used, workers);
    atomic_store(&h->workers, workers);
    FAULT("listeners.workers");
    return all;
}

/* By its own address. */
static bool listeners_is_named(const struct config *config, const struct listener *l) {
    for (uint32_t i = 0; i < config->listen_count; i++) {
        struct listen_address bound = listen_resolve(&config->listen[i]);
        if (listeners_is_for(l, &config->listen[i]) || listeners_is_for(l, &bound))
            return true;
    }
    return false;
}

const char *listeners_format(const struct segment *seg, const struct config *config,
                             enum client_kind kind, char out[LISTENERS_TEXT]) {
    char text[ENDPOINT_TEXT];
    size_t at = 0;
    out[0] = '\0';
    for (int i = 0; i < LISTENERS_MAX; i++) {
        const struct listener *l = &seg->header->listeners[i];
        if (atomic_load(&l->state) != LISTENER_SERVING || l->bound.kind != kind ||
            !listeners_is_named(config, l))
            continue;
        at += (size_t)snprintf(out + at, LISTENERS_TEXT - at, "%s%s", at ? ", " : "",
                               endpoint_format(&l->bound.addr, l->bound.port, text));
    }
    return out;
}
