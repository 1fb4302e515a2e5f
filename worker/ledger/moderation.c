/* moderation.c - see moderation.h. */
#include "worker/ledger/moderation.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "worker/output/goodbye.h"
#include "worker/record/change.h"
#include "worker/record/leave.h"
#include "worker/state/breadcrumb.h"
#include "worker/state/lock.h"
#include "worker/state/speaker.h"

/* What the table says of one client. */
struct moderation_judgement {
    bool banned, muted;
};

bool moderation_bans(const struct worker *w, const struct in6_addr *addr) {
    struct restriction_look look;
    bool banned;
    do {
        look = restriction_begin(w->seg->restrictions);
        banned = restriction_banned(look.table, addr, clock_wall_ms()) != NULL;
    } while (restriction_changed(w->seg->restrictions, &look));
    return banned;
}

bool moderation_mutes(const struct worker *w, const char *name) {
    struct restriction_look look;
    uint64_t key = 0;
    bool muted;
    do {
        look = restriction_begin(w->seg->restrictions);
        if (look.table->mutes > 0 && key == 0)
            key = speaker_key(w, name);
        muted = key != 0 && restriction_muted(look.table, key, &in6addr_any, 0, clock_wall_ms());
    } while (restriction_changed(w->seg->restrictions, &look));
    return muted;
}

void moderation_later(struct worker *w, const struct client *c) {
    fd_queue_push(&w->moderated.due, client_index(w, c));
}

/* ---- one client ---- */

static struct moderation_judgement moderation_judge(const struct worker *w,
                                                    const struct client *c) {
    char text[NAME_TEXT];
    const char *name = client_name(&w->seg->clients, c, client_facts(c), text);
    uint64_t now = clock_wall_ms(), key = 0;
    struct moderation_judgement j;
    struct restriction_look look;
    do {
        look = restriction_begin(w->seg->restrictions);
        if (look.table->mutes > 0 && name && key == 0)
            key = speaker_key(w, name);
        j.banned = restriction_banned(look.table, &c->addr, now) != NULL;
        j.muted = restriction_muted(look.table, key, &c->addr, c->port, now) != NULL;
    } while (restriction_changed(w->seg->restrictions, &look));
    return j;
}

/* The end of a mute is told; without a buffer for it, it counts as lost. */
static void moderation_set_muted(struct worker *w, struct client *c, bool muted) {
    struct change ch;
    struct words words = {0};
    for (bool drop = false;; drop = true) {
        change_begin(&ch, w, c);
        ch.drop_replies |= drop || muted;
        if (muted)
            ch.f->flags |= FACT_MUTED;
        else
            ch.f->flags &= ~(uint32_t)FACT_MUTED;
        if (!muted && ch.f->flags & FACT_IN_ROOM) {
            change_sentence(&ch, SAY_UNMUTED, &words);
            ch.f->lines_lost += drop;
        }
        FAULT("moderation.muted.before");
        if (change_commit(&ch))
            break;
    }
    FAULT("moderation.muted.after");
}

/* An operator is no person in the room, and a client whose PROXY header is not complete is at the
 * proxy's address. */
static bool moderation_concerns(const struct worker *w, uint32_t fd, const struct client *c) {
    const struct facts *f = client_facts(c);
    return worker_serves(w, fd) && client_live(c) && !client_is_tool(f) && !client_header_due(f);
}

static void moderation_client(struct worker *w, uint32_t fd) {
    struct client *c = worker_client(w, fd);
    if (!moderation_concerns(w, fd, c))
        return;
    struct moderation_judgement j = moderation_judge(w, c);
    bool person = client_is_person(client_facts(c));
    if (j.banned && person)
        goodbye(w, c, SAY_BANNED, "banned");
    else if (j.banned)
        leave_begin(w, c, "banned");
    else if (person && j.muted != ((client_facts(c)->flags & FACT_MUTED) != 0))
        moderation_set_muted(w, c, j.muted);
}

/* ---- all of them ---- */

static bool moderation_all_due(const struct worker *w) {
    const struct moderated *m = &w->moderated;
    return restriction_generation(w->seg->restrictions) != m->generation ||
           (m->next_end != 0 && clock_wall_ms() >= m->next_end);
}

/* The generation is read first: a table that is published meanwhile is looked at in the next turn.
 */
static void moderation_all(struct worker *w) {
    struct restriction_look look;
    uint64_t next;
    do {
        look = restriction_begin(w->seg->restrictions);
        next = restriction_next_end(look.table, clock_wall_ms());
    } while (restriction_changed(w->seg->restrictions, &look));
    w->moderated.generation = look.generation;
    w->moderated.next_end = next;
    FAULT("moderation.sweep.before");
    for (uint32_t i = 0; i < w->members.count; i++) {
        worker_beat(w);
        moderation_client(w, w->members.at[i]);
    }
    FAULT("moderation.sweep.after");
}

void moderation_look(struct worker *w) {
    if (moderation_all_due(w))
        moderation_all(w);
    while (w->moderated.due.count > 0)
        moderation_client(w, fd_queue_pop(&w->moderated.due));
}

int moderation_timeout(const struct worker *w) {
    uint64_t now = clock_wall_ms(), end = w->moderated.next_end;
    if (end == 0)
        return -1;
    if (end <= now)
        return 0;
    return end - now < MODERATION_LOOK_MS ? (int)(end - now) : MODERATION_LOOK_MS;
}
