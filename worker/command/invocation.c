/* call.c - see call.h. */
#include "worker/command/invocation.h"

#include "worker/ledger/apply.h"
#include "worker/output/flush.h"

#include <string.h>

/* What was said before is shown before the answer, unless the client does not read. */
void invocation_edit(struct change *ch, const struct invocation *call) {
    const struct line *line = call->line;
    if (!line->plain_only)
        flush_client(call->w, call->c);
    change_begin(ch, call->w, call->c);
    struct facts *f = ch->f;
    f->raw_off = (uint16_t)(f->raw_off + (line->consumed - f->consumed));
    f->consumed = line->consumed;
    f->line_len = 0;
    f->sub_len = 0;
    f->flags &= ~(uint32_t)FACT_OVERLONG;
    if (f->flags & FACT_IN_ROOM)
        f->last_input = call->w->now;
    f->tat = flood_charge(&call->w->config, f->tat, call->w->now);
    memcpy(f->telnet, line->telnet, sizeof f->telnet);
    change_give_line_buffer(ch);
}

/* An answer would commit past the lines that are staged and not yet in the ledger: not then. */
enum line_outcome invocation_done(const struct invocation *call, struct change *ch) {
    if (call->line->plain_only) {
        change_abandon(ch);
        return LINE_LATER;
    }
    return change_commit(ch) ? LINE_DONE : LINE_NO_BUFFER;
}

enum line_outcome invocation_say(const struct invocation *call, enum sentence which,
                                 const struct words *words) {
    struct change ch;
    invocation_edit(&ch, call);
    change_sentence(&ch, which, words);
    return invocation_done(call, &ch);
}

enum line_outcome invocation_say_text(const struct invocation *call, enum sentence which,
                                      const char *text) {
    struct words words = {
        .text = text, .name = text, .room = call->w->config.room, .n = HISTORY_MAX};
    return invocation_say(call, which, &words);
}

enum line_outcome invocation_nothing(const struct invocation *call) {
    struct change ch;
    invocation_edit(&ch, call);
    return invocation_done(call, &ch);
}

char *invocation_word(char **rest) {
    char *word = *rest;
    size_t len = strcspn(word, " ");
    char *after = word + len;
    *rest = after + strspn(after, " ");
    *after = '\0';
    return word;
}

bool invocation_endpoint(struct worker *w, const char *name, uint32_t *client,
                         uint32_t *generation) {
    uint32_t high = atomic_load(&w->seg->header->fd_high);
    for (uint32_t fd = 0; fd <= high && fd < w->seg->clients.len; fd++) {
        const struct client *c = worker_client(w, fd);
        char endpoint[80];
        struct facts facts;
        if (!client_peek(c, &facts, generation) || !(facts.flags & FACT_IN_ROOM))
            continue;
        client_endpoint(c, endpoint);
        if (strcmp(endpoint, name) == 0) {
            *client = fd;
            return true;
        }
    }
    return false;
}
