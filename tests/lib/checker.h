/* checker.h - checks that all clients received the same room.
 *
 * The room's promise: lines have one global order.  A client receives a contiguous slice of it over
 * its whole stay, without duplicates.  Each sender's lines appear in it in the order sent, and none
 * is missing.  No client is disconnected.
 *
 * The test reports each line sent and each line received as it happens, and asks for one verdict at
 * the end.  No client needs to receive everything: a line has the same neighbours in every slice,
 * so the slices join to chains, and all clients that stay to the end must be on the same chain.
 *
 * A line is known by its text, so every text must be unique in a run (for example by a number).
 * Lines outside the common order (greetings, private replies) are not reported. */
#ifndef TESTS_LIB_CHECKER_H
#define TESTS_LIB_CHECKER_H

#include <stdbool.h>
#include <stddef.h>

struct checker;

struct checker *checker_new(int clients); /* never NULL; freed by checker_free */
void checker_free(struct checker *c);

/* `line` as clients will receive it; called when it is sent, with `client` in the room. */
void checker_sent(struct checker *c, int client, const char *line);
/* `client` received `line`.  Its first call is the beginning of its stay. */
void checker_saw(struct checker *c, int client, const char *line);
/* The first line of the client's slice must be this one (its own join); without this call it may be
 * any. */
void checker_begins(struct checker *c, int client, const char *line);
/* The client left on purpose: it need not receive the room's last line, nor any line. */
void checker_left(struct checker *c, int client);
/* The server closed the client's connection. */
void checker_lost(struct checker *c, int client);

/* How many lines this client has received so far. */
int checker_seen(const struct checker *c, int client);

/* True if the promise was kept; otherwise the reason is in why[size]. */
bool checker_verdict(const struct checker *c, char *why, size_t size);

#endif
