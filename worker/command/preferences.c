/* preferences.c - see preferences.h. */
#include "worker/command/preferences.h"

#include "worker/command/whom.h"
#include "worker/output/history.h"
#include "worker/output/ignore.h"
#include "worker/record/encoding.h"
#include "worker/text/charset.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What is in force now, and how to change it. */
static enum line_outcome preferences_now(struct invocation *inv, enum sentence now,
                                         const struct words *words, enum sentence how) {
    struct change ch;
    invocation_begin(&ch, inv);
    change_sentence(&ch, now, words);
    change_sentence(&ch, how, words);
    return invocation_done(inv, &ch);
}

/* One line of the list, if the person is still here. */
static bool preferences_ignored(struct change *ch, uint64_t whom, bool first) {
    struct words none = {0};
    struct client_view view;
    char label[LABEL_TEXT], number[LABEL_TEXT];
    uint32_t client = (uint32_t)whom, generation = (uint32_t)(whom >> 32);
    if (!client_peek(&ch->w->seg->clients, client, &view) || view.generation != generation)
        return false;
    if (first)
        change_sentence(ch, SAY_IGNORED, &none);
    label_unique(client_view_name(&view), &view.addr, view.port, label);
    const char *shown =
        label_shown(client_wire(ch->f), label, client_number(ch->w, client, generation), number);
    change_line(ch, shown, strlen(shown));
    return true;
}

static enum line_outcome preferences_list_ignored(struct invocation *inv) {
    struct change ch;
    struct words none = {0};
    uint32_t count = ignore_count(inv->w, inv->c, client_facts(inv->c)), here = 0;
    invocation_begin(&ch, inv);
    for (uint32_t i = 0; i < count; i++)
        here += preferences_ignored(&ch, ignore_at(inv->w, inv->c, i), here == 0);
    if (here == 0)
        change_sentence(&ch, SAY_IGNORED_NONE, &none);
    change_sentence(&ch, SAY_IGNORE_HOW, &none);
    return invocation_done(inv, &ch);
}

static void preferences_set_ignored(struct change *ch, uint64_t whom, struct words *words) {
    words->n = ignore_count(ch->w, ch->c, ch->f);
    change_sentence(ch, ignore_add(ch, whom) ? SAY_IGNORING : SAY_IGNORES_FULL, words);
}

/* The list changes at once: after a death in between, the line is read again, and the person is
 * found not to be in it.  The answer is true all the same. */
static void preferences_drop_ignored(struct change *ch, uint64_t whom, const struct words *words) {
    bool was = ignore_has(ch->w, ch->c, ch->f, whom);
    change_sentence(ch, was ? SAY_NOT_IGNORING : SAY_NOT_IGNORED, words);
    if (!ch->failed)
        ignore_drop(ch, whom);
}

static enum line_outcome preferences_change_ignored(struct invocation *inv, bool ignore) {
    char *rest = inv->text;
    const char *name = invocation_word(&rest);
    struct whom found;
    if (*name == '\0')
        return preferences_list_ignored(inv);
    if (!whom_find(inv->w, inv->c, name, &found))
        return invocation_say_text(inv, SAY_NOBODY, name);
    uint64_t whom = buffer_tag(found.client, found.generation);
    if (ignore && whom == client_tag(inv->w, inv->c))
        return invocation_say_text(inv, SAY_IGNORE_SELF, NULL);
    struct change ch;
    char shown[LABEL_TEXT];
    enum encoding enc = client_wire(client_facts(inv->c));
    struct words words = {.name = label_shown(enc, found.label,
                                              client_number(inv->w, found.client, found.generation),
                                              shown)};
    invocation_begin(&ch, inv);
    change_settle_map(&ch); /* from here on the filter copies line by line */
    if (ignore)
        preferences_set_ignored(&ch, whom, &words);
    else
        preferences_drop_ignored(&ch, whom, &words);
    return invocation_done(inv, &ch);
}

enum line_outcome preferences_ignore(struct invocation *inv) {
    return preferences_change_ignored(inv, true);
}
enum line_outcome preferences_unignore(struct invocation *inv) {
    return preferences_change_ignored(inv, false);
}

enum line_outcome preferences_encoding(struct invocation *inv) {
    const struct charset_name *found = charset_find(inv->text, strlen(inv->text));
    if (*inv->text == '\0') {
        struct words now = {.name = charset_label(client_wire(client_facts(inv->c))),
                            .text = charset_labels()};
        return preferences_now(inv, SAY_ENCODING_NOW, &now, SAY_ENCODING_WHICH);
    }
    if (!found)
        return invocation_say_text(inv, SAY_ENCODING_WHICH, charset_labels());
    enum encoding to = (enum encoding)found->encoding;
    struct change ch;
    struct words words = {.text = charset_label(to)};
    invocation_begin(&ch, inv);
    encoding_switch(&ch, to);
    ch.f->flags |= FACT_ENC_CHOSEN;
    change_sentence(&ch, SAY_ENCODING, &words);
    return invocation_done(inv, &ch);
}

enum line_outcome preferences_timestamps(struct invocation *inv) {
    bool on = strcasecmp(inv->text, "on") == 0, was = client_facts(inv->c)->flags & FACT_TIMESTAMPS;
    struct change ch;
    struct words words = {0};
    if (*inv->text == '\0')
        return preferences_now(inv, was ? SAY_TIMESTAMPS_NOW_ON : SAY_TIMESTAMPS_NOW_OFF, &words,
                               SAY_TIMESTAMPS_HOW);
    if (!on && strcasecmp(inv->text, "off") != 0)
        return invocation_say_text(inv, SAY_TIMESTAMPS_HOW, NULL);
    invocation_begin(&ch, inv);
    change_settle_map(&ch); /* from here on the filter copies line by line, or no longer does */
    ch.f->flags = on ? ch.f->flags | FACT_TIMESTAMPS : ch.f->flags & ~(uint32_t)FACT_TIMESTAMPS;
    change_sentence(&ch, on ? SAY_TIMESTAMPS_ON : SAY_TIMESTAMPS_OFF, &words);
    return invocation_done(inv, &ch);
}

enum line_outcome preferences_history(struct invocation *inv) {
    char *end;
    unsigned long n = strtoul(inv->text, &end, 10);
    if (*inv->text == '\0')
        n = inv->w->config.history;
    else if (end == inv->text || *end != '\0' || n < 1 || n > HISTORY_MAX)
        return invocation_say_text(inv, SAY_HISTORY_HOW, NULL);
    struct change ch;
    invocation_begin(&ch, inv);
    if (ch.asked)
        change_ok(&ch); /* before the lines */
    history_begin(&ch, (uint32_t)n, HISTORY_ASKED);
    return invocation_done(inv, &ch);
}
