/* victim.h - a real server whose processes are killed, stopped, reloaded and upgraded.
 *
 * The program that owns a victim is the subreaper of all its processes (PR_SET_CHILD_SUBREAPER): a
 * master that took over from a dead one is no child of the first. */
#ifndef TESTS_CRASH_VICTIM_H
#define TESTS_CRASH_VICTIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { VICTIM_WORKERS_MAX = 64, VICTIM_PATH = 160 };

struct victim {
    char dir[128]; /* configuration, log, pidfile */
    char binary[256];
    bool elsewhere; /* victim_configure writes the second paths for pidfile and control socket */
    uint16_t port;
    pid_t first; /* pid of the first master, and process group of all */
    int log_fd;
    int cleaner_fd; /* pipe: once it is closed, the cleaner kills all processes */
    uint32_t ready, reloaded, upgraded, again, errors, torn; /* lines of the log, by kind */
    char partial[2048];
    uint32_t partial_len;
};

/* Starts the server and waits until it is ready; on failure prints a sentence and ends the
 * program. */
void victim_start(struct victim *v, const char *binary, const char *conf);
void victim_configure(const struct victim *v, const char *conf);

/* The control socket's path, as configured last. */
const char *victim_control(const struct victim *v, char out[VICTIM_PATH]);

/* victim_named: the pid in the pidfile; 0: there is none.  victim_master: the same, but 0 if no
 * process has this pid. */
pid_t victim_named(const struct victim *v);
pid_t victim_master(const struct victim *v);
/* Writes the pids of the living workers; returns their number. */
uint32_t victim_workers(const struct victim *v, pid_t pid[VICTIM_WORKERS_MAX]);

/* The process that writes the transcript; 0: none lives. */
pid_t victim_transcript(const struct victim *v);

/* Reads new lines of the log, counts them and prints errors.  Reaps all children that have
 * ended. */
void victim_watch(struct victim *v);

/* Sends SIGTERM; true if the master exits with status 0 in time and leaves no process. */
bool victim_stop(struct victim *v);
/* Removes the directory; `keep`: leaves it, so that the log can be read. */
void victim_forget(const struct victim *v, bool keep);
/* Kills all processes that are left. */
void victim_kill(struct victim *v);

#endif
