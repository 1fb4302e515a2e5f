/* by_key.h - tells from its reads whether a client sends each key by itself.
 *
 * A BBS client (PCManX and its like) and Windows telnet do, and negotiate nothing of their own.  A
 * BBS client does not show what is typed either, so the server has to offer it the echo unasked.
 * All others send whole lines.  A read is what one recv() returned; it is a key if it is one
 * character, of one to four bytes in any encoding, or one key's escape sequence.  Three such reads
 * within a line, or one escape sequence, are the proof: a terminal that sends lines sends the
 * sequence as part of one.
 *
 * The count is part of struct telnet: it is committed with the bytes it counts, and starts over
 * with each line.  What a predecessor received and did not commit counts as nothing.
 *
 * Sources: GB 18030, Big5.  Pure functions; safe anywhere. */
#ifndef WORKER_PROTOCOL_BY_KEY_H
#define WORKER_PROTOCOL_BY_KEY_H

#include "worker/protocol/telnet_types.h"

enum by_key {
    BY_KEY_NONE,     /* more than one key, a part of one, or the end of a line */
    BY_KEY_ONE,      /* a character, or a control that edits */
    BY_KEY_SEQUENCE, /* an escape sequence: keyseq.h */
};

/* What read[0, n), n > 0, is. */
enum by_key by_key(const uint8_t *read, size_t n);

/* Counts a read of the client's, before its bytes are scanned. */
void by_key_count(struct telnet *t, const uint8_t *read, size_t n);

/* Whether the line under way has arrived key by key. */
bool by_key_proven(const struct telnet *t);

#endif
