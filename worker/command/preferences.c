/* setting.c - see setting.h. */
#include "worker/command/preferences.h"

#include "worker/command/say.h"
#include "worker/output/history.h"
#include "worker/output/ignore.h"
#include "worker/text/charset.h"
#include "worker/text/name.h"

#include <stdlib.h>
#include <string.h>

/* Who has that name; false, with its mark alone, if nobody here does. */
static bool find_person(struct invocation *call, const char *name, struct ignored *who) {
    struct worker *w = call->w;
    if (client_facts(call->c)->flags & FACT_NAMED) {
        uint64_t key = name_key(name, strlen(name), w->seg->header->name_key);
        struct segment *seg = w->seg;
        worker_lock(w);
        bool found = name_table_find(&seg->names, &seg->room, &seg->clients, room_count(&seg->room),
                                     key, &who->client, &who->generation);
        worker_unlock(w);
        who->mark = (uint32_t)key;
        return found;
    }
    if (!invocation_endpoint(w, name, &who->client, &who->generation))
        return false;
    struct facts facts = {0};
    who->mark = say_speaker(w, worker_client(w, who->client), &facts);
    return true;
}

static enum line_outcome preferences_ignoring(struct invocation *call, bool ignore) {
    char *rest = call->text, *name = invocation_word(&rest);
    struct ignored who = {0};
    if (*name == '\0')
        return invocation_say_text(call, SAY_NO_NAME, NULL);
    bool here = find_person(call, name, &who);
    if (ignore && !here)
        return invocation_say_text(call, SAY_NOBODY, name);
    if (ignore && who.client == client_index(call->w, call->c))
        return invocation_say_text(call, SAY_IGNORE_SELF, NULL);
    struct change ch;
    struct words words = {.name = name, .n = IGNORE_MAX};
    invocation_edit(&ch, call);
    change_settle_map(&ch); /* the filter goes line by line from here */
    enum sentence said = ignore                       ? ignore_add(&ch, &who)
                         : ignore_drop(&ch, who.mark) ? SAY_NOT_IGNORING
                         : here                       ? SAY_NOT_IGNORING
                                                      : SAY_NOBODY;
    change_sentence(&ch, said, &words);
    return invocation_done(call, &ch);
}

enum line_outcome preferences_ignore(struct invocation *call) {
    return preferences_ignoring(call, true);
}
enum line_outcome preferences_unignore(struct invocation *call) {
    return preferences_ignoring(call, false);
}

enum line_outcome preferences_encoding(struct invocation *call) {
    const struct charset_name *found = charset_find(call->text, strlen(call->text));
    if (!found)
        return invocation_say_text(call, SAY_ENCODING_WHICH, NULL);
    enum encoding to = found->encoding;
    struct change ch;
    struct words words = {.text = encoding_names[to]};
    invocation_edit(&ch, call);
    command_switch(&ch, to);
    ch.f->flags |= FACT_ENC_CHOSEN;
    change_sentence(&ch, SAY_ENCODING, &words);
    return invocation_done(call, &ch);
}

enum line_outcome preferences_timestamps(struct invocation *call) {
    bool on = strcmp(call->text, "on") == 0;
    if (!on && strcmp(call->text, "off") != 0)
        return invocation_say_text(call, SAY_TIMESTAMPS_HOW, NULL);
    struct change ch;
    struct words words = {0};
    invocation_edit(&ch, call);
    change_settle_map(&ch);
    ch.f->flags = on ? ch.f->flags | FACT_TIMESTAMPS : ch.f->flags & ~(uint32_t)FACT_TIMESTAMPS;
    change_sentence(&ch, on ? SAY_TIMESTAMPS_ON : SAY_TIMESTAMPS_OFF, &words);
    return invocation_done(call, &ch);
}

enum line_outcome preferences_history(struct invocation *call) {
    char *end;
    unsigned long n = strtoul(call->text, &end, 10);
    if (end == call->text || *end != '\0' || n < 1 || n > HISTORY_MAX)
        return invocation_say_text(call, SAY_HISTORY_HOW, NULL);
    struct change ch;
    invocation_edit(&ch, call);
    history_show(&ch, room_count(&call->w->seg->room), (uint32_t)n);
    return invocation_done(call, &ch);
}
