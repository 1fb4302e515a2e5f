/* store_return.c - see store_return.h. */
#include "master/store_return.h"

#include "ipc/address.h"
#include "ipc/convert.h"
#include "ipc/decimal.h"
#include "ipc/fault.h"
#include "ipc/log.h"
#include "ipc/system.h"
#include "master/descriptors.h"
#include "master/listen.h"
#include "master/notify.h"
#include "master/process.h"
#include "master/remnant.h"
#include "master/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STORE_FIRST = 3 /* SD_LISTEN_FDS_START */, STORE_SPARE = 64 };

struct store_item {
    uint64_t cookie; /* 0: it is no socket */
    int fd;
    char name;   /* of store.h; others are none of ours */
    bool placed; /* a socket with a place: a client's under its number, a listener's in its row */
};

/* ---- what was handed over ---- */

/* The number of descriptors, if they are meant for this process. */
static uint32_t store_handed(void) {
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    uint32_t count = 0, number = 0;
    bool ours = pid && fds && decimal_parse(pid, INT32_MAX, &number) && (pid_t)number == getpid() &&
                decimal_parse(fds, INT32_MAX, &count);
    return ours ? count : 0;
}

/* The first letter of the list's next name, if it is one of store.h; 0: it is another's. */
static char store_name(const char **names) {
    const char *name = *names;
    size_t len = name ? strcspn(name, ":") : 0;
    if (name)
        *names = name[len] == ':' ? name + len + 1 : NULL;
    bool segment = len > 1 && name[0] == 's' && strspn(name + 1, "0123456789abcdef") == len - 1;
    bool socket = len == 1 && (name[0] == 'l' || name[0] == 'c');
    return segment || socket ? name[0] : 0;
}

static int store_order(const void *a, const void *b) {
    const struct store_item *x = a, *y = b;
    return x->cookie < y->cookie ? -1 : x->cookie > y->cookie;
}

static bool store_list(struct store_returned *got, uint32_t count) {
    const char *names = getenv("LISTEN_FDNAMES");
    got->item = calloc(count, sizeof *got->item);
    if (!got->item)
        return false;
    bool any = false;
    for (uint32_t i = 0; i < count; i++) {
        struct store_item *item = &got->item[i];
        item->fd = STORE_FIRST + (int)i;
        item->name = store_name(&names);
        item->cookie = item->name == 's' ? 0 : socket_cookie(item->fd);
        any |= item->name != 0;
    }
    got->count = count;
    qsort(got->item, count, sizeof *got->item, store_order);
    return any;
}

static void store_free(struct store_returned *got) {
    free(got->item);
    free(got->at);
    got->item = NULL;
    got->at = NULL;
    got->count = 0;
}

bool store_returned(struct store_returned *got) {
    uint32_t count = store_handed();
    memset(got, 0, sizeof *got);
    bool any = count > 0 && store_list(got, count);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    unsetenv("LISTEN_PIDFDID"); /* systemd 257 */
    if (any)
        return true;
    for (uint32_t i = 0; i < count; i++)
        close(STORE_FIRST + (int)i);
    store_free(got);
    return false;
}

/* ---- the segment ---- */

/* False with a sentence: it has come back in vain. */
static bool store_may_return(uint32_t unserved, char *err, size_t err_size) {
    uint32_t deaths = unserved % STORE_FAILURE, failures = unserved / STORE_FAILURE;
    if (unserved == UNSERVED_SUPERSEDED)
        snprintf(err, err_size, "shared memory: an upgrade went on in another one");
    else if (deaths >= STORE_TRIES || failures >= STORE_FAILURES)
        snprintf(err, err_size, "it came back %u times, and the server never became ready",
                 deaths + failures);
    return deaths < STORE_TRIES && failures < STORE_FAILURES;
}

/* Counts another return, before anything that the segment holds is believed: whatever the reason
 * that this process dies in it, there is an end.  A file that is none of ours is not written to.
 * False: it has come back in vain. */
static bool store_count(int fd, char *err, size_t err_size) {
    struct segment_header *h = mmap(NULL, sizeof *h, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (h == MAP_FAILED) {
        snprintf(err, err_size, "shared memory: mmap: %s", strerror(errno));
        return false;
    }
    uint32_t before = atomic_load(&h->unserved);
    bool counts = h->magic == SEGMENT_MAGIC && store_may_return(before, err, err_size);
    FAULT("store.unserved.before");
    if (counts)
        atomic_store(&h->unserved, before + 1);
    FAULT("store.unserved.after");
    munmap(h, sizeof *h);
    return counts;
}

void store_failed(struct segment *seg) {
    atomic_fetch_add(&seg->header->unserved, STORE_FAILURE - 1); /* it was counted as a death */
}

/* Large enough to be counted on. */
static bool store_is_segment(int fd) {
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
           (size_t)st.st_size >= sizeof(struct segment_header);
}

/* One that was converted takes the place of the old one, in the store too: that is out of date as
 * soon as a process serves. */
static void store_renew(const struct store_item *item, struct segment *seg) {
    if (seg->fd == item->fd)
        return;
    log_info("the segment that came back has another layout; it is converted");
    FAULT("store.renew.before");
    if (store_keep_segment(seg->fd, NOTIFY_WAIT_MS))
        store_drop_segment(item->fd);
    FAULT("store.renew.after");
    dup2(seg->fd, item->fd);
    close(seg->fd);
    seg->fd = item->fd;
}

/* The segment's descriptor becomes the view's.  NULL with a sentence. */
static struct store_item *store_open(struct store_returned *got, struct segment *seg, char *err,
                                     size_t err_size) {
    snprintf(err, err_size, "shared memory: there is none of a chatroom's");
    for (uint32_t i = 0; i < got->count; i++) {
        struct store_item *item = &got->item[i];
        if (item->name != 's' || !store_is_segment(item->fd))
            continue;
        item->placed = store_count(item->fd, err, err_size) &&
                       segment_adopt(seg, item->fd, NULL, err, err_size) == 0;
        if (item->placed) {
            store_renew(item, seg);
            return item;
        }
    }
    return NULL;
}

/* ---- numbers ---- */

static uint32_t store_high(const struct segment *seg) {
    uint32_t high = atomic_load(&seg->header->fd_high);
    return high < seg->clients.len ? high : seg->clients.len - 1;
}

/* What is under each number that a client has, or an item, or an item that gave way: these are at
 * most as many as the items. */
static bool store_map(struct store_returned *got, const struct segment *seg) {
    int high = (int)store_high(seg);
    got->len = high + 2 * (int)got->count + STORE_SPARE;
    got->at = malloc((size_t)got->len * sizeof *got->at);
    if (!got->at)
        return false;
    memset(got->at, 0xff, (size_t)got->len * sizeof *got->at);
    for (uint32_t i = 0; i < got->count; i++)
        got->at[got->item[i].fd] = (int)i;
    return true;
}

/* The number becomes a copy of `fd`.  An item that is under it moves to a free one first, which may
 * be another client's: then it moves again.  False with errno. */
static bool store_put(struct store_returned *got, int fd, int number) {
    int i = got->at[number];
    if (i >= 0) {
        int free_one = fcntl(number, F_DUPFD, STORE_FIRST);
        if (free_one < 0 || free_one >= got->len)
            return false;
        got->at[number] = -1;
        got->at[free_one] = i;
        got->item[i].fd = free_one;
    }
    return dup2(fd, number) == number;
}

static bool store_move(struct store_returned *got, struct store_item *item, int number) {
    int from = item->fd;
    if (from != number && !store_put(got, from, number))
        return false;
    if (from != number)
        close(from);
    got->at[from] = got->at[number] = -1; /* nothing moves it again */
    item->fd = number;
    item->placed = true;
    return true;
}

/* NULL: no socket with that cookie came back, or none of that kind. */
static struct store_item *store_find(const struct store_returned *got, uint64_t cookie, char name) {
    const struct store_item key = {.cookie = cookie};
    struct store_item *item =
        cookie ? bsearch(&key, got->item, got->count, sizeof key, store_order) : NULL;
    return item && item->name == name ? item : NULL;
}

/* ---- clients ---- */

/* An unconnected socket in place of the client's.  False with errno. */
static bool store_hold(struct store_returned *got, struct client *c, int number) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    bool held = fd == number || (fd >= 0 && store_put(got, fd, number));
    if (held)
        atomic_store(&c->cookie, socket_cookie(number));
    if (fd >= 0 && fd != number)
        close(fd);
    got->gone++;
    return held;
}

/* Two records may name one socket: a takeover was under way (worker/command/takeover.h). */
static bool store_client(struct store_returned *got, struct client *c, int number) {
    struct store_item *item = store_find(got, atomic_load(&c->cookie), 'c');
    if (!item)
        return store_hold(got, c, number);
    if (item->placed)
        return store_put(got, item->fd, number);
    got->clients++;
    return store_move(got, item, number);
}

/* A number beyond the limit of descriptors is given to no new connection either. */
static void store_clients(struct store_returned *got, struct segment *seg) {
    uint32_t high = store_high(seg);
    for (uint32_t fd = STORE_FIRST; fd <= high && segment_has_client(seg, fd); fd++) {
        struct client *c = &seg->clients.at[fd];
        if (client_state(client_word(c)) >= CLIENT_LIVE && !store_client(got, c, (int)fd))
            log_warn_errno("client %u: its descriptor cannot be restored", fd);
    }
}

/* ---- listeners ---- */

/* An address that was about to be given up is not served again. */
static void store_listener(struct store_returned *got, struct listener *l) {
    bool serves = atomic_load(&l->state) == LISTENER_SERVING;
    if (!serves)
        atomic_store(&l->state, LISTENER_UNUSED);
    for (uint32_t slot = 0; slot < WORKERS_MAX; slot++) {
        struct store_item *item = serves ? store_find(got, l->cookie[slot], 'l') : NULL;
        l->fd[slot] = item ? item->fd : -1;
        atomic_store(&l->listening[slot], item != NULL);
        if (item)
            item->placed = true;
        else
            l->cookie[slot] = 0;
    }
}

static void store_listeners_return(struct store_returned *got, struct segment *seg) {
    for (int i = 0; i < LISTENERS_MAX; i++)
        store_listener(got, &seg->header->listeners[i]);
}

/* What has no place is ended, so that the manager drops its copy, too. */
static void store_end(struct store_returned *got) {
    for (uint32_t i = 0; i < got->count; i++) {
        const struct store_item *item = &got->item[i];
        if (item->placed)
            continue;
        if (item->name == 'c' || item->name == 'l')
            shutdown(item->fd, SHUT_RDWR);
        if (item->name == 's')
            store_drop_segment(item->fd);
        close(item->fd);
    }
    store_free(got);
}

/* ---- what the dead processes left in the segment ---- */

static void store_clear_slots(struct segment *seg) {
    process_reap_all(seg);
    if (gate_owner(seg->gate) != 0)
        gate_repair(seg->gate, gate_owner(seg->gate));
    for (uint32_t i = 0; i < SLOT_COUNT; i++) {
        struct slot *slot = &seg->slots[i];
        slot->epoll_fd = slot->bell_fd = -1;
        atomic_store(&slot->entry, 0);
        atomic_store(&slot->pid, 0);
        atomic_store(&slot->pidfd, -1);
        atomic_store(&slot->reaper, 0);
        atomic_store(&slot->cause, 0);
        atomic_store(&slot->deaths, 0);
        atomic_store(&slot->asleep, 0);
        atomic_store(&slot->at_gate, 0);
        atomic_store(&slot->clients, 0); /* a worker counts anew; an unused slot has none */
    }
}

static void store_clear_master(struct master_state *state) {
    state->log_fd = state->pid_fd_file = state->pid_fd_next = state->binary_fd = -1;
    state->signal_fd = state->watchdog_fd = -1;
    state->listen_lock = 0;
    state->reloading = 0;
}

static void store_clear_requests(struct request *rows) {
    for (int i = 0; i < REQUESTS; i++) {
        atomic_store(&rows[i].state, REQUEST_FREE);
        atomic_store(&rows[i].id, 0);
    }
}

/* What was asked of the dead processes is not done by this one: their end may be what was asked. */
static void store_clear(struct segment *seg) {
    struct segment_header *h = seg->header;
    store_clear_slots(seg);
    store_clear_master(&h->master);
    store_clear_requests(seg->requests);
    for (int i = 0; i < 2; i++) {
        atomic_store(&h->control[i].fd, -1);
        h->transcript.fd[i] = -1;
    }
    h->view_fd = -1;
    atomic_store(&h->listeners_moves, (atomic_load(&h->listeners_moves) | 1) + 1);
    atomic_store(&h->relay.link, RELAY_DOWN);
    atomic_store(&h->shutdown, 0);
    atomic_store(&h->workers, 0);
    atomic_store(&h->ready, 0);
    atomic_store(&h->orders, 0);
    atomic_store(&h->doing, 0);
    atomic_store(&h->execute, 0);
    atomic_store(&h->standby, 0);
    h->pid_namespace = system_pid_namespace();
    FAULT("store.clear.after");
}

/* ---- all of it ---- */

bool store_alone(const struct store_returned *got, char *err, size_t err_size) {
    bool alone = true;
    for (uint32_t i = 0; i < got->count && alone; i++)
        alone = got->item[i].name != 's' || remnant_kill(got->item[i].fd, err, err_size);
    return alone;
}

bool store_take(struct store_returned *got, struct segment *seg, char *err, size_t err_size) {
    struct store_item *item = store_open(got, seg, err, err_size);
    if (item && !store_map(got, seg)) {
        snprintf(err, err_size, "out of memory");
        segment_close(seg);
        item = NULL;
    }
    if (item) {
        descriptors_restore(seg->clients.len);
        store_clients(got, seg);
        seg->fd = item->fd;
        store_listeners_return(got, seg);
        store_clear(seg);
    }
    store_end(got);
    got->taken = item != NULL;
    return got->taken;
}
