/* mob.h - clients that do harm beside the judged crowd, called rogues: floods, broken lines, and
 * connections that end in every way at every moment.
 *
 * A rogue lives for two seconds at most.  It stays a stranger, or stops in the middle of its login,
 * or logs in; then it sends one kind of input up to 2 KB at each turn of the test; then it vanishes
 * by a FIN, a reset, a half-close or /quit, whatever the server has not read or it has not read
 * itself. Some read nothing at all.  One more address opens connections faster than connect_rate.
 *
 * Rogues that log in have a speaker's number of the crowd's order, so their lines are checked like
 * a guest's, but for gaps: lines that come too fast are dropped.  What else they send must never
 * reach the room.  After the end each of them must have left the room (crowd_settle), and none of
 * their connections may be left or count (mob_traces). */
#ifndef TESTS_CRASH_MOB_H
#define TESTS_CRASH_MOB_H

#include "tests/crash/order.h"

#include <stdbool.h>
#include <stdint.h>

/* How long to wait for the server to notice that they have gone.  Where packets are dropped, a
 * reset may have been: then the server learns by its first keep-alive probe that the peer is gone
 * (ipc/slot.h). */
enum { MOB_PATIENCE_MS = 10000, MOB_PATIENCE_LOSSY_MS = 75000 };

/* What a rogue does. */
enum rogue_act {
    ACT_NOTHING,
    ACT_BLANKS,
    ACT_SPEECH,
    ACT_NICKS,
    ACT_KEYS,
    ACT_TELNET,
    ACT_LONG_LINES,
    ACT_LISTS,
    ACT_PRIVATE,
    ACT_HALF_LINE,
    ACT_HTTP, /* by strangers only: in the room it is speech */
    ACTS
};

struct mob {
    enum rogue_act only; /* ACTS: any */
    struct room_order *order;
    struct rogue *rogue; /* [count] */
    uint32_t count, random;
    uint16_t port;
    uint64_t knock_at; /* clock_ms() */
    uint64_t made, logged_in, knocks, bytes, notices;
    uint64_t refused, unended; /* violations: see mob_violations */
};

void mob_make(struct mob *m, uint32_t count, uint16_t port, uint32_t seed,
              struct room_order *order);
/* Each rogue begins, goes on or ends. */
void mob_turn(struct mob *m);
/* True if none is left; none begins from now on. */
bool mob_ended(struct mob *m);
/* After the end: how many of their connections the server still has or counts.  `per_address` is
 * the server's max_clients_per_address: so many must be let in again from one of their addresses.
 */
uint32_t mob_traces(const struct mob *m, uint32_t per_address);
/* Connections that the server has not ended yet. */
uint32_t mob_left(const struct mob *m);
/* Connections refused by the kernel, and rogues whose stream the server did not end in time. */
uint64_t mob_violations(const struct mob *m);
void mob_free(struct mob *m);

#endif
