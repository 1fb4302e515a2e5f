/* edit.h - a half-typed line and its cursor: what text and keys make of them.
 *
 *     struct edit e = {.line = ..., .erase = ..., .len = ..., .behind = ...};
 *     edit_text(&e, bytes, n);      at the cursor
 *     edit_key(&e, &ev);            an editing key; other events do nothing
 *
 * The cursor moves by whole characters, with the marks on them (erase.h).  A key at the end of the
 * line costs a constant, one in its middle what is behind the cursor.  `erase` is begun by the
 * caller and is the line's as long as all its changes below `len` are made here.  Memory is the
 * caller's; pure functions; safe anywhere. */
#ifndef WORKER_PROTOCOL_EDIT_H
#define WORKER_PROTOCOL_EDIT_H

#include "worker/protocol/erase.h"
#include "worker/protocol/telnet_types.h"

struct edit {
    uint8_t *line; /* LINE_MAX_MAX bytes */
    struct erase *erase;
    uint32_t len;    /* bytes of the line */
    uint32_t behind; /* of them behind the cursor */
    bool rewritten;  /* out: bytes below the line's earlier length have changed */
};

/* Whether the key moves in the line or changes it, and does nothing else. */
bool edit_is(enum telnet_kind kind);

/* `n` bytes, at most LINE_MAX_MAX - len. */
void edit_text(struct edit *e, const uint8_t *bytes, uint32_t n);
void edit_key(struct edit *e, const struct telnet_event *ev);

/* Whether BackSpace, Delete, Left or Right, before it is handled, acts on a character of two
 * columns. Other kinds do not. */
bool edit_acts_on_wide(struct edit *e, enum telnet_kind kind);

/* Bytes [from, cursor) become text[0, n). */
void edit_replace(struct edit *e, uint32_t from, const void *text, uint32_t n);

/* The first bytes of a character before the cursor, of which no more will come, are dropped. */
void edit_drop_half(struct edit *e);

#endif
