/* victim.h - a real server whose processes are killed, stopped, reloaded and upgraded.
 *
 * The program that owns a victim is the reaper of all of the victim's processes, whoever started
 * them (PR_SET_CHILD_SUBREAPER): a master that took over from a dead one is no child of the first.
 */
#ifndef TESTS_CRASH_VICTIM_H
#define TESTS_CRASH_VICTIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { VICTIM_WORKERS_MAX = 64 };

struct victim {
    char dir[128]; /* configuration, log, pidfile */
    char binary[256];
    bool elsewhere; /* its pidfile: victim_configure moves it */
    uint16_t port;
    pid_t first; /* the master as it was started */
    int log_fd;
    int keeper_fd; /* closed, by whatever, it takes the server's processes along */
    uint32_t ready, reloaded, upgraded, again, errors,
        torn; /* lines of the log, by what they say */
    char partial[2048];
    uint32_t partial_len;
};

/* Starts it and waits until it is ready; ends the program with a sentence if it does not. */
void victim_start(struct victim *v, const char *binary, const char *conf);
void victim_configure(const struct victim *v, const char *conf);

/* As the pidfile says; 0 if there is none.  And: 0 as well if it names nobody. */
pid_t victim_named(const struct victim *v);
pid_t victim_master(const struct victim *v);
/* The living workers; how many. */
uint32_t victim_workers(const struct victim *v, pid_t pid[VICTIM_WORKERS_MAX]);

/* Reads on in the log and counts; prints its errors.  Reaps what has ended. */
void victim_watch(struct victim *v);

/* SIGTERM; true if it ended well, and by itself. */
bool victim_stop(struct victim *v);
/* Removes its directory, unless somebody will want to read its log. */
void victim_forget(const struct victim *v, bool keep);
/* Whatever is left of it. */
void victim_kill(struct victim *v);

#endif
