/* victim.h - a real server whose processes are killed, stopped, reloaded and upgraded.
 *
 * The guardian is the process that was started, or the one that took its place: its pid is in the
 * pidfile.  Master, workers, transcript and relay are its children, but for those whose guardian
 * was killed.  The program that owns a victim is the subreaper of them (PR_SET_CHILD_SUBREAPER). */
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
    uint16_t port, metrics; /* of the address of metrics, once the log has it */
    pid_t first;            /* pid of the first guardian, and process group of all */
    pid_t last_master;      /* in the last line of the log that names one */
    int log_fd;
    int cleaner_fd; /* pipe: once it is closed, the cleaner kills all processes */
    uint32_t ready, reloaded, upgraded, again, errors, torn; /* lines of the log, by kind */
    uint32_t reached; /* lines that say that another machine is in reach */
    char partial[2048];
    uint32_t partial_len;
};

/* The program enters a network of its own, where it may; victim_start does that first.  False: it
 * may not. */
bool victim_network(void);

/* Starts the server and waits until it is ready; on failure prints a sentence and ends the
 * program. */
void victim_start(struct victim *v, const char *binary, const char *conf);
void victim_configure(const struct victim *v, const char *conf);

/* The control socket's path, as configured last. */
const char *victim_control(const struct victim *v, char out[VICTIM_PATH]);

/* victim_named: the pid in the pidfile; 0: there is none.  victim_guardian: the same, but 0 if no
 * process has this pid.  victim_master: as the log says that victim_watch has read; 0: no process
 * has this pid. */
pid_t victim_named(const struct victim *v);
pid_t victim_guardian(const struct victim *v);
pid_t victim_master(const struct victim *v);
/* Writes the pids of the living workers; returns their number. */
uint32_t victim_workers(const struct victim *v, pid_t pid[VICTIM_WORKERS_MAX]);

/* The process of that name, "transcript" or "relay"; 0: none lives. */
pid_t victim_process(const struct victim *v, const char *name);

/* Reads new lines of the log, counts them and prints errors.  Reaps all children that have
 * ended. */
void victim_watch(struct victim *v);

/* Sends SIGTERM; true if the guardian exits with status 0 in time and leaves no process. */
bool victim_stop(struct victim *v);
/* Removes the directory; `keep`: leaves it, so that the log can be read. */
void victim_forget(const struct victim *v, bool keep);
/* Kills all of its processes that are left. */
void victim_kill(struct victim *v);

#endif
