/* screen.c - see screen.h. */
#include "worker/record/echo.h"

#include "worker/protocol/draw.h"

/* The half-typed line of some facts, as its terminal is shown it. */
static size_t echo_shown(const struct change *ch, const struct facts *f, char *out) {
    const struct segment *seg = ch->w->seg;
    if (f->line_len == 0)
        return 0;
    const uint8_t *line =
        f->line_buffer != NO_BUFFER
            ? ((struct tx_buffer *)buffer_at(&seg->tx_buffers, f->line_buffer))->data
            : ((struct rx_buffer *)buffer_at(&seg->rx_buffers, f->rx))->line;
    return typed_shown((enum encoding)f->encoding, line, f->line_len, out);
}

void echo_clear(struct change *ch) {
    const struct facts *was = client_facts(ch->c);
    char shown[TYPED_SHOWN_MAX], out[DRAW_MAX];
    if (ch->drop_replies)
        return; /* and it still stands there */
    ch->f->flags &= ~(uint32_t)FACT_DRAWN;
    if (ch->f->line_len == 0) {
        change_raw(ch, "\r\n", 2);
        return;
    }
    size_t n = echo_shown(ch, was, shown);
    change_raw(ch, out, draw_away((enum encoding)was->encoding, was->columns, shown, n, out));
}

void echo_settle(struct change *ch) {
    struct facts *f = ch->f;
    char shown[TYPED_SHOWN_MAX];
    if (ch->drop_replies)
        return;
    if ((f->flags & FACT_DRAWN) && f->line_len == 0)
        echo_clear(ch);
    if ((f->flags & FACT_DRAWN) || f->line_len == 0)
        return;
    change_raw(ch, shown, echo_shown(ch, f, shown));
    f->flags |= FACT_DRAWN;
}

void echo_typed(struct change *ch) {
    struct facts *f = ch->f;
    const struct facts *was = client_facts(ch->c);
    char old[TYPED_SHOWN_MAX], new[TYPED_SHOWN_MAX], out[DRAW_MAX];
    if (!(f->flags & FACT_DRAWN))
        return;
    size_t old_len = echo_shown(ch, was, old), new_len = echo_shown(ch, f, new);
    change_raw(
        ch, out,
        draw_change((enum encoding)f->encoding, f->columns, old, old_len, new, new_len, out));
    if (f->line_len == 0)
        f->flags &= ~(uint32_t)FACT_DRAWN;
}

void echo_set(struct change *ch, bool on) {
    change_settle_map(ch); /* the filter goes line by line from here */
    ch->f->flags &= ~(uint32_t)(FACT_ECHOED | FACT_DRAWN);
    if (on)
        ch->f->flags |= FACT_ECHOED | (ch->f->line_len > 0 ? FACT_DRAWN : 0);
}
