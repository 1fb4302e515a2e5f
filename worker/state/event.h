/* event.h - what an epoll event's 64 bits of data mean: a client's (birth << 32 | descriptor), or,
 * with a birth that no client ever has, a listener's, the bell's, the master's, or its dead man's
 * switch. */
#ifndef WORKER_EVENT_H
#define WORKER_EVENT_H

#include <stdint.h>

/* Births begin at 1 and never get that far. */
#define EVENT_BELL 0u
#define EVENT_LISTENER UINT32_MAX
#define EVENT_MASTER (UINT32_MAX - 1)
#define EVENT_WATCHDOG (UINT32_MAX - 2)

static inline uint64_t event_tag(uint32_t generation, uint32_t fd) {
    return (uint64_t)generation << 32 | fd;
}

#endif
