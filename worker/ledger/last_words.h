/* last_words.h - what a connection without a record is told before it is closed. */
#ifndef WORKER_LEDGER_LAST_WORDS_H
#define WORKER_LEDGER_LAST_WORDS_H

#include <stddef.h>

/* Sends what the socket takes at once, and closes it. */
void last_words(int fd, const char *said, size_t len);

#endif
