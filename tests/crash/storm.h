/* storm.h - a given number of new connections per second, each of which must be greeted.
 *
 * A connection is counted if it is refused, or reset before its greeting is complete, or not
 * greeted within STORM_PATIENCE_MS.  Half of the greeted ones leave by /quit and wait for the end
 * of the stream, the others are closed at once. */
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
/* Begins `begin` connections, and reads what has arrived on the others. */
void storm_turn(struct storm *s, uint32_t begin);
/* Continues until no connection is open; those that are not greeted in time are counted. */
void storm_settle(struct storm *s);

#endif
