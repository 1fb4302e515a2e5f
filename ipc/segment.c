/* segment.c - making, mapping and checking the segment; see segment.h. */
#include "ipc/segment.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "ipc/layout.h"
#include "ipc/log.h"
#include "ipc/parts.h"
#include "ipc/shared_object.h"
#include "ipc/system.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LEDGER_MIN = 1024, SIDE_MIN = 65536 };

void segment_geometry(struct geometry *g, const struct config *config, uint32_t descriptors) {
    memset(g, 0, sizeof *g);
    g->ring_size = config->ring_size;
    g->side_size = config->ring_size / 4 > SIDE_MIN ? config->ring_size / 4 : SIDE_MIN;
    g->ledger_len = config->ring_size / 64 > LEDGER_MIN ? config->ring_size / 64 : LEDGER_MIN;
    g->max_clients = config->max_clients;
    g->clients_len = (descriptors + PARTS_CLIENTS - 1) / PARTS_CLIENTS * PARTS_CLIENTS;
    g->remote_len = config->max_clients;
    g->rx_buffers = config->max_clients + 64; /* beyond max_clients: for tools, web */
    g->tx_buffers = config->max_clients / TX_CLIENTS + TX_BUFFERS_MIN;
    g->ignore_more = config->max_clients / IGNORE_MORE_CLIENTS + IGNORE_MORE_MIN;
    uint32_t names = config->max_clients + config->max_clients / 8 + 64;
    g->names_len = 3 * names; /* two keys a name, and one for a name of another machine */
    g->origins_len = origin_table_len(config->max_clients);
}

size_t segment_size(const struct geometry *geometry) {
    return parts_of(geometry).size;
}

/* Every ring twice in a row, so that a span that passes its end continues in the second mapping. */
static int segment_map_ring(struct segment *s, const struct parts *l, int e) {
    size_t size = s->room.ring_size[e];
    uint8_t *base = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return -1;
    for (int half = 0; half < 2; half++) {
        if (mmap(base + (size_t)half * size, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                 s->fd, (off_t)l->ring[e]) == MAP_FAILED)
            return -1;
    }
    madvise(base, 2 * size, MADV_DONTDUMP);
    s->room.ring[e] = base;
    return 0;
}

static struct buffer_pool segment_pool(const struct segment *s, const struct parts *l,
                                       enum grown which) {
    uint8_t *base = (uint8_t *)s->header;
    return (struct buffer_pool){
        .owner = (_Atomic uint64_t *)(void *)(base + l->grown[which + 1].at),
        .data = base + l->grown[which].at,
        .size = (uint32_t)l->grown[which].size,
        .count = l->grown[which].growth.most,
        .growth = l->grown[which].growth,
        .steps = &s->header->steps,
    };
}

static void segment_place(struct segment *s, const struct parts *l, const struct geometry *g) {
    uint8_t *base = (uint8_t *)s->header;
    s->gate = (struct gate *)(base + l->gate);
    s->slots = (struct slot *)(base + l->slots);
    s->clients = (struct client_table){
        .at = (struct client *)(base + l->grown[GROWN_CLIENTS].at),
        .name = {(struct client_name *)(base + l->grown[GROWN_NAMES].at),
                 (struct client_name *)(base + l->grown[GROWN_NAMES_SECOND].at)},
        .remote_name = {(struct remote_name *)(base + l->grown[GROWN_REMOTE_NAMES].at),
                        (struct remote_name *)(base + l->grown[GROWN_REMOTE_NAMES_SECOND].at)},
        .len = g->clients_len,
        .remote_len = g->remote_len,
        .rows = g->clients_len + g->remote_len};
    s->names = (struct name_table){(struct name_entry *)(base + l->names), g->names_len};
    s->origins = (struct origin_table){(struct origin *)(base + l->origins), g->origins_len,
                                       s->header->name_key};
    s->requests = (struct request *)(base + l->requests);
    s->restrictions = (struct restrictions *)(base + l->restrictions);
    s->pages = (struct web_pages *)(base + l->pages);
    s->correspondents = (struct correspondent *)(base + l->grown[GROWN_CORRESPONDENTS].at);
    s->ignore_lists = (struct ignore_list *)(base + l->grown[GROWN_IGNORE_LISTS].at);
    s->rx_buffers = segment_pool(s, l, GROWN_RX);
    s->tx_buffers = segment_pool(s, l, GROWN_TX);
    s->ignore_more = segment_pool(s, l, GROWN_MORE);
    s->room = (struct room){.shared = (struct room_shared *)(base + l->room),
                            .ledger = (struct entry *)(base + l->ledger),
                            .ledger_len = g->ledger_len,
                            .side_end = (uint64_t *)(void *)(base + l->side_ends),
                            .slots = s->slots,
                            .slot_count = ROOM_SLOTS};
}

/* All but the rings, which come last. */
static int segment_map_base(struct segment *s, const struct geometry *g, int access) {
    struct parts l = parts_of(g);
    uint8_t *base = mmap(NULL, l.ring[0], access, MAP_SHARED, s->fd, 0);
    if (base == MAP_FAILED)
        return -1;
    madvise(base, l.ring[0], MADV_DONTDUMP);
    s->size = l.size;
    s->base_size = l.ring[0];
    s->header = (struct segment_header *)base;
    segment_place(s, &l, g);
    for (int e = 0; e < RING_COUNT; e++)
        s->room.ring_size[e] = parts_ring_size(g, e);
    return 0;
}

static int segment_map(struct segment *s, const struct geometry *g) {
    struct parts l = parts_of(g);
    if (segment_map_base(s, g, PROT_READ | PROT_WRITE) != 0)
        return -1;
    for (int e = 0; e < RING_COUNT; e++) {
        if (segment_map_ring(s, &l, e) != 0)
            return -1;
    }
    return 0;
}

static int segment_fail(struct segment *s, char *err, size_t err_size, const char *what,
                        int error) {
    snprintf(err, err_size, "shared memory: %s: %s", what, strerror(error));
    segment_close(s);
    return -1;
}

/* ---- reserving ---- */

/* Whole pages: one that two steps share belongs to the earlier one.  Of tables [from, to). */
static int segment_reserve_step(int fd, const struct parts *l, int from, int to, uint32_t steps) {
    int error = 0;
    for (int i = from; i < to && error == 0; i++) {
        const struct growth *growth = &l->grown[i].growth;
        size_t size = l->grown[i].size, at = l->grown[i].at;
        size_t begin = at + parts_page_up(size * growth_at(growth, steps));
        size_t end = at + parts_page_up(size * growth_at(growth, steps + 1));
        if (begin < end)
            error = shared_object_reserve(fd, begin, end - begin);
    }
    return error;
}

int segment_grow(struct segment *s, uint32_t fd) {
    while (!segment_has_client(s, fd)) {
        uint32_t steps = atomic_load_explicit(&s->header->steps, memory_order_relaxed);
        struct parts l = parts_of(&s->header->geometry);
        FAULT("segment.grow.before");
        int error = segment_reserve_step(s->fd, &l, 0, GROWN_OWN, steps);
        if (error != 0)
            return error;
        FAULT("segment.grow.reserved");
        atomic_store_explicit(&s->header->steps, steps + 1, memory_order_release);
        FAULT("segment.grow.after");
    }
    return 0;
}

int segment_grow_remote(struct segment *s, uint32_t row) {
    while (!segment_has_client(s, row)) {
        uint32_t steps = atomic_load_explicit(&s->header->remote_steps, memory_order_relaxed);
        struct parts l = parts_of(&s->header->geometry);
        FAULT("segment.grow_remote.before");
        int error = segment_reserve_step(s->fd, &l, GROWN_OWN, GROWN_TABLES, steps);
        if (error != 0)
            return error;
        FAULT("segment.grow_remote.reserved");
        atomic_store_explicit(&s->header->remote_steps, steps + 1, memory_order_release);
        FAULT("segment.grow_remote.after");
    }
    return 0;
}

static size_t segment_reserved_by(const struct geometry *g, uint32_t steps, uint32_t remote_steps) {
    struct parts l = parts_of(g);
    size_t sum = l.fixed + l.size - l.ring[0];
    for (int i = 0; i < GROWN_TABLES; i++)
        sum += parts_page_up(l.grown[i].size *
                             growth_at(&l.grown[i].growth, i < GROWN_OWN ? steps : remote_steps));
    return sum;
}

size_t segment_reserved(const struct segment *s) {
    const struct segment_header *h = s->header;
    return segment_reserved_by(&h->geometry, atomic_load_explicit(&h->steps, memory_order_relaxed),
                               atomic_load_explicit(&h->remote_steps, memory_order_relaxed));
}

/* What is reserved at the start, with the first step.  A descriptor, or -1 with errno. */
static int segment_make_object(enum shared_object_kind kind, const struct parts *l) {
    int fd = shared_object_make(kind, l->size);
    if (fd < 0)
        return -1;
    int error = shared_object_reserve(fd, 0, l->fixed);
    if (error == 0)
        error = shared_object_reserve(fd, l->ring[0], l->size - l->ring[0]);
    if (error == 0)
        error = segment_reserve_step(fd, l, 0, GROWN_OWN, 0);
    if (error == 0)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

/* The object, in /dev/shm or else as a memfd.  A tmpfs obeys RLIMIT_FSIZE, which is meant for files
 * on a disk: the soft limit is lifted meanwhile. */
static int segment_make_memory(const struct parts *l) {
    struct rlimit limit, lifted;
    bool limited = getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < l->size;
    if (limited) {
        lifted = limit;
        lifted.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_FSIZE, &lifted);
    }
    char shm[128];
    enum shared_object_kind kind = shared_object_choose(l->size);
    if (kind == SHARED_OBJECT_MEMFD)
        log_debug("%s: the shared memory is a memfd", shared_object_shm(l->size, shm, sizeof shm));
    int fd = segment_make_object(kind, l);
    if (fd < 0)
        fd = segment_make_object(
            kind == SHARED_OBJECT_SHM ? SHARED_OBJECT_MEMFD : SHARED_OBJECT_SHM, l);
    int error = errno;
    if (limited)
        setrlimit(RLIMIT_FSIZE, &limit);
    errno = error;
    return fd;
}

/* What was wanted, what stood in the way, and what to do. */
static int segment_no_memory(struct segment *s, const struct parts *l, char *err, size_t err_size,
                             int error) {
    char what[256], shm[128];
    size_t start = l->fixed + l->size - l->ring[0];
    snprintf(what, sizeof what, "cannot reserve %zu MB for ring_size and max_clients%s",
             (start >> 20) + 1, error == EFBIG ? " (RLIMIT_FSIZE, ulimit -f)" : "");
    segment_fail(s, err, err_size, what, error);
    size_t len = strlen(err);
    if (error != EFBIG)
        snprintf(err + len, err_size - len,
                 "; %s: lower ring_size or max_clients, or give more memory",
                 shared_object_shm(l->size, shm, sizeof shm));
    return -1;
}

/* By what other programs know it. */
static void segment_describe(struct segment_header *h, const struct parts *l) {
    struct layout own = layout_own();
    h->layout = layout_number();
    h->header_size = sizeof *h;
    h->rows = (uint32_t)own.count;
    h->rows_at = (uint32_t)l->rows;
    memcpy((uint8_t *)h + l->rows, own.row, own.count * sizeof *own.row);
}

/* No descriptor is open; each slot polls its own listeners. */
static void segment_open_nothing(struct segment *s) {
    struct segment_header *h = s->header;
    for (int i = 0; i < WORKERS_MAX; i++)
        atomic_init(&h->polled_by[i], (uint8_t)i);
    for (int i = 0; i < LISTENERS_MAX; i++)
        memset(h->listeners[i].fd, 0xff, sizeof h->listeners[i].fd);
    for (int i = 0; i < 2; i++)
        atomic_init(&h->control[i].fd, -1);
    for (int i = 0; i < SLOT_COUNT; i++) {
        s->slots[i].epoll_fd = s->slots[i].bell_fd = -1;
        atomic_init(&s->slots[i].pidfd, -1);
    }
    h->transcript.fd[0] = h->transcript.fd[1] = -1;
    h->view_fd = -1;
}

int segment_create(struct segment *s, const struct geometry *g, const struct config *config,
                   char *err, size_t err_size) {
    memset(s, 0, sizeof *s);
    struct parts l = parts_of(g);
    s->fd = segment_make_memory(&l);
    if (s->fd < 0)
        return segment_no_memory(s, &l, err, err_size, errno);
    if (segment_map(s, g) != 0)
        return segment_fail(s, err, err_size, "mmap", errno);

    struct segment_header *h = s->header;
    segment_describe(h, &l);
    h->geometry = *g;
    atomic_init(&h->steps, 1);
    h->epoch_ms = clock_ms();
    h->epoch_boot_ms = clock_boot_ms();
    h->pid_namespace = system_pid_namespace();
    if (getrandom(h->name_key, sizeof h->name_key, 0) != sizeof h->name_key ||
        getrandom(h->token_key, sizeof h->token_key, 0) != sizeof h->token_key)
        return segment_fail(s, err, err_size, "getrandom", errno);
    atomic_init(&h->next_incarnation, 1);
    segment_open_nothing(s);
    if (!gate_init(s->gate))
        return segment_fail(s, err, err_size, "sem_init", errno);
    room_init(&s->room);
    if (getrandom(&s->room.shared->epoch, sizeof(uint64_t), 0) != sizeof(uint64_t))
        return segment_fail(s, err, err_size, "getrandom", errno);
    segment_publish_config(s, config);
    h->magic = SEGMENT_MAGIC;
    return 0;
}

int segment_open(struct segment *s, int fd, char *err, size_t err_size) {
    memset(s, 0, sizeof *s);
    s->fd = -1; /* remains the caller's if this fails */
    struct stat st;
    struct segment_header *h;
    if (fstat(fd, &st) != 0)
        return segment_fail(s, err, err_size, "fstat", errno);
    if ((size_t)st.st_size < sizeof *h)
        return segment_fail(s, err, err_size, "too small to be a segment", EINVAL);
    h = mmap(NULL, sizeof *h, PROT_READ, MAP_SHARED, fd, 0);
    if (h == MAP_FAILED)
        return segment_fail(s, err, err_size, "mmap", errno);
    struct geometry g = h->geometry;
    bool same =
        h->magic == SEGMENT_MAGIC && h->layout == layout_number() && h->header_size == sizeof *h;
    unsigned layout = h->layout;
    munmap(h, sizeof *h);
    if (!same) {
        snprintf(err, err_size, "shared memory: its layout is %08x, this program's is %08x", layout,
                 layout_number());
        return -1;
    }
    if (!parts_sound(&g)) {
        snprintf(err, err_size, "shared memory: its geometry is damaged");
        return -1;
    }
    if (segment_size(&g) != (size_t)st.st_size) {
        snprintf(err, err_size, "shared memory: %zu bytes where its geometry wants %zu",
                 (size_t)st.st_size, segment_size(&g));
        return -1;
    }
    s->fd = fd;
    if (segment_map(s, &g) == 0)
        return 0;
    s->fd = -1;
    return segment_fail(s, err, err_size, "mmap", errno);
}

/* ---- reading from outside ---- */

/* A copy of the header's first fields, judged once: what the object says later is not believed. */
struct segment_claim {
    uint64_t magic;
    uint32_t layout, header_size, steps, remote_steps;
    struct geometry geometry;
};

/* NULL, or why there is none. */
static const char *segment_read_claim(int fd, struct segment_claim *claim) {
    struct stat st;
    if (fstat(fd, &st) != 0)
        return strerror(errno);
    if (!S_ISREG(st.st_mode) || (size_t)st.st_size < sizeof(struct segment_header))
        return "it is no chatroom's";
    struct segment_header *h = mmap(NULL, sizeof *h, PROT_READ, MAP_SHARED, fd, 0);
    if (h == MAP_FAILED)
        return strerror(errno);
    claim->magic = h->magic;
    claim->layout = h->layout;
    claim->header_size = h->header_size;
    claim->geometry = h->geometry;
    claim->steps = atomic_load_explicit(&h->steps, memory_order_acquire);
    claim->remote_steps = atomic_load_explicit(&h->remote_steps, memory_order_acquire);
    munmap(h, sizeof *h);
    return NULL;
}

/* NULL, or why it is not read.  The object's size comes after the claim: it only grows. */
static const char *segment_judge(int fd, const struct segment_claim *claim, bool *other_version) {
    struct stat st;
    *other_version = false;
    if (claim->magic != SEGMENT_MAGIC)
        return "it is no chatroom's";
    *other_version =
        claim->layout != layout_number() || claim->header_size != sizeof(struct segment_header);
    if (*other_version)
        return "its layout is another version's";
    if (fstat(fd, &st) != 0)
        return strerror(errno);
    if (!parts_sound(&claim->geometry) || segment_size(&claim->geometry) != (size_t)st.st_size)
        return "its size is not what its geometry wants";
    if (segment_reserved_by(&claim->geometry, claim->steps, claim->remote_steps) >
        (size_t)st.st_blocks * 512)
        return "its memory is not reserved";
    return NULL;
}

static const char *segment_map_view(struct segment *s, int fd, const struct geometry *g) {
    s->fd = fd;
    if (segment_map_base(s, g, PROT_READ) == 0)
        return NULL;
    s->fd = -1;
    return strerror(errno);
}

enum segment_viewed segment_view(struct segment *s, int fd, char *err, size_t err_size) {
    struct segment_claim claim = {0};
    bool other_version = false;
    memset(s, 0, sizeof *s);
    s->fd = -1;
    const char *why = segment_read_claim(fd, &claim);
    if (!why)
        why = segment_judge(fd, &claim, &other_version);
    if (!why)
        why = segment_map_view(s, fd, &claim.geometry);
    if (!why)
        return SEGMENT_VIEWED;
    snprintf(err, err_size, "shared memory: %s", why);
    return other_version ? SEGMENT_OTHER_VERSION : SEGMENT_UNREADABLE;
}

void segment_close(struct segment *s) {
    for (int e = 0; e < RING_COUNT; e++) {
        if (s->room.ring[e])
            munmap(s->room.ring[e], 2 * s->room.ring_size[e]);
    }
    if (s->header)
        munmap(s->header, s->base_size);
    if (s->fd >= 0)
        close(s->fd);
    memset(s, 0, sizeof *s);
    s->fd = -1;
}

void segment_publish_config(struct segment *s, const struct config *config) {
    uint64_t next = atomic_load_explicit(&s->header->config_version, memory_order_relaxed) + 1;
    s->header->config[next & 1] = *config;
    FAULT("segment.config.before");
    atomic_store_explicit(&s->header->config_version, next, memory_order_release);
    FAULT("segment.config.after");
}

/* A copy is overwritten only by the next publication but one; if that happened while it was being
 * read, it is read again. */
uint64_t segment_read_config(const struct segment *s, struct config *out) {
    for (;;) {
        uint64_t version = segment_config_version(s);
        *out = s->header->config[version & 1];
        atomic_thread_fence(memory_order_acquire);
        if (segment_config_version(s) == version)
            return version;
    }
}

uint64_t segment_incarnation(struct segment *s, uint32_t slot) {
    return atomic_fetch_add(&s->header->next_incarnation, 1) << 8 | slot;
}

uint64_t segment_us(const struct segment *s) {
    return (clock_ms() - s->header->epoch_ms) * 1000;
}

uint32_t segment_now(const struct segment *s) {
    return (uint32_t)(clock_ms() - s->header->epoch_ms);
}

uint32_t segment_ticks(const struct segment *s) {
    return (uint32_t)((clock_boot_ms() - s->header->epoch_boot_ms) / 10);
}

uint32_t segment_tenths(const struct segment *s) {
    return (uint32_t)((clock_ms() - s->header->epoch_ms) / 100);
}

uint32_t segment_connections(const struct segment *s) {
    uint32_t sum = 0;
    for (int i = 0; i < WORKERS_MAX; i++)
        sum += atomic_load_explicit(&s->slots[i].clients, memory_order_relaxed);
    return sum;
}
