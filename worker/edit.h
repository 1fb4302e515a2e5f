/* edit.h - one change to one client, with the boxes it needs and the replies it brings.
 *
 *     struct edit e;
 *     edit_begin(&e, w, c);
 *     e.f->... = ...;                        facts, invisible until the commit
 *     edit_sentence(&e, SAY_..., &words);    a private reply, in the client's encoding
 *     if (!edit_commit(&e)) ... no box was free: nothing has happened, try again later
 *
 * A reply never splits a line: if the ring's line in progress was torn by a partial send, its rest
 * is copied into the boxes first (client.h, output map).  Boxes taken by an edit that fails are
 * given back at once, and the client is held (HOLD_BOXES) until it is tried again, input and
 * output; boxes the facts no longer name are given back after the commit.  Edits of one client do
 * not nest; edits of two clients may be open at once. */
#ifndef WORKER_EDIT_H
#define WORKER_EDIT_H

#include "worker/sentence.h"
#include "worker/worker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EDIT_BOXES = 24 };

struct edit {
    struct worker *w;
    struct client *c;
    struct facts *f;
    uint64_t tag;
    bool failed;       /* a box was wanted and none was free */
    bool mute;         /* replies are dropped: the change itself must not wait for a box */
    uint32_t tail;     /* the outbox the next byte goes to; NO_BOX: find it */
    uint32_t old_head; /* an outbox chain that is drained */
    uint32_t old_len;
    uint32_t taken_count, given_count;
    uint32_t taken[EDIT_BOXES]; /* outboxes */
    uint32_t given[4];          /* outboxes, single */
    uint32_t inbox_taken, inbox_given;
};

void edit_begin(struct edit *e, struct worker *w, struct client *c);
bool edit_commit(struct edit *e);
void edit_abandon(struct edit *e);

/* Replies; nothing is sent before the commit.  Bytes are as the client is to receive them; UTF-8 is
 * put into the client's encoding first.  edit_raw is for what is no reply and leaves the half-typed
 * line where it is: telnet's answers, and the drawing of that line (screen.h). */
void edit_raw(struct edit *e, const void *bytes, size_t len);
void edit_bytes(struct edit *e, const void *bytes, size_t len);
void edit_utf8(struct edit *e, const char *utf8, size_t len);
void edit_sentence(struct edit *e, enum sentence which, const struct words *words);

/* Makes the map begin at what has been sent, so that `pos` may be moved (lapping, history, another
 * encoding).  edit_bytes does it by itself.  The rest of a torn line is kept, in the boxes. */
void edit_settle_map(struct edit *e);

/* Boxes for the input side; NULL (and failed) if none is free. */
struct inbox *edit_inbox(struct edit *e);
struct outbox *edit_line_box(struct edit *e);
void edit_give_input(struct edit *e);    /* inbox and line box: no longer needed */
void edit_give_line_box(struct edit *e); /* the line box alone */

/* The boxes of a chain that holds `len` bytes from `head` on; stops early at a box that is not the
 * tag's (a damaged chain costs its client alone). */
void chain_give(struct worker *w, uint64_t tag, uint32_t head, uint32_t len);

/* A client's name for others: its name, or its address. */
const char *client_called(const struct client *c, const struct facts *f,
                          char out[NAME_BYTES_MAX + 1]);
void client_address(const struct client *c, char out[64]);  /* plain IPv4 or IPv6 */
void client_endpoint(const struct client *c, char out[80]); /* address:port */

#endif
