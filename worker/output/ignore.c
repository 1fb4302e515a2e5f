/* ignore.c - see ignore.h. */
#include "worker/output/ignore.h"

#include "ipc/fault.h"

#include <string.h>

/* A client's rows where they lie. */
struct ignore_rows {
    uint64_t *first;
    uint64_t *more; /* NULL: none */
    uint32_t room;
};

static struct ignore_list *ignore_list(const struct worker *w, const struct client *c) {
    return &w->seg->ignore_lists[client_index(w, c)];
}

static struct ignore_rows ignore_rows(const struct worker *w, const struct client *c) {
    const struct buffer_pool *pool = &w->seg->ignore_more;
    struct ignore_list *list = ignore_list(w, c);
    struct ignore_rows rows = {list->row, NULL, IGNORE_ROWS};
    if (buffer_owned(pool, list->more, client_tag(w, c))) {
        rows.more = ((struct ignore_more *)buffer_at(pool, list->more))->row;
        rows.room = IGNORE_MAX;
    }
    return rows;
}

static uint64_t *ignore_row(const struct ignore_rows *rows, uint32_t i) {
    return i < IGNORE_ROWS ? &rows->first[i] : &rows->more[i - IGNORE_ROWS];
}

/* Index of the first row that is `whom`, or 0 for the end of the list; `room` if there is none. */
static uint32_t ignore_find(const struct ignore_rows *rows, uint64_t whom) {
    for (uint32_t i = 0; i < rows->room; i++) {
        uint64_t row = *ignore_row(rows, i);
        if (row == whom)
            return i;
        if (row == 0)
            break;
    }
    return rows->room;
}

static void ignore_store(const struct ignore_rows *rows, uint32_t i, uint64_t whom) {
    __atomic_store_n(ignore_row(rows, i), whom, __ATOMIC_RELEASE);
}

bool ignore_has(const struct worker *w, const struct client *c, const struct facts *f,
                uint64_t whom) {
    if (!(f->flags & FACT_IGNORES))
        return false;
    struct ignore_rows rows = ignore_rows(w, c);
    return ignore_find(&rows, whom) < rows.room;
}

bool ignore_hides(const struct worker *w, const struct client *c, const struct facts *f,
                  const struct entry *entry) {
    return (entry->kind == ENTRY_SPEECH || entry->kind == ENTRY_NICK) &&
           ignore_has(w, c, f, buffer_tag(entry->client, entry->generation));
}

uint32_t ignore_count(const struct worker *w, const struct client *c, const struct facts *f) {
    if (!(f->flags & FACT_IGNORES))
        return 0;
    struct ignore_rows rows = ignore_rows(w, c);
    return ignore_find(&rows, 0);
}

uint64_t ignore_at(const struct worker *w, const struct client *c, uint32_t row) {
    struct ignore_rows rows = ignore_rows(w, c);
    return *ignore_row(&rows, row);
}

/* ---- what the client asks for ---- */

static bool ignore_gone(const struct worker *w, uint64_t whom) {
    uint32_t client = (uint32_t)whom;
    return !segment_has_client(w->seg, client) ||
           !client_is(&w->seg->clients.at[client], (uint32_t)(whom >> 32));
}

/* Takes the buffer with the other rows.  It is taken before the list refers to it: what a death
 * leaves in between is freed by the successor's sweep. */
static void ignore_extend(const struct change *ch, struct ignore_rows *rows) {
    struct buffer_pool *pool = &ch->w->seg->ignore_more;
    uint32_t buffer = buffer_take(pool, ch->tag);
    if (buffer == NO_BUFFER)
        return;
    struct ignore_more *more = buffer_at(pool, buffer);
    memset(more, 0, sizeof *more);
    FAULT("ignore.more.before");
    __atomic_store_n(&ignore_list(ch->w, ch->c)->more, buffer, __ATOMIC_RELEASE);
    FAULT("ignore.more.after");
    rows->more = more->row;
    rows->room = IGNORE_MAX;
}

/* Index of the row that a new person goes to; `room` if the list is full. */
static uint32_t ignore_place(const struct change *ch, struct ignore_rows *rows) {
    uint32_t end = ignore_find(rows, 0);
    if (end < rows->room)
        return end;
    for (uint32_t i = 0; i < rows->room; i++) {
        if (ignore_gone(ch->w, *ignore_row(rows, i)))
            return i;
    }
    if (!rows->more)
        ignore_extend(ch, rows);
    return end; /* with more rows, the first of them */
}

/* Nothing counts before FACT_IGNORES is committed: until then the list is made empty again. */
static void ignore_clear(const struct change *ch) {
    memset(ignore_list(ch->w, ch->c), 0, sizeof(struct ignore_list));
    FAULT("ignore.clear.after");
}

bool ignore_add(struct change *ch, uint64_t whom) {
    if (!(ch->f->flags & FACT_IGNORES))
        ignore_clear(ch);
    struct ignore_rows rows = ignore_rows(ch->w, ch->c);
    if (ignore_find(&rows, whom) == rows.room) {
        uint32_t place = ignore_place(ch, &rows);
        if (place == rows.room)
            return false;
        FAULT("ignore.add.before");
        ignore_store(&rows, place, whom);
        FAULT("ignore.add.after");
    }
    ch->f->flags |= FACT_IGNORES;
    return true;
}

/* The last row takes its place.  A death between the two stores leaves that row twice. */
static void ignore_remove(const struct ignore_rows *rows, uint32_t at) {
    uint32_t last = ignore_find(rows, 0) - 1;
    FAULT("ignore.remove.before");
    ignore_store(rows, at, *ignore_row(rows, last));
    FAULT("ignore.remove.moved");
    ignore_store(rows, last, 0);
    FAULT("ignore.remove.after");
}

void ignore_give(struct worker *w, struct client *c) {
    struct ignore_list *list = ignore_list(w, c);
    uint32_t more = list->more;
    __atomic_store_n(&list->more, NO_BUFFER, __ATOMIC_RELEASE);
    FAULT("ignore.give.after");
    buffer_give(&w->seg->ignore_more, more, client_tag(w, c));
}

void ignore_drop(struct change *ch, uint64_t whom) {
    if (!(ch->f->flags & FACT_IGNORES))
        return;
    struct ignore_rows rows = ignore_rows(ch->w, ch->c);
    for (uint32_t at; (at = ignore_find(&rows, whom)) < rows.room;)
        ignore_remove(&rows, at);
    if (rows.more && rows.more[0] == 0)
        ignore_give(ch->w, ch->c);
    if (rows.first[0] == 0)
        ch->f->flags &= ~(uint32_t)FACT_IGNORES;
}
