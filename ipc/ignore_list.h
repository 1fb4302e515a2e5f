/* ignore_list.h - where the people that a client ignores are listed.
 *
 * A person is a connection: (generation << 32 | client), the tag that also marks its buffers
 * (buffer_tag).  It stays the same over changes of name, and is never given to another connection,
 * so a row is eight bytes and needs no upkeep.
 *
 * Every record has a list of its own, so that a client can ignore IGNORE_ROWS people whatever
 * others do.  A client that ignores more takes one buffer of a pool, with the other rows; where
 * none is free, its list is full.  The rows are filled from the first on, and the first that is 0
 * ends the list.
 *
 * A list counts only while its client has FACT_IGNORES; before, it holds anything.  Rows and `more`
 * change in place, each by one store that is harmless to repeat (worker/output/ignore.c).  By the
 * client's owner only. */
#ifndef IPC_IGNORE_LIST_H
#define IPC_IGNORE_LIST_H

#include <stdint.h>

#ifdef CHATROOM_FAULTS
enum { IGNORE_ROWS = 1 }; /* so that a small crowd gets beyond them */
#else
enum { IGNORE_ROWS = 15 };
#endif
enum { IGNORE_MAX = 100, IGNORE_MORE = IGNORE_MAX - IGNORE_ROWS };

struct ignore_list {
    uint64_t row[IGNORE_ROWS];
    uint32_t more; /* number of a struct ignore_more; NO_BUFFER: none */
    uint32_t pad;
};
_Static_assert(sizeof(struct ignore_list) == 8 * IGNORE_ROWS + 8, "two cache lines a client");

struct ignore_more {
    uint64_t row[IGNORE_MORE];
};

#endif
