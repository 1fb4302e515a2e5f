/* parts.c - see parts.h. */
#include "ipc/parts.h"

#include "ipc/buffer.h"
#include "ipc/client.h"
#include "ipc/correspondent.h"
#include "ipc/gate.h"
#include "ipc/ignore_list.h"
#include "ipc/name_table.h"
#include "ipc/origin.h"
#include "ipc/request.h"
#include "ipc/restriction.h"
#include "ipc/slot.h"

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

static void parts_take_grown(struct parts *l, size_t *at, enum grown which, size_t size,
                             struct growth growth) {
    l->grown[which].at = parts_take(at, size * growth.most);
    l->grown[which].size = size;
    l->grown[which].growth = growth;
}

/* A pool and its owner words, of which the first is no buffer's. */
static void parts_take_pool(struct parts *l, size_t *at, enum grown which, size_t size,
                            struct growth growth) {
    struct growth owners = {growth.first + 1, growth.clients, growth.most + 1};
    parts_take_grown(l, at, which, size, growth);
    parts_take_grown(l, at, which + 1, sizeof(uint64_t), owners);
}

static void parts_take_all_grown(struct parts *l, size_t *at, const struct geometry *g) {
    struct growth each = {0, 1, g->clients_len};
    parts_take_grown(l, at, GROWN_CLIENTS, sizeof(struct client), each);
    parts_take_grown(l, at, GROWN_NAMES, sizeof(struct client_name), each);
    parts_take_grown(l, at, GROWN_NAMES_SECOND, sizeof(struct client_name), each);
    parts_take_grown(l, at, GROWN_CORRESPONDENTS, sizeof(struct correspondent), each);
    parts_take_grown(l, at, GROWN_IGNORE_LISTS, sizeof(struct ignore_list), each);
    parts_take_pool(l, at, GROWN_RX, sizeof(struct rx_buffer),
                    (struct growth){0, 1, g->rx_buffers});
    parts_take_pool(l, at, GROWN_TX, sizeof(struct tx_buffer),
                    (struct growth){TX_BUFFERS_MIN, TX_CLIENTS, g->tx_buffers});
    parts_take_pool(l, at, GROWN_MORE, sizeof(struct ignore_more),
                    (struct growth){IGNORE_MORE_MIN, IGNORE_MORE_CLIENTS, g->ignore_more});
}

struct parts parts_of(const struct geometry *g) {
    struct parts l;
    size_t at = parts_page_up(sizeof(struct segment_header));
    l.gate = parts_take(&at, sizeof(struct gate));
    l.room = parts_take(&at, sizeof(struct room_shared));
    l.slots = parts_take(&at, sizeof(struct slot) * SLOT_COUNT);
    l.ledger = parts_take(&at, sizeof(struct entry) * g->ledger_len);
    l.names = parts_take(&at, sizeof(struct name_entry) * g->names_len);
    l.origins = parts_take(&at, sizeof(struct origin) * ORIGIN_ROWS * g->origins_len);
    l.requests = parts_take(&at, sizeof(struct request) * REQUESTS);
    l.restrictions = parts_take(&at, sizeof(struct restrictions));
    l.fixed = at;
    parts_take_all_grown(&l, &at, g);
    at = parts_up(at, PAGE_MAX);
    for (int e = 0; e < RING_COUNT; e++)
        l.ring[e] = parts_take(&at, e == RING_SIDE ? g->side_size : g->ring_size);
    l.size = at;
    return l;
}

enum { PARTS_ELEMENTS_MAX = 1 << 28 };
#define PARTS_RING_MAX (1ull << 32)

static bool parts_power(uint64_t n, uint64_t most) {
    return n > 0 && n <= most && (n & (n - 1)) == 0;
}

bool parts_sound(const struct geometry *g) {
    const uint32_t tables[] = {g->clients_len, g->rx_buffers,  g->tx_buffers,
                               g->names_len,   g->origins_len, g->ignore_more};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (tables[i] == 0 || tables[i] > PARTS_ELEMENTS_MAX)
            return false;
    }
    return parts_power(g->ring_size, PARTS_RING_MAX) && parts_power(g->side_size, PARTS_RING_MAX) &&
           parts_power(g->ledger_len, PARTS_ELEMENTS_MAX);
}
