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

_Static_assert(IGNORE_MAX * sizeof(struct ignored) <= OUTBOX_DATA, "they fit into one box");

static struct ignored *ignore_list(struct outbox *box) {
    return (struct ignored *)(void *)box->data;
}

static struct ignored *ignore_find(struct outbox *box, uint32_t mark) {
    uint32_t used = box->used < IGNORE_MAX ? box->used : IGNORE_MAX;
    for (struct ignored *i = ignore_list(box), *end = i + used; i < end; i++) {
        if (i->mark == mark)
            return i;
    }
    return NULL;
}

bool ignore_has(const struct worker *w, const struct client *c, const struct facts *f,
                uint32_t mark) {
    struct outbox *box = ignore_box(w, c, f);
    return box && ignore_find(box, mark);
}

/* Never half of one and half of another for a successor: without a birth it is only a mark. */
static void ignore_put(struct ignored *to, const struct ignored *who) {
    __atomic_store_n(&to->birth, 0, __ATOMIC_RELEASE);
    FAULT("ignore.put.birth");
    __atomic_store_n(&to->mark, who->mark, __ATOMIC_RELEASE);
    __atomic_store_n(&to->client, who->client, __ATOMIC_RELEASE);
    FAULT("ignore.put.mark");
    __atomic_store_n(&to->birth, who->birth, __ATOMIC_RELEASE);
}

static bool ignore_append(struct outbox *box, const struct ignored *who) {
    if (box->used >= IGNORE_MAX)
        return false;
    ignore_put(&ignore_list(box)[box->used], who);
    FAULT("ignore.add.before");
    __atomic_store_n(&box->used, box->used + 1, __ATOMIC_RELEASE);
    FAULT("ignore.add.after");
    return true;
}

/* Two marks a person at most: the one that was ignored, and the present one. */
static void ignore_renamed(struct outbox *box, const struct ignored *now) {
    struct ignored *mine[2] = {NULL, NULL};
    for (uint32_t i = 0; i < box->used && i < IGNORE_MAX; i++) {
        struct ignored *at = &ignore_list(box)[i];
        if (at->client == now->client && at->birth == now->birth && !mine[1])
            mine[mine[0] != NULL] = at;
    }
    if (mine[1])
        ignore_put(mine[1], now);
    else if (mine[0] && !ignore_find(box, now->mark) && !ignore_append(box, now))
        ignore_put(mine[0], now);
}

bool ignore_hides(const struct worker *w, const struct client *c, const struct facts *f,
                  const struct entry *entry) {
    struct outbox *box = ignore_box(w, c, f);
    struct ignored now = {entry->speaker, entry->client, entry->birth}, *known;
    if (!box)
        return false;
    if (entry->kind == ENTRY_NICK)
        ignore_renamed(box, &now);
    if (entry->kind != ENTRY_SPEECH && entry->kind != ENTRY_JOIN)
        return false;
    known = ignore_find(box, now.mark);
    if (known && (known->client != now.client || known->birth != now.birth))
        ignore_put(known, &now); /* come back */
    return known && entry->kind == ENTRY_SPEECH;
}

enum sentence ignore_add(struct edit *e, const struct ignored *who) {
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
    struct ignored *known = ignore_find(box, who->mark);
    if (known)
        ignore_put(known, who);
    else if (!ignore_append(box, who))
        return SAY_IGNORES_FULL;
    return SAY_IGNORING;
}

static void ignore_remove(struct outbox *box, struct ignored *at) {
    ignore_put(at, &ignore_list(box)[box->used - 1]);
    FAULT("ignore.drop.before"); /* the last one twice: both go together */
    __atomic_store_n(&box->used, box->used - 1, __ATOMIC_RELEASE);
    FAULT("ignore.drop.after");
}

bool ignore_drop(struct edit *e, uint32_t mark) {
    struct outbox *box = ignore_box(e->w, e->c, e->f);
    struct ignored *found = box ? ignore_find(box, mark) : NULL;
    if (!found)
        return false;
    struct ignored who = *found;
    for (uint32_t i = box->used; i-- > 0;) {
        struct ignored *at = &ignore_list(box)[i];
        if (at->mark == mark ||
            (who.birth != 0 && at->birth == who.birth && at->client == who.client))
            ignore_remove(box, at);
    }
    if (box->used == 0) {
        e->given[e->given_count++] = e->f->ignore_box;
        e->f->ignore_box = NO_BOX;
        e->f->flags &= ~(uint32_t)FACT_IGNORES;
    }
    return true;
}
