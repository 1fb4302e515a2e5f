/* account.c - see account.h. */
#include "worker/state/account.h"

#include "worker/state/rate_limit.h"

void account_owe(struct worker *w, const struct client *c, uint32_t work) {
    uint32_t *owed = &w->accounts.owed[client_index(w, c)];
    *owed = work > UINT16_MAX - *owed ? UINT16_MAX : *owed + work;
}

uint32_t account_wait(const struct worker *w, uint32_t tat) {
    return rate_limit_wait(&w->config, tat, w->now);
}

uint32_t account_origin_wait(const struct worker *w, const struct client *c) {
    if (w->config.flood_rate == 0)
        return 0;
    return origin_wait(&w->seg->origins, &c->addr, &w->config, ORIGIN_LINES, segment_us(w->seg));
}

void account_origin_charge(struct worker *w, const struct client *c, uint32_t lines) {
    if (lines > 0 && w->config.flood_rate > 0)
        origin_charge(&w->seg->origins, &c->addr, &w->config, ORIGIN_LINES, lines,
                      segment_us(w->seg));
}
