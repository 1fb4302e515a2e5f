/* preferences.c - see preferences.h. */
#include "worker/command/preferences.h"

#include "worker/command/whom.h"
#include "worker/output/history.h"
#include "worker/output/ignore.h"
#include "worker/record/encoding.h"
#include "worker/text/charset.h"

#include <stdlib.h>
#include <string.h>

static enum line_outcome preferences_change_ignored(struct invocation *inv, bool ignore) {
    char *rest = inv->text;
    const char *name = invocation_word(&rest);
    struct whom found;
    if (*name == '\0')
        return invocation_say_text(inv, SAY_NO_NAME, NULL);
    if (!whom_find(inv->w, inv->c, name, &found))
        return invocation_say_text(inv, SAY_NOBODY, name);
    uint64_t whom = buffer_tag(found.client, found.generation);
    if (ignore && whom == client_tag(inv->w, inv->c))
        return invocation_say_text(inv, SAY_IGNORE_SELF, NULL);
    struct change ch;
    char shown[LABEL_TEXT];
    enum encoding enc = (enum encoding)client_facts(inv->c)->encoding;
    struct words words = {.name = label_shown(enc, found.label,
                                              client_number(inv->w, found.client, found.generation),
                                              shown),
                          .n = ignore_count(inv->w, inv->c, client_facts(inv->c))};
    invocation_begin(&ch, inv);
    change_settle_map(&ch); /* from here on the filter copies line by line */
    enum sentence said = SAY_NOT_IGNORING;
    if (ignore)
        said = ignore_add(&ch, whom) ? SAY_IGNORING : SAY_IGNORES_FULL;
    else
        ignore_drop(&ch, whom);
    change_sentence(&ch, said, &words);
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
    if (!found)
        return invocation_say_text(inv, SAY_ENCODING_WHICH, NULL);
    enum encoding to = found->encoding;
    struct change ch;
    struct words words = {.text = charset_label(to)};
    invocation_begin(&ch, inv);
    encoding_switch(&ch, to);
    ch.f->flags |= FACT_ENC_CHOSEN;
    change_sentence(&ch, SAY_ENCODING, &words);
    return invocation_done(inv, &ch);
}

enum line_outcome preferences_timestamps(struct invocation *inv) {
    bool on = strcmp(inv->text, "on") == 0;
    if (!on && strcmp(inv->text, "off") != 0)
        return invocation_say_text(inv, SAY_TIMESTAMPS_HOW, NULL);
    struct change ch;
    struct words words = {0};
    invocation_begin(&ch, inv);
    change_settle_map(&ch); /* from here on the filter copies line by line, or no longer does */
    ch.f->flags = on ? ch.f->flags | FACT_TIMESTAMPS : ch.f->flags & ~(uint32_t)FACT_TIMESTAMPS;
    change_sentence(&ch, on ? SAY_TIMESTAMPS_ON : SAY_TIMESTAMPS_OFF, &words);
    return invocation_done(inv, &ch);
}

enum line_outcome preferences_history(struct invocation *inv) {
    char *end;
    unsigned long n = strtoul(inv->text, &end, 10);
    if (end == inv->text || *end != '\0' || n < 1 || n > HISTORY_MAX)
        return invocation_say_text(inv, SAY_HISTORY_HOW, NULL);
    struct change ch;
    invocation_begin(&ch, inv);
    history_show(&ch, room_count(&inv->w->seg->room), (uint32_t)n);
    return invocation_done(inv, &ch);
}
