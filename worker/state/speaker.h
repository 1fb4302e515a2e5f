/* speaker.h - the key by which the name table knows a speaker's name. */
#ifndef WORKER_STATE_SPEAKER_H
#define WORKER_STATE_SPEAKER_H

#include "worker/state/local.h"

/* A name's key under the segment's secret: name_key (text/name.h). */
uint64_t speaker_key(const struct worker *w, const char *name);
/* The key of its look, likewise: name_look_key. */
uint64_t speaker_look(const struct worker *w, const char *name);

#endif
