/* request.c - see request.h. */
#include "ipc/request.h"

#include "ipc/fault.h"

#include <stdio.h>
#include <string.h>

static uint32_t request_state(const struct request *request) {
    return atomic_load_explicit(&request->state, memory_order_acquire);
}

/* The id is read first: a state that is read after it is this request's, or a later one's. */
static bool request_has_id(const struct request *request, uint64_t id) {
    return atomic_load(&request->id) == id && request_state(request) != REQUEST_FREE;
}

/* A free row, or else the oldest that is finished; NULL: neither. */
static struct request *request_vacant(struct request *rows) {
    struct request *oldest = NULL;
    for (int i = 0; i < REQUESTS; i++) {
        uint32_t state = request_state(&rows[i]);
        if (state == REQUEST_FREE)
            return &rows[i];
        if (request_is_finished(state) && (!oldest || rows[i].order < oldest->order))
            oldest = &rows[i];
    }
    return oldest;
}

/* A dead worker may have left any number in a row that is free. */
static uint64_t request_next_order(const struct request *rows) {
    uint64_t order = 0;
    for (int i = 0; i < REQUESTS; i++) {
        if (request_state(&rows[i]) != REQUEST_FREE && rows[i].order > order)
            order = rows[i].order;
    }
    return order + 1;
}

enum request_added request_add(struct request *rows, uint64_t id, const char *verb,
                               const char *text) {
    if (strlen(verb) >= REQUEST_VERB_LEN || strlen(text) >= REQUEST_TEXT_LEN)
        return REQUEST_LONG;
    for (int i = 0; i < REQUESTS; i++) {
        if (request_has_id(&rows[i], id))
            return REQUEST_THERE;
    }
    uint64_t order = request_next_order(rows);
    struct request *row = request_vacant(rows);
    if (!row)
        return REQUEST_BUSY;
    FAULT("request.add.before");
    atomic_store(&row->state, REQUEST_FREE);
    FAULT("request.add.freed");
    atomic_store(&row->id, 0);
    atomic_thread_fence(memory_order_release); /* before what readers of the old id may copy */
    row->order = order;
    row->tries = 0;
    snprintf(row->verb, sizeof row->verb, "%s", verb);
    snprintf(row->text, sizeof row->text, "%s", text);
    row->outcome[0] = '\0';
    atomic_store(&row->id, id);
    FAULT("request.add.filled");
    atomic_store(&row->state, REQUEST_ASKED);
    FAULT("request.add.after");
    return REQUEST_ADDED;
}

bool request_find(const struct request *rows, uint64_t id, struct request *copy) {
    for (int i = 0; i < REQUESTS; i++) {
        const struct request *row = &rows[i];
        if (!request_has_id(row, id))
            continue;
        uint32_t state = request_state(row); /* if it is finished, the outcome is complete */
        memcpy(copy, row, sizeof *copy);
        atomic_thread_fence(memory_order_acquire);
        if (state == REQUEST_FREE || atomic_load(&row->id) != id)
            continue;
        atomic_store(&copy->state, state);
        copy->verb[REQUEST_VERB_LEN - 1] = '\0';
        copy->text[REQUEST_TEXT_LEN - 1] = copy->outcome[REQUEST_TEXT_LEN - 1] = '\0';
        return true;
    }
    return false;
}

struct request *request_next(struct request *rows) {
    struct request *next = NULL;
    for (int i = 0; i < REQUESTS; i++) {
        uint32_t state = request_state(&rows[i]);
        if ((state == REQUEST_ASKED || state == REQUEST_TAKEN) &&
            (!next || rows[i].order < next->order))
            next = &rows[i];
    }
    return next;
}

bool request_take(struct request *request) {
    if (request->tries >= REQUEST_TRIES)
        return false;
    request->tries++;
    FAULT("request.take.before");
    atomic_store(&request->state, REQUEST_TAKEN);
    FAULT("request.take.after");
    return true;
}

void request_end(struct request *request, bool done, const char *outcome) {
    snprintf(request->outcome, sizeof request->outcome, "%s", outcome);
    FAULT("request.end.before");
    atomic_store(&request->state, done ? REQUEST_DONE : REQUEST_REFUSED);
    FAULT("request.end.after");
}

/* The first in this state; only one is ever TAKEN or EXECUTING.  REQUESTS: none. */
static int request_in(const struct request *rows, uint32_t state) {
    int row = 0;
    while (row < REQUESTS && request_state(&rows[row]) != state)
        row++;
    return row;
}

bool request_is_taken(const struct request *rows, const char *verb) {
    int row = request_in(rows, REQUEST_TAKEN);
    return row < REQUESTS && strcmp(rows[row].verb, verb) == 0;
}

void request_execute(struct request *rows, const char *verb) {
    if (!request_is_taken(rows, verb))
        return;
    FAULT("request.execute.before");
    atomic_store(&rows[request_in(rows, REQUEST_TAKEN)].state, REQUEST_EXECUTING);
    FAULT("request.execute.after");
}

void request_execute_failed(struct request *rows) {
    int row = request_in(rows, REQUEST_EXECUTING);
    if (row < REQUESTS)
        atomic_store(&rows[row].state, REQUEST_TAKEN);
}

void request_end_executing(struct request *rows, bool done, const char *outcome) {
    int row = request_in(rows, REQUEST_EXECUTING);
    if (row < REQUESTS)
        request_end(&rows[row], done, outcome);
}
