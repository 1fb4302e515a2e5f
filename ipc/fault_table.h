/* fault_table.h - the file through which a test arms a fault point and reads what was reached.
 *
 * A test makes the file (zeroed, sizeof(struct fault_table)), names it in CHATROOM_FAULT_FILE and
 * starts a server built with -DCHATROOM_FAULTS: every process of it maps the file shared, counts
 * each point's hits there, and looks whether it is armed.
 *
 * One point at a time is armed.  To arm: write `left` and `signal`, then store `armed` (release) =
 * fault_key(name).  The process that reaches the point for the left-th time from then on disarms
 * it, writes its pid to `fired`, and sends itself the signal: SIGKILL to die, SIGSTOP to stand
 * still, or one that is a worker's own fault (SIGSEGV).  Where a point is reached only after a
 * death at another, that other is armed, and the point written to `then`.  A point's hits are
 * counted even when it is not armed.
 *
 * Any process may die at any instruction here too: a point's place is taken by one CAS of its key,
 * and its name, which follows, is the same bytes whoever writes them. */
#ifndef IPC_FAULT_TABLE_H
#define IPC_FAULT_TABLE_H

#include <stdatomic.h>
#include <stdint.h>

#define FAULT_FILE_VARIABLE "CHATROOM_FAULT_FILE"
enum { FAULT_POINTS_MAX = 512, FAULT_NAME_MAX = 48 };

struct fault_point {
    _Atomic uint64_t key; /* 0: free */
    _Atomic uint64_t hits;
    char name[FAULT_NAME_MAX]; /* NUL-padded */
};

struct fault_table {
    _Alignas(64) _Atomic uint64_t armed; /* the point's key; 0: none */
    _Atomic int64_t left;                /* hits until it fires */
    _Atomic int32_t signal;
    _Atomic int32_t fired; /* the pid that fired; written by it, cleared by the test */
    _Atomic uint64_t then; /* what is armed, for one hit, when this one has fired; 0: nothing */
    _Atomic int32_t then_signal;                          /* its signal */
    _Alignas(64) struct fault_point at[FAULT_POINTS_MAX]; /* open addressing by key */
};

/* FNV-1a over the name: what points are compared by.  Never 0. */
static inline uint64_t fault_key(const char *name) {
    uint64_t key = 14695981039346656037u;
    for (; *name; name++)
        key = (key ^ (unsigned char)*name) * 1099511628211u;
    return key ? key : 1;
}

#endif
