/* leave.c - see leave.h. */
#include "worker/record/leave.h"

#include "ipc/fault.h"
#include "worker/record/change.h"
#include "worker/state/client_log.h"
#include "worker/state/pause.h"

void leave_begin(struct worker *w, struct client *c, const char *why) {
    uint64_t word = atomic_load_explicit(&c->state_word, memory_order_relaxed);
    if (client_state(word) != CLIENT_LIVE)
        return;
    FAULT("leave.begin.before");
    atomic_store_explicit(&c->state_word,
                          client_state_word(client_generation(word), CLIENT_CLOSING),
                          memory_order_release);
    FAULT("leave.begin.after");
    client_log(w, TALLY_DISCONNECTED, &c->addr, c->port, "disconnected%s%s", why ? ": " : "",
               why ? why : "");
    pause_client(w, c, PAUSE_CLOSING);
    fd_queue_push(&w->closing, client_index(w, c));
}

static void leave_drop_output(struct worker *w, struct client *c) {
    struct change ch;
    change_begin(&ch, w, c);
    change_drop_output(&ch);
    ch.f->lines_lost = 0;
    ch.f->flags &= ~(uint32_t)(FACT_LIST_ROOM | FACT_LIST_ALL);
    change_commit(&ch);
}

void leave_write_failed(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c);
    c->mode = MODE_WRITE_FAILED;
    if (client_live(c))
        leave_drop_output(w, c);
    w->interest.readable[fd] = 1;
    pause_end(w, c, PAUSE_OUTPUT); /* its replies will never be read */
    fd_queue_push(&w->ready, fd);
}
