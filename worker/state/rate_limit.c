/* rate_limit.c - see rate_limit.h. */
#include "worker/state/rate_limit.h"

/* How far an account may be ahead without making its client wait, in ms. */
static uint32_t rate_limit_slack(const struct config *config) {
    uint32_t burst = config->flood_burst > 0 ? config->flood_burst - 1 : 0;
    return config->flood_rate == 0 ? 0 : burst * 1000 / config->flood_rate;
}

/* The same, with the sign; an account that cannot be is at rest. */
static int32_t rate_limit_balance(const struct config *config, uint32_t tat, uint32_t time) {
    int32_t ahead = (int32_t)(tat - time);
    uint32_t most = rate_limit_slack(config) + RATE_LIMIT_DEBT_MAX_MS + RATE_LIMIT_CLOCKS_MS;
    return ahead < -RATE_LIMIT_LATE_MS || ahead > (int32_t)most ? -RATE_LIMIT_LATE_MS : ahead;
}

uint32_t rate_limit_ahead(const struct config *config, uint32_t tat, uint32_t time) {
    int32_t ahead = rate_limit_balance(config, tat, time);
    return config->flood_rate == 0 || ahead < 0 ? 0 : (uint32_t)ahead;
}

uint32_t rate_limit_wait(const struct config *config, uint32_t tat, uint32_t time) {
    uint32_t ahead = rate_limit_ahead(config, tat, time), slack = rate_limit_slack(config);
    return ahead > slack ? ahead - slack : 0;
}

/* A line is 1000 / rate ms, which seldom is a whole number.  How it is rounded follows from where
 * the account is between the multiples of 1000 / rate, so that the remainders add up. */
uint32_t rate_limit_charge(const struct config *config, uint32_t tat, uint32_t time,
                           uint32_t lines) {
    uint32_t rate = config->flood_rate;
    if (rate == 0)
        return time;
    tat = time + (uint32_t)rate_limit_balance(config, tat, time);
    uint32_t past = (uint32_t)((uint64_t)tat * rate % 1000), rest = (1000 - past) % 1000 % rate;
    uint64_t step = ((uint64_t)lines * 1000 + rest) / rate;
    uint32_t most = rate_limit_slack(config) + RATE_LIMIT_DEBT_MAX_MS;
    uint64_t room = (uint64_t)((int64_t)most - (int32_t)(tat - time));
    return tat + (uint32_t)(step < room ? step : room);
}
