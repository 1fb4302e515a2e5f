/* change.h - one change to one client: new facts, the buffers they need, and the replies they
 * bring.
 *
 *     struct change ch;
 *     change_begin(&ch, w, c);
 *     ch.f->... = ...;                          facts, invisible until the commit
 *     change_sentence(&ch, SAY_..., &words);    a private reply, in the client's encoding
 *     if (!change_commit(&ch)) ...              no buffer was free: nothing has happened
 *
 * A reply never splits a line: if a partial send tore the ring's line in progress, its rest is
 * copied into the buffers first (client.h, output map).  When a change fails, the buffers it took
 * are given back and the client is paused (PAUSE_BUFFERS) until input and output are tried again.
 * Buffers that the facts no longer name are given back after the commit.  Changes of one client do
 * not nest; changes of two clients may be open at once.  By the client's owner only.
 *
 * A browser's message may have a number: the change that consumes it has `asked` set, and answers
 * it once, by an error, by a list or by `ok` (invocation_done, ledger/apply.c).
 *
 * Shares of the pool.  Half-typed lines take buffers of its first quarter only, lines kept for
 * being recalled of its first eighth, replies to clients
 * that are not in the room of its first half, and replies to a client whose socket is full or that
 * holds CHANGE_FEW buffers already of the first three quarters.  So the last quarter is for clients
 * in the room that read their replies, and such a buffer is free again at once. */
#ifndef WORKER_RECORD_CHANGE_H
#define WORKER_RECORD_CHANGE_H

#include "worker/record/echo.h"
#include "worker/state/local.h"
#include "worker/text/sentence.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHANGE_TAKEN = 24, CHANGE_GIVEN = 6, CHANGE_FEW = 2 };

struct change {
    struct worker *w;
    struct client *c;
    struct facts *f;
    uint64_t tag;
    bool failed;       /* a buffer was wanted and none was free */
    bool drop_replies; /* the change itself must not wait for a buffer */
    bool charged;      /* change_charge was called */
    bool free_answer;  /* the client does not pay for what it is answered with */
    uint32_t lines;    /* that it pays for, */
    uint32_t ms;       /* and when */
    uint32_t answered; /* bytes */
    bool outside;      /* the client is not in the room: its share is smaller */
    bool sending;      /* the caller sends what it queues: no other flush needs to */
    bool asked;        /* a message with a number is consumed (facts.re), and not answered yet */
    uint32_t tail;     /* the tx buffer that the next byte goes to; NO_BUFFER: not found yet */
    uint32_t old_head; /* a chain that is dropped: given back after the commit */
    uint32_t old_len;
    uint32_t rx_taken, rx_given;
    uint32_t taken_count, given_count;
    struct drawn drawn;           /* the line that was taken off the screen; no text: none was */
    uint32_t taken[CHANGE_TAKEN]; /* tx buffers */
    uint32_t given[CHANGE_GIVEN]; /* tx buffers that are in no chain */
    char drawn_text[ECHO_MAX];
};

void change_begin(struct change *ch, struct worker *w, struct client *c);
/* An echoed client's half-typed line is drawn again, then the facts become the client's.  False:
 * the change failed and is abandoned. */
bool change_commit(struct change *ch);
/* Gives back what it took; the facts stay as they were. */
void change_abandon(struct change *ch);

/* Replies; nothing is sent before the commit.  Bytes are as the client is to receive them; UTF-8 is
 * encoded first.  change_raw is for what is no reply and leaves the half-typed line where it is:
 * telnet's answers; change_text for the drawing of that line: a letter 255 is doubled for a client
 * that speaks telnet. */
void change_raw(struct change *ch, const void *bytes, size_t len);
void change_text(struct change *ch, const char *text, size_t len);
void change_bytes(struct change *ch, const void *bytes, size_t len);
void change_utf8(struct change *ch, const char *utf8, size_t len);
void change_sentence(struct change *ch, enum sentence which, const struct words *words);
/* A line that is in no table, without its end. */
void change_line(struct change *ch, const char *utf8, size_t len);

/* A browser is told sentences and lines as events (protocol/answer.h), and by these what others are
 * not.  change_frames: the length may be 0.  change_ok: what it asked for is done. */
void change_frames(struct change *ch, const void *frames, size_t len);
void change_ok(struct change *ch);
/* The number that an answer bears, or EVENT_NO_RE; from then on the message is answered. */
int64_t change_re(struct change *ch);

/* Takes an echoed client's half-typed line off its screen until the commit.  A line that this
 * change has finished stays there, and is ended. */
void change_hide_line(struct change *ch);

/* Makes the map begin at what has been sent, so that `pos` may be moved (overruns, history, another
 * encoding).  change_raw does it by itself.  The rest of a torn line is kept, in the buffers. */
void change_settle_map(struct change *ch);

/* Forgets all output that has not been sent, and the rest of a torn line. */
void change_drop_output(struct change *ch);

/* The client's rx buffer, taken if it has none.  NULL, and failed, if none is free. */
struct rx_buffer *change_rx(struct change *ch);
/* The same for a long half-typed line.  NULL if none is free in its share: no failure, but a
 * request. */
struct tx_buffer *change_line_buffer(struct change *ch);

/* The client pays, with the commit, for `lines`, for the answer, and for what it owes
 * (state/account.h).  `ms`: when it sent that, segment_now(). */
void change_charge(struct change *ch, uint32_t lines, uint32_t ms);

/* The same in exchange for the buffer that the line has, whose bytes stay until the commit: for a
 * line that is changed in its middle. */
struct tx_buffer *change_fresh_line_buffer(struct change *ch);

/* An echoed client's line before the one under way (facts.last).  change_keep_last: the line under
 * way is finished, and is it now; where no buffer is free, none is.  change_recall: it and the line
 * under way change places, and at the second time back; false: nothing to recall, or no buffer. */
void change_keep_last(struct change *ch);
void change_empty_line(struct change *ch); /* the line under way is erased, and perhaps was it */
void change_give_last(struct change *ch);
bool change_recall(struct change *ch, bool before);

/* To be given back after the commit. */
void change_give(struct change *ch, uint32_t buffer);
void change_give_input(struct change *ch); /* rx and line buffer */
void change_give_line_buffer(struct change *ch);

#endif
