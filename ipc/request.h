/* clang-format off */
/* request.h - what an operator asks the master for: eight numbered rows, each with its outcome.
 *
 * A worker puts a request into a row and rings the master; the master carries requests out one by
 * one, in their order; the operator's tool watches the row, by a mapping that it can only read.
 * The number (id) is random and chosen by the tool, so that it can ask again after a connection
 * broke, and nothing is done twice: an id that is there is not added again.
 *
 *     FREE --worker--> ASKED --master--> TAKEN --master--> DONE, REFUSED --worker--> ASKED (reused)
 *                                          |
 *                                          +--> EXECUTING (upgrade, before the execve) --> DONE, REFUSED
 *
 * Death.  A worker fills a row under the gate and stores its state last, so a row that its death
 * leaves half filled is FREE.  A master that dies leaves the row TAKEN: its successor carries it
 * out again, at most REQUEST_TRIES times in all.  After the execve of an upgrade, the process that
 * continues as the master ends the row that is EXECUTING.
 *
 * Readers take no lock.  A row is reused only after its id was cleared, so what was copied between
 * two looks at the same id belongs to it. */
/* clang-format on */
#ifndef IPC_REQUEST_H
#define IPC_REQUEST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    REQUESTS = 8,
    REQUEST_VERB_LEN = 16, /* with their NULs */
    REQUEST_TEXT_LEN = 512,
    REQUEST_TRIES = 2
};

/* clang-format off */
enum request_state {
    REQUEST_FREE,
    REQUEST_ASKED,
    REQUEST_TAKEN,     /* by the master: being carried out */
    REQUEST_EXECUTING, /* an upgrade, from just before the execve on */
    REQUEST_DONE,      /* `outcome` is final from here on */
    REQUEST_REFUSED,
};
/* clang-format on */

struct request {
    _Atomic uint64_t id;    /* never 0 but in a row that is FREE */
    uint64_t order;         /* rises with each request: the master takes the lowest first */
    _Atomic uint32_t state; /* enum request_state */
    uint32_t tries;         /* how often a master has taken it */
    char verb[REQUEST_VERB_LEN];
    char text[REQUEST_TEXT_LEN];    /* the verb's arguments; UTF-8 */
    char outcome[REQUEST_TEXT_LEN]; /* sentences, one a line, without the last line end */
};

/* ---- asking: a worker ---- */

/* What a worker says to one that may ask again soon. */
#define REQUEST_BUSY_SENTENCE "the server is busy with eight requests; ask again"
_Static_assert(REQUESTS == 8, "REQUEST_BUSY_SENTENCE");

enum request_added { REQUEST_ADDED, REQUEST_THERE, REQUEST_BUSY, REQUEST_LONG };

/* Under the gate.  THERE: this id is in a row already.  BUSY: no row is free or finished; of those
 * that are finished the oldest is reused.  LONG: verb or text does not fit.  `id` is not 0. */
enum request_added request_add(struct request *rows, uint64_t id, const char *verb,
                               const char *text);

/* ---- watching: any process that maps the segment, without a lock ---- */

/* A copy of the row with this id; false if there is none. */
bool request_find(const struct request *rows, uint64_t id, struct request *copy);

static inline bool request_is_finished(uint32_t state) {
    return state == REQUEST_DONE || state == REQUEST_REFUSED;
}

/* ---- carrying out: the master ---- */

/* The oldest that waits to be carried out, or was being carried out by a master that died; NULL:
 * none. */
struct request *request_next(struct request *rows);

/* Counts a try.  False: it was tried REQUEST_TRIES times before. */
bool request_take(struct request *request);

/* The outcome, final.  What does not fit of the sentences is cut. */
void request_end(struct request *request, bool done, const char *outcome);

/* Whether a request with this verb is TAKEN. */
bool request_is_taken(const struct request *rows, const char *verb);

/* Just before an upgrade's execve, after the last old worker has ended: TAKEN -> EXECUTING, if the
 * upgrade was asked for by a request and not by a signal.  Then back, if the execve failed, or the
 * outcome, by the process that continues as the master. */
void request_execute(struct request *rows, const char *verb);
void request_execute_failed(struct request *rows);
void request_end_executing(struct request *rows, bool done, const char *outcome);

#endif
