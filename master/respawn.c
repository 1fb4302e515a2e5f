/* respawn.c - see respawn.h. */
#include "master/respawn.h"

enum {
    RESPAWN_PAUSE_MS = 10, /* doubles with each death */
    RESPAWN_PAUSE_MAX_MS = 1000,
    RESPAWN_LIVED_MS = 250 /* a process that lived so long did not die of its start */
};

/* A worker that is killed now and then is replaced at once.  One that dies of its start, or of the
 * first line that it reads, again and again, must not keep a core busy: its pauses are 0, 20, 40
 * and so on up to 1000 ms. */
struct respawn respawn_after(uint32_t deaths, uint64_t lived_ms) {
    if (lived_ms >= RESPAWN_LIVED_MS)
        deaths = 0;
    if (deaths == 0)
        return (struct respawn){1, 0};
    uint64_t pause = deaths < 8 ? (uint64_t)RESPAWN_PAUSE_MS << deaths : RESPAWN_PAUSE_MAX_MS;
    return (struct respawn){deaths + 1,
                            pause < RESPAWN_PAUSE_MAX_MS ? pause : RESPAWN_PAUSE_MAX_MS};
}
