/* ignore.h - whose lines a client does not want to see: a box with up to IGNORE_MAX keys (the low
 * halves of name keys, which ledger entries carry as `speaker`).
 *
 * The box is changed in place, by single stores that are harmless to repeat; the record's facts
 * only say that it exists. */
#ifndef WORKER_IGNORE_H
#define WORKER_IGNORE_H

#include "worker/edit.h"

enum { IGNORE_MAX = 100 };

bool ignore_has(const struct worker *w, const struct client *c, const struct facts *f,
                uint32_t speaker);
/* What is to be said of it.  Lists are kept for long, so that they may use half of the boxes only.
 */
enum sentence ignore_add(struct edit *e, uint32_t speaker);
enum sentence ignore_drop(struct edit *e, uint32_t speaker);

#endif
