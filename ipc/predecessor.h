/* predecessor.h - the few words of a converted segment (convert.h) that the new program writes.
 *
 * The beat moves while the new program makes progress: the standby process of the old one
 * (master/standby.h) ends it otherwise.  The standby word decides which of the two goes on: the
 * standby process takes it, or the first worker of the new program, which ends the old segment's
 * life and then notes that it is of no use to a descriptor store either (`unserved`).
 *
 * These words keep their places in all layouts (header.h); in 0x51d9f54a, which is older than that,
 * the first two lie elsewhere.  The mapping is inherited by the children of the process that
 * converts, and each forgets it when the standby word cannot change any more: the old object's
 * memory is free when the last has.  Until then nothing of it may be freed. */
#ifndef IPC_PREDECESSOR_H
#define IPC_PREDECESSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct predecessor_words {
    size_t size;                    /* of the mapping, from the object's begin */
    size_t beat, standby, unserved; /* offsets; unserved 0: there is none */
    uint32_t commit;                /* enum standby_state: the worker moves WATCHES to it */
    pid_t pid;                      /* predecessor_standby() */
};

/* False with errno. */
bool predecessor_map(int fd, const struct predecessor_words *words);
/* The conversion has failed. */
void predecessor_forget(void);

/* All of these do nothing, and return true, where no words are mapped. */

/* The new program makes progress. */
void predecessor_beat(void);
/* By a worker of the new program, before it enters its slot: from then on the old segment cannot be
 * gone back to.  False: another process goes on with it, and the caller is not wanted. */
bool predecessor_commit(void);
/* Whether a worker has done so. */
bool predecessor_committed(void);
/* By the process that is about to execute the old program again.  False: a worker was first, or the
 * standby process. */
bool predecessor_return(void);
/* The standby process, where it does not end by itself: a child of this process, or no process any
 * more; 0: it does. */
pid_t predecessor_standby(void);

#endif
