/* command.h - what a finished line means.
 *
 * One table (command.c) for the slash commands: name, what it does, whether it works before login,
 * its help.  A command either answers privately, which commits with the record, or stages something
 * to be published, which commits with the ledger. */
#ifndef WORKER_COMMAND_H
#define WORKER_COMMAND_H

#include "worker/input/input.h"
#include "worker/protocol/telnet.h"
#include "worker/record/change.h"
#include "worker/state/stage.h"

/* A finished line as it came, without its end. */
struct line {
    const uint8_t *bytes;
    uint32_t len;
    bool overlong;     /* it was longer than line_max and is not kept */
    bool plain_only;   /* lines of this client are staged: only plain speech may join them */
    bool plain;        /* out: what was staged was plain speech */
    uint64_t consumed; /* stream position behind its end */
    const struct telnet *telnet; /* the codec's state there */
};

enum line_outcome {
    LINE_DONE,      /* handled and committed in the record */
    LINE_STAGED,    /* staged: the ledger will commit it */
    LINE_LATER,     /* not now: what is staged must be published first */
    LINE_NO_BUFFER, /* not now: no box is free for the answer */
    LINE_GONE,      /* the client is leaving */
};

enum line_outcome command_line(struct worker *w, struct client *c, struct line *line);

/* Before anything is read from a client: the greeting, or in the open room its coming. */
enum input_outcome command_welcome(struct worker *w, struct client *c);

/* A staged line was refused under the gate: says why, and counts it as handled. */
void command_refused(struct worker *w, const struct staged *s);

/* Another encoding for what a client is sent from the next line on. */
void command_switch(struct change *ch, enum encoding to);

extern const char *const encoding_names[ENC_COUNT];

#endif
