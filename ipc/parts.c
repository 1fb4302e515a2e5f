/* parts.c - see parts.h. */
#include "ipc/parts.h"

#include "ipc/segment.h"

#include <string.h>

enum {
    PAGE = 4096,
    TX_BUFFERS_MIN = 256,
    TX_CLIENTS = 8, /* clients for another tx buffer */
    IGNORE_MORE_MIN = 64,
    IGNORE_MORE_CLIENTS = 16,
    LEDGER_MIN = 1024,
    SIDE_MIN = 65536
};

size_t parts_page_up(size_t n) {
    return (n + PAGE - 1) & ~(size_t)(PAGE - 1);
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
    l.fixed = at;
    parts_take_all_grown(&l, &at, g);
    for (int e = 0; e < RING_COUNT; e++)
        l.ring[e] = parts_take(&at, e == RING_SIDE ? g->side_size : g->ring_size);
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
    g->tx_buffers = config->max_clients / TX_CLIENTS + TX_BUFFERS_MIN;
    g->ignore_more = config->max_clients / IGNORE_MORE_CLIENTS + IGNORE_MORE_MIN;
    g->names_len = 2 * (config->max_clients + config->max_clients / 8 + 64); /* two keys a name */
    g->origins_len = origin_table_len(config->max_clients);
}
