/* ignore.h - whose lines a client does not want to see: a box with up to IGNORE_MAX marks (the low
 * halves of name keys, which ledger entries carry as `speaker`).
 *
 * Who is ignored stays so under another name: the line that tells of it passes through the filter
 * of everyone who ignores somebody, and the new mark is taken in beside the first one.
 *
 * The box is changed in place, by single stores that are harmless to repeat; the record's facts
 * only say that it exists. */
#ifndef WORKER_IGNORE_H
#define WORKER_IGNORE_H

#include "worker/record/change.h"

enum { IGNORE_MAX = 100 };

struct ignored {
    uint32_t mark, client, generation; /* birth 0: not here when it was ignored, or not whole */
};

bool ignore_has(const struct worker *w, const struct client *c, const struct facts *f,
                uint32_t mark);
/* Is it not shown?  Entries come in the ledger's order, perhaps more than once. */
bool ignore_hides(const struct worker *w, const struct client *c, const struct facts *f,
                  const struct entry *entry);
/* What is to be said of it.  Lists are kept for long, so that they may use half of the boxes only.
 */
enum sentence ignore_add(struct change *ch, const struct ignored *who);
/* False: there was nobody of that mark. */
bool ignore_drop(struct change *ch, uint32_t mark);

#endif
