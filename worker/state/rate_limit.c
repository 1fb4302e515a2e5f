/* rate_limit.c - see rate_limit.h. */
#include "worker/state/rate_limit.h"

/* How far an account may be ahead without making its client wait, in ms. */
static uint32_t rate_limit_slack(const struct config *config) {
    uint32_t burst = config->flood_burst > 0 ? config->flood_burst - 1 : 0;
    return config->flood_rate == 0 ? 0 : burst * 1000 / config->flood_rate;
}

/* An account is never further ahead than the slack and one line, and the difference of two clocks.
 * One that seems to be lies in the past: the clock has 32 bits. */
uint32_t rate_limit_ahead(const struct config *config, uint32_t tat, uint32_t time) {
    uint32_t ahead = tat - time;
    if (config->flood_rate == 0)
        return 0;
    uint32_t most = rate_limit_slack(config) + 1000 / config->flood_rate + RATE_LIMIT_CLOCKS_MS;
    return ahead <= most ? ahead : 0;
}

uint32_t rate_limit_wait(const struct config *config, uint32_t tat, uint32_t time) {
    uint32_t ahead = rate_limit_ahead(config, tat, time), slack = rate_limit_slack(config);
    return ahead > slack ? ahead - slack : 0;
}

/* A step is 1000 / rate ms, which seldom is a whole number.  Whether it is rounded down or up
 * follows from where the account is between the multiples of 1000 / rate, so that the remainders
 * add up. */
uint32_t rate_limit_charge(const struct config *config, uint32_t tat, uint32_t time) {
    uint32_t rate = config->flood_rate;
    if (rate == 0)
        return time;
    tat = time + rate_limit_ahead(config, tat, time);
    uint32_t past = (uint32_t)((uint64_t)tat * rate % 1000);
    return tat + (1000 + (1000 - past) % 1000 % rate) / rate;
}
