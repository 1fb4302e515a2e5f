/* line.h - a finished line on its way from the input to a command, and what became of it. */
#ifndef WORKER_STATE_LINE_H
#define WORKER_STATE_LINE_H

#include <stdbool.h>
#include <stdint.h>

/* A finished line as it was received, without its end. */
struct line {
    const uint8_t *bytes;
    uint32_t len;
    uint32_t max;      /* bytes it may have */
    bool overlong;     /* it was longer and is not kept */
    bool keyed;        /* key sequences were left out of it: no name is taken from it */
    bool after_cr;     /* it ended with CR: one LF or NUL behind it is swallowed */
    bool plain_only;   /* lines of this client are staged: only plain speech may join them */
    bool probe;        /* the client's first one, and a word that scanners send */
    bool plain;        /* out: what was staged was plain speech */
    bool numbered;     /* a browser's message that has a number: it is to be answered, */
    uint32_t re;       /* with this */
    uint64_t from;     /* of a browser's login: the first ledger entry that it wants; 0: none */
    uint64_t consumed; /* stream position behind its end */
};

enum line_outcome {
    LINE_DONE,      /* handled and committed in the record */
    LINE_STAGED,    /* staged: the ledger will commit it */
    LINE_LATER,     /* not now: what is staged must be published first */
    LINE_NO_BUFFER, /* not now: no buffer is free for the answer; the client is paused */
    LINE_GONE,      /* the client is leaving */
};

#endif
