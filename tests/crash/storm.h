/* storm.h - connections, so many a second, each of which must be greeted.
 *
 * A connection that is refused, or reset before it was greeted whole, or not greeted for
 * STORM_PATIENCE_MS is counted.  Half of the greeted leave by /quit and wait for the end, the
 * others hang up. */
#ifndef TESTS_CRASH_STORM_H
#define TESTS_CRASH_STORM_H

#include <stdint.h>

enum { STORM_OPEN_MAX = 4096, STORM_PATIENCE_MS = 10000 };

struct storm {
    uint16_t port;
    int epoll_fd;
    struct gust *gust; /* [STORM_OPEN_MAX] */
    uint32_t open, source;
    uint64_t made, greeted, refused, reset, unserved, held_back, slowest_ms;
};

void storm_make(struct storm *s, uint16_t port);
/* `begin` new ones, and whatever has come for the others. */
void storm_turn(struct storm *s, uint32_t begin);
/* Until none is open; those that are not greeted in time are counted. */
void storm_settle(struct storm *s);

#endif
