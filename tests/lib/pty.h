/* pty.h - a client program on a pseudo-terminal.
 *
 * All output of the program is collected in `screen`, which only grows; pty_expect searches it for
 * text, from the end of the previous match on.  pty_type sends keys: "\x03" is Ctrl-C, "\r" the
 * return key. */
#ifndef TESTS_LIB_PTY_H
#define TESTS_LIB_PTY_H

#include "tests/lib/fail.h"

#include <stddef.h>
#include <sys/types.h>

struct pty {
    struct pty *next; /* list of all in this process */
    int fd;
    pid_t pid;
    char *screen; /* NUL-terminated; a NUL that the program writes is stored as @ */
    size_t len, size;
    size_t at; /* end of the last match of pty_expect */
};

/* `program` is searched in PATH.  Returns NULL if it is not installed. */
struct pty *pty_run_at(struct where where, char *const argv[]);
#define pty_run(...) pty_run_at(HERE, (char *[]){__VA_ARGS__, NULL})

void pty_type_at(struct where where, struct pty *p, const char *keys);
#define pty_type(p, keys) pty_type_at(HERE, p, keys)

void pty_expect_at(struct where where, struct pty *p, const char *text);
#define pty_expect(p, text) pty_expect_at(HERE, p, text)

/* Waits for more output.  Fails after the deadline (wait_deadline), even if there always is more: a
 * program may show the same again and again. */
void pty_more_at(struct where where, struct pty *p, int64_t deadline);
#define pty_more(p, deadline) pty_more_at(HERE, p, deadline)

/* The window gets another size, of which the program is told (SIGWINCH). */
void pty_resize(struct pty *p, unsigned rows, unsigned columns);

/* Waits until the program ends by itself; returns its wait status. */
int pty_end_at(struct where where, struct pty *p);
#define pty_end(p) pty_end_at(HERE, p)

#endif
