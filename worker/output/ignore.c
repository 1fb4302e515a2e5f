/* ignore.c - see ignore.h. */
#include "worker/output/ignore.h"

#include "ipc/fault.h"

#include <string.h>

_Static_assert(IGNORE_MAX * sizeof(struct ignored) <= TX_DATA, "a list fits into one buffer");

struct tx_buffer *ignore_list(const struct worker *w, const struct client *c,
                              const struct facts *f) {
    const struct buffer_pool *pool = &w->seg->tx_buffers;
    if (!(f->flags & FACT_IGNORES) || !buffer_owned(pool, f->ignore_buffer, client_tag(w, c)))
        return NULL;
    return buffer_at(pool, f->ignore_buffer);
}

static struct ignored *ignore_rows(struct tx_buffer *buffer) {
    return (struct ignored *)(void *)buffer->data;
}

/* Of a damaged buffer, no more than there are. */
static uint32_t ignore_count(const struct tx_buffer *buffer) {
    return buffer->used < IGNORE_MAX ? buffer->used : IGNORE_MAX;
}

static struct ignored *ignore_find(struct tx_buffer *buffer, uint32_t mark) {
    struct ignored *row = ignore_rows(buffer), *end = row + ignore_count(buffer);
    for (; row < end; row++) {
        if (row->mark == mark)
            return row;
    }
    return NULL;
}

bool ignore_has(const struct worker *w, const struct client *c, const struct facts *f,
                uint32_t mark) {
    struct tx_buffer *buffer = ignore_list(w, c, f);
    return buffer && ignore_find(buffer, mark);
}

/* ---- what the filter learns: in place ---- */

/* A successor must not find half of one row and half of another: without a generation it is a mark.
 */
static void ignore_put(struct ignored *to, const struct ignored *row) {
    __atomic_store_n(&to->generation, 0, __ATOMIC_RELEASE);
    FAULT("ignore.put.generation");
    __atomic_store_n(&to->mark, row->mark, __ATOMIC_RELEASE);
    __atomic_store_n(&to->client, row->client, __ATOMIC_RELEASE);
    FAULT("ignore.put.mark");
    __atomic_store_n(&to->generation, row->generation, __ATOMIC_RELEASE);
}

static bool ignore_append(struct tx_buffer *buffer, const struct ignored *row) {
    uint32_t used = ignore_count(buffer);
    if (used == IGNORE_MAX)
        return false;
    ignore_put(&ignore_rows(buffer)[used], row);
    FAULT("ignore.append.before");
    __atomic_store_n(&buffer->used, used + 1, __ATOMIC_RELEASE);
    FAULT("ignore.append.after");
    return true;
}

/* At most two rows a client: the mark that was ignored, and the present one. */
static void ignore_renamed(struct tx_buffer *buffer, const struct ignored *now) {
    struct ignored *found[2] = {NULL, NULL};
    for (uint32_t i = 0; i < ignore_count(buffer) && !found[1]; i++) {
        struct ignored *row = &ignore_rows(buffer)[i];
        if (row->client == now->client && row->generation == now->generation)
            found[found[0] != NULL] = row;
    }
    if (found[1])
        ignore_put(found[1], now);
    else if (found[0] && !ignore_find(buffer, now->mark) && !ignore_append(buffer, now))
        ignore_put(found[0], now);
}

bool ignore_hides(struct tx_buffer *buffer, const struct entry *entry) {
    struct ignored now = {entry->speaker, entry->client, entry->generation}, *known;
    if (entry->kind == ENTRY_NICK)
        ignore_renamed(buffer, &now);
    if (entry->kind != ENTRY_SPEECH && entry->kind != ENTRY_JOIN)
        return false;
    known = ignore_find(buffer, now.mark);
    if (known && (known->client != now.client || known->generation != now.generation))
        ignore_put(known, &now); /* the ignored name has come back with another connection */
    return known && entry->kind == ENTRY_SPEECH;
}

/* ---- what the client asks for: a new buffer ---- */

/* The change's own copy of the list, empty if there was none; NULL if no buffer is free. */
static struct tx_buffer *ignore_copy(struct change *ch, uint32_t number) {
    const struct tx_buffer *old = ignore_list(ch->w, ch->c, ch->f);
    if (number == NO_BUFFER)
        return NULL;
    struct tx_buffer *copy = buffer_at(&ch->w->seg->tx_buffers, number);
    copy->used = old ? ignore_count(old) : 0;
    if (old)
        memcpy(copy->data, old->data, copy->used * sizeof(struct ignored));
    change_give(ch, ch->f->ignore_buffer);
    ch->f->ignore_buffer = number;
    ch->f->flags |= FACT_IGNORES;
    return copy;
}

enum sentence ignore_add(struct change *ch, const struct ignored *whom) {
    struct tx_buffer *list = ignore_list(ch->w, ch->c, ch->f);
    if (list && ignore_count(list) == IGNORE_MAX && !ignore_find(list, whom->mark))
        return SAY_IGNORES_FULL;
    uint32_t number = change_take_low(ch);
    if (number == NO_BUFFER && list) /* its present buffer is given back for it */
        number = change_take(ch);
    list = ignore_copy(ch, number);
    if (!list)
        return SAY_IGNORES_TOO_MANY;
    struct ignored *row = ignore_find(list, whom->mark);
    if (!row)
        row = &ignore_rows(list)[list->used++];
    *row = *whom;
    return SAY_IGNORING;
}

/* The mark's row, and the other row of the same client. */
static void ignore_remove(struct tx_buffer *list, const struct ignored *whom) {
    struct ignored *rows = ignore_rows(list);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->used; i++) {
        bool same = whom->generation != 0 && rows[i].generation == whom->generation &&
                    rows[i].client == whom->client;
        if (rows[i].mark != whom->mark && !same)
            rows[kept++] = rows[i];
    }
    list->used = kept;
}

bool ignore_drop(struct change *ch, uint32_t mark) {
    struct tx_buffer *list = ignore_list(ch->w, ch->c, ch->f);
    struct ignored *found = list ? ignore_find(list, mark) : NULL;
    if (!found)
        return false;
    struct ignored whom = *found;
    list = ignore_copy(ch, change_take(ch));
    if (!list)
        return true; /* the change has failed, and is tried again */
    ignore_remove(list, &whom);
    if (list->used == 0) {
        change_give(ch, ch->f->ignore_buffer);
        ch->f->ignore_buffer = NO_BUFFER;
        ch->f->flags &= ~(uint32_t)FACT_IGNORES;
    }
    return true;
}
