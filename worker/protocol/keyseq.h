/* keyseq.h - the byte sequences that terminals send for keys, mouse, pastes and answers.
 *
 *     ESC x                            Alt and a key
 *     ESC O x                          SS3: cursor and function keys
 *     ESC [ parameters final           CSI: the same, mouse reports, focus, ESC [ 200 ~ and pastes
 *     ESC [ [ x, ESC [ M and 3 bytes   function keys of the Linux console, mouse reports of X10
 *     ESC ] digit ... BEL, ESC P ...   OSC, DCS: answers, up to BEL or ESC \
 *
 * They may be split anywhere.  A control byte, which is no part of any, ends one early and counts
 * as itself.  A byte from 80 on belongs to a character and ends one early too, but in mouse reports
 * and strings; so 9B is no CSI here.  So does a slash, which no key's sequence has: behind a stray
 * ESC, a private line must not become speech.  For the same reason a string has no greatest length:
 * none becomes text before the end of its line.  The state is zero between sequences and at the end
 * of a line.
 *
 * Sources: ECMA-48 5.4, xterm's ctlseqs, rxvt, the Linux console.  Pure functions; safe anywhere.
 */
#ifndef WORKER_PROTOCOL_KEYSEQ_H
#define WORKER_PROTOCOL_KEYSEQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEYSEQ_ESC = 0x1B };

struct keyseq {
    uint8_t state;
    uint8_t count;    /* bytes of the sequence, at most 255, or of its end that are to come */
    uint8_t param;    /* CSI: the first parameter, at most 255 */
    uint8_t modifier; /* CSI: the last, where there are several */
};

enum keyseq_key {
    KEYSEQ_NOTHING, /* under way, or a key without effect */
    KEYSEQ_TEXT,    /* the byte is no part of a sequence, and none is under way any more */
    KEYSEQ_UP,
    KEYSEQ_DOWN,
    KEYSEQ_RIGHT,
    KEYSEQ_LEFT,
    KEYSEQ_HOME,
    KEYSEQ_END,
    KEYSEQ_DELETE,
    KEYSEQ_WORD_RIGHT,
    KEYSEQ_WORD_LEFT,
    KEYSEQ_ERASE_WORD, /* Alt-BackSpace */
    KEYSEQ_PASTE,      /* pasted text follows */
    KEYSEQ_PASTE_END,
};

static inline bool keyseq_under_way(const struct keyseq *k) {
    return k->state != 0;
}

/* The next byte of the input, while a sequence is under way or when it is ESC. */
enum keyseq_key keyseq_byte(struct keyseq *k, uint8_t byte);

/* Whether p[0, n) is one whole key sequence and nothing else. */
bool keyseq_whole(const uint8_t *p, size_t n);

#endif
