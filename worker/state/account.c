/* account.c - see account.h. */
#include "worker/state/account.h"

#include "worker/state/rate_limit.h"

void account_owe(struct worker *w, const struct client *c, uint32_t work) {
    uint32_t *owed = &w->accounts.owed[client_index(w, c)];
    *owed = work > UINT16_MAX - *owed ? UINT16_MAX : *owed + work;
}

uint32_t account_wait(const struct worker *w, const struct client *c, uint32_t tat) {
    (void)c;
    return rate_limit_wait(&w->config, tat, w->now);
}
