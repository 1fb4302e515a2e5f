/* clang-format off */
/* worker.h - one worker process: its entry point, and the way of a line through it.
 *
 *      1  ledger/accept.c     a connection gets a record and is greeted          (command/greeting.c)
 *      2  input/input.c       recv() into the client's rx buffer in the segment
 *      3  input/scan.c        bytes -> telnet events -> a finished line          (protocol/telnet.c)
 *      4  command/decide.c    what the line means: speech, a command, an answer  (text/, command/)
 *      5  state/stage.c       speech is rendered once per encoding               (command/say.c)
 *      6  ledger/publish.c    one hold of the gate, one commit, the bells        (ipc/room.c)
 *      7  ledger/apply.c      its effects on this worker's records               (record/change.c)
 *      8  command/refusal.c   lines refused under the gate are answered
 *      9  output/flush.c      in every worker: bell -> count -> each member
 *     10  output/send.c       one send() per client, straight from the ring
 *
 * The loop (worker.c) calls them in this order.  The folders are floors: a file includes its own floor and
 * those below, never one above (scripts/check-includes). */
/* clang-format on */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "ipc/lease.h"
#include "ipc/segment.h"

#include <stdint.h>

/* Serves until shutdown or retirement; returns the process's exit status.  Runs in a child that
 * shares the supervisor's descriptor table; `seg` is the supervisor's view. */
int worker_main(struct segment *seg, uint32_t slot, uint64_t incarnation,
                guardian_entry start_guardian);

#endif
