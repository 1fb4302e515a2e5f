/* script.h - what the engine does as one step: scripts in Lua, which it keeps by their SHA-1.
 *
 * Keys (all begin with `chatroom:`, so that an ACL user can be limited to them):
 *
 *     chatroom:lines          stream; field `i` is an item (worker/protocol/item.h)
 *     chatroom:marks          hash NODE -> "LIFE INDEX TURN": its last item; never deleted
 *     chatroom:nodes          hash NODE -> "LIFE TURN": machines in reach
 *     chatroom:lease:NODE     string LIFE with an end: held by a machine that is alive
 *     chatroom:people:NODE    hash NAME -> "" or "b" (a bot)
 *     chatroom:arriving:NODE  the same while it is being filled, before the machine is in reach
 *
 * LIFE has 16 hexadecimal digits; other numbers are decimal.  Written for Redis 5 to 7: no key is
 * declared (a cluster is not served), what varies from one execution to another is replicated by
 * its effects, and a script's first write is one that an engine out of memory refuses, so that a
 * refused script has changed nothing.  A script that finds the machine's lease gone, or another's,
 * changes nothing and answers LEASE. */
#ifndef WORKER_RELAY_SCRIPT_H
#define WORKER_RELAY_SCRIPT_H

/* clang-format off */
enum script {
    SCRIPT_CLAIM,  /* node life ttl: OK, TAKEN, or LATER and the higher life that is known */
    SCRIPT_PEOPLE, /* node life (name value)...: OK */
    SCRIPT_ENTER,  /* node life ms keep turn acked lines from: {OK, mark, turn, last id} */
    SCRIPT_PASS,   /* node life prev index payload keep [op name name2]: 1, or GAP and the mark */
    SCRIPT_BEAT,   /* node life ms keep ttl judge: OK */
    SCRIPT_WORLD,  /* : {last id, then for each node: node, LIFE TURN, index, {name, value...}} */
    SCRIPT_BYE,    /* node life ms keep: OK */
    SCRIPTS
};
/* clang-format on */

enum { SCRIPT_NAME = 41 };

const char *script_text(enum script script);
/* The SHA-1 in hexadecimal digits, by which EVALSHA calls it. */
void script_name(enum script script, char out[SCRIPT_NAME]);

#endif
