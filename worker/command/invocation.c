/* invocation.c - see invocation.h. */
#include "worker/command/invocation.h"

#include "ipc/address.h"
#include "worker/output/flush.h"
#include "worker/record/consume.h"
#include "worker/text/regular.h"

#include <string.h>

void invocation_begin(struct change *ch, const struct invocation *inv) {
    const struct line *line = inv->line;
    if (!line->plain_only)
        flush_client(inv->w, inv->c);
    change_begin(ch, inv->w, inv->c);
    uint32_t heard = ch->f->flags & FACT_HEARD;
    consume_line(ch, line->consumed, line->after_cr, inv->w->now, inv->w->tenths);
    if (line->numbered)
        consume_number(ch, line->re);
    if (line->len == 0 && !line->overlong) /* an empty line says nothing of what follows it */
        ch->f->flags = (ch->f->flags & ~(uint32_t)FACT_HEARD) | heard;
}

/* While lines of the same client are staged, an answer would commit past them: it waits. */
enum line_outcome invocation_done(const struct invocation *inv, struct change *ch) {
    if (inv->line->plain_only) {
        change_abandon(ch);
        return LINE_LATER;
    }
    if (ch->asked)
        change_ok(ch);
    return change_commit(ch) ? LINE_DONE : LINE_NO_BUFFER;
}

enum line_outcome invocation_say(const struct invocation *inv, enum sentence which,
                                 const struct words *words) {
    struct change ch;
    invocation_begin(&ch, inv);
    change_sentence(&ch, which, words);
    return invocation_done(inv, &ch);
}

enum line_outcome invocation_say_text(const struct invocation *inv, enum sentence which,
                                      const char *text) {
    struct words words = {
        .text = text, .name = text, .room = inv->w->config.room, .n = HISTORY_MAX};
    return invocation_say(inv, which, &words);
}

enum line_outcome invocation_nothing(const struct invocation *inv) {
    struct change ch;
    invocation_begin(&ch, inv);
    ch.f->last_input = client_facts(inv->c)->last_input;
    return invocation_done(inv, &ch);
}

char *invocation_word(char **rest) {
    char *word = *rest;
    char *after = word + regular_word(word);
    *rest = after + regular_blanks(after);
    *after = '\0';
    return word;
}

bool invocation_endpoint(struct worker *w, const char *name, struct client_view *found,
                         uint32_t *client) {
    uint32_t high = atomic_load(&w->seg->header->fd_high);
    struct in6_addr addr;
    uint16_t port;
    if (!endpoint_parse(name, &addr, &port))
        return false;
    for (uint32_t fd = 0; fd <= high && fd < w->seg->clients.len; fd++) {
        const struct client *c = worker_client(w, fd);
        if (client_glance(c, &addr, port) && client_peek(&w->seg->clients, fd, found) &&
            (found->facts.flags & FACT_IN_ROOM) && found->port == port &&
            memcmp(&found->addr, &addr, sizeof addr) == 0) {
            *client = fd;
            return true;
        }
    }
    return false;
}
