/* ready.c - see ready.h. */
#include "master/ready.h"

#include "ipc/log.h"
#include "master/config.h"
#include "master/listeners.h"

#include <string.h>

void ready_log(const struct segment *seg, const char *what) {
    char addresses[LISTENERS_TEXT];
    const struct config *config = header_config(seg->header);
    log_info("%s: room \"%s\", listening on %s, %u workers, pid %d", what, config->room,
             listeners_format(seg, config, KIND_TELNET, addresses),
             atomic_load(&seg->header->workers), (int)atomic_load(&seg->slots[GUARDIAN_SLOT].pid));
    if (*listeners_format(seg, config, KIND_METRICS, addresses))
        log_info("metrics: http://%s/metrics", addresses);
    char *next, *at = addresses;
    listeners_format(seg, config, KIND_WEB, addresses);
    while (*addresses && (next = strsep(&at, ",")) != NULL)
        log_info("browsers: http://%s/", next + strspn(next, " "));
}
