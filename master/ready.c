/* ready.c - see ready.h. */
#include "master/ready.h"

#include "ipc/log.h"
#include "master/config.h"
#include "master/listeners.h"
#include "master/notify.h"

#include <stdio.h>
#include <unistd.h>

void ready_log(const struct segment *seg, const char *what) {
    char addresses[LISTENERS_TEXT];
    const struct config *config = header_config(seg->header);
    log_info("%s: room \"%s\", listening on %s, %u workers, pid %d", what, config->room,
             listeners_format(seg, config, KIND_TELNET, addresses),
             atomic_load(&seg->header->workers), (int)getpid());
    if (*listeners_format(seg, config, KIND_METRICS, addresses))
        log_info("metrics: http://%s/metrics", addresses);
}

void ready_announce(void) {
    char state[64];
    snprintf(state, sizeof state, "READY=1\nMAINPID=%d", (int)getpid());
    notify(state);
}
