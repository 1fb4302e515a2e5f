/* header.h - what the segment begins with: the numbers that identify it, its geometry, the
 * configuration, the listeners, and what a successor of the master must know.
 *
 * Written by the master, but for the words that say otherwise; read by every process. */
#ifndef IPC_HEADER_H
#define IPC_HEADER_H

#include "ipc/config.h"
#include "ipc/log.h"
#include "ipc/relay.h"
#include "ipc/transcript.h"

#include <stdatomic.h>
#include <stdint.h>

#define SEGMENT_MAGIC 0x6d6f6f7274616863ull /* "chatroom" */
/* At a time, beyond max_clients: control connections, those that ask for metrics, and those of web
 * listeners, any of which may be a browser that comes back to a place that counts already. */
enum { CONTROL_MAX = 8, METRICS_CLIENTS = 16, WEB_BEYOND = 8 };
/* The refusal beyond CONTROL_MAX; chatroom-ctl tries again. */
#define CONTROL_FULL "8 connections are open already"
_Static_assert(CONTROL_MAX == 8, "CONTROL_FULL");
enum { LISTENERS_MAX = 2 * LISTEN_MAX };

/* All sizes follow from these; two programs that agree on layout and geometry agree on all. */
struct geometry {
    uint64_t ring_size;   /* bytes per encoding */
    uint64_t side_size;   /* bytes */
    uint64_t ledger_len;  /* entries */
    uint32_t clients_len; /* records: one per descriptor there may be, and some more */
    uint32_t max_clients;
    uint32_t rx_buffers, tx_buffers;
    uint32_t names_len;
    uint32_t origins_len; /* places in a row of origin.h */
    uint32_t ignore_more; /* buffers */
    uint32_t remote_len;  /* records of people of other machines, behind those */
};

/* What signals ask the master for.  It moves a bit from `orders` to `doing`, and clears it when it
 * is done: a successor of a master that died does it again (master/signals.h). */
enum order {
    ORDER_RELOAD = 1,
    ORDER_REOPEN = 2,
    ORDER_UPGRADE = 4,
    ORDER_STOP = 8,
    ORDER_STORE = 16 /* end without a word: a descriptor store keeps everything */
};

/* The guardian executes the new binary: it is asked to; it could not; it runs, and its master has
 * not yet told the operator that asked for it. */
enum execute { EXECUTE_NONE, EXECUTE_ASKED, EXECUTE_FAILED, EXECUTE_DONE };

/* `shutdown`: workers say goodbye to their clients and exit; then the master has ended, too; or it
 * has ended without a word, and a descriptor store keeps everything (master/store.h). */
enum shutdown { SHUTDOWN_NOT, SHUTDOWN_BEGUN, SHUTDOWN_ENDED, SHUTDOWN_STORED };

/* Which of two processes goes on in an upgrade (master/standby.h). */
enum standby_state { STANDBY_NONE, STANDBY_WATCHES, STANDBY_ACTS, STANDBY_RETURNS };

/* An upgrade goes on in another segment (convert.h): what a store has of this one is of no use. */
#define UNSERVED_SUPERSEDED UINT32_MAX

enum listener_state { LISTENER_UNUSED, LISTENER_SERVING, LISTENER_DRAINING };

/* One `listen` address: a socket per slot.  All are bound at once.  Each begins to listen when its
 * slot is first used, and from then on one worker or another polls it (`polled_by`). */
struct listener {
    _Atomic uint32_t state;
    struct listen_address configured, bound;
    int32_t fd[WORKERS_MAX]; /* -1: none */
    _Atomic uint8_t listening[WORKERS_MAX];
    uint8_t pad[4];
    uint64_t cookie[WORKERS_MAX]; /* SO_COOKIE, by which a socket from a store is recognised */
};

/* What a successor of the master must know. */
struct master_state {
    int32_t log_fd;
    struct log_shared log;
    int32_t pid_fd_file;         /* the pidfile's descriptor, locked; -1: none */
    int32_t pid_fd_next;         /* of the one that is to take its place; -1: none */
    int32_t binary_fd;           /* the running binary, to go back to */
    int32_t signal_fd;           /* of the guardian that lives, or lived last */
    int32_t watchdog_fd;         /* timerfd: expires when the master hangs (watchdog_beat) */
    int32_t listen_lock;         /* held while sockets are bound (listen_lock.h); 0: not open */
    int32_t oom_score;           /* oom_score_adj of the guardian */
    uint32_t addresses;          /* that the descriptors suffice for */
    uint32_t reloading;          /* how often a reload was begun and not ended: its master died */
    uint32_t configured_clients; /* max_clients as configured, before the system's limit */
    char conf_path[PATH_LEN_MAX];
    char binary_path[PATH_LEN_MAX];
    char pidfile[PATH_LEN_MAX]; /* as configured */
};

/* A UNIX socket that chatroom-ctl connects to: the configuration's `control`.  All workers that
 * serve poll it. */
struct control_socket {
    _Atomic int32_t fd; /* -1: none */
    uint32_t pad;
    uint64_t device, inode;  /* of the file at the path: no other is removed */
    char path[PATH_LEN_MAX]; /* as configured */
};

struct segment_header {
    uint64_t magic;
    uint32_t layout;
    uint32_t header_size;
    /* These have the same offsets in every layout: an upgrade that converts the segment
     * (ipc/convert.h) writes to them in the old one, and to nothing else of it. */
    _Atomic uint64_t upgrade_beat; /* moves while a new binary makes progress (standby.h) */
    _Atomic uint32_t standby;      /* decides which process goes on in an upgrade (standby.h) */
    _Atomic uint32_t unserved;     /* how often it came back from a descriptor store in vain; or
                                      UNSERVED_SUPERSEDED */
    uint32_t rows, rows_at;        /* the table of the layout (layout.h), and its offset */
#ifdef LAYOUT_TEST /* another layout, which an upgrade converts from and to (tests/e2e_convert.c)  \
                    */
    uint64_t layout_test[9];
#endif
    struct geometry geometry;
    uint64_t epoch_ms;      /* clock_ms() when the segment was made */
    uint64_t epoch_boot_ms; /* clock_boot_ms() then */
    uint64_t pid_namespace; /* of the ids in slots: system_pid_namespace() */
    uint8_t name_key[16];   /* secret of the hashes of names and of origins */
    uint8_t token_key[16];  /* secret of the tokens (token.h) */
    _Atomic uint64_t next_incarnation;
    _Atomic uint32_t shutdown;        /* enum shutdown */
    _Atomic uint32_t workers;         /* slots below this serve; the others retire */
    _Atomic uint32_t slots_used;      /* slots below this have been used */
    _Atomic uint32_t fd_high;         /* no client ever had a higher descriptor */
    _Atomic uint32_t remote_high;     /* remote records that were ever used; by the relay */
    _Atomic uint32_t remote_steps;    /* the same as `steps`, for remote records */
    _Atomic uint32_t buffers_wanted;  /* moves when a tx buffer was wanted and none was free */
    uint32_t counters_exact;          /* 1: the kernel keeps the counts that adoption needs */
    _Atomic uint32_t listeners_moves; /* odd while the master opens or closes some */
    _Atomic uint32_t ready;           /* 1: a master has said that the server is ready */
    _Atomic uint8_t polled_by[WORKERS_MAX]; /* slot k's listeners are polled by this slot */
    struct listener listeners[LISTENERS_MAX];
    _Atomic uint32_t orders;  /* enum order: asked for by signals; the guardian sets them */
    _Atomic uint32_t doing;   /* those that a master has begun to obey */
    _Atomic uint32_t execute; /* enum execute: of an upgrade */
    uint32_t pad3;
    struct master_state master;
    struct transcript transcript;
    struct relay relay;
    _Atomic uint32_t steps; /* reserved (growth.h); only rises, under the gate */
    int32_t view_fd; /* the segment, opened only to be read: what chatroom-ctl is given; -1: none */
    _Atomic uint32_t control_serving; /* control[] at this index is in effect */
    uint32_t pad;
    struct control_socket control[2];
    _Atomic uint64_t control_clients[CONTROL_MAX]; /* client_tag() (worker/state/tools.h) */
    _Atomic uint64_t metrics_clients[METRICS_CLIENTS];
    _Atomic uint64_t config_version; /* config[config_version & 1] is in effect */
    struct config config[2];
};

/* The configuration in effect.  A copy is overwritten by the next publication but one, so another
 * process than the master copies it (segment_read_config). */
static inline const struct config *header_config(const struct segment_header *header) {
    return &header->config[atomic_load_explicit(&header->config_version, memory_order_acquire) & 1];
}

#endif
