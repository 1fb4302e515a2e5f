/* probes.h - first bytes of connections: of other protocols and scanners, and of people. */
#ifndef TESTS_LIB_PROBES_H
#define TESTS_LIB_PROBES_H

#include <stddef.h>

struct probe {
    const char *what;
    const char *bytes; /* may contain NUL */
    size_t len;
    const char *split; /* the reason in the log when it comes byte by byte */
    const char *whole; /* the same when all comes at once; NULL: as split */
};

/* Each of these ends the connection. */
extern const struct probe probes_foreign[];
extern const size_t probes_foreign_count;

/* Scanners' first lines that a person may say, too: not spoken in the open room, not closed. */
extern const char *const probes_words[];
extern const size_t probes_words_count;

/* First lines of people, valid UTF-8; each may be spoken. */
extern const char *const probes_harmless[];
extern const size_t probes_harmless_count;

#endif
