/* keys.c - see keys.h. */
#include "worker/keys.h"

#include "worker/charset.h"
#include "worker/command.h"

#include <string.h>

static void erase_char(uint8_t *line, uint32_t *len, enum encoding encoding) {
    if (*len > 0)
        *len = (uint32_t)charset_last_start(encoding, line, *len);
}

void keys_edit(uint8_t *line, uint32_t *len, enum encoding encoding,
               const struct telnet_event *ev) {
    switch (ev->kind) {
    case TELNET_ERASE_CHAR: erase_char(line, len, encoding); break;
    case TELNET_ERASE_WORD:
        while (*len > 0 && line[*len - 1] == ' ')
            --*len;
        while (*len > 0 && line[*len - 1] != ' ')
            erase_char(line, len, encoding);
        break;
    case TELNET_ERASE_LINE:
    case TELNET_INTERRUPT: *len = 0; break;
    default: break;
    }
}

void keys_event(struct edit *e, const struct telnet_event *ev) {
    struct words words = {.room = e->w->config.room};
    if (ev->answer_len > 0)
        edit_bytes(e, ev->answer, ev->answer_len);
    switch (ev->kind) {
    case TELNET_AYT: edit_sentence(e, SAY_HERE, &words); break;
    case TELNET_WINDOW: e->f->columns = ev->columns > 255 ? 255 : (uint8_t)ev->columns; break;
    case TELNET_CHARSET:
        if (ev->on && !(e->f->flags & FACT_ENC_CHOSEN))
            command_switch(e, ev->encoding);
        break;
    default: break;
    }
}
