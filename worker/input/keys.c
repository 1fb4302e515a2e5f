/* keys.c - see keys.h. */
#include "worker/input/keys.h"

#include "worker/protocol/by_key.h"
#include "worker/protocol/telnet.h"
#include "worker/protocol/telnet_option.h"
#include "worker/record/echo.h"
#include "worker/record/encoding.h"

/* A client that has asked us to suppress go-aheads and now sends half a line does so at each key.
 * Another client may have sent half a line by chance, and in line mode its screen would stay empty
 * if it were echoed. */
static bool keys_half_line(const struct change *ch, const struct telnet *telnet) {
    struct telnet_event ev;
    struct telnet probe = *telnet;
    return ch->f->line_len > 0 && telnet_spoken(telnet) &&
           !telnet_ask(&probe, TELNET_WILL, TELNET_OPT_SGA, &ev); /* SGA is in effect */
}

/* A client that sends each key by itself is offered the echo, once; unasked, if it has not spoken
 * telnet. */
static void keys_offer_echo(struct change *ch, struct telnet *telnet, enum telnet_kind kind) {
    struct telnet_event ev;
    if ((ch->f->flags & (FACT_KEYS | FACT_ECHOED)) ||
        !(by_key_proven(telnet) || (kind == TELNET_NONE && keys_half_line(ch, telnet))))
        return;
    ch->f->flags |= FACT_KEYS | (telnet_spoken(telnet) ? 0 : FACT_BBS);
    telnet_offer_echo(telnet, &ev);
    if (ev.answer_len > 0)
        change_raw(ch, ev.answer, ev.answer_len);
}

/* GNU telnet looks at seven bits of what is typed for keys of its own (9A, in the middle of a
 * Chinese character, is ^Z to it) until it has been asked for all eight.  So every client that has
 * sent a telnet command is asked, once. */
static void keys_ask_eight_bits(struct change *ch, struct telnet *telnet) {
    struct telnet_event ev = {0};
    if ((ch->f->flags & FACT_BINARY) || !telnet_spoken(telnet))
        return;
    ch->f->flags |= FACT_BINARY;
    if (telnet_ask(telnet, TELNET_DO, TELNET_OPT_BINARY, &ev))
        change_raw(ch, ev.answer, ev.answer_len);
}

/* The client begins or ceases to be echoed.  A half-typed line is on its screen if it showed its
 * own typing until now: the commit draws the line, over it.
 *
 * It is asked for its width, unless it is a BBS client: one of unknown width has its line kept
 * within a row and is sent no escape sequence.  PCManX does not wrap, and clears all of its screen
 * for ED. */
static void keys_set_echo(struct change *ch, struct telnet *telnet, bool on) {
    struct telnet_event ev;
    change_settle_map(ch); /* from here on the filter copies line by line, or no longer does */
    ch->f->flags &= ~(uint32_t)(FACT_ECHOED | FACT_DRAWN | FACT_FULL);
    ch->f->behind = 0;
    if (!on) {
        change_give_last(ch);
        return;
    }
    ch->f->flags |= FACT_ECHOED;
    if (!(ch->f->flags & FACT_BBS) && telnet_ask(telnet, TELNET_DO, TELNET_OPT_NAWS, &ev))
        change_raw(ch, ev.answer, ev.answer_len);
    if (ch->f->line_len > 0)
        change_raw(ch, "\r", 1);
}

/* The line before, or what was typed instead of it.  Down without such a line is silent: PCManX
 * sends one every three minutes, so that a quiet connection is not cut. */
static void keys_recall(struct change *ch, bool before) {
    if (!change_recall(ch, before) && before)
        change_raw(ch, "\a", 1);
}

static void keys_agree_charset(struct change *ch, const struct telnet_event *ev) {
    if (!ev->on || (ch->f->flags & FACT_ENC_CHOSEN))
        return;
    change_hide_line(ch);
    encoding_switch(ch, (enum encoding)ev->encoding);
    ch->f->flags |= FACT_SWITCHED; /* what it types switches it no more */
}

/* A key changed the line, which no reply of this change has taken off the screen. */
static void keys_redraw(struct change *ch) {
    char out[DRAW_MAX];
    if (!(ch->f->flags & FACT_DRAWN))
        return;
    change_text(ch, out, echo_change(ch->w->seg, client_facts(ch->c), ch->f, out));
    if (ch->f->line_len == 0)
        ch->f->flags &= ~(uint32_t)FACT_DRAWN;
}

void keys_event(struct change *ch, const struct telnet_event *ev) {
    struct words words = {.room = ch->w->config.room};
    struct telnet *telnet = (struct telnet *)ch->f->telnet;
    if (ev->answer_len > 0)
        change_raw(ch, ev->answer, ev->answer_len);
    keys_ask_eight_bits(ch, telnet);
    keys_offer_echo(ch, telnet, (enum telnet_kind)ev->kind);
    switch (ev->kind) {
    case TELNET_AYT: change_sentence(ch, SAY_HERE, &words); break;
    case TELNET_REPRINT:
    case TELNET_REDRAW: change_hide_line(ch); break;
    case TELNET_UP:
    case TELNET_DOWN: keys_recall(ch, ev->kind == TELNET_UP); break;
    case TELNET_WINDOW: ch->f->columns = ev->columns < 2 ? 0 : ev->columns; break;
    case TELNET_CHARSET: keys_agree_charset(ch, ev); break;
    case TELNET_ECHO: keys_set_echo(ch, telnet, ev->on); return;
    default: break;
    }
    keys_redraw(ch);
}
