/* flush_pass.h - how far the flush has come on its way round the members.
 *
 * The flush (worker/output/flush.h) walks members.at[] in slices and never starts over.  Two passes
 * over all members are under way at once, both at place `at`.  When `left` reaches 0, every member
 * is at ledger entry `count`, or its socket is full.  When `guard_left` does, every member is at
 * least at `guard_count`, an older entry; so the guard can follow even if lines never cease.
 *
 * A member that comes to a place which a pass has already visited is flushed by itself (it is
 * queued as reply_pending) and both remaining counts grow by one, so that no other member is
 * skipped for it. */
#ifndef WORKER_STATE_FLUSH_PASS_H
#define WORKER_STATE_FLUSH_PASS_H

#include <stdint.h>

struct flush_pass {
    uint32_t at; /* index in members.at[] of the next member to visit */
    uint32_t left;
    uint64_t count;
    uint64_t guard_count;
    uint32_t guard_left;
    uint64_t delivered;       /* entries below are counted in slot_stats.delivered, */
    uint32_t delivered_lines; /* and this running count of lines (struct entry) */
};

/* A member has come to some place, new or from another. */
static inline void flush_pass_grow(struct flush_pass *pass) {
    pass->left += pass->left > 0;
    pass->guard_left += pass->guard_left > 0;
}

#endif
