/* say.c - see say.h. */
#include "worker/command/say.h"

#include "worker/protocol/event.h"
#include "worker/state/label.h"
#include "worker/state/speaker.h"
#include "worker/text/sentence.h"

#include <string.h>

/* Bytes of the longest line in any ring: a text, two names, and what is between them. */
enum { SAY_BYTES = LINE_MAX_MAX + 2 * NAME_BYTES_MAX + 64 };
_Static_assert((int)SAY_BYTES <= (int)SENTENCE_MAX, "a sentence holds the longest line");

static struct staged *say_stage(struct worker *w, struct client *c, const struct line *line,
                                enum entry_kind kind) {
    uint32_t generation = (uint32_t)(client_tag(w, c) >> 32);
    struct staged *s = stage_add(&w->stage, kind, client_index(w, c), generation, line->consumed,
                                 segment_ticks(w->seg));
    if (line->after_cr)
        s->line.entry.flags |= ENTRY_AFTER_CR;
    return s;
}

/* All else of it is staged. */
static enum line_outcome say_staged(struct worker *w, struct staged *s, const struct line *line) {
    if (line->numbered) {
        s->line.entry.flags |= ENTRY_RE;
        stage_side(&w->stage, s, &line->re, sizeof line->re);
    }
    return LINE_STAGED;
}

static void say_sentence(struct worker *w, struct staged *s, enum sentence which,
                         const struct words *words) {
    stage_sentence(&w->stage, s, w->config.language, which, words);
}

/* The same for browsers.  NULL: none. */
static void say_event(struct worker *w, struct staged *s, enum event_kind kind, const char *who,
                      const char *text) {
    struct event_line event = {
        .kind = kind, .who = who, .text = text, .text_len = text ? strlen(text) : 0};
    stage_event(&w->stage, s, &event);
}

static void say_side_string(struct worker *w, struct staged *s, const char *text) {
    stage_side(&w->stage, s, text, (uint32_t)strlen(text) + 1);
}

enum line_outcome say_speech(struct worker *w, struct client *c, struct line *line,
                             const char *text, bool action) {
    const struct facts *f = client_facts(c);
    char label[LABEL_TEXT];
    if (!stage_fits(&w->stage, SAY_BYTES))
        return LINE_LATER;
    struct words words = {.name = client_label(w, c, f, label), .text = text};
    struct staged *s = say_stage(w, c, line, ENTRY_SPEECH);
    if (action)
        s->line.entry.flags |= ENTRY_ACTION;
    else if (!(f->flags & FACT_NAMED))
        s->line.entry.flags |= ENTRY_BARE;
    say_sentence(w, s, action ? SAY_ME : f->flags & FACT_NAMED ? SAY_SPEECH : SAY_BARE, &words);
    say_event(w, s, action ? EVENT_ME : EVENT_SAY, label, text);
    line->plain = true;
    return say_staged(w, s, line);
}

/* Side data of a join or a nick: the name, the one before, if there was one, and the keys. */
static void say_new_name(struct worker *w, struct staged *s, const char *name, const char *old) {
    s->key = speaker_key(w, name);
    s->look = speaker_look(w, name);
    struct side_name side = {s->key, s->look};
    say_side_string(w, s, name);
    if (old)
        say_side_string(w, s, old);
    stage_side(&w->stage, s, &side, sizeof side);
}

/* Of a browser: where its lines are to begin, behind the other side data. */
static void say_from(struct worker *w, struct staged *s, const struct line *line) {
    stage_side(&w->stage, s, &line->from, sizeof line->from);
}

/* What tells the client from all others. */
static const char *say_unique(const struct worker *w, const struct client *c,
                              char out[LABEL_TEXT]) {
    char name[NAME_TEXT];
    return label_unique(client_name(&w->seg->clients, c, client_facts(c), name), &c->addr, c->port,
                        out);
}

enum line_outcome say_join(struct worker *w, struct client *c, const struct line *line,
                           const char *name) {
    char label[LABEL_TEXT];
    if (!stage_fits(&w->stage, SAY_BYTES))
        return LINE_LATER;
    struct words words = {.name = name ? name : client_label(w, c, client_facts(c), label)};
    struct staged *s = say_stage(w, c, line, ENTRY_JOIN);
    s->line.people = 1;
    if (name)
        say_new_name(w, s, name, NULL);
    if (name && client_facts(c)->ring == RING_JSON)
        say_from(w, s, line);
    say_sentence(w, s, SAY_JOINED, &words);
    say_event(w, s, EVENT_JOIN, words.name, NULL);
    return say_staged(w, s, line);
}

enum line_outcome say_leave(struct worker *w, struct client *c) {
    const struct facts *f = client_facts(c);
    char label[LABEL_TEXT], unique[LABEL_TEXT];
    if (!stage_fits(&w->stage, SAY_BYTES))
        return LINE_LATER;
    struct line nothing = {.consumed = f->consumed};
    struct words words = {.name = client_label(w, c, f, label)};
    struct staged *s = say_stage(w, c, &nothing, ENTRY_LEAVE);
    s->line.people = -1;
    say_side_string(w, s, say_unique(w, c, unique));
    if (f->flags & FACT_NAMED) {
        s->old_key = speaker_key(w, label);
        s->old_look = speaker_look(w, label);
    }
    if (f->flags & FACT_KICKED) /* the room was told that it was asked to */
        return LINE_STAGED;
    say_sentence(w, s, SAY_LEFT, &words);
    say_event(w, s, EVENT_LEAVE, label, NULL);
    return LINE_STAGED;
}

enum line_outcome say_nick(struct worker *w, struct client *c, const struct line *line,
                           const char *name) {
    char label[LABEL_TEXT];
    if (!stage_fits(&w->stage, SAY_BYTES))
        return LINE_LATER;
    struct words words = {.name = client_label(w, c, client_facts(c), label), .text = name};
    struct staged *s = say_stage(w, c, line, ENTRY_NICK);
    s->old_key = speaker_key(w, label);
    s->old_look = speaker_look(w, label);
    say_new_name(w, s, name, label);
    say_sentence(w, s, SAY_NICK, &words);
    say_event(w, s, EVENT_NICK, label, name);
    return say_staged(w, s, line);
}

/* Side data: the addressee, then three texts: speaker NUL addressee NUL text. */
enum line_outcome say_private(struct worker *w, struct client *c, const struct line *line,
                              const struct addressee *to, const char *text) {
    char label[LABEL_TEXT];
    if (!stage_fits(&w->stage, SAY_BYTES))
        return LINE_LATER;
    struct side_private side = {to->client, to->generation};
    struct staged *s = say_stage(w, c, line, ENTRY_PRIVATE);
    s->key = to->key;
    stage_side(&w->stage, s, &side, sizeof side);
    say_side_string(w, s, say_unique(w, c, label));
    say_side_string(w, s, to->label);
    stage_side(&w->stage, s, text, (uint32_t)strlen(text));
    return say_staged(w, s, line);
}

enum line_outcome say_announcement(struct worker *w, struct client *c, const struct line *line,
                                   const char *text) {
    char out[SENTENCE_MAX];
    struct words words = {.text = text};
    if (!stage_fits(&w->stage, SAY_BYTES))
        return LINE_LATER;
    struct staged *s = say_stage(w, c, line, ENTRY_SYSTEM);
    size_t len = sentence_render(w->config.language, SAY_ANNOUNCED, &words, out, sizeof out);
    stage_text(&w->stage, s, out, (uint32_t)len);
    say_event(w, s, EVENT_SYS, NULL, text);
    return LINE_STAGED;
}

struct staged *say_notice(struct worker *w, enum entry_kind kind, enum sentence which,
                          const struct words *words) {
    static const char mark[] = "*** ", end[] = "\r\n";
    char out[SENTENCE_MAX];
    if (!stage_fits(&w->stage, SAY_BYTES))
        return NULL;
    struct staged *s = stage_add(&w->stage, kind, NO_CLIENT, 0, 0, segment_ticks(w->seg));
    say_sentence(w, s, which, words);
    size_t len = sentence_render(w->config.language, which, words, out, sizeof out);
    struct event_line event = {.kind = EVENT_SYS,
                               .text = out + strlen(mark),
                               .text_len = len - strlen(mark) - strlen(end)};
    stage_event(&w->stage, s, &event);
    return s;
}

/* Side data: the operator, then the reason NUL label. */
enum line_outcome say_kick(struct worker *w, struct client *c, const struct line *line,
                           const struct addressee *whom, const char *reason) {
    if (!stage_fits(&w->stage, SAY_BYTES))
        return LINE_LATER;
    struct words words = {.name = whom->label};
    struct staged *s = say_stage(w, c, line, ENTRY_KICK);
    struct side_private side = {s->client, s->generation};
    s->key = whom->key;
    s->line.entry.client = whom->client;
    s->line.entry.generation = whom->generation;
    stage_side(&w->stage, s, &side, sizeof side);
    say_side_string(w, s, reason);
    say_side_string(w, s, whom->label);
    say_sentence(w, s, SAY_WAS_KICKED, &words);
    say_event(w, s, EVENT_KICK, whom->label, NULL);
    return LINE_STAGED;
}

enum line_outcome say_move(struct worker *w, struct client *c, uint32_t to) {
    struct side_move move = {w->index, to};
    struct line nothing = {.consumed = client_facts(c)->consumed};
    if (!stage_fits(&w->stage, sizeof move))
        return LINE_LATER;
    struct staged *s = say_stage(w, c, &nothing, ENTRY_MOVE);
    stage_side(&w->stage, s, &move, sizeof move);
    return LINE_STAGED;
}
