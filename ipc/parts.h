/* parts.h - where each part of the segment lies (segment.h), by its geometry.
 *
 * In this order: what is reserved at the start, the tables that grow with the clients (growth.h),
 * the rings.  Every part begins with a page.  For segment.c, convert.c,
 * and whatever needs a number of it. */
#ifndef IPC_PARTS_H
#define IPC_PARTS_H

#include "ipc/growth.h"
#include "ipc/header.h"
#include "ipc/layout.h"
#include "ipc/room.h"

#include <stdbool.h>
#include <stddef.h>

/* Records of descriptors there are a multiple of, the next above the limit of descriptors: then
 * those behind them begin with a page. */
enum { PARTS_CLIENTS = 64 };

/* The tables that grow with the clients, then those that grow with people of other machines: the
 * second part of the client table and of the rows of names. */
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
    GROWN_OWN, /* below: by header->steps; from here on: by header->remote_steps */
    GROWN_REMOTE_CLIENTS = GROWN_OWN,
    GROWN_REMOTE_NAMES,
    GROWN_REMOTE_NAMES_SECOND,
    GROWN_TABLES
};

struct parts {
    size_t rows, gate, room, ledger, side_ends, slots, names, origins, requests, restrictions,
        pages;
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
/* The same in a segment of another layout.  A part whose struct that layout has not is empty. */
struct parts parts_by(const struct geometry *geometry, const struct layout *layout);
/* What a grown table consists of: a struct's name; "": words. */
const char *parts_type(enum grown which);

/* Whether a geometry that is read from elsewhere has no size that none of ours could have: then
 * parts_of does not overflow. */
bool parts_sound(const struct geometry *geometry);

size_t parts_page_up(size_t bytes);

/* Bytes of ring `e`. */
uint64_t parts_ring_size(const struct geometry *geometry, int e);

#endif
