/* pty.h - a program on a pseudo-terminal, as a person would use it.
 *
 * What the program writes to its terminal is the screen, an ever longer text; pty_expect finds the
 * next place in it where some text stands.  pty_type is the keyboard: "\x03" is Ctrl-C, "\r" the
 * return key. */
#ifndef TESTS_LIB_PTY_H
#define TESTS_LIB_PTY_H

#include "tests/lib/fail.h"

#include <stddef.h>
#include <sys/types.h>

struct pty {
    struct pty *next; /* all of this process */
    int fd;
    pid_t pid;
    char *screen; /* NUL-terminated; NULs of the program are shown as @ */
    size_t len, size;
    size_t at; /* what was expected so far ends here */
};

/* `program` is looked for in PATH.  NULL and no failure: it is not installed. */
struct pty *pty_run_at(struct where where, char *const argv[]);
#define pty_run(...) pty_run_at(HERE, (char *[]){__VA_ARGS__, NULL})

void pty_type_at(struct where where, struct pty *p, const char *keys);
#define pty_type(p, keys) pty_type_at(HERE, p, keys)

void pty_expect_at(struct where where, struct pty *p, const char *text);
#define pty_expect(p, text) pty_expect_at(HERE, p, text)

/* Waits until the program has ended by itself; its wait status. */
int pty_end_at(struct where where, struct pty *p);
#define pty_end(p) pty_end_at(HERE, p)

#endif
