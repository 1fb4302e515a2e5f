/* engine.h - one connection to an engine (Redis): connects, sends what is put into its buffer,
 * receives, gives answers element by element.  Never blocks.
 *
 *     engine_open(&e, &address, now);
 *     resp_put_array(&e.tx, ...); ... resp_commit(&e.tx); engine_asked(&e, now);
 *     loop:
 *         if (!engine_receive(&e, now)) ...                 e.wrong says why
 *         while (engine_read(&e, now, &element)) ...        element.last: an answer is complete
 *         if (e.wrong[0] || !engine_send(&e)) ...
 *
 * A connection that owes answers and completes no element of one for ENGINE_SILENT_MS is wrong: a
 * peer that sends a byte at a time cannot hold it.  What the caller has not read yet is no silence.
 * By one process. */
#ifndef WORKER_RELAY_ENGINE_H
#define WORKER_RELAY_ENGINE_H

#include "ipc/address.h"
#include "worker/protocol/resp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ENGINE_CONNECT_MS = 3000, ENGINE_SILENT_MS = 5000 };

struct engine {
    int fd; /* -1: none */
    bool connecting;
    bool fresh;      /* bytes have come that engine_read has not seen */
    bool silent;     /* `wrong` is that it does not answer */
    uint32_t asked;  /* questions without a complete answer */
    uint64_t moved;  /* ms: the last element, or the first question, or the call of connect */
    size_t at, have; /* rx[at, have) are not read */
    struct resp_writer tx;
    struct resp_reader reader;
    char *rx;
    size_t rx_size;
    char wrong[128]; /* "": nothing is */
};

/* The buffers are the caller's; rx_size is at least RESP_BUFFER_MIN. */
void engine_make(struct engine *e, char *tx, size_t tx_size, char *rx, size_t rx_size);
/* What is wrong is in e->wrong, then or later. */
void engine_open(struct engine *e, const union address_any *address, uint64_t now);
void engine_close(struct engine *e);

bool engine_receive(struct engine *e, uint64_t now);
bool engine_send(struct engine *e);
/* False: there is no whole element, or something is wrong. */
bool engine_read(struct engine *e, uint64_t now, struct resp_element *out);

void engine_asked(struct engine *e, uint64_t now);
/* Whether tx has room for so many bytes. */
bool engine_has_room(const struct engine *e, size_t bytes);

short engine_events(const struct engine *e); /* for poll(2); 0: none */
uint64_t engine_due(const struct engine *e); /* ms: when it has been silent too long; 0: never */

#endif
