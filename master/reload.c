/* reload.c - see reload.h. */
#include "master/reload.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "master/listen.h"
#include "master/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Port 0 is found again by what was written, and by the port that it became. */
static bool is_for(const struct listener *l, const struct listen_address *address) {
    return listen_same(&l->configured, address) || listen_same(&l->bound, address);
}

static struct listener *find(struct segment *seg, const struct listen_address *address) {
    for (int i = 0; i < LISTENERS_MAX; i++) {
        struct listener *l = &seg->header->listeners[i];
        if (atomic_load(&l->state) != LISTENER_UNUSED && is_for(l, address))
            return l;
    }
    return NULL;
}

/* Our own listeners keep no address from us: the kernel lets sockets with SO_REUSEPORT share. */
static bool beside_ours(const struct segment *seg, const struct listen_address *address) {
    for (int i = 0; i < LISTENERS_MAX; i++) {
        const struct listener *l = &seg->header->listeners[i];
        if (atomic_load(&l->state) != LISTENER_UNUSED &&
            (listen_covers(&l->bound, address) || listen_covers(address, &l->bound)))
            return true;
    }
    return false;
}

static struct listener *unused(struct segment *seg) {
    struct listener *free = NULL;
    uint32_t used = 0;
    for (int i = 0; i < LISTENERS_MAX; i++) {
        struct listener *l = &seg->header->listeners[i];
        if (atomic_load(&l->state) != LISTENER_UNUSED)
            used++;
        else if (!free)
            free = l;
    }
    return used < seg->header->master.addresses ? free : NULL;
}

/* Meanwhile a socket of ours that is in no record may be a listener: see adopt_orphans. */
static void listeners_move(struct segment *seg) {
    _Atomic uint32_t *moves = &seg->header->listeners_moves;
    atomic_store(moves, atomic_load(moves) | 1);
    FAULT("reload.listeners.move");
}

static void listeners_rest(struct segment *seg) {
    _Atomic uint32_t *moves = &seg->header->listeners_moves;
    FAULT("reload.listeners.moved");
    atomic_store(moves, (atomic_load(moves) | 1) + 1);
    FAULT("reload.listeners.rest");
}

static bool open_new(struct segment *seg, const struct config *config, struct listener *opened[],
                     uint32_t *count, char *err, size_t err_size) {
    for (uint32_t i = 0; i < config->listen_count; i++) {
        if (find(seg, &config->listen[i]))
            continue;
        struct listener *l = unused(seg);
        if (!l) {
            snprintf(err, err_size, "listen: no descriptors for more than %u addresses at a time",
                     seg->header->master.addresses);
            return false;
        }
        bool beside = beside_ours(seg, &config->listen[i]);
        if (!listen_open(l, &config->listen[i], beside, err, err_size))
            return false;
        opened[(*count)++] = l;
        atomic_store(&l->state, LISTENER_SERVING);
    }
    return true;
}

/* By itself, or by an address that covers it: closing its queue would reset who waits in it, and
 * who connects to it is to be served. */
static bool still_configured(const struct config *config, const struct listener *l) {
    for (uint32_t i = 0; i < config->listen_count; i++) {
        if (is_for(l, &config->listen[i]) || listen_covers(&config->listen[i], &l->bound))
            return true;
    }
    return false;
}

bool reload_listeners(struct segment *seg, const struct config *config, char *err,
                      size_t err_size) {
    struct listener *opened[LISTEN_MAX];
    uint32_t count = 0;
    listeners_move(seg);
    bool all = open_new(seg, config, opened, &count, err, err_size);
    for (uint32_t i = 0; i < count && !all; i++) {
        atomic_store(&opened[i]->state, LISTENER_UNUSED);
        listen_close(opened[i]);
    }
    listeners_rest(seg);
    if (!all)
        return false;
    for (int i = 0; i < LISTENERS_MAX; i++) {
        struct listener *l = &seg->header->listeners[i];
        if (atomic_load(&l->state) == LISTENER_UNUSED)
            continue;
        char text[80];
        if (atomic_load(&l->state) == LISTENER_DRAINING && still_configured(config, l))
            atomic_store(&l->state, LISTENER_SERVING); /* wanted again before it was closed */
        if (atomic_load(&l->state) == LISTENER_SERVING && !still_configured(config, l)) {
            log_info("no longer listening on %s", listen_format(&l->bound, text));
            atomic_store(&l->state, LISTENER_DRAINING);
        }
    }
    return true;
}

static void finish(struct listener *l) {
    listen_close(l);
    FAULT("reload.drained");
    atomic_store(&l->state, LISTENER_UNUSED);
}

/* A close resets what waits in the queue: so only after the workers had time to take it. */
void reload_drained(struct segment *seg) {
    listeners_move(seg);
    for (int i = 0; i < LISTENERS_MAX; i++) {
        if (atomic_load(&seg->header->listeners[i].state) == LISTENER_DRAINING)
            finish(&seg->header->listeners[i]);
    }
    listeners_rest(seg);
}

void reload_take_up(struct segment *seg) {
    listeners_move(seg);
    for (int i = 0; i < LISTENERS_MAX; i++) {
        struct listener *l = &seg->header->listeners[i];
        uint32_t state = atomic_load(&l->state);
        if (state == LISTENER_UNUSED || (state == LISTENER_DRAINING && l->fd[0] < 0))
            finish(l);
    }
    listeners_rest(seg);
}

void reload_workers(struct segment *seg, uint32_t workers) {
    assert(workers >= 1 && workers <= WORKERS_MAX);
    if (getenv(PLAIN_FORK_ENV))
        workers = 1;
    struct segment_header *h = seg->header;
    for (uint32_t k = 0; k < WORKERS_MAX; k++) {
        atomic_store(&h->polled_by[k], (uint8_t)(k < workers ? k : k % workers));
        FAULT("reload.polled_by");
    }
    for (int i = 0; i < LISTENERS_MAX; i++) {
        struct listener *l = &h->listeners[i];
        if (atomic_load(&l->state) != LISTENER_SERVING)
            continue;
        for (uint32_t k = 0; k < workers; k++) {
            if (!listen_start(l, k))
                log_error_errno("listen for worker %u", k);
        }
    }
    if (workers > atomic_load(&h->slots_used))
        atomic_store(&h->slots_used, workers);
    atomic_store(&h->workers, workers);
    FAULT("reload.workers");
}
