/* input.h - from recv to finished lines.
 *
 * recv writes straight into the client's inbox in the segment; the bytes between `handled` and
 * `taken` wait there.  They go through the telnet codec into the line under way; a finished line
 * goes to command.c.  Whatever has an effect commits the record with `handled` behind it, except
 * lines that are published: for these the ledger entry is the commit, and apply.c moves `handled`.
 * So the bytes of a line are there until what it says is either in the ledger or in the record. */
#ifndef WORKER_INPUT_H
#define WORKER_INPUT_H

#include "worker/state/worker.h"

enum input_outcome {
    INPUT_IDLE,   /* nothing (more) to do for this client now */
    INPUT_STAGED, /* lines are staged: handle the rest after they are applied */
    INPUT_MORE,   /* more may be waiting */
    INPUT_LATER,  /* the stage is full */
};

/* Reads and handles what a client of the ready list has. */
enum input_outcome input_read(struct worker *w, struct client *c);

/* Looks at held clients whose time may have come. */
void input_resume_due(struct worker *w);

#endif
