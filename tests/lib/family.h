/* family.h - the children of a process, as /proc has them: of a server's guardian they are its
 * master, workers, transcript and relay, whatever PID namespace the server names them in. */
#ifndef TESTS_LIB_FAMILY_H
#define TESTS_LIB_FAMILY_H

#include "tests/lib/fail.h"

#include <sys/types.h>

enum { FAMILY_MAX = 128, FAMILY_NAME = 16 };

struct member {
    pid_t pid;
    char name[FAMILY_NAME + 1]; /* "chatroom-master", "worker 3", ... */
    char state;                 /* as in proc(5): R, S, D, T, Z */
};
struct family {
    struct member member[FAMILY_MAX];
    int count;
};

/* The children of `parent` now, those that have ended and were not reaped among them. */
void family_of(struct family *family, pid_t parent);

/* How many have a name that begins so and have not ended. */
int family_count(const struct family *family, const char *name);

/* Sends the signal to those whose name begins so. */
void family_kill(const struct family *family, const char *name, int signal);

/* Waits until `parent` has so many living children whose name begins so. */
void family_await_at(struct where where, pid_t parent, const char *name, int count);
#define family_await(parent, name, count) family_await_at(HERE, parent, name, count)

/* Waits until `parent` has no child that has ended. */
void family_await_reaped_at(struct where where, pid_t parent);
#define family_await_reaped(parent) family_await_reaped_at(HERE, parent)

#endif
