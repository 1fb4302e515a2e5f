/* run.h - starts programs so that no process of them outlives the test.
 *
 * Every program has its own process group and a cleaner: a small process that waits for the end of
 * the test process (end of file on a pipe), kills the whole group at once and removes the
 * directory.  So neither a failed test nor one killed by a timeout leaves processes or files
 * behind, although the server's processes restart one another. */
#ifndef TESTS_LIB_RUN_H
#define TESTS_LIB_RUN_H

#include "tests/lib/fail.h"

#include <sys/types.h>

enum { RUN_OUTPUT_MAX = 16384 };

/* Makes a private directory under $TMPDIR or /tmp; writes its path to dir[size]. */
void run_make_dir(struct where where, char *dir, unsigned size);

/* Writes `text` to the file at `path`; rename(2) replaces the file in one step. */
void run_write_file(struct where where, const char *path, const char *text);

/* Returns the file's bytes, NUL-terminated, which the caller frees; NULL if it cannot be opened. */
char *run_read_file(const char *path);

/* Starts argv[0] in a new process group.  Standard input is /dev/null; output and errors are
 * appended to the files `out` and `err`, which may be the same.  Returns the pid, which is also the
 * group. */
pid_t run_start(struct where where, char *const argv[], const char *out, const char *err);

/* Called in the new process before execve: what it changes (limits, user, sandbox) applies to the
 * program.  NULL: nothing is called. */
extern void (*run_before_exec)(void);

/* Starts a cleaner for `group` (0: none yet) and `dir` (NULL: none).  Returns the write end of its
 * pipe: when the last copy of that descriptor is closed, also by the end of this process, the
 * cleaner kills the group and removes the directory. */
int run_cleaner(struct where where, pid_t group, const char *dir);

/* Waits for this process's child `pid`; its wait status is in *status.  False: the deadline has
 * passed, or it is no child. */
bool run_wait(pid_t pid, int *status, int64_t deadline);

/* The result of a program that has ended. */
struct ran {
    int status; /* exit status; 128 + signal if it was killed */
    char out[RUN_OUTPUT_MAX];
    char err[RUN_OUTPUT_MAX];
};
void run_at(struct where where, struct ran *ran, char *const argv[]);
#define run(ran, ...) run_at(HERE, ran, (char *[]){__VA_ARGS__, NULL})

/* The server's binary: $CHATROOM_MASTER or ./chatroom-master. */
char *run_server_path(void);
/* The same program with another layout of the segment (Makefile); it lies beside the tests'. */
char *run_other_path(void);

#endif
