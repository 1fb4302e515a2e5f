/* account.c - see account.h. */
#include "worker/state/account.h"

#include "worker/state/rate_limit.h"

void account_owe(struct worker *w, const struct client *c, uint32_t work) {
    uint32_t *owed = &w->accounts.owed[client_index(w, c)];
    *owed = work > UINT32_MAX - *owed ? UINT32_MAX : *owed + work;
}

void account_paid(struct worker *w, const struct client *c, uint32_t lines) {
    w->accounts.owed[client_index(w, c)] -= lines * ACCOUNT_LINE;
}

uint32_t account_wait(const struct worker *w, const struct client *c, uint32_t tat) {
    uint32_t lines = account_lines(w, c);
    if (lines > 0)
        tat = rate_limit_charge(&w->config, tat, w->now, lines);
    return rate_limit_wait(&w->config, tat, w->now);
}
