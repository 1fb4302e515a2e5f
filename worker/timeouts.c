/* timeouts.c - see timeouts.h. */
#include "worker/timeouts.h"

#include "worker/input/http_client.h"
#include "worker/ledger/control.h"
#include "worker/output/goodbye.h"
#include "worker/record/away.h"
#include "worker/record/leave.h"

bool timeouts_possible(const struct worker *w) {
    return w->members.tools > 0 || w->members.asking > 0 || w->members.header_due > 0 ||
           w->members.away > 0 ||
           (w->members.unauthenticated > 0 && w->config.login_timeout_ms > 0) ||
           (w->members.count > 0 && w->config.idle_timeout_ms > 0);
}

static void timeouts_end(struct worker *w, struct client *c) {
    if (client_kind(c) == KIND_CONTROL)
        leave_begin(w, c, "its time is over");
    else if (client_speaks_http(client_facts(c)))
        http_client_overdue(w, c);
    else if (client_header_due(client_facts(c)))
        leave_begin(w, c, "its PROXY header did not come in time");
    else if (client_facts(c)->flags & FACT_IN_ROOM)
        goodbye(w, c, SAY_NO_WORD, "no word from it");
    else
        goodbye(w, c, SAY_NO_LOGIN, "it did not log in");
}

/* How long it may be without a line, or from its coming to its login; 0: for ever. */
static uint64_t timeouts_limit(const struct config *config, const struct facts *f) {
    uint64_t login = config->login_timeout_ms;
    if (f->kind == KIND_CONTROL)
        return CONTROL_MS;
    if (client_speaks_http(f))
        return http_client_limit(config, f);
    if (client_header_due(f))
        return login > 0 && login < TIMEOUTS_HEADER_MS ? login : TIMEOUTS_HEADER_MS;
    return f->flags & FACT_IN_ROOM ? config->idle_timeout_ms : login;
}

void timeouts_look(struct worker *w, struct timeouts *t) {
    const struct config *config = &w->config;
    if (!timeouts_possible(w) || w->now - t->looked < TIMEOUTS_MS)
        return;
    t->looked = w->now;
    for (uint32_t i = w->members.count; i-- > 0;) {
        struct client *c = worker_client(w, w->members.at[i]);
        const struct facts *f = client_facts(c);
        if (away_over(w, f))
            leave_begin(w, c, "it did not come back");
        if (client_away(f))
            continue;
        uint64_t limit = timeouts_limit(config, f);
        int32_t tenths = (int32_t)(w->tenths - f->last_input); /* below 0: in this very turn */
        uint64_t quiet = tenths > 0 ? (uint64_t)tenths * 100 : 0;
        if (limit > 0 && quiet >= limit)
            timeouts_end(w, c);
    }
}
