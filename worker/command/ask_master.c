/* ask_master.c - see ask_master.h. */
#include "worker/command/ask_master.h"

#include "worker/command/ask_mute.h"
#include "worker/state/lock.h"

#include <stdlib.h>
#include <string.h>

/* Completes the arguments in inv->text by what only a worker knows, into out.  False, with a
 * sentence: there is no such thing. */
typedef bool ask_master_complete(struct invocation *inv, char out[REQUEST_TEXT_LEN],
                                 char no[ASK_MASTER_NO]);

_Static_assert((int)ASK_MUTE_NO <= (int)ASK_MASTER_NO, "its sentences fit");

/* Every other verb's arguments are passed on as they are, and an unknown verb is the master's to
 * refuse: its table (master/requests.c) is the only one. */
static const struct ask_master_verb {
    const char *name;
    ask_master_complete *complete;
} ask_master_verbs[] = {
    {"mute", ask_mute},
    {"unmute", ask_unmute},
};

/* NULL: passed on. */
static ask_master_complete *ask_master_find(const char *verb) {
    for (size_t i = 0; i < sizeof ask_master_verbs / sizeof ask_master_verbs[0]; i++) {
        if (strcmp(ask_master_verbs[i].name, verb) == 0)
            return ask_master_verbs[i].complete;
    }
    return NULL;
}

/* 0: it is none. */
static uint64_t ask_master_id(const char *word) {
    bool digits = strlen(word) == 16 && strspn(word, "0123456789abcdef") == 16;
    return digits ? strtoull(word, NULL, 16) : 0;
}

static enum request_added ask_master_add(struct worker *w, uint64_t id, const char *verb,
                                         const char *text) {
    worker_lock(w);
    enum request_added added = request_add(w->seg->requests, id, verb, text);
    worker_unlock(w);
    if (added == REQUEST_ADDED)
        slots_ring_master(w->seg->slots);
    return added;
}

static const char *ask_master_sentence(enum request_added added) {
    switch (added) {
    case REQUEST_ADDED:
    case REQUEST_THERE: return NULL;
    case REQUEST_BUSY: return REQUEST_BUSY_SENTENCE;
    case REQUEST_LONG: break;
    }
    return "the arguments are too long";
}

const char *ask_master(struct invocation *inv, char no[ASK_MASTER_NO]) {
    char text[REQUEST_TEXT_LEN];
    uint64_t id = ask_master_id(invocation_word(&inv->text));
    const char *verb = invocation_word(&inv->text);
    ask_master_complete *complete = ask_master_find(verb);
    if (id == 0)
        return "a request's number is 16 hexadecimal digits, not all of them 0";
    if (*verb == '\0')
        return "a request needs a verb";
    if (complete && !complete(inv, text, no))
        return no;
    return ask_master_sentence(ask_master_add(inv->w, id, verb, complete ? text : inv->text));
}
