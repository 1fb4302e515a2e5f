/* parts.c - see parts.h. */
#include "ipc/parts.h"

#include "ipc/client.h"

/* Rings are mapped one by one, so each lies at a page of whatever size the kernel has: on arm64
 * 16 or 64 kB as well. */
enum { PAGE = 4096, PAGE_MAX = 65536 };

static size_t parts_up(size_t bytes, size_t unit) {
    return (bytes + unit - 1) & ~(unit - 1);
}

size_t parts_page_up(size_t bytes) {
    return parts_up(bytes, PAGE);
}

static size_t parts_take(size_t *at, size_t bytes) {
    size_t here = *at;
    *at = parts_page_up(here + bytes);
    return here;
}

/* The grown tables: what each consists of.  "": owner words. */
static const char *const parts_types[GROWN_TABLES] = {
    [GROWN_CLIENTS] = "client",
    [GROWN_NAMES] = "client_name",
    [GROWN_NAMES_SECOND] = "client_name",
    [GROWN_CORRESPONDENTS] = "correspondent",
    [GROWN_IGNORE_LISTS] = "ignore_list",
    [GROWN_RX] = "rx_buffer",
    [GROWN_RX_OWNERS] = "",
    [GROWN_TX] = "tx_buffer",
    [GROWN_TX_OWNERS] = "",
    [GROWN_MORE] = "ignore_more",
    [GROWN_MORE_OWNERS] = "",
    [GROWN_REMOTE_CLIENTS] = "client",
    [GROWN_REMOTE_NAMES] = "remote_name",
    [GROWN_REMOTE_NAMES_SECOND] = "remote_name",
};

const char *parts_type(enum grown which) {
    return parts_types[which];
}

/* Where parts are laid out: by the sizes that their structs have in a layout. */
struct parts_at {
    const struct layout *layout;
    size_t at;
};

static size_t parts_take_structs(struct parts_at *p, const char *type, uint64_t times) {
    return parts_take(&p->at, layout_size(p->layout, type) * times);
}

static void parts_take_grown(struct parts *l, struct parts_at *p, enum grown which,
                             struct growth growth) {
    const char *type = parts_types[which];
    l->grown[which].size = type[0] ? layout_size(p->layout, type) : sizeof(uint64_t);
    l->grown[which].at = parts_take(&p->at, l->grown[which].size * growth.most);
    l->grown[which].growth = growth;
}

/* A pool and its owner words, of which the first is no buffer's. */
static void parts_take_pool(struct parts *l, struct parts_at *p, enum grown which,
                            struct growth growth) {
    struct growth owners = {growth.first + 1, growth.clients, growth.most + 1};
    parts_take_grown(l, p, which, growth);
    parts_take_grown(l, p, which + 1, owners);
}

_Static_assert(PARTS_CLIENTS * sizeof(struct client) % PAGE == 0,
               "remote records stand right behind those of descriptors");

static void parts_take_all_grown(struct parts *l, struct parts_at *p, const struct geometry *g) {
    struct growth each = {0, 1, g->clients_len}, remote = {0, 1, g->remote_len};
    parts_take_grown(l, p, GROWN_CLIENTS, each);
    parts_take_grown(l, p, GROWN_REMOTE_CLIENTS, remote);
    parts_take_grown(l, p, GROWN_NAMES, each);
    parts_take_grown(l, p, GROWN_NAMES_SECOND, each);
    parts_take_grown(l, p, GROWN_REMOTE_NAMES, remote);
    parts_take_grown(l, p, GROWN_REMOTE_NAMES_SECOND, remote);
    parts_take_grown(l, p, GROWN_CORRESPONDENTS, each);
    parts_take_grown(l, p, GROWN_IGNORE_LISTS, each);
    parts_take_pool(l, p, GROWN_RX, (struct growth){0, 1, g->rx_buffers});
    parts_take_pool(l, p, GROWN_TX, (struct growth){TX_BUFFERS_MIN, TX_CLIENTS, g->tx_buffers});
    parts_take_pool(l, p, GROWN_MORE,
                    (struct growth){IGNORE_MORE_MIN, IGNORE_MORE_CLIENTS, g->ignore_more});
}

/* A frame is some 100 bytes longer than its text, which makes three of a usual line.  All rings are
 * held together, so the one that is full first bounds what every client may have unread. */
uint64_t parts_ring_size(const struct geometry *g, int e) {
    return e == RING_SIDE ? g->side_size : e == RING_JSON ? 4 * g->ring_size : g->ring_size;
}

struct parts parts_by(const struct geometry *g, const struct layout *layout) {
    struct parts l;
    struct parts_at p = {layout, parts_page_up(layout_size(layout, "segment_header"))};
    l.rows = parts_take_structs(&p, "layout_row", layout->count);
    l.gate = parts_take_structs(&p, "gate", 1);
    l.room = parts_take_structs(&p, "room_shared", 1);
    l.slots = parts_take_structs(&p, "slot", 1);
    l.ledger = parts_take_structs(&p, "entry", g->ledger_len);
    l.side_ends = parts_take(&p.at, sizeof(uint64_t) * g->ledger_len);
    l.names = parts_take_structs(&p, "name_entry", g->names_len);
    l.origins = parts_take_structs(&p, "origin", g->origins_len);
    l.requests = parts_take_structs(&p, "request", 1);
    l.restrictions = parts_take_structs(&p, "restrictions", 1);
    l.pages = parts_take_structs(&p, "web_pages", 1);
    l.fixed = p.at;
    parts_take_all_grown(&l, &p, g);
    p.at = parts_up(p.at, PAGE_MAX);
    for (int e = 0; e < RING_COUNT; e++)
        l.ring[e] = parts_take(&p.at, parts_ring_size(g, e));
    l.size = p.at;
    return l;
}

struct parts parts_of(const struct geometry *g) {
    struct layout own = layout_own();
    return parts_by(g, &own);
}

enum { PARTS_ELEMENTS_MAX = 1 << 28 };
#define PARTS_RING_MAX (1ull << 32)

static bool parts_power(uint64_t n, uint64_t most) {
    return n > 0 && n <= most && (n & (n - 1)) == 0;
}

bool parts_sound(const struct geometry *g) {
    const uint32_t tables[] = {g->clients_len, g->remote_len,  g->rx_buffers, g->tx_buffers,
                               g->names_len,   g->origins_len, g->ignore_more};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (tables[i] == 0 || tables[i] > PARTS_ELEMENTS_MAX)
            return false;
    }
    return g->clients_len % PARTS_CLIENTS == 0 && parts_power(g->ring_size, PARTS_RING_MAX) &&
           parts_power(g->side_size, PARTS_RING_MAX) &&
           parts_power(g->ledger_len, PARTS_ELEMENTS_MAX);
}
