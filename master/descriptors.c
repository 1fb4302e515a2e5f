/* descriptors.c - see descriptors.h. */
#include "master/descriptors.h"

#include "ipc/log.h"
#include "ipc/parts.h"
#include "ipc/segment.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* Descriptors that are not clients': the listeners of so many addresses; bell, epoll set and pidfd
 * of each slot; and a spare number for CONTROL_MAX control connections, METRICS_CLIENTS and
 * WEB_BEYOND others, the log, the pidfile, the segment and its view, signals and files open for a
 * moment. */
static uint32_t descriptors_reserved(uint32_t addresses) {
    return WORKERS_MAX * addresses + 3 * WORKERS_MAX + 64;
}

static bool descriptors_limit(rlim_t soft, rlim_t hard) {
    struct rlimit wanted = {soft, hard > soft ? hard : soft};
    return setrlimit(RLIMIT_NOFILE, &wanted) == 0;
}

/* For a second after a reload, the addresses it opened and those it gave up are open together.
 * Where the limit does not allow twice as many, it allows one more than at the start. */
uint32_t descriptors_raise(struct config *config, uint32_t *addresses, char *err, size_t err_size) {
    struct rlimit limit = {0, 0};
    getrlimit(RLIMIT_NOFILE, &limit);
    *addresses = LISTENERS_MAX;
    rlim_t need = (rlim_t)config->max_clients + descriptors_reserved(*addresses);
    if (descriptors_limit(need, limit.rlim_max))
        return (uint32_t)need;
    *addresses = config->listen_count + 1;
    need = (rlim_t)config->max_clients + descriptors_reserved(*addresses);
    if (descriptors_limit(need, limit.rlim_max))
        return (uint32_t)need;
    if (descriptors_limit(limit.rlim_max, limit.rlim_max))
        limit.rlim_cur = limit.rlim_max;
    if (limit.rlim_cur <= descriptors_reserved(*addresses)) {
        snprintf(
            err, err_size,
            "the system allows %llu descriptors (RLIMIT_NOFILE, ulimit -Hn): %u are needed for "
            "one client, and %llu for max_clients = %u",
            (unsigned long long)limit.rlim_cur, descriptors_reserved(*addresses) + 1,
            (unsigned long long)need, config->max_clients);
        return 0;
    }
    config->max_clients = (uint32_t)limit.rlim_cur - descriptors_reserved(*addresses);
    log_warn("max_clients lowered to %u: the system allows %llu descriptors", config->max_clients,
             (unsigned long long)limit.rlim_cur);
    return (uint32_t)limit.rlim_cur;
}

void descriptors_restore(uint32_t descriptors) {
    struct rlimit limit = {0, 0};
    getrlimit(RLIMIT_NOFILE, &limit);
    if (descriptors_limit(descriptors, limit.rlim_max) ||
        descriptors_limit(limit.rlim_max, limit.rlim_max))
        getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur + PARTS_CLIENTS <= descriptors)
        log_warn("the system allows %llu descriptors, fewer than before; not all connections come "
                 "back",
                 (unsigned long long)limit.rlim_cur);
}

void descriptors_grow(uint32_t descriptors) {
    if (dup2(STDERR_FILENO, (int)descriptors - 1) >= 0)
        close((int)descriptors - 1);
}
