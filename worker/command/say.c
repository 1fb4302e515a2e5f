/* talk.c - see talk.h. */
#include "worker/command/say.h"

#include "worker/text/name.h"

#include <string.h>

enum { LINE_BYTES = LINE_MAX_MAX + 2 * NAME_BYTES_MAX + 64 };

static uint32_t address_mark(const struct client *c) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (int i = 0; i < 16; i++)
        hash = (hash ^ c->addr.s6_addr[i]) * 16777619u;
    return (hash ^ c->port) * 16777619u;
}

uint32_t say_speaker(const struct worker *w, const struct client *c, const struct facts *f) {
    if (!(f->flags & FACT_NAMED))
        return address_mark(c);
    return (uint32_t)name_key(f->name, strnlen(f->name, NAME_BYTES_MAX), w->seg->header->name_key);
}

static struct staged *say_stage(struct worker *w, struct client *c, const struct line *line,
                                enum entry_kind kind) {
    uint32_t generation =
        client_generation(atomic_load_explicit(&c->state_word, memory_order_relaxed));
    struct staged *s = stage_add(w, kind, client_index(w, c), generation, line->consumed);
    memcpy(s->telnet, line->telnet, sizeof s->telnet);
    if (telnet_after_cr(line->telnet))
        s->line.entry.flags |= ENTRY_AFTER_CR;
    return s;
}

static size_t put(char *out, size_t at, const char *text, size_t len) {
    memcpy(out + at, text, len);
    return at + len;
}

enum line_outcome say_speech(struct worker *w, struct client *c, struct line *line,
                             const char *text, size_t len, bool action) {
    const struct facts *f = client_facts(c);
    char called[NAME_BYTES_MAX + 1], out[LINE_BYTES];
    if (!stage_fits(w, LINE_BYTES))
        return LINE_LATER;
    size_t at = 0;
    bool bare = !(f->flags & FACT_NAMED) && !action; /* the open room: lines as they are */
    if (!bare) {
        client_called(c, f, called);
        if (action)
            at = put(out, at, "* ", 2);
        at = put(out, at, called, strlen(called));
        at = action ? put(out, at, " ", 1) : put(out, at, ": ", 2);
    }
    at = put(out, at, text, len);
    at = put(out, at, "\r\n", 2);
    struct staged *s = say_stage(w, c, line, ENTRY_SPEECH);
    s->line.entry.speaker = say_speaker(w, c, f);
    stage_text(w, s, out, (uint32_t)at);
    line->plain = true;
    return LINE_STAGED;
}

enum line_outcome say_join(struct worker *w, struct client *c, const struct line *line,
                           const char *name) {
    char text[SENTENCE_MAX], called[NAME_BYTES_MAX + 1];
    if (!stage_fits(w, LINE_BYTES))
        return LINE_LATER;
    struct words words = {.name = name ? name : client_called(c, client_facts(c), called)};
    size_t len = sentence_render(w->config.language, SAY_COMES, &words, text, sizeof text);
    struct staged *s = say_stage(w, c, line, ENTRY_JOIN);
    s->line.people = 1;
    if (name) {
        s->key = name_key(name, strlen(name), w->seg->header->name_key);
        s->line.entry.speaker = (uint32_t)s->key;
        stage_side(w, s, name, (uint32_t)strlen(name));
    }
    stage_text(w, s, text, (uint32_t)len);
    return LINE_STAGED;
}

enum line_outcome say_nick(struct worker *w, struct client *c, const struct line *line,
                           const char *name) {
    char text[SENTENCE_MAX], called[NAME_BYTES_MAX + 1];
    if (!stage_fits(w, LINE_BYTES))
        return LINE_LATER;
    struct words words = {.name = client_called(c, client_facts(c), called), .text = name};
    size_t len = sentence_render(w->config.language, SAY_NICK, &words, text, sizeof text);
    struct staged *s = say_stage(w, c, line, ENTRY_NICK);
    s->key = name_key(name, strlen(name), w->seg->header->name_key);
    s->old_key = name_key(called, strlen(called), w->seg->header->name_key);
    s->line.entry.speaker = (uint32_t)s->key;
    stage_side(w, s, name, (uint32_t)strlen(name));
    stage_text(w, s, text, (uint32_t)len);
    return LINE_STAGED;
}

enum line_outcome say_private(struct worker *w, struct client *c, const struct line *line,
                              const char *to_name, uint64_t key, uint32_t client,
                              uint32_t generation, const char *text) {
    const struct facts *f = client_facts(c);
    char called[80 + NAME_BYTES_MAX];
    if (!stage_fits(w, LINE_BYTES))
        return LINE_LATER;
    if (f->flags & FACT_NAMED)
        client_called(c, f, called);
    else
        client_endpoint(c, called);
    struct staged *s = say_stage(w, c, line, ENTRY_PRIVATE);
    struct side_private to = {client, generation};
    s->key = key;
    s->line.entry.speaker = say_speaker(w, c, f);
    stage_side(w, s, &to, sizeof to);
    stage_side(w, s, called, (uint32_t)strlen(called) + 1);
    stage_side(w, s, to_name, (uint32_t)strlen(to_name) + 1);
    stage_side(w, s, text, (uint32_t)strlen(text));
    return LINE_STAGED;
}
