/* ignore.h - whose lines a client does not see: a tx buffer with up to IGNORE_MAX rows.
 *
 * A row's mark is what ledger entries carry as `speaker` (state/speaker.h).  An ignored client
 * stays ignored under another name: the nick change passes through the filter of every client that
 * ignores a speaker, and the new mark is added beside the first one.
 *
 * Two ways of changing the buffer.  /ignore and /unignore write a new buffer, which the record's
 * facts name from the commit on: a change that fails leaves the old one.  What the filter learns (a
 * new name, a client that has come back) is stored in place, row by row, by stores that are
 * harmless to repeat.  By the client's owner only. */
#ifndef WORKER_OUTPUT_IGNORE_H
#define WORKER_OUTPUT_IGNORE_H

#include "worker/record/change.h"

enum { IGNORE_MAX = 100 };

struct ignored {
    uint32_t mark, client, generation; /* generation 0: the client is not known, only its mark */
};

bool ignore_has(const struct worker *w, const struct client *c, const struct facts *f,
                uint32_t mark);
/* The client's list; NULL if it ignores nobody.  Valid until its next change. */
struct tx_buffer *ignore_list(const struct worker *w, const struct client *c,
                              const struct facts *f);
/* Whether the entry is hidden from the client whose list it is.  Entries come in the ledger's
 * order, perhaps more than once. */
bool ignore_hides(struct tx_buffer *list, const struct entry *entry);
/* Returns the sentence that answers it.  Lists are kept for long, so they may use half of the
 * buffers only. */
enum sentence ignore_add(struct change *ch, const struct ignored *whom);
/* False: that mark is not ignored. */
bool ignore_drop(struct change *ch, uint32_t mark);

#endif
