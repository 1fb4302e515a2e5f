/* order.h - the one order of the room's lines, judged while it is being seen.
 *
 * For runs too long to keep: of each line only a hash is kept, at its place in the order.  The
 * first viewer to see a line puts it there; all others must then see the same at the same place. So
 * a line that anybody misses, gets twice, or gets at another place is found at once, and so is a
 * line of a speaker that is not the next one it sent.  Who was told that n lines were skipped goes
 * on n lines further.
 *
 * A newcomer is outside until its own coming stands in the order (seen by somebody who is inside);
 * until then, and where a skip leads beyond what anybody has seen yet, the answer is ORDER_WAIT:
 * the same line is to be shown again later.
 *
 * Speakers are numbered, and a number is never used twice.  Everything they cause is counted there:
 * a speaker comes once, goes once, and its speech and its changes of name are numbered from 1. */
#ifndef TESTS_CRASH_ORDER_H
#define TESTS_CRASH_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum order_kind { ORDER_SPEECH, ORDER_COMES, ORDER_GOES, ORDER_NICK };

struct speaker {
    uint32_t sent, seen; /* speech */
    uint32_t nicks;      /* seen */
    bool came, went;     /* seen */
    bool excused;        /* cut its connection: what it sent last may not have arrived */
    uint64_t waiting_ms; /* when the oldest line that nobody has seen was sent; 0: none */
};

struct order_line {
    const char *text;
    enum order_kind kind;
    uint32_t speaker;
    uint32_t number; /* of the speech, or of the change of name */
};

struct viewer {
    enum { VIEWER_OUTSIDE, VIEWER_ENTERING, VIEWER_INSIDE } where;
    bool doubt;     /* whether the line before the last skip was whole is not known */
    size_t at;      /* the next line it is to see */
    size_t scanned; /* entering: where its coming is looked for from */
};

struct order {
    uint64_t *line;
    size_t len, size;
    struct speaker *speaker;
    uint32_t speakers, speakers_size;
    uint32_t inside;
    uint64_t lost, doubled, reordered;
    uint64_t last_ms, silence_ms, slowest_ms; /* between two lines; from sent to first seen */
    int told;                                 /* violations printed so far */
};

enum order_answer { ORDER_SEEN, ORDER_WAIT };

struct order *order_new(void);
void order_free(struct order *o);
uint32_t order_speaker(struct order *o); /* a new one's number, from 0 */
void order_sent(struct order *o, uint32_t speaker);

/* It is about to ask to come in. */
void order_entering(struct order *o, struct viewer *v);
/* It has gone, or lost its connection. */
void order_outside(struct order *o, struct viewer *v);

enum order_answer order_see(struct order *o, struct viewer *v, const struct order_line *line);
void order_skip(struct order *o, struct viewer *v, uint32_t lines);

/* At the end: what was sent and never seen, and viewers that have not seen all, become losses. */
void order_finish(struct order *o);
void order_finish_viewer(struct order *o, const struct viewer *v);
bool order_complete(const struct order *o); /* everything sent has been seen by somebody */

/* Says so on standard error, the first few times. */
void order_complain(struct order *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
