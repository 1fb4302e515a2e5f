/* person.h - one person at a socket, who types and remembers all that was heard. */
#ifndef TESTS_CRASH_PERSON_H
#define TESTS_CRASH_PERSON_H

#include "tests/crash/victim.h"

#include <stddef.h>

enum { PATIENCE_MS = 20000 };

struct person {
    struct victim *victim;
    int fd;
    char *heard; /* NUL-terminated; NULL: nothing yet */
    size_t len;
};

/* Connects and logs in; receive_buffer: SO_RCVBUF, 0 for the kernel's choice. */
struct person person_comes(struct victim *victim, const char *name, int receive_buffer);
void person_types(const struct person *p, const char *text);
/* Reads at most `most` bytes more; false at the end of the stream, or if nothing comes. */
bool person_reads(struct person *p, size_t most);
/* Until it has heard the text, at some time; false if that does not come. */
bool person_hears(struct person *p, const char *text);
void person_goes(struct person *p);

/* How often `what` stands in the text. */
uint32_t person_times(const char *text, const char *what);

#endif
