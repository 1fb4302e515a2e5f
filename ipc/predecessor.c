/* predecessor.c - see predecessor.h. */
#include "ipc/predecessor.h"

#include "ipc/fault.h"
#include "ipc/header.h"

#include <sys/mman.h>

static struct {
    uint8_t *base; /* NULL: no segment was converted, or its words do not matter any more */
    size_t size;
    _Atomic uint64_t *beat;
    _Atomic uint32_t *standby;
    _Atomic uint32_t *unserved; /* NULL: the old layout has no such word */
    uint32_t commit;
    pid_t pid;
} predecessor;

bool predecessor_map(int fd, const struct predecessor_words *words) {
    uint8_t *base = mmap(NULL, words->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        return false;
    predecessor.base = base;
    predecessor.size = words->size;
    predecessor.beat = (void *)(base + words->beat);
    predecessor.standby = (void *)(base + words->standby);
    predecessor.unserved = words->unserved ? (void *)(base + words->unserved) : NULL;
    predecessor.commit = words->commit;
    predecessor.pid = words->pid;
    return true;
}

void predecessor_forget(void) {
    if (predecessor.base)
        munmap(predecessor.base, predecessor.size);
    predecessor.base = NULL;
}

void predecessor_beat(void) {
    if (predecessor.base)
        atomic_fetch_add(predecessor.beat, 1);
}

/* The word is `seen` now: if that is for ever, it need not be looked at again. */
static bool predecessor_is_over(uint32_t seen) {
    bool over = seen == predecessor.commit;
    if (over)
        predecessor_forget();
    return over;
}

bool predecessor_committed(void) {
    return !predecessor.base || predecessor_is_over(atomic_load(predecessor.standby));
}

bool predecessor_commit(void) {
    uint32_t seen = STANDBY_WATCHES;
    if (!predecessor.base)
        return true;
    FAULT("predecessor.commit.before");
    if (atomic_compare_exchange_strong(predecessor.standby, &seen, predecessor.commit))
        seen = predecessor.commit;
    FAULT("predecessor.commit.between");
    if (seen == predecessor.commit && predecessor.unserved)
        atomic_store(predecessor.unserved, UNSERVED_SUPERSEDED);
    FAULT("predecessor.commit.after");
    return predecessor_is_over(seen);
}

bool predecessor_return(void) {
    uint32_t seen = STANDBY_WATCHES;
    return !predecessor.base ||
           atomic_compare_exchange_strong(predecessor.standby, &seen, STANDBY_RETURNS);
}

pid_t predecessor_standby(void) {
    return predecessor.pid;
}
