/* welcome.c - the first words to a client, what is said when a line is refused under the gate, and
 * changing a client's encoding; declared in command.h. */
#include "worker/command/command.h"
#include "worker/command/say.h"
#include "worker/output/flush.h"

#include <string.h>

enum input_outcome command_welcome(struct worker *w, struct client *c) {
    const struct facts *f = client_facts(c);
    if (f->flags & FACT_IN_ROOM)
        return INPUT_MORE;
    if (!w->config.login) {
        /* The open room: coming is not a line of its own, so it consumes nothing. */
        struct line nothing = {.consumed = f->consumed, .telnet = (const struct telnet *)f->telnet};
        return say_join(w, c, &nothing, NULL) == LINE_STAGED ? INPUT_STAGED : INPUT_LATER;
    }
    if (f->flags & FACT_GREETED)
        return INPUT_MORE;
    struct change ch;
    struct words words = {.room = w->config.room};
    change_begin(&ch, w, c);
    change_sentence(&ch, SAY_GREETING, &words);
    change_sentence(&ch, SAY_LOG_IN, &words);
    ch.f->flags |= FACT_GREETED;
    if (!change_commit(&ch))
        return INPUT_IDLE; /* held */
    flush_client(w, c);    /* its boxes are free again at once, whatever the crowd */
    return client_is(c, client_generation(c->state_word)) ? INPUT_MORE : INPUT_IDLE;
}

/* The aside of a refused line: a name; behind an addressee's struct and the speaker, for a whisper.
 */
static void refused_name(const struct staged *s, char out[NAME_BYTES_MAX + 80]) {
    const char *at = s->line.text[RING_SIDE], *end = at + s->line.len[RING_SIDE];
    if (s->line.entry.kind == ENTRY_PRIVATE) {
        at += sizeof(struct side_private);
        at += strnlen(at, (size_t)(end - at)) + 1;
    }
    size_t len = at < end ? strnlen(at, (size_t)(end - at)) : 0;
    if (len > NAME_BYTES_MAX + 79)
        len = NAME_BYTES_MAX + 79;
    memcpy(out, at, len);
    out[len] = '\0';
}

void command_refused(struct worker *w, const struct staged *s) {
    struct client *c = worker_client(w, s->line.entry.client);
    char name[NAME_BYTES_MAX + 80];
    if (!client_is(c, s->line.entry.generation))
        return;
    refused_name(s, name);
    struct change ch;
    struct words words = {.name = name, .text = name};
    static const enum sentence why[] = {[STAGE_NAME_TAKEN] = SAY_NAME_TAKEN,
                                        [STAGE_NOBODY] = SAY_NOBODY,
                                        [STAGE_NAMES_FULL] = SAY_ROOM_FULL};
    change_begin(&ch, w, c);
    struct facts *f = ch.f;
    f->raw_off = (uint16_t)(f->raw_off + (s->consumed - f->consumed));
    f->consumed = s->consumed;
    f->line_len = 0;
    f->sub_len = 0;
    if (f->flags & FACT_IN_ROOM)
        f->last_input = w->now;
    memcpy(f->telnet, s->telnet, sizeof f->telnet);
    change_give_line_buffer(&ch);
    change_sentence(&ch, why[s->verdict], &words);
    change_commit(&ch);
    fd_list_add(&w->ready, client_index(w, c));
}

void command_switch(struct change *ch, enum encoding to) {
    const struct room *room = &ch->w->seg->room;
    struct facts *f = ch->f;
    change_settle_map(ch); /* the rest of a torn line stays in the encoding it began in */
    if (f->flags & FACT_IN_ROOM) {
        uint64_t guard = atomic_load_explicit(&ch->w->slot->guard, memory_order_relaxed);
        uint64_t at = room_find(room, f->encoding, f->pos, guard, room_count(room));
        f->pos = room_start(room, at, (int)to);
    }
    f->encoding = (uint8_t)to;
}
