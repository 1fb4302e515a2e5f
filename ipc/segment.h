/* segment.h - the segment is the server: one shared-memory object with everything that outlives a
 * process.
 *
 * Made by the master before anything else, with all its memory reserved (posix_fallocate: running
 * out later would be a SIGBUS); unlinked at once, so only inheritance leads to it.  It holds plain
 * data: offsets and indexes, never pointers.  `struct segment` is a process's view of it (where its
 * parts are mapped) and is never stored in it; views made before clone() serve the child as well.
 *
 *     header     magic, layout, geometry, configuration, listeners, the master's own state
 *     gate       gate.h
 *     room       room.h: commit word, ledger, and four rings, each mapped twice in a row
 *     slots      slot.h
 *     clients    client.h
 *     names     names.h
 *     boxes      box.h: rx_buffers, tx_buffers, and their owner words
 *
 * Included by every process; whatever crosses between two of them is declared in ipc/. */
#ifndef IPC_SEGMENT_H
#define IPC_SEGMENT_H

#include "ipc/buffer.h"
#include "ipc/client.h"
#include "ipc/config.h"
#include "ipc/gate.h"
#include "ipc/name_table.h"
#include "ipc/room.h"
#include "ipc/slot.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEGMENT_MAGIC 0x6d6f6f7274616863ull /* "chatroom" */
enum { SEGMENT_LAYOUT = 5, LISTENERS_MAX = 2 * LISTEN_MAX };

/* All sizes follow from these; two programs that agree on layout and geometry agree on all. */
struct geometry {
    uint64_t ring_size;   /* bytes per encoding */
    uint64_t side_size;   /* bytes */
    uint64_t ledger_len;  /* entries */
    uint32_t clients_len; /* records: one per descriptor there may be */
    uint32_t max_clients;
    uint32_t rx_buffers, tx_buffers;
    uint32_t names_len;
    uint32_t pad;
};

enum listener_state { LISTENER_UNUSED, LISTENER_SERVING, LISTENER_DRAINING };

/* One `listen` address: a socket per slot.  Bound all at once; each begins to listen when its slot
 * is first used, and from then on somebody always polls it (`polled_by`). */
struct listener {
    _Atomic uint32_t state;
    struct listen_address configured, bound;
    int32_t fd[WORKERS_MAX]; /* -1: none */
    _Atomic uint8_t listening[WORKERS_MAX];
};

/* What a successor of the master must know: see master/supervisor.h. */
struct master_state {
    int32_t log_fd;
    uint32_t log_target;         /* enum log_target */
    int32_t pid_fd_file;         /* the pidfile's descriptor, locked; -1: none */
    int32_t pid_fd_next;         /* of the one that is to take its place; -1: none */
    int32_t binary_fd;           /* the running binary, to go back to */
    int32_t signal_fd;           /* of the master that lives, or lived last */
    int32_t watchdog_fd;         /* timerfd: expires when the master stands still (watchdog_beat) */
    int32_t standby_pid;         /* during an upgrade, else 0 */
    uint32_t addresses;          /* that the descriptors suffice for */
    uint32_t reloading;          /* how often a reload was begun and not ended: its master died */
    uint32_t configured_clients; /* max_clients as configured, before the system's limit */
    char conf_path[PATH_LEN_MAX];
    char binary_path[PATH_LEN_MAX];
    char pidfile[PATH_LEN_MAX]; /* as written; absolute */
};

struct segment_header {
    uint64_t magic;
    uint32_t layout;
    uint32_t header_size;
    struct geometry geometry;
    uint64_t epoch_ms;        /* clock_ms() when the segment was made */
    int64_t epoch_realtime_s; /* the wall clock then */
    uint8_t name_key[16];     /* secret of the names's hash */
    _Atomic uint64_t next_incarnation;
    _Atomic uint32_t shutdown;              /* 1: say goodbye and go */
    _Atomic uint32_t workers;               /* slots below this serve; the others retire */
    _Atomic uint32_t slots_used;            /* slots below this have been used */
    _Atomic uint32_t fd_high;               /* no client ever had a higher descriptor */
    _Atomic uint32_t buffers_wanted;        /* moves when an outbox was wanted and none was free */
    _Atomic uint8_t polled_by[WORKERS_MAX]; /* slot k's listeners are polled by this slot */
    uint32_t counters_exact;                /* 1: the kernel keeps the counts that adoption needs */
    _Atomic uint32_t listeners_moves;       /* odd while the master opens or closes some */
    struct listener listeners[LISTENERS_MAX];
    _Atomic uint64_t signals; /* pending when a master was killed for standing still */
    _Atomic uint32_t standby; /* who goes on after an upgrade: master/standby.h */
    struct master_state master;
    _Atomic uint64_t config_version; /* config[config_version & 1] is in effect */
    struct config config[2];
};

struct segment {
    int fd;
    size_t size; /* of the object; the rings are mapped beyond the base mapping */
    struct segment_header *header;
    struct gate *gate;
    struct room room;
    struct slot *slots; /* SLOT_COUNT */
    struct client_table clients;
    struct name_table names;
    struct buffer_pool rx_buffers, tx_buffers;
};

/* From the configuration; `descriptors` is how many the process may have. */
void segment_geometry(struct geometry *geometry, const struct config *config, uint32_t descriptors);
/* Bytes the object will have. */
size_t segment_size(const struct geometry *geometry);

/* 0, or -1 with a sentence in `err`.  `create` publishes `config` as generation 1. */
int segment_create(struct segment *segment, const struct geometry *geometry,
                   const struct config *config, char *err, size_t err_size);
/* Maps an inherited object and checks magic, layout and geometry: for an upgraded binary. */
int segment_open(struct segment *segment, int fd, char *err, size_t err_size);
void segment_close(struct segment *segment); /* unmaps; the object lives while somebody maps it */

/* The published configuration.  One writer at a time (the master); readers copy it out. */
void segment_publish_config(struct segment *segment, const struct config *config);
uint64_t segment_read_config(const struct segment *segment, struct config *out);
static inline uint64_t segment_config_version(const struct segment *segment) {
    return atomic_load_explicit(&segment->header->config_version, memory_order_acquire);
}

/* A name for a process about to start in `slot`; never given twice. */
uint64_t segment_incarnation(struct segment *segment, uint32_t slot);

/* Milliseconds since the segment was made, modulo 2^32 (compare by signed difference). */
uint32_t segment_now(const struct segment *segment);

/* The same in units of 10 ms: a ledger entry's time.  Times ten, it is segment_now rounded down. */
uint32_t segment_ticks(const struct segment *segment);

/* Connections open, and people in the room's slots, summed over the slots. */
uint32_t segment_connections(const struct segment *segment);

#endif
