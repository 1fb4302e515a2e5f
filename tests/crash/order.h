/* order.h - checks the one order of the room's lines while they are received.
 *
 * It is for runs whose lines do not fit in memory: only a hash of each line is kept, at the line's
 * place in the order.  The first viewer that receives a line puts it there; every other viewer must
 * receive the same line at the same place.  So a line that a viewer misses, receives twice or
 * receives at another place is found at once, and so is a line that is not its speaker's next one.
 * A viewer that receives a notice of n skipped lines continues n lines further.
 *
 * A new viewer is outside until its own join is in the order (received by a viewer that is inside).
 * Until then, and where a skip leads beyond what any viewer has received, the answer is ORDER_WAIT:
 * the caller passes the same line again later.
 *
 * Speakers are numbered, and a number is never used twice.  Each speaker's lines are counted: it
 * joins once, leaves once, and its speech and its changes of name are numbered from 1.
 *
 * A speaker may be muted or banned for a while (moderator.h): each of its lines then is either
 * received by the room or refused, and none of those that were sent when the outcome was known may
 * be received, nor any behind a line that an announcer said then. */
#ifndef TESTS_CRASH_ORDER_H
#define TESTS_CRASH_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum order_kind { ORDER_SPEECH, ORDER_COMES, ORDER_GOES, ORDER_NICK };

/* Numbers of lines above `from`, up to `to`. */
struct span {
    uint32_t from, to;
};

struct speaker {
    uint32_t sent, seen; /* speech lines; seen: the largest number */
    uint32_t heard;      /* how many of them some viewer has received */
    uint32_t refused;    /* how many of them its client was told it may not say */
    struct span may_fail, must_fail;
    uint32_t silent_from; /* it may say nothing behind this line of the announcer; 0: it may */
    uint32_t nicks;       /* seen */
    bool came, went;      /* seen */
    bool excused;         /* its connection was cut: its last lines may not have arrived */
    bool hasty;           /* faster than the server takes lines: some of them may be dropped */
    uint64_t waiting_ms;  /* when its oldest unseen line was sent; 0: there is none */
};

struct order_line {
    const char *text;
    enum order_kind kind;
    uint32_t speaker;
    uint32_t number; /* number of the speech line or of the change of name */
};

struct viewer {
    enum { VIEWER_OUTSIDE, VIEWER_ENTERING, VIEWER_INSIDE } where;
    size_t slack;   /* `at` is so much too large at most, until the next line */
    bool doubt;     /* the line before the last notice may have been cut */
    size_t at;      /* index of the next line */
    size_t scanned; /* entering: its join is searched from here on */
};

struct room_order {
    uint64_t *line;
    size_t len, size;
    struct speaker *speaker;
    uint32_t speakers, speakers_size;
    uint32_t inside, announcer; /* announcer: a speaker */
    uint64_t lost, doubled, reordered, forbidden;
    uint64_t last_ms, silence_ms, slowest_ms; /* longest: between lines; from sent to received */
    int told;                                 /* complaints so far */
};

enum order_answer { ORDER_SEEN, ORDER_WAIT };

struct room_order *order_new(void);
void order_free(struct room_order *o);
uint32_t order_speaker(struct room_order *o); /* the number of a new speaker, from 0 */
void order_sent(struct room_order *o, uint32_t speaker);

/* The viewer is about to log in. */
void order_entering(struct room_order *o, struct viewer *v);
/* The viewer has left, or its connection is closed. */
void order_outside(struct room_order *o, struct viewer *v);

enum order_answer order_see(struct room_order *o, struct viewer *v, const struct order_line *line);
void order_skip(struct room_order *o, struct viewer *v, uint32_t lines);
/* At most so many: the next line says how many there were. */
void order_skip_most(struct room_order *o, struct viewer *v, uint32_t lines);

/* The end of a run: lines sent and never received, and lines that a viewer has not received, are
 * counted as lost. */
void order_finish(struct room_order *o);
void order_finish_viewer(struct room_order *o, const struct viewer *v);
/* Every line sent was received by some viewer, or refused. */
bool order_complete(const struct room_order *o);
bool order_speaker_complete(const struct speaker *s);
uint64_t order_hash(const char *text); /* as in `line` */

/* Prints to standard error; later complaints are only counted. */
void order_complain(struct room_order *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
