/* rate_limit.h - how many lines a client may send: flood_rate a second, flood_burst at once.
 *
 * The generic cell rate algorithm (ITU-T I.371): a client's account is its theoretical arrival time
 * (`tat`), and a line that comes while the account is more than the slack ahead of the clock waits.
 * Times are segment_now(), in milliseconds modulo 2^32.  Pure functions; a rate of 0 is no limit.
 *
 * An account at rest is not behind the clock by more than RATE_LIMIT_LATE_MS: so a client that
 * waits loses nothing by being looked at late, and one that does not gains no more than the lines
 * of that time.  Nor is it ever further ahead than the slack and RATE_LIMIT_DEBT_MAX_MS: an account
 * that seems to be lies in the past, because the clock has 32 bits. */
#ifndef WORKER_STATE_RATE_LIMIT_H
#define WORKER_STATE_RATE_LIMIT_H

#include "ipc/config.h"

#include <stdint.h>

enum {
    RATE_LIMIT_CLOCKS_MS = 1000, /* processes read their clocks at different moments */
    RATE_LIMIT_LATE_MS = 20,
    RATE_LIMIT_DEBT_MAX_MS = 600000,
};

/* How far the account is ahead of `time`, in ms. */
uint32_t rate_limit_ahead(const struct config *config, uint32_t tat, uint32_t time);

/* How long the next line has to wait, in ms; 0: it need not. */
uint32_t rate_limit_wait(const struct config *config, uint32_t tat, uint32_t time);

/* The account after `lines` more at `time`. */
uint32_t rate_limit_charge(const struct config *config, uint32_t tat, uint32_t time,
                           uint32_t lines);

#endif
