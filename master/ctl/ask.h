/* ask.h - asks the server's master for something, and waits for its outcome.
 *
 * A worker of the server puts the request into the segment (ipc/request.h); its outcome is read in
 * this process's own mapping.  So the connection is needed only until the request is there, and a
 * worker or a master that dies meanwhile costs a moment: the tool asks again, by the same number,
 * if the request is not there. */
#ifndef MASTER_CTL_ASK_H
#define MASTER_CTL_ASK_H

#include "master/ctl/invocation.h"

enum {
    ASK_STILL_MS = 1900,    /* the server may make no progress for so long */
    ASK_LONGEST_MS = 60000, /* however much it moves */
    ASK_ENDING_MS = 10000,  /* a server that says goodbye ends within 5 s */
};

/* Asks for `verb` with the arguments `text` ("": none), prints the outcome and returns the exit
 * status.  What was done without a word in the outcome is answered by silence. */
int ask_for(const struct ctl *ctl, const char *verb, const char *text);

/* The same for `shutdown`: waits until the server has ended. */
int ask_shutdown(const struct ctl *ctl);

#endif
