/* clock.h - monotonic time, the only clock that timeouts use; the time since boot, by which lines
 * are dated; and the wall clock, which may be set.
 *
 * Time in the segment counts from its making (header.h: epoch_ms) in 32 bits, in units that suit
 * each use (segment.h: segment_now and its kin). */
#ifndef IPC_CLOCK_H
#define IPC_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline uint64_t clock_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Goes on while the machine is suspended, unlike clock_ms, and is not set, unlike the wall clock.
 */
static inline uint64_t clock_boot_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Since 1970. */
static inline uint64_t clock_wall_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline struct timespec clock_after_ms(uint32_t ms) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_nsec -= 1000000000;
        t.tv_sec++;
    }
    return t;
}

#endif
