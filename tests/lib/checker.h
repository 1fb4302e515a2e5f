/* checker.h - did all clients see the same room?
 *
 * The room's promise: there is one global order of lines, and what a client sees is a contiguous
 * slice of it, over its whole stay, without duplicates; in it every sender's lines stand in the
 * order sent; every line of every sender appears; no client was disconnected.
 *
 * The checker is told what was sent and what was seen, as it happens, and gives one verdict at the
 * end.  It needs no client that saw everything: a line's neighbours must be the same in every
 * slice, so the slices join to chains, and all clients that stayed to the end must be on one and
 * the same.
 *
 * Lines are known by their text, so every line must be unique in a run (stamp them); what is not
 * part of the common order (greetings, private replies) is not to be told. */
#ifndef TESTS_LIB_CHECKER_H
#define TESTS_LIB_CHECKER_H

#include <stdbool.h>
#include <stddef.h>

struct checker;

struct checker *checker_new(int clients); /* never NULL; freed by checker_free */
void checker_free(struct checker *c);

/* `line` as it will be seen, at the time it is sent; `client` was in the room by then. */
void checker_sent(struct checker *c, int client, const char *line);
/* `client` saw `line`.  The first call is the beginning of its stay. */
void checker_saw(struct checker *c, int client, const char *line);
/* The line that is to be the first it sees (its own coming); without it any line may be. */
void checker_begins(struct checker *c, int client, const char *line);
/* It left of its own will: it need not have seen the room's last line, nor any line. */
void checker_left(struct checker *c, int client);
/* It lost its connection without wishing to. */
void checker_lost(struct checker *c, int client);

/* Lines seen so far by this client. */
int checker_seen(const struct checker *c, int client);

/* True if the promise was kept; else the reason in why[size]. */
bool checker_verdict(const struct checker *c, char *why, size_t size);

#endif
