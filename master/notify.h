/* notify.h - messages to the service manager (sd_notify(3)), if $NOTIFY_SOCKET names its socket. */
#ifndef MASTER_NOTIFY_H
#define MASTER_NOTIFY_H

/* Sends one message, such as "READY=1".  Waits at most 200 ms; a failure is logged. */
void notify(const char *state);

/* Says that the configuration is being read again, and since when: a manager with
 * Type=notify-reload waits for a READY=1 that is younger. */
void notify_reloading(void);

#endif
