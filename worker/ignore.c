/* ignore.c - see ignore.h. */
#include "worker/ignore.h"

#include "ipc/fault.h"

static struct outbox *ignore_box(const struct worker *w, const struct client *c,
                                 const struct facts *f) {
    const struct box_pool *pool = &w->seg->outboxes;
    if (!(f->flags & FACT_IGNORES) || !box_owned(pool, f->ignore_box, client_tag(w, c)))
        return NULL;
    return box_at(pool, f->ignore_box);
}

static uint32_t ignore_used(const struct outbox *box) {
    return box->used < IGNORE_MAX ? box->used : IGNORE_MAX;
}

static int ignore_find(const struct outbox *box, uint32_t speaker) {
    const uint32_t *keys = (const uint32_t *)(const void *)box->data;
    for (uint32_t i = 0; i < ignore_used(box); i++) {
        if (keys[i] == speaker)
            return (int)i;
    }
    return -1;
}

bool ignore_has(const struct worker *w, const struct client *c, const struct facts *f,
                uint32_t speaker) {
    const struct outbox *box = ignore_box(w, c, f);
    return box && ignore_find(box, speaker) >= 0;
}

enum sentence ignore_add(struct edit *e, uint32_t speaker) {
    struct outbox *box = ignore_box(e->w, e->c, e->f);
    if (!box) {
        uint32_t number = box_take_low(&e->w->seg->outboxes, e->tag);
        if (number == NO_BOX)
            return SAY_IGNORES_TOO_MANY;
        e->taken[e->taken_count++] = number;
        e->f->ignore_box = number;
        e->f->flags |= FACT_IGNORES;
        box = box_at(&e->w->seg->outboxes, number);
        box->used = 0;
    }
    if (ignore_find(box, speaker) >= 0)
        return SAY_IGNORING;
    if (box->used >= IGNORE_MAX)
        return SAY_IGNORES_FULL;
    ((uint32_t *)(void *)box->data)[box->used] = speaker;
    FAULT("ignore.add.before");
    __atomic_store_n(&box->used, box->used + 1, __ATOMIC_RELEASE);
    FAULT("ignore.add.after");
    return SAY_IGNORING;
}

enum sentence ignore_drop(struct edit *e, uint32_t speaker) {
    struct outbox *box = ignore_box(e->w, e->c, e->f);
    /* All of them: a death between the two stores below leaves the last one twice. */
    for (int at; box && (at = ignore_find(box, speaker)) >= 0;) {
        uint32_t *keys = (uint32_t *)(void *)box->data;
        keys[at] = keys[box->used - 1];
        FAULT("ignore.drop.before");
        __atomic_store_n(&box->used, box->used - 1, __ATOMIC_RELEASE);
        FAULT("ignore.drop.after");
    }
    if (box && box->used == 0) {
        e->given[e->given_count++] = e->f->ignore_box;
        e->f->ignore_box = NO_BOX;
        e->f->flags &= ~(uint32_t)FACT_IGNORES;
    }
    return SAY_NOT_IGNORING;
}
