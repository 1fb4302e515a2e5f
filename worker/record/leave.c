/* leave.c - see leave.h. */
#include "worker/record/leave.h"

#include "ipc/fault.h"
#include "worker/record/away.h"
#include "worker/state/client_log.h"
#include "worker/state/pause.h"

#include <errno.h>
#include <sys/socket.h>

/* A proxy's own connection that said nothing, such as a health check: its coming was not logged. */
static bool leave_unnamed(const struct facts *f) {
    return f->flags & FACT_PROXY && !(f->flags & FACT_HEARD);
}

/* Of a browser its request is logged (worker/input/http_client.c), unless it sent none.  A
 * connection that a takeover has given to another record goes on. */
static bool leave_logged(const struct facts *f, const char *why) {
    if (f->web & (WEB_AWAY | WEB_TAKES))
        return client_away(f);
    return client_is_person(f) ? why || !leave_unnamed(f) : f->kind == KIND_WEB && why;
}

static void leave_log(struct worker *w, const struct client *c, const char *why) {
    const struct facts *f = client_facts(c);
    if (leave_logged(f, why))
        client_log(w, TALLY_DISCONNECTED, &c->addr, c->port, "%s%s%s",
                   client_away(f) ? "is gone" : "disconnected", why ? ": " : "", why ? why : "");
}

void leave_begin(struct worker *w, struct client *c, const char *why) {
    uint64_t word = atomic_load_explicit(&c->state_word, memory_order_relaxed);
    if (client_state(word) != CLIENT_LIVE)
        return;
    FAULT("leave.begin.before");
    atomic_store_explicit(&c->state_word,
                          client_state_word(client_generation(word), CLIENT_CLOSING),
                          memory_order_release);
    FAULT("leave.begin.after");
    leave_log(w, c, why);
    pause_client(w, c, PAUSE_CLOSING);
    fd_queue_push(&w->closing, client_index(w, c));
}

void leave_lost(struct worker *w, struct client *c, const char *why) {
    if (!client_live(c) || client_away(client_facts(c)))
        return;
    if (!away_keeps(c)) {
        leave_begin(w, c, why);
        return;
    }
    if (pause_has(w, client_index(w, c), PAUSE_CLOSING))
        return; /* queued already */
    client_log(w, TALLY_DISCONNECTED, &c->addr, c->port, "disconnected%s%s; its place is kept",
               why ? ": " : "", why ? why : "");
    c->mode = MODE_WRITE_FAILED;
    pause_client(w, c, PAUSE_CLOSING);
    fd_queue_push(&w->closing, client_index(w, c));
}

/* The kernel has given the connection up: retransmissions or keepalive probes were not answered. */
static bool leave_unanswered(int error) {
    return error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH;
}

void leave_broken(struct worker *w, struct client *c, int error) {
    socklen_t len = sizeof error;
    if (error == 0)
        (void)getsockopt((int)client_index(w, c), SOL_SOCKET, SO_ERROR, &error, &len);
    c->mode = MODE_WRITE_FAILED;
    leave_lost(w, c, leave_unanswered(error) ? LEAVE_NETWORK : NULL);
}
