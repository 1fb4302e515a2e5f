/* ask_mute.h - mute and unmute on their way to the master: only a worker can resolve a name.
 *
 *     mute NAME [DURATION]     KEY ENDPOINT alone|shared DURATION|- NAME
 *     unmute NAME              KEY NAME
 *
 * KEY is of the name (text/name.h), in hexadecimal; 0: a guest of the open room, whose name is its
 * address:port.  `alone`: no other client in the room is of its address (ipc/origin.h), which is
 * then muted, too. */
#ifndef WORKER_COMMAND_ASK_MUTE_H
#define WORKER_COMMAND_ASK_MUTE_H

#include "ipc/request.h"
#include "worker/command/invocation.h"

enum { ASK_MUTE_NO = 256 };

/* As ask_master.c completes a verb's arguments. */
bool ask_mute(struct invocation *inv, char out[REQUEST_TEXT_LEN], char no[ASK_MUTE_NO]);
bool ask_unmute(struct invocation *inv, char out[REQUEST_TEXT_LEN], char no[ASK_MUTE_NO]);

#endif
