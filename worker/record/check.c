/* check.c - see check.h. */
#include "worker/record/check.h"

#include "worker/text/charset.h"

/* Offsets first: what is subtracted below is not larger than what it is subtracted from. */
static const char *check_input(const struct segment *seg, const struct client *c,
                               const struct facts *f, uint64_t tag) {
    if (f->rx != NO_BUFFER && !buffer_owned(&seg->rx_buffers, f->rx, tag))
        return "rx buffer";
    if (f->line_buffer != NO_BUFFER && !buffer_owned(&seg->tx_buffers, f->line_buffer, tag))
        return "line buffer";
    uint32_t line_max = f->line_buffer != NO_BUFFER ? TX_DATA : RX_LINE;
    if (f->line_len > line_max || f->behind > f->line_len ||
        (f->line_len > 0 && f->rx == NO_BUFFER))
        return "half-typed line";
    if (f->last != NO_BUFFER &&
        (f->last_len > TX_DATA || !buffer_owned(&seg->tx_buffers, f->last, tag)))
        return "last line";
    if (f->sub_len > RX_SUB || (f->sub_len > 0 && f->rx == NO_BUFFER))
        return "subnegotiation";
    if (f->raw_off > RX_RAW || c->received < f->consumed ||
        c->received - f->consumed > RX_RAW - (uint64_t)f->raw_off ||
        (c->received > f->consumed && f->rx == NO_BUFFER))
        return "input position";
    return NULL;
}

static const char *check_output(const struct segment *seg, const struct client *c,
                                const struct facts *f, uint64_t tag) {
    const struct room *room = &seg->room;
    uint64_t sent = atomic_load_explicit(&c->sent, memory_order_relaxed);
    if (f->tx_len == 0 ? f->tx != NO_BUFFER
                       : !client_drained(c, f) && !buffer_owned(&seg->tx_buffers, f->tx, tag))
        return "tx buffer";
    bool follows = f->flags & FACT_IN_ROOM || (f->kind == KIND_WEB && client_speaks_http(f));
    if (f->base > UINT64_MAX - f->tx_len || sent < f->base || (!follows && sent > client_tx_end(f)))
        return "output position";
    uint64_t end = room_entry(room, room_count(room) - 1)->end[f->ring];
    uint64_t beyond = sent > client_tx_end(f) ? sent - client_tx_end(f) : 0;
    if ((f->flags & FACT_IN_ROOM) && (f->pos > end || beyond > end - f->pos))
        return "ring position";
    return NULL;
}

const char *record_check(const struct segment *seg, const struct client *c) {
    const struct facts *f = client_facts(c);
    uint64_t word = atomic_load_explicit(&c->state_word, memory_order_relaxed);
    uint64_t tag = buffer_tag((uint32_t)(c - seg->clients.at), client_generation(word));
    bool ring = !(f->flags & FACT_CONVERTED);
    if (f->ring >= SENT_RINGS || (!ring && f->ring != ENC_UTF8) ||
        (!ring && (f->wire < ENC_RINGS || !charset_exists((enum encoding)f->wire))))
        return "encoding";
    if (f->seen > room_count(&seg->room))
        return "ledger position";
    const char *wrong = check_input(seg, c, f, tag);
    return wrong ? wrong : check_output(seg, c, f, tag);
}
