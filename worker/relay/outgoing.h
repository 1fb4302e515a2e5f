/* outgoing.h - an entry of the ledger as an item of the stream (worker/protocol/item.h).
 *
 * The reader publishes no guard: it copies first, and looks afterwards whether what it copied was
 * overwritten meanwhile (room_unchanged).
 *
 * Names are what tells a person from all others here: the name, or address:port.  Of speech they
 * are taken from the line as people of UTF-8 are sent it, for a name has neither `:` nor a blank;
 * of all else from the side data, which a record that is another one's by now cannot change.  Only
 * a guest's coming and speech ask the record; a guest that is gone by then came and went unheard,
 * and its lines are said by port 0. */
#ifndef WORKER_RELAY_OUTGOING_H
#define WORKER_RELAY_OUTGOING_H

#include "ipc/segment.h"
#include "worker/protocol/item.h"
#include "worker/transcript/gather.h"

enum outgoing {
    OUTGOING_NOT,  /* it is not passed on */
    OUTGOING_ITEM, /* kind, who, to, text and ms are filled in; text is NUL-terminated */
    OUTGOING_TORN, /* it was overwritten */
};

/* Entry `index`, below the commit word; *entry becomes a copy of it. */
enum outgoing outgoing_read(const struct segment *seg, struct gather_clock *clock, uint64_t index,
                            struct entry *entry, struct item *out);

#endif
