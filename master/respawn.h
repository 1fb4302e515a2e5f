/* respawn.h - how long a slot stays empty after its process died: a pure decision. */
#ifndef MASTER_RESPAWN_H
#define MASTER_RESPAWN_H

#include <stdint.h>

struct respawn {
    uint32_t deaths;   /* the new number of deaths in a row */
    uint64_t pause_ms; /* until the next start; 0: at once */
};

/* `deaths`: in a row before this one, each soon after its start.  `lived_ms`: how long the process
 * that has died now had lived. */
struct respawn respawn_after(uint32_t deaths, uint64_t lived_ms);

#endif
