/* call.c - see call.h. */
#include "worker/call.h"

#include "worker/apply.h"
#include "worker/flush.h"

#include <string.h>

/* What was said before is shown before the answer, unless the client does not read. */
void call_edit(struct edit *e, const struct call *call) {
    const struct line *line = call->line;
    if (!line->plain_only)
        flush_client(call->w, call->c);
    edit_begin(e, call->w, call->c);
    struct facts *f = e->f;
    f->raw_off = (uint16_t)(f->raw_off + (line->consumed - f->handled));
    f->handled = line->consumed;
    f->line_len = 0;
    f->sub_len = 0;
    f->flags &= ~(uint32_t)FACT_OVERLONG;
    if (f->flags & FACT_IN_ROOM)
        f->heard = call->w->now;
    f->tat = flood_charge(&call->w->config, f->tat, call->w->now);
    memcpy(f->telnet, line->telnet, sizeof f->telnet);
    edit_give_line_box(e);
}

/* An answer would commit past the lines that are staged and not yet in the ledger: not then. */
enum line_outcome call_done(const struct call *call, struct edit *e) {
    if (call->line->plain_only) {
        edit_abandon(e);
        return LINE_LATER;
    }
    return edit_commit(e) ? LINE_DONE : LINE_NO_BOX;
}

enum line_outcome call_say(const struct call *call, enum sentence which,
                           const struct words *words) {
    struct edit e;
    call_edit(&e, call);
    edit_sentence(&e, which, words);
    return call_done(call, &e);
}

enum line_outcome call_say_text(const struct call *call, enum sentence which, const char *text) {
    struct words words = {
        .text = text, .name = text, .room = call->w->config.room, .n = HISTORY_MAX};
    return call_say(call, which, &words);
}

enum line_outcome call_nothing(const struct call *call) {
    struct edit e;
    call_edit(&e, call);
    return call_done(call, &e);
}

char *call_word(char **rest) {
    char *word = *rest;
    size_t len = strcspn(word, " ");
    char *after = word + len;
    *rest = after + strspn(after, " ");
    *after = '\0';
    return word;
}

bool call_endpoint(struct worker *w, const char *name, uint32_t *client, uint32_t *birth) {
    uint32_t high = atomic_load(&w->seg->header->fd_high);
    for (uint32_t fd = 0; fd <= high && fd < w->seg->clients.len; fd++) {
        const struct client *c = worker_client(w, fd);
        char endpoint[80];
        struct facts facts;
        if (!client_peek(c, &facts, birth) || !(facts.flags & FACT_IN_ROOM))
            continue;
        client_endpoint(c, endpoint);
        if (strcmp(endpoint, name) == 0) {
            *client = fd;
            return true;
        }
    }
    return false;
}
