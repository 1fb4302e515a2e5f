/* encoding.h - the encoding that a client is sent. */
#ifndef WORKER_RECORD_ENCODING_H
#define WORKER_RECORD_ENCODING_H

#include "worker/record/change.h"

/* From the next line on; the rest of a torn line stays in the encoding that it began in. */
void encoding_switch(struct change *ch, enum encoding to);

#endif
