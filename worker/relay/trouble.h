/* trouble.h - what is wrong with the link, in words for people: once in the log, not at each
 * attempt, and as the state that `chatroom-ctl status` shows.
 *
 * Nothing of what was sent is ever part of it, because that may be a password; of what an engine
 * answered, only what its errors to other commands than AUTH say, escaped. */
#ifndef WORKER_RELAY_TROUBLE_H
#define WORKER_RELAY_TROUBLE_H

#include <stddef.h>
#include <stdint.h>

enum { TROUBLE_TEXT = 480, TROUBLE_WORDS = 160, TROUBLE_KINDS = 16 };

struct trouble {
    char text[TROUBLE_TEXT];
    uint64_t said[TROUBLE_KINDS]; /* hashes of what the log has */
    uint32_t count;
};

/* Beyond TROUBLE_KINDS different ones nothing is logged until trouble_over. */
void trouble_say(struct trouble *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The link has been well: what is wrong from now on is news. */
void trouble_over(struct trouble *t);

/* An engine's error as a sentence without a subject.  Returns out. */
const char *trouble_words(const char *error, size_t len, char out[TROUBLE_WORDS]);

#endif
