/* notify.h - messages to the service manager (sd_notify(3)), if $NOTIFY_SOCKET names its socket,
 * and descriptors for it to keep (systemd.service(5), FileDescriptorStoreMax).
 *
 * A manager believes its service's main process alone.  The caller is the guardian.
 * Sources: sd_notify(3), sd_pid_notify_with_fds(3), sd_notify_barrier(3), unix(7). */
#ifndef MASTER_NOTIFY_H
#define MASTER_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

enum { NOTIFY_WAIT_MS = 200, NOTIFY_FDS_MAX = 200 };

enum notified {
    NOTIFY_SENT,
    NOTIFY_FULL,  /* the manager did not read in time: to be tried again */
    NOTIFY_FAILED /* there is none, or, logged, it cannot be reached */
};

/* Whether there is a manager. */
bool notify_wanted(void);

/* Sends one message, such as "READY=1".  Waits at most NOTIFY_WAIT_MS; a failure is logged. */
void notify(const char *state);

/* Sends one message with `count` descriptors, at most NOTIFY_FDS_MAX; they stay the caller's. Waits
 * at most `ms`. */
enum notified notify_descriptors(const char *state, const int *fds, uint32_t count, uint32_t ms);

/* Returns when the manager has handled every message before this one: true; or after `ms`. */
bool notify_barrier(uint32_t ms);

/* Says that the configuration is being read again, and since when: a manager with
 * Type=notify-reload waits for a READY=1 that is younger. */
void notify_reloading(void);

/* How often the manager wants to hear WATCHDOG=1, ms ($WATCHDOG_USEC); 0: it does not ask. */
uint64_t notify_watchdog_ms(void);

#endif
