/* screen.c - see screen.h. */
#include "worker/screen.h"

#include "worker/draw.h"

/* The half-typed line of some facts, as its terminal is shown it. */
static size_t screen_shown(const struct edit *e, const struct facts *f, char *out) {
    const struct segment *seg = e->w->seg;
    if (f->line_len == 0)
        return 0;
    const uint8_t *line = f->line_box != NO_BOX
                              ? ((struct outbox *)box_at(&seg->outboxes, f->line_box))->data
                              : ((struct inbox *)box_at(&seg->inboxes, f->in_box))->line;
    return typed_shown((enum encoding)f->encoding, line, f->line_len, out);
}

void screen_clear(struct edit *e) {
    const struct facts *was = client_facts(e->c);
    char shown[TYPED_SHOWN_MAX], out[DRAW_MAX];
    if (e->mute)
        return; /* and it still stands there */
    e->f->flags &= ~(uint32_t)FACT_DRAWN;
    if (e->f->line_len == 0) {
        edit_raw(e, "\r\n", 2);
        return;
    }
    size_t n = screen_shown(e, was, shown);
    edit_raw(e, out, draw_away((enum encoding)was->encoding, was->columns, shown, n, out));
}

void screen_settle(struct edit *e) {
    struct facts *f = e->f;
    char shown[TYPED_SHOWN_MAX];
    if (e->mute)
        return;
    if ((f->flags & FACT_DRAWN) && f->line_len == 0)
        screen_clear(e);
    if ((f->flags & FACT_DRAWN) || f->line_len == 0)
        return;
    edit_raw(e, shown, screen_shown(e, f, shown));
    f->flags |= FACT_DRAWN;
}

void screen_typed(struct edit *e) {
    struct facts *f = e->f;
    const struct facts *was = client_facts(e->c);
    char old[TYPED_SHOWN_MAX], new[TYPED_SHOWN_MAX], out[DRAW_MAX];
    if (!(f->flags & FACT_DRAWN))
        return;
    size_t old_len = screen_shown(e, was, old), new_len = screen_shown(e, f, new);
    edit_raw(e, out,
             draw_change((enum encoding)f->encoding, f->columns, old, old_len, new, new_len, out));
    if (f->line_len == 0)
        f->flags &= ~(uint32_t)FACT_DRAWN;
}

void screen_turn(struct edit *e, bool on) {
    edit_settle_map(e); /* the filter goes line by line from here */
    e->f->flags &= ~(uint32_t)(FACT_EDITED | FACT_DRAWN);
    if (on)
        e->f->flags |= FACT_EDITED | (e->f->line_len > 0 ? FACT_DRAWN : 0);
}
