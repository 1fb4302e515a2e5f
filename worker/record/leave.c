/* leave.c - see leave.h. */
#include "worker/record/leave.h"

#include "ipc/fault.h"
#include "worker/state/client_log.h"
#include "worker/state/pause.h"

#include <errno.h>
#include <sys/socket.h>

/* A proxy's own connection that said nothing, such as a health check: its coming was not logged. */
static bool leave_unnamed(const struct facts *f) {
    return f->flags & FACT_PROXY && !(f->flags & FACT_HEARD);
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
    if (client_kind(c) == KIND_TELNET && (why || !leave_unnamed(client_facts(c))))
        client_log(w, TALLY_DISCONNECTED, &c->addr, c->port, "disconnected%s%s", why ? ": " : "",
                   why ? why : "");
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
    leave_begin(w, c, leave_unanswered(error) ? LEAVE_NETWORK : NULL);
}
