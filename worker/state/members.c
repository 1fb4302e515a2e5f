/* members.c - see members.h. */
#include "worker/state/members.h"

#include "worker/state/epoll_interest.h"

#include <stdlib.h>

bool members_make(struct worker *w, uint32_t len) {
    struct members *m = &w->members;
    m->at = calloc(len, sizeof *m->at);
    m->index = calloc(len, sizeof *m->index);
    w->interest.armed = calloc(len, sizeof *w->interest.armed);
    w->interest.readable = calloc(len, 1);
    w->interest.ended = calloc(len, sizeof *w->interest.ended);
    w->pauses.why = calloc(len, 1);
    w->accounts.owed = calloc(len, sizeof *w->accounts.owed);
    w->accounts.drop_at = calloc(len, sizeof *w->accounts.drop_at);
    w->accounts.drop_to = calloc(len, sizeof *w->accounts.drop_to);
    w->accounts.drop_most = calloc(len, sizeof *w->accounts.drop_most);
    w->pings.heard = calloc(len, sizeof *w->pings.heard);
    return w->pings.heard && w->accounts.owed && w->accounts.drop_at && w->accounts.drop_to &&
           w->accounts.drop_most && m->at && m->index && w->interest.armed &&
           w->interest.readable && w->interest.ended && w->pauses.why &&
           fd_queue_make(&w->pauses.look, len) && fd_queue_make(&w->ready, len) &&
           fd_queue_make(&w->reply_pending, len) && fd_queue_make(&w->closing, len) &&
           fd_queue_make(&w->quiet, len) && fd_queue_make(&w->moderated.due, len);
}

/* The flush may have visited the place that this member has come to: flush_pass.h. */
static void member_came(struct worker *w, uint32_t fd) {
    fd_queue_push(&w->reply_pending, fd);
    flush_pass_grow(&w->flush);
}

void members_publish_count(struct worker *w) {
    if (!w->adopting)
        atomic_store_explicit(&w->slot->clients, w->members.count - w->members.tools,
                              memory_order_release);
}

/* What few clients have: where there is none, nothing is written, so that no memory is used for it
 * (pages of zeros that are only read are all the same page). */
static void member_forget(struct worker *w, uint32_t fd) {
    if (w->accounts.drop_at[fd] != 0)
        w->accounts.drop_at[fd] = 0;
    if (w->accounts.drop_to[fd] != 0)
        w->accounts.drop_to[fd] = 0;
    if (w->interest.ended[fd] != 0)
        w->interest.ended[fd] = 0;
    if (w->pings.heard[fd].received != 0 || w->pings.heard[fd].silent != 0)
        w->pings.heard[fd] = (struct heard){0};
}

void member_add(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c);
    if (worker_serves(w, fd))
        return;
    w->members.at[w->members.count++] = fd;
    w->members.index[fd] = w->members.count;
    w->pauses.why[fd] = 0;
    w->accounts.owed[fd] = 0;
    w->interest.armed[fd] = INTEREST_UNKNOWN;
    w->interest.readable[fd] = 0;
    member_forget(w, fd);
    if (!(client_facts(c)->flags & FACT_IN_ROOM))
        w->members.unauthenticated++;
    w->members.tools += client_is_tool(client_facts(c));
    w->members.asking += client_speaks_http(client_facts(c));
    w->members.browsers += client_is_browser(client_facts(c));
    w->members.header_due += client_header_due(client_facts(c));
    w->members.away += client_away(client_facts(c));
    members_publish_count(w);
    member_came(w, fd);
}

void member_remove(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c), index = w->members.index[fd];
    if (index == 0)
        return;
    uint32_t last = w->members.at[--w->members.count];
    w->members.at[index - 1] = last;
    w->members.index[last] = index;
    w->members.index[fd] = 0;
    if (!(client_facts(c)->flags & FACT_IN_ROOM))
        w->members.unauthenticated--;
    w->members.tools -= client_is_tool(client_facts(c));
    w->members.asking -= client_speaks_http(client_facts(c));
    w->members.browsers -= client_is_browser(client_facts(c));
    w->members.header_due -= client_header_due(client_facts(c));
    w->members.away -= client_away(client_facts(c));
    members_publish_count(w);
    if (last != fd)
        member_came(w, last);
}

void member_authenticated(struct worker *w, const struct client *c) {
    if (worker_serves(w, client_index(w, c)))
        w->members.unauthenticated--;
}

void member_unauthenticated(struct worker *w, const struct client *c) {
    if (worker_serves(w, client_index(w, c)))
        w->members.unauthenticated++;
}
