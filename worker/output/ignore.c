/* ignore.c - see ignore.h. */
#include "worker/output/ignore.h"

#include "ipc/fault.h"

static struct tx_buffer *ignore_buffer(const struct worker *w, const struct client *c,
                                       const struct facts *f) {
    const struct buffer_pool *pool = &w->seg->tx_buffers;
    if (!(f->flags & FACT_IGNORES) || !buffer_owned(pool, f->ignore_buffer, client_tag(w, c)))
        return NULL;
    return buffer_at(pool, f->ignore_buffer);
}

_Static_assert(IGNORE_MAX * sizeof(struct ignored) <= TX_DATA, "they fit into one box");

static struct ignored *ignore_list(struct tx_buffer *box) {
    return (struct ignored *)(void *)box->data;
}

static struct ignored *ignore_find(struct tx_buffer *box, uint32_t mark) {
    uint32_t used = box->used < IGNORE_MAX ? box->used : IGNORE_MAX;
    for (struct ignored *i = ignore_list(box), *end = i + used; i < end; i++) {
        if (i->mark == mark)
            return i;
    }
    return NULL;
}

bool ignore_has(const struct worker *w, const struct client *c, const struct facts *f,
                uint32_t mark) {
    struct tx_buffer *box = ignore_buffer(w, c, f);
    return box && ignore_find(box, mark);
}

/* Never half of one and half of another for a successor: without a birth it is only a mark. */
static void ignore_put(struct ignored *to, const struct ignored *who) {
    __atomic_store_n(&to->generation, 0, __ATOMIC_RELEASE);
    FAULT("ignore.put.generation");
    __atomic_store_n(&to->mark, who->mark, __ATOMIC_RELEASE);
    __atomic_store_n(&to->client, who->client, __ATOMIC_RELEASE);
    FAULT("ignore.put.mark");
    __atomic_store_n(&to->generation, who->generation, __ATOMIC_RELEASE);
}

static bool ignore_append(struct tx_buffer *box, const struct ignored *who) {
    if (box->used >= IGNORE_MAX)
        return false;
    ignore_put(&ignore_list(box)[box->used], who);
    FAULT("ignore.add.before");
    __atomic_store_n(&box->used, box->used + 1, __ATOMIC_RELEASE);
    FAULT("ignore.add.after");
    return true;
}

/* Two marks a person at most: the one that was ignored, and the present one. */
static void ignore_renamed(struct tx_buffer *box, const struct ignored *now) {
    struct ignored *mine[2] = {NULL, NULL};
    for (uint32_t i = 0; i < box->used && i < IGNORE_MAX; i++) {
        struct ignored *at = &ignore_list(box)[i];
        if (at->client == now->client && at->generation == now->generation && !mine[1])
            mine[mine[0] != NULL] = at;
    }
    if (mine[1])
        ignore_put(mine[1], now);
    else if (mine[0] && !ignore_find(box, now->mark) && !ignore_append(box, now))
        ignore_put(mine[0], now);
}

bool ignore_hides(const struct worker *w, const struct client *c, const struct facts *f,
                  const struct entry *entry) {
    struct tx_buffer *box = ignore_buffer(w, c, f);
    struct ignored now = {entry->speaker, entry->client, entry->generation}, *known;
    if (!box)
        return false;
    if (entry->kind == ENTRY_NICK)
        ignore_renamed(box, &now);
    if (entry->kind != ENTRY_SPEECH && entry->kind != ENTRY_JOIN)
        return false;
    known = ignore_find(box, now.mark);
    if (known && (known->client != now.client || known->generation != now.generation))
        ignore_put(known, &now); /* come back */
    return known && entry->kind == ENTRY_SPEECH;
}

enum sentence ignore_add(struct change *ch, const struct ignored *who) {
    struct tx_buffer *box = ignore_buffer(ch->w, ch->c, ch->f);
    if (!box) {
        uint32_t number = buffer_take_low(&ch->w->seg->tx_buffers, ch->tag);
        if (number == NO_BUFFER)
            return SAY_IGNORES_TOO_MANY;
        ch->taken[ch->taken_count++] = number;
        ch->f->ignore_buffer = number;
        ch->f->flags |= FACT_IGNORES;
        box = buffer_at(&ch->w->seg->tx_buffers, number);
        box->used = 0;
    }
    struct ignored *known = ignore_find(box, who->mark);
    if (known)
        ignore_put(known, who);
    else if (!ignore_append(box, who))
        return SAY_IGNORES_FULL;
    return SAY_IGNORING;
}

static void ignore_remove(struct tx_buffer *box, struct ignored *at) {
    ignore_put(at, &ignore_list(box)[box->used - 1]);
    FAULT("ignore.drop.before"); /* the last one twice: both go together */
    __atomic_store_n(&box->used, box->used - 1, __ATOMIC_RELEASE);
    FAULT("ignore.drop.after");
}

bool ignore_drop(struct change *ch, uint32_t mark) {
    struct tx_buffer *box = ignore_buffer(ch->w, ch->c, ch->f);
    struct ignored *found = box ? ignore_find(box, mark) : NULL;
    if (!found)
        return false;
    struct ignored who = *found;
    for (uint32_t i = box->used; i-- > 0;) {
        struct ignored *at = &ignore_list(box)[i];
        if (at->mark == mark ||
            (who.generation != 0 && at->generation == who.generation && at->client == who.client))
            ignore_remove(box, at);
    }
    if (box->used == 0) {
        ch->given[ch->given_count++] = ch->f->ignore_buffer;
        ch->f->ignore_buffer = NO_BUFFER;
        ch->f->flags &= ~(uint32_t)FACT_IGNORES;
    }
    return true;
}
