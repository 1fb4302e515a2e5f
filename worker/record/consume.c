/* consume.c - see consume.h. */
#include "worker/record/consume.h"

#include "worker/protocol/telnet.h"
#include "worker/protocol/websocket.h"

#include <string.h>

_Static_assert(sizeof(struct telnet) == sizeof(((struct facts *)0)->telnet), "lies in the record");

_Static_assert(sizeof(struct websocket) == sizeof(((struct facts *)0)->websocket), "likewise");

void consume_bytes(struct change *ch, uint64_t to) {
    ch->f->raw_off = (uint16_t)(ch->f->raw_off + (to - ch->f->consumed));
    ch->f->consumed = to;
}

/* The codec, and whether it is telnet's or a browser's, is between two lines. */
static void consume_codec(struct facts *f, bool after_cr) {
    struct websocket ws;
    if (f->ring != RING_JSON) {
        telnet_line_ended((struct telnet *)f->telnet, after_cr);
        return;
    }
    memcpy(&ws, f->websocket, sizeof ws);
    ws = (struct websocket){.state = ws.state, .kept = ws.kept};
    memcpy(f->websocket, &ws, sizeof ws);
    f->web &= (uint8_t)~WEB_RE;
}

void consume_line(struct change *ch, uint64_t to, bool after_cr, uint32_t ms, uint32_t tenths) {
    struct facts *f = ch->f;
    consume_bytes(ch, to);
    if (f->flags & FACT_ECHOED)
        change_keep_last(ch);
    f->line_len = f->behind = 0;
    f->sub_len = 0;
    f->flags = (f->flags & ~(uint32_t)(FACT_OVERLONG | FACT_FULL)) | FACT_HEARD;
    consume_codec(f, after_cr);
    if (f->flags & FACT_IN_ROOM) /* before, its time runs from its coming */
        f->last_input = tenths;
    change_charge(ch, 1, ms);
    if (f->consumed == ch->c->received)
        change_give_input(ch);
    else
        change_give_line_buffer(ch);
}

void consume_number(struct change *ch, uint32_t re) {
    ch->f->re = re;
    ch->f->web |= WEB_RE;
    ch->asked = true;
}
