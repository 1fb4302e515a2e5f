/* edit.h - one change to one client, with the boxes it needs and the replies it brings.
 *
 *     struct change ch;
 *     change_begin(&ch, w, c);
 *     ch.f->... = ...;                        facts, invisible until the commit
 *     change_sentence(&ch, SAY_..., &words);    a private reply, in the client's encoding
 *     if (!change_commit(&ch)) ... no box was free: nothing has happened, try again later
 *
 * A reply never splits a line: if the ring's line in progress was torn by a partial send, its rest
 * is copied into the boxes first (client.h, output map).  Boxes taken by an edit that fails are
 * given back at once, and the client is held (PAUSE_BUFFERS) until it is tried again, input and
 * output; boxes the facts no longer name are given back after the commit.  Edits of one client do
 * not nest; edits of two clients may be open at once. */
#ifndef WORKER_EDIT_H
#define WORKER_EDIT_H

#include "worker/state/worker.h"
#include "worker/text/sentence.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHANGE_BUFFERS = 24 };

struct change {
    struct worker *w;
    struct client *c;
    struct facts *f;
    uint64_t tag;
    bool failed;       /* a box was wanted and none was free */
    bool drop_replies; /* replies are dropped: the change itself must not wait for a box */
    uint32_t tail;     /* the outbox the next byte goes to; NO_BUFFER: find it */
    uint32_t old_head; /* an outbox chain that is drained */
    uint32_t old_len;
    uint32_t taken_count, given_count;
    uint32_t taken[CHANGE_BUFFERS]; /* tx_buffers */
    uint32_t given[4];              /* tx_buffers, single */
    uint32_t rx_taken, rx_given;
};

void change_begin(struct change *ch, struct worker *w, struct client *c);
bool change_commit(struct change *ch);
void change_abandon(struct change *ch);

/* Replies; nothing is sent before the commit.  Bytes are as the client is to receive them; UTF-8 is
 * put into the client's encoding first.  change_raw is for what is no reply and leaves the
 * half-typed line where it is: telnet's answers, and the drawing of that line (screen.h). */
void change_raw(struct change *ch, const void *bytes, size_t len);
void change_bytes(struct change *ch, const void *bytes, size_t len);
void change_utf8(struct change *ch, const char *utf8, size_t len);
void change_sentence(struct change *ch, enum sentence which, const struct words *words);

/* Makes the map begin at what has been sent, so that `pos` may be moved (lapping, history, another
 * encoding).  change_bytes does it by itself.  The rest of a torn line is kept, in the boxes. */
void change_settle_map(struct change *ch);

/* Boxes for the input side; NULL (and failed) if none is free. */
struct rx_buffer *change_rx(struct change *ch);
struct tx_buffer *change_line_buffer(struct change *ch);
void change_give_input(struct change *ch);       /* inbox and line box: no longer needed */
void change_give_line_buffer(struct change *ch); /* the line box alone */

/* The boxes of a chain that holds `len` bytes from `head` on; stops early at a box that is not the
 * tag's (a damaged chain costs its client alone). */
void chain_give(struct worker *w, uint64_t tag, uint32_t head, uint32_t len);

/* A client's name for others: its name, or its address. */
const char *client_called(const struct client *c, const struct facts *f,
                          char out[NAME_BYTES_MAX + 1]);
void client_address(const struct client *c, char out[64]);  /* plain IPv4 or IPv6 */
void client_endpoint(const struct client *c, char out[80]); /* address:port */

#endif
