/* ignore.h - whose lines a client does not see: up to IGNORE_MAX people (ipc/ignore_list.h).
 *
 * A person is ignored, not a name: one that takes another name stays ignored, and another person
 * that takes the old name is not.  `whom` is a person's tag (client_tag).  Rows of people that are
 * gone stay until their place is wanted, so that the history hides their lines, too.  By the
 * client's owner only. */
#ifndef WORKER_OUTPUT_IGNORE_H
#define WORKER_OUTPUT_IGNORE_H

#include "worker/record/change.h"

/* Whether the client with facts `f` ignores that person. */
bool ignore_has(const struct worker *w, const struct client *c, const struct facts *f,
                uint64_t whom);
/* Whether the entry's text is hidden from the client: speech, and the change of a name. */
bool ignore_hides(const struct worker *w, const struct client *c, const struct facts *f,
                  const struct entry *entry);
/* How many rows the list has, and the person of the row with that index. */
uint32_t ignore_count(const struct worker *w, const struct client *c, const struct facts *f);
uint64_t ignore_at(const struct worker *w, const struct client *c, uint32_t row);

/* The list changes at once, the flag with the change; both may be done again if that fails. */
bool ignore_add(struct change *ch, uint64_t whom); /* false: the list is full */
void ignore_drop(struct change *ch, uint64_t whom);
/* Gives back the buffer with the other rows: the client leaves. */
void ignore_give(struct worker *w, struct client *c);

#endif
