/* encoding.h - the encodings that a client is sent, and read in. */
#ifndef WORKER_RECORD_ENCODING_H
#define WORKER_RECORD_ENCODING_H

#include "worker/record/change.h"

/* What is sent, from the next line on; the rest of a torn line stays in the encoding that it began
 * in.  What the client has typed until now says nothing any more of what it types. */
void encoding_switch(struct change *ch, enum encoding to);

#endif
