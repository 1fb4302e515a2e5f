/* goodbye.c - see goodbye.h. */
#include "worker/output/goodbye.h"

#include "worker/output/flush.h"
#include "worker/record/change.h"
#include "worker/record/leave.h"

#include <sys/socket.h>

/* The last that it is sent: no line of the room that is published meanwhile follows. */
static void goodbye_say(struct worker *w, struct client *c, enum sentence sentence) {
    struct change ch;
    struct words words = {.room = w->config.room};
    uint64_t until = room_count(&w->seg->room);
    flush_until(w, c, until);
    change_begin(&ch, w, c);
    change_sentence(&ch, sentence, &words);
    ch.f->flags &= ~(uint32_t)FACT_ECHOED; /* its half-typed line is not drawn again */
    if (change_commit(&ch))
        flush_until(w, c, until);
}

void goodbye(struct worker *w, struct client *c, enum sentence sentence, const char *why) {
    if (!client_live(c))
        return;
    goodbye_say(w, c, sentence);
    leave_begin(w, c, why);
}

void goodbye_all(struct worker *w) {
    for (uint32_t i = 0; i < w->members.count; i++) {
        struct client *c = worker_client(w, w->members.at[i]);
        if (client_is_person(client_facts(c)))
            goodbye_say(w, c, SAY_GOING_DOWN);
        else
            flush_client(w, c);
        shutdown((int)w->members.at[i], SHUT_WR);
    }
}
