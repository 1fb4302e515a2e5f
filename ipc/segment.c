/* segment.c - making, mapping and checking the segment; see segment.h. */
#include "ipc/segment.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "ipc/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    PAGE = 4096,
    TX_BUFFERS_MIN = 256,
    IGNORE_MORE_MIN = 64,
    LEDGER_MIN = 1024,
    SIDE_MIN = 65536
};

struct parts {
    size_t gate, room, ledger, slots, clients, name_row[2], names, origins, correspondents;
    size_t rx_owner, tx_owner, rx_buffers, tx_buffers;
    size_t ignore_lists, ignore_owner, ignore_more;
    size_t ring[RING_COUNT];
    size_t size;
};

static size_t segment_page_up(size_t n) {
    return (n + PAGE - 1) & ~(size_t)(PAGE - 1);
}

static size_t segment_take(size_t *at, size_t bytes) {
    size_t here = *at;
    *at = segment_page_up(here + bytes);
    return here;
}

static struct parts segment_parts(const struct geometry *g) {
    struct parts l;
    size_t at = segment_page_up(sizeof(struct segment_header));
    l.gate = segment_take(&at, sizeof(struct gate));
    l.room = segment_take(&at, sizeof(struct room_shared));
    l.slots = segment_take(&at, sizeof(struct slot) * SLOT_COUNT);
    l.ledger = segment_take(&at, sizeof(struct entry) * g->ledger_len);
    l.clients = segment_take(&at, sizeof(struct client) * g->clients_len);
    for (int row = 0; row < 2; row++)
        l.name_row[row] = segment_take(&at, sizeof(struct client_name) * g->clients_len);
    l.names = segment_take(&at, sizeof(struct name_entry) * g->names_len);
    l.origins = segment_take(&at, sizeof(struct origin) * ORIGIN_ROWS * g->origins_len);
    l.correspondents = segment_take(&at, sizeof(struct correspondent) * g->clients_len);
    l.rx_owner = segment_take(&at, sizeof(uint64_t) * (g->rx_buffers + 1ul));
    l.tx_owner = segment_take(&at, sizeof(uint64_t) * (g->tx_buffers + 1ul));
    l.rx_buffers = segment_take(&at, sizeof(struct rx_buffer) * g->rx_buffers);
    l.tx_buffers = segment_take(&at, sizeof(struct tx_buffer) * g->tx_buffers);
    l.ignore_lists = segment_take(&at, sizeof(struct ignore_list) * g->clients_len);
    l.ignore_owner = segment_take(&at, sizeof(uint64_t) * (g->ignore_more + 1ul));
    l.ignore_more = segment_take(&at, sizeof(struct ignore_more) * g->ignore_more);
    for (int e = 0; e < RING_COUNT; e++)
        l.ring[e] = segment_take(&at, e == RING_SIDE ? g->side_size : g->ring_size);
    l.size = at;
    return l;
}

void segment_geometry(struct geometry *g, const struct config *config, uint32_t descriptors) {
    memset(g, 0, sizeof *g);
    g->ring_size = config->ring_size;
    g->side_size = config->ring_size / 4 > SIDE_MIN ? config->ring_size / 4 : SIDE_MIN;
    g->ledger_len = config->ring_size / 64 > LEDGER_MIN ? config->ring_size / 64 : LEDGER_MIN;
    g->max_clients = config->max_clients;
    g->clients_len = descriptors;
    g->rx_buffers = config->max_clients + 64; /* for clients that are refused: the room is full */
    g->tx_buffers = config->max_clients / 8 + TX_BUFFERS_MIN;
    g->ignore_more = config->max_clients / 16 + IGNORE_MORE_MIN;
    g->names_len = 2 * (config->max_clients + config->max_clients / 8 + 64); /* two keys a name */
    g->origins_len = origin_table_len(config->max_clients);
}

size_t segment_size(const struct geometry *geometry) {
    return segment_parts(geometry).size;
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

static struct buffer_pool segment_pool(uint8_t *owner, uint8_t *data, uint32_t size,
                                       uint32_t count) {
    struct buffer_pool pool = {.size = size, .count = count};
    pool.owner = (_Atomic uint64_t *)(void *)owner;
    pool.data = data;
    return pool;
}

static int segment_map(struct segment *s, const struct geometry *g) {
    struct parts l = segment_parts(g);
    size_t plain = l.ring[0]; /* the rings come last and are mapped by themselves */
    uint8_t *base = mmap(NULL, plain, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
    if (base == MAP_FAILED)
        return -1;
    madvise(base, plain, MADV_DONTDUMP);
    s->size = l.size;
    s->header = (struct segment_header *)base;
    s->gate = (struct gate *)(base + l.gate);
    s->slots = (struct slot *)(base + l.slots);
    s->clients = (struct client_table){.at = (struct client *)(base + l.clients),
                                       .name = {(struct client_name *)(base + l.name_row[0]),
                                                (struct client_name *)(base + l.name_row[1])},
                                       .len = g->clients_len};
    s->names = (struct name_table){(struct name_entry *)(base + l.names), g->names_len};
    s->origins = (struct origin_table){(struct origin *)(base + l.origins), g->origins_len,
                                       s->header->name_key};
    s->correspondents = (struct correspondent *)(base + l.correspondents);
    s->rx_buffers = segment_pool(base + l.rx_owner, base + l.rx_buffers, sizeof(struct rx_buffer),
                                 g->rx_buffers);
    s->tx_buffers = segment_pool(base + l.tx_owner, base + l.tx_buffers, sizeof(struct tx_buffer),
                                 g->tx_buffers);
    s->ignore_lists = (struct ignore_list *)(base + l.ignore_lists);
    s->ignore_more = segment_pool(base + l.ignore_owner, base + l.ignore_more,
                                  sizeof(struct ignore_more), g->ignore_more);
    s->room = (struct room){.shared = (struct room_shared *)(base + l.room),
                            .ledger = (struct entry *)(base + l.ledger),
                            .ledger_len = g->ledger_len,
                            .slots = s->slots,
                            .slot_count = WORKERS_MAX};
    for (int e = 0; e < RING_COUNT; e++) {
        s->room.ring_size[e] = e == RING_SIDE ? g->side_size : g->ring_size;
        if (segment_map_ring(s, &l, e) != 0)
            return -1;
    }
    return 0;
}

static int segment_open_unnamed(void) {
    for (int tries = 0; tries < 16; tries++) {
        uint64_t random;
        if (getrandom(&random, sizeof random, 0) != sizeof random)
            return -1;
        char name[64];
        snprintf(name, sizeof name, "/chatroom-%016llx", (unsigned long long)random);
        int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
        if (fd >= 0) {
            shm_unlink(name);
            fcntl(fd, F_SETFD, 0); /* an upgrade's execve keeps it */
            return fd;
        }
        if (errno != EEXIST)
            return -1;
    }
    return -1;
}

static int segment_fail(struct segment *s, char *err, size_t err_size, const char *what,
                        int error) {
    snprintf(err, err_size, "shared memory: %s: %s", what, strerror(error));
    segment_close(s);
    return -1;
}

/* Reserves the object's memory.  tmpfs obeys RLIMIT_FSIZE, which is meant for files on a disk: the
 * soft limit is lifted meanwhile.  0 or an errno. */
static int segment_reserve(int fd, size_t size) {
    struct rlimit limit, lifted;
    int error;
    bool limited = getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < size;
    if (limited) {
        lifted = limit;
        lifted.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_FSIZE, &lifted);
    }
    do
        error = posix_fallocate(fd, 0, (off_t)size);
    while (error == EINTR);
    if (limited)
        setrlimit(RLIMIT_FSIZE, &limit);
    return error;
}

int segment_create(struct segment *s, const struct geometry *g, const struct config *config,
                   char *err, size_t err_size) {
    memset(s, 0, sizeof *s);
    s->fd = segment_open_unnamed();
    if (s->fd < 0)
        return segment_fail(s, err, err_size, "shm_open", errno);
    size_t size = segment_size(g);
    int error = segment_reserve(s->fd, size);
    if (error != 0) {
        char what[128];
        snprintf(what, sizeof what, "cannot reserve %zu MB for ring_size and max_clients%s",
                 (size >> 20) + 1, error == EFBIG ? " (RLIMIT_FSIZE, ulimit -f)" : "");
        return segment_fail(s, err, err_size, what, error);
    }
    if (segment_map(s, g) != 0)
        return segment_fail(s, err, err_size, "mmap", errno);

    struct segment_header *h = s->header;
    h->layout = layout_number();
    h->header_size = sizeof *h;
    h->geometry = *g;
    h->epoch_ms = clock_ms();
    h->epoch_realtime_s = time(NULL);
    if (getrandom(h->name_key, sizeof h->name_key, 0) != sizeof h->name_key)
        return segment_fail(s, err, err_size, "getrandom", errno);
    atomic_init(&h->next_incarnation, 1);
    for (int i = 0; i < WORKERS_MAX; i++)
        atomic_init(&h->polled_by[i], (uint8_t)i);
    for (int i = 0; i < LISTENERS_MAX; i++)
        memset(h->listeners[i].fd, 0xff, sizeof h->listeners[i].fd);
    for (int i = 0; i < SLOT_COUNT; i++) {
        s->slots[i].epoll_fd = s->slots[i].bell_fd = -1;
        atomic_init(&s->slots[i].pidfd, -1);
    }
    if (!gate_init(s->gate))
        return segment_fail(s, err, err_size, "sem_init", errno);
    room_init(&s->room);
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

void segment_close(struct segment *s) {
    for (int e = 0; e < RING_COUNT; e++) {
        if (s->room.ring[e])
            munmap(s->room.ring[e], 2 * s->room.ring_size[e]);
    }
    if (s->header) {
        struct parts l = segment_parts(&s->header->geometry);
        munmap(s->header, l.ring[0]);
    }
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
    return (uint32_t)((clock_ms() - s->header->epoch_ms) / 10);
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
