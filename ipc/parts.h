/* parts.h - where each part of the segment lies (segment.h), by its geometry.
 *
 * In this order: what is reserved at the start, the tables that grow with the clients (growth.h),
 * the rings.  Every part begins with a page.  Only for segment.c. */
#ifndef IPC_PARTS_H
#define IPC_PARTS_H

#include "ipc/growth.h"
#include "ipc/header.h"
#include "ipc/room.h"

#include <stdbool.h>
#include <stddef.h>

/* The pools of tx and ignore_more buffers: so many, and another for each so many clients. */
enum {
    TX_BUFFERS_MIN = 256,
    TX_CLIENTS = 8,
    IGNORE_MORE_MIN = 64,
    IGNORE_MORE_CLIENTS = 16,
};

/* The tables that grow with the clients. */
enum grown {
    GROWN_CLIENTS,
    GROWN_NAMES,
    GROWN_NAMES_SECOND,
    GROWN_CORRESPONDENTS,
    GROWN_IGNORE_LISTS,
    GROWN_RX,
    GROWN_RX_OWNERS,
    GROWN_TX,
    GROWN_TX_OWNERS,
    GROWN_MORE,
    GROWN_MORE_OWNERS,
    GROWN_TABLES
};

struct parts {
    size_t gate, room, ledger, slots, names, origins, requests, restrictions;
    size_t fixed; /* where what is reserved at the start ends; the grown tables follow */
    struct {
        size_t at;
        size_t size; /* bytes of an element */
        struct growth growth;
    } grown[GROWN_TABLES];
    size_t ring[RING_COUNT];
    size_t size;
};

struct parts parts_of(const struct geometry *geometry);

/* Whether a geometry that is read from elsewhere has no size that none of ours could have: then
 * parts_of does not overflow. */
bool parts_sound(const struct geometry *geometry);

size_t parts_page_up(size_t bytes);

#endif
