/* run.h - starting programs so that nothing of them outlives the test.
 *
 * Every program gets a process group of its own and a keeper: a small process that waits for the
 * end of the test process (the end of a pipe), kills the whole group at once and removes the
 * directory.  So neither a failed test nor one killed by a timeout leaves anything behind, and the
 * server's processes, which respawn one another, get no chance to. */
#ifndef TESTS_LIB_RUN_H
#define TESTS_LIB_RUN_H

#include "tests/lib/fail.h"

#include <sys/types.h>

enum { RUN_OUTPUT_MAX = 16384 };

/* A private directory under $TMPDIR or /tmp; the path is written to dir[size]. */
void run_make_dir(struct where where, char *dir, unsigned size);

/* Writes `text` to the file at `path`, whole, replacing it at once (rename). */
void run_write_file(struct where where, const char *path, const char *text);

/* The file's bytes, NUL-terminated, for free(); NULL if there is none. */
char *run_read_file(const char *path);

/* Starts argv[0] in a new process group with standard input from /dev/null, output and errors to
 * the files named (appended to; both may be one).  Returns its pid, which is also its group. */
pid_t run_start(struct where where, char *const argv[], const char *out, const char *err);

/* Called in the new process before the program is executed: what it changes (limits, user, sandbox)
 * holds for the program.  NULL: nothing. */
extern void (*run_before_exec)(void);

/* A keeper of `group` (0: of nothing yet) and of `dir` (NULL: none).  Returns the pipe's end:
 * closing it, as every end of this process does, ends the group and removes the directory. */
int run_keep(struct where where, pid_t group, const char *dir);

/* Waits for our child `pid`; its wait status in *status.  False: it still runs at the deadline. */
bool run_wait(pid_t pid, int *status, int64_t deadline);

/* A program run to its end. */
struct ran {
    int status; /* exit status; 128 + signal if it was killed */
    char out[RUN_OUTPUT_MAX];
    char err[RUN_OUTPUT_MAX];
};
void run_at(struct where where, struct ran *ran, char *const argv[]);
#define run(ran, ...) run_at(HERE, ran, (char *[]){__VA_ARGS__, NULL})

/* The server's binary: $CHATROOM_MASTER or ./chatroom-master. */
char *run_server_path(void);

#endif
