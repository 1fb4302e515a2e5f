/* segment.h - the shared segment: one memory object that holds all server state.
 *
 * The master makes it first of all (shared_object.h).  It holds plain data: offsets and indexes,
 * never pointers.  `struct segment` is a process's view of it (where its parts are mapped) and is
 * never stored in it; a view made before clone() serves the child as well.
 *
 * Memory.  Rings, ledger and the tables that are looked up by hashes are reserved at the start.
 * Those marked with a + grow with the clients (growth.h): neither a read nor a write may go beyond
 * what is reserved.  No client has a descriptor above `fd_high`, and everything up to there is; the
 * same holds for the remote records below `remote_high`.
 *
 *     header     magic, layout, geometry, configuration, listeners, the master's own state
 *     table      layout.h: of the structs of the program that made the segment
 *     gate       gate.h
 *     room       room.h: commit word, ledger, and four rings, each mapped twice in a row
 *     slots      slot.h
 *   + clients    client.h: the records, and two rows of names; for descriptors, then remote ones
 *     names      name_table.h
 *     origins    origin.h: accounts of addresses
 *     requests   request.h: what operators ask the master for
 *     restrictions  restriction.h: bans and mutes
 *     pages      web_page.h: what browsers are sent
 *   + replies    correspondent.h: one row per client
 *   + buffers    buffer.h: rx, tx and ignore_more buffers, and their owner words
 *   + ignoring   ignore_list.h: one list for each record
 *
 * Included by every process; everything that two of them share is declared in ipc/. */
#ifndef IPC_SEGMENT_H
#define IPC_SEGMENT_H

#include "ipc/buffer.h"
#include "ipc/client.h"
#include "ipc/config.h"
#include "ipc/correspondent.h"
#include "ipc/gate.h"
#include "ipc/header.h"
#include "ipc/ignore_list.h"
#include "ipc/name_table.h"
#include "ipc/origin.h"
#include "ipc/request.h"
#include "ipc/restriction.h"
#include "ipc/room.h"
#include "ipc/slot.h"
#include "ipc/web_page.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct segment {
    int fd;
    size_t size;      /* of the object; the rings are mapped beyond the base mapping */
    size_t base_size; /* bytes of the base mapping */
    struct segment_header *header;
    struct gate *gate;
    struct room room;
    struct slot *slots; /* SLOT_COUNT */
    struct client_table clients;
    struct name_table names;
    struct origin_table origins;
    struct request *requests; /* [REQUESTS] */
    struct restrictions *restrictions;
    struct web_pages *pages;
    struct correspondent *correspondents; /* [clients.len] */
    struct buffer_pool rx_buffers, tx_buffers, ignore_more;
    struct ignore_list *ignore_lists; /* [clients.len] */
};

/* From the configuration; `descriptors` is how many the process may have. */
void segment_geometry(struct geometry *geometry, const struct config *config, uint32_t descriptors);
/* Bytes the object has, reserved or not. */
size_t segment_size(const struct geometry *geometry);

/* 0, or -1 with a sentence in `err`.  `create` publishes `config` as version 1. */
int segment_create(struct segment *segment, const struct geometry *geometry,
                   const struct config *config, char *err, size_t err_size);
/* Maps an inherited object and checks magic, layout and geometry: for an upgraded binary. */
int segment_open(struct segment *segment, int fd, char *err, size_t err_size);

/* Maps an object that another program made, only to be read: for an operator's tool, which may have
 * more rights than the server.  Nothing in the object is believed: what is read from it later must
 * be bounded by this process's own view (`clients.len`, `ledger_len` and so on), never by the
 * header's geometry.  The rings are not mapped (room.ring[] is NULL), so what people say is out of
 * reach.  Memory that is not reserved is out of bounds here too (segment_has_client, buffer_count);
 * if the object shrinks afterwards, a read is a SIGBUS, which the tool must expect.  Otherwise than
 * with SEGMENT_VIEWED `err` has a sentence and fd remains the caller's. */
enum segment_viewed { SEGMENT_VIEWED, SEGMENT_OTHER_VERSION, SEGMENT_UNREADABLE };
enum segment_viewed segment_view(struct segment *segment, int fd, char *err, size_t err_size);

void segment_close(struct segment *segment); /* unmaps; the object lives while a process maps it */

/* Whether the record has memory, and what lies beside it: of a descriptor, or a remote one. */
static inline bool segment_has_client(const struct segment *segment, uint32_t client) {
    const struct client_table *clients = &segment->clients;
    const struct segment_header *h = segment->header;
    uint64_t steps = atomic_load_explicit(&h->steps, memory_order_acquire);
    if (client < clients->len)
        return client < steps * GROWTH_CLIENTS;
    steps = atomic_load_explicit(&h->remote_steps, memory_order_acquire);
    return client < clients->rows && client - clients->len < steps * GROWTH_CLIENTS;
}
/* Reserves steps until it has; `fd` is below clients.len.  Under the gate, so that no two processes
 * reserve the same bytes; or before there is a worker.  0 or an errno; a step that fails or is
 * interrupted by a death counts for nothing and is tried anew with the next client. */
int segment_grow(struct segment *segment, uint32_t fd);
/* The same for remote record `row`, in [clients.len, clients.rows). */
int segment_grow_remote(struct segment *segment, uint32_t row);

/* The first record from `at` on that a person may be in: of descriptors, then remote ones.
 * NO_CLIENT: there is none.
 *
 *     for (at = segment_walk(seg, 0); at != NO_CLIENT; at = segment_walk(seg, at + 1)) */
static inline uint32_t segment_walk(const struct segment *segment, uint32_t at) {
    const struct client_table *clients = &segment->clients;
    if (at < clients->len && at <= atomic_load(&segment->header->fd_high))
        return at;
    uint32_t row = at < clients->len ? 0 : at - clients->len;
    return row < clients->remote_len && row < atomic_load(&segment->header->remote_high)
               ? clients->len + row
               : NO_CLIENT;
}
/* Bytes that are reserved by now. */
size_t segment_reserved(const struct segment *segment);

/* The published configuration.  One writer at a time (the master); readers copy it out. */
void segment_publish_config(struct segment *segment, const struct config *config);
uint64_t segment_read_config(const struct segment *segment, struct config *out);
static inline uint64_t segment_config_version(const struct segment *segment) {
    return atomic_load_explicit(&segment->header->config_version, memory_order_acquire);
}

/* An incarnation for a process about to start in `slot`; never given twice. */
uint64_t segment_incarnation(struct segment *segment, uint32_t slot);

/* Time since the segment was made, modulo 2^32, in milliseconds (a worker's timers; compared by
 * signed difference), in 10 ms (a ledger entry's time: the only one that goes on while the machine
 * is suspended) and in tenths of a second (facts.last_input). */
uint32_t segment_now(const struct segment *segment);
uint32_t segment_ticks(const struct segment *segment);
uint32_t segment_tenths(const struct segment *segment);
/* In microseconds, in 64 bits; it moves in steps of a millisecond (origin.h). */
uint64_t segment_us(const struct segment *segment);

/* Open connections, summed over the slots. */
uint32_t segment_connections(const struct segment *segment);

#endif
