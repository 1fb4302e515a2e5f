/* setting.c - see setting.h. */
#include "worker/setting.h"

#include "worker/charset.h"
#include "worker/history.h"
#include "worker/ignore.h"
#include "worker/name.h"
#include "worker/talk.h"

#include <stdlib.h>
#include <string.h>

/* Who has that name; false, with its mark alone, if nobody here does. */
static bool find_person(struct call *call, const char *name, struct ignored *who) {
    struct worker *w = call->w;
    if (client_facts(call->c)->flags & FACT_NAMED) {
        uint64_t key = name_key(name, strlen(name), w->seg->header->name_key);
        struct segment *seg = w->seg;
        worker_lock(w);
        bool found = roster_find(&seg->roster, &seg->room, &seg->clients, room_count(&seg->room),
                                 key, &who->client, &who->birth);
        worker_unlock(w);
        who->mark = (uint32_t)key;
        return found;
    }
    if (!call_endpoint(w, name, &who->client, &who->birth))
        return false;
    struct facts facts = {0};
    who->mark = talk_speaker(w, worker_client(w, who->client), &facts);
    return true;
}

static enum line_outcome setting_ignoring(struct call *call, bool ignore) {
    char *rest = call->text, *name = call_word(&rest);
    struct ignored who = {0};
    if (*name == '\0')
        return call_say_text(call, SAY_NO_NAME, NULL);
    bool here = find_person(call, name, &who);
    if (ignore && !here)
        return call_say_text(call, SAY_NOBODY, name);
    if (ignore && who.client == client_index(call->w, call->c))
        return call_say_text(call, SAY_IGNORE_SELF, NULL);
    struct edit e;
    struct words words = {.name = name, .n = IGNORE_MAX};
    call_edit(&e, call);
    edit_settle_map(&e); /* the filter goes line by line from here */
    enum sentence said = ignore                      ? ignore_add(&e, &who)
                         : ignore_drop(&e, who.mark) ? SAY_NOT_IGNORING
                         : here                      ? SAY_NOT_IGNORING
                                                     : SAY_NOBODY;
    edit_sentence(&e, said, &words);
    return call_done(call, &e);
}

enum line_outcome setting_ignore(struct call *call) {
    return setting_ignoring(call, true);
}
enum line_outcome setting_unignore(struct call *call) {
    return setting_ignoring(call, false);
}

enum line_outcome setting_encoding(struct call *call) {
    const struct charset_name *found = charset_find(call->text, strlen(call->text));
    if (!found)
        return call_say_text(call, SAY_ENCODING_WHICH, NULL);
    enum encoding to = found->encoding;
    struct edit e;
    struct words words = {.text = encoding_names[to]};
    call_edit(&e, call);
    command_switch(&e, to);
    e.f->flags |= FACT_ENC_CHOSEN;
    edit_sentence(&e, SAY_ENCODING, &words);
    return call_done(call, &e);
}

enum line_outcome setting_timestamps(struct call *call) {
    bool on = strcmp(call->text, "on") == 0;
    if (!on && strcmp(call->text, "off") != 0)
        return call_say_text(call, SAY_TIMESTAMPS_HOW, NULL);
    struct edit e;
    struct words words = {0};
    call_edit(&e, call);
    edit_settle_map(&e);
    e.f->flags = on ? e.f->flags | FACT_TIMESTAMPS : e.f->flags & ~(uint32_t)FACT_TIMESTAMPS;
    edit_sentence(&e, on ? SAY_TIMESTAMPS_ON : SAY_TIMESTAMPS_OFF, &words);
    return call_done(call, &e);
}

enum line_outcome setting_history(struct call *call) {
    char *end;
    unsigned long n = strtoul(call->text, &end, 10);
    if (end == call->text || *end != '\0' || n < 1 || n > HISTORY_MAX)
        return call_say_text(call, SAY_HISTORY_HOW, NULL);
    struct edit e;
    call_edit(&e, call);
    history_show(&e, room_count(&call->w->seg->room), (uint32_t)n);
    return call_done(call, &e);
}
