/* person.h - one simulated client, which a test drives step by step; all that it receives is
 * kept. */
#ifndef TESTS_CRASH_PERSON_H
#define TESTS_CRASH_PERSON_H

#include "tests/crash/victim.h"

#include <stddef.h>

enum { PATIENCE_MS = 20000 };

struct person {
    struct victim *victim;
    int fd;
    char *heard; /* all bytes received, NUL-terminated; NULL: none yet */
    size_t len;
};

/* Connects and logs in; receive_buffer: SO_RCVBUF, 0 for the kernel's choice. */
struct person person_comes(struct victim *victim, const char *name, int receive_buffer);
void person_types(const struct person *p, const char *text);
/* Reads at most `most` bytes more; false: the stream ended, or PATIENCE_MS passed without input. */
bool person_reads(struct person *p, size_t most);
/* Reads until the text is in `heard`, which may be at once; false: the stream ended, or PATIENCE_MS
 * passed without input. */
bool person_hears(struct person *p, const char *text);
void person_goes(struct person *p);

/* How often `what` occurs in the text. */
uint32_t person_times(const char *text, const char *what);

#endif
