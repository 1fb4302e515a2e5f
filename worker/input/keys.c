/* keys.c - see keys.h. */
#include "worker/input/keys.h"

#include "worker/command/command.h"
#include "worker/protocol/typed.h"
#include "worker/record/echo.h"

void keys_edit(uint8_t *line, uint32_t *len, enum encoding encoding,
               const struct telnet_event *ev) {
    if (ev->typed && *len < LINE_MAX_MAX && typed_half(encoding, line, *len) > 0) {
        line[(*len)++] = ev->typed; /* nobody interrupts in the middle of a character */
        return;
    }
    switch (ev->kind) {
    case TELNET_ERASE_CHAR: *len = (uint32_t)typed_erase_char(encoding, line, *len); break;
    case TELNET_ERASE_WORD: *len = (uint32_t)typed_erase_word(encoding, line, *len); break;
    case TELNET_ERASE_LINE:
    case TELNET_INTERRUPT: *len = 0; break;
    default: break;
    }
}

/* A client that has asked us to suppress go-aheads and now sends half a line does so at each key:
 * it is offered the echo, once.  Others may have sent half a line by chance, and would be blind in
 * line mode if they accepted. */
static void keys_offer_echo(struct change *ch, struct telnet *telnet) {
    struct telnet_event ev = {0};
    struct telnet probe = *telnet;
    if ((ch->f->flags & FACT_KEYS) || ch->f->line_len == 0 || !telnet_spoken(telnet) ||
        telnet_ask(&probe, TELNET_WILL, TELNET_OPT_SGA, &ev)) /* there would be something to ask */
        return;
    ch->f->flags |= FACT_KEYS;
    if (telnet_ask(telnet, TELNET_WILL, TELNET_OPT_ECHO, &ev))
        change_raw(ch, ev.answer, ev.answer_len);
}

/* GNU telnet looks at seven bits of what is typed for keys of its own (9A, in the middle of a
 * Chinese character, is ^Z to it) until it has been asked for all eight: every client that has
 * spoken is, once. */
static void keys_ask_eight_bits(struct change *ch, struct telnet *telnet) {
    struct telnet_event ev = {0};
    if ((ch->f->flags & FACT_BINARY) || !telnet_spoken(telnet))
        return;
    ch->f->flags |= FACT_BINARY;
    if (telnet_ask(telnet, TELNET_DO, TELNET_OPT_BINARY, &ev))
        change_raw(ch, ev.answer, ev.answer_len);
}

/* Columns that no byte holds are as good as unknown: hardly a line is that long. */
static uint8_t keys_columns(uint16_t columns) {
    return columns > UINT8_MAX || columns < 2 ? 0 : (uint8_t)columns;
}

void keys_event(struct change *ch, const struct telnet_event *ev) {
    struct words words = {.room = ch->w->config.room};
    struct telnet *telnet = (struct telnet *)ch->f->telnet;
    if (ev->answer_len > 0)
        change_raw(ch, ev->answer, ev->answer_len);
    keys_ask_eight_bits(ch, telnet);
    switch (ev->kind) {
    case TELNET_NONE: keys_offer_echo(ch, telnet); break;
    case TELNET_AYT: change_sentence(ch, SAY_HERE, &words); break;
    case TELNET_REPRINT:
        if (ch->f->flags & FACT_DRAWN)
            echo_clear(ch);
        break;
    case TELNET_WINDOW: ch->f->columns = keys_columns(ev->columns); break;
    case TELNET_CHARSET:
        if (ev->on && !(ch->f->flags & FACT_ENC_CHOSEN)) {
            if (ch->f->flags & FACT_DRAWN)
                echo_clear(ch);
            command_switch(ch, ev->encoding);
        }
        break;
    case TELNET_ECHO: echo_set(ch, ev->on); return;
    default: break;
    }
    echo_typed(ch);
}
