/* speaker.c - see speaker.h. */
#include "worker/state/speaker.h"

#include "worker/text/name.h"

#include <string.h>

uint64_t speaker_key(const struct worker *w, const char *name) {
    return name_key(name, strlen(name), w->seg->header->name_key);
}

uint64_t speaker_look(const struct worker *w, const char *name) {
    return name_look_key(name, strlen(name), w->seg->header->name_key);
}
