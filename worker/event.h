/* event.h - what an epoll event's 64 bits of data mean: a client's (birth << 32 | descriptor), or,
 * with a birth that no client ever has, a listener's or the bell's descriptor. */
#ifndef WORKER_EVENT_H
#define WORKER_EVENT_H

#include <stdint.h>

enum { EVENT_BELL = 0, EVENT_LISTENER = UINT32_MAX }; /* births begin at 1 and never get that far */

static inline uint64_t event_tag(uint32_t birth, uint32_t fd) { return (uint64_t)birth << 32 | fd; }

#endif
