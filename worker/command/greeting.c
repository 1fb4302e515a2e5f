/* greeting.c - see greeting.h. */
#include "worker/command/greeting.h"

#include "worker/command/announce.h"
#include "worker/command/say.h"
#include "worker/output/flush.h"
#include "worker/output/history.h"
#include "worker/output/overrun.h"
#include "worker/output/resume.h"
#include "worker/protocol/event.h"
#include "worker/state/epoll_interest.h"
#include "worker/state/members.h"
#include "worker/state/pause.h"

enum { GREETING_HELLO = 1024 }; /* bytes of a hello */

static bool greeting_browser(const struct change *ch) {
    return ch->f->ring == RING_JSON;
}

/* A browser's first event. */
static void greeting_hello(struct change *ch) {
    const struct room *room = &ch->w->seg->room;
    const struct config *config = &ch->w->config;
    uint8_t out[GREETING_HELLO];
    struct event_hello hello = {.room = config->room,
                                .epoch = room->shared->epoch,
                                .index = room_count(room) - 1,
                                .login = config->login,
                                .line_max = config->line_max,
                                .language = config->language == LANG_ZH ? "zh" : "en"};
    change_frames(ch, out, event_hello(&hello, out, sizeof out));
}

/* For a browser without carriage returns and the last line's end. */
static void greeting_motd_event(struct change *ch) {
    const struct config *config = &ch->w->config;
    static char text[MOTD_MAX];
    static uint8_t out[EVENT_ESCAPED * MOTD_MAX + GREETING_HELLO];
    size_t len = 0;
    for (uint32_t i = 0; i < config->motd_len; i++)
        if (config->motd[i] != '\r')
            text[len++] = config->motd[i];
    len -= len > 0 && text[len - 1] == '\n';
    change_frames(ch, out, event_text(EVENT_MOTD, text, len, out, sizeof out));
}

static void greeting_motd(struct change *ch) {
    const struct config *config = &ch->w->config;
    if (config->motd_len == 0)
        return;
    if (greeting_browser(ch)) {
        greeting_motd_event(ch);
        return;
    }
    change_utf8(ch, config->motd, config->motd_len);
    if (config->motd[config->motd_len - 1] != '\n')
        change_bytes(ch, "\r\n", 2);
}

void greeting_enter(struct change *ch, uint64_t at, uint64_t from, uint32_t why) {
    const struct config *config = &ch->w->config;
    const struct room *room = &ch->w->seg->room;
    struct words words = {.room = config->room};
    struct facts *f = ch->f;
    uint64_t guard = atomic_load_explicit(&ch->w->slot->guard, memory_order_relaxed);
    change_sentence(ch, SAY_GREETING, &words);
    greeting_motd(ch);
    change_settle_map(ch);
    if (at < guard) { /* a successor that came late: the text is overwritten */
        f->lines_lost += room_entry(room, guard - 1)->lines - room_entry(room, at - 1)->lines;
        at = guard;
    }
    f->pos = room_start(room, at, f->ring);
    f->flags |= FACT_IN_ROOM | FACT_GREETED;
    if (from != 0 && from < at)
        resume_room(ch, from);
    history_begin(ch, from != 0 ? 0 : config->history, HISTORY_ENTERED | why);
}

void greeting_leave(struct change *ch, uint64_t until, uint32_t tenths) {
    struct words words = {0};
    uint64_t guard = atomic_load_explicit(&ch->w->slot->guard, memory_order_relaxed);
    change_settle_map(ch);
    overrun_pass(ch, guard, until);
    ch->f->flags &= ~(uint32_t)(FACT_IN_ROOM | FACT_QUIET | FACT_LIST_SAID);
    ch->f->last_input = tenths; /* its time to log in runs from here */
    change_sentence(ch, SAY_LOG_IN, &words);
}

/* A guest comes into the open room, quietly.  False: no buffer is free, and the client is paused
 * until one may be. */
static bool greeting_come(struct worker *w, struct client *c) {
    struct change ch;
    change_begin(&ch, w, c);
    ch.outside = false; /* a new socket takes it at once, and the buffer is free again */
    if (greeting_browser(&ch))
        greeting_hello(&ch);
    greeting_enter(&ch, room_count(&w->seg->room), 0, 0);
    ch.f->flags |= FACT_QUIET;
    if (!change_commit(&ch))
        return false;
    member_authenticated(w, c);
    announce_later(w, c);
    pause_end(w, c, PAUSE_ARRIVAL);
    flush_client(w, c); /* its buffers are free again at once, whatever the crowd */
    return true;
}

/* A quiet guest of a room that asks for names now: nobody has been told of it. */
static bool greeting_go(struct worker *w, struct client *c) {
    struct change ch;
    flush_client(w, c);
    change_begin(&ch, w, c);
    greeting_leave(&ch, room_count(&w->seg->room), w->tenths);
    if (!change_commit(&ch))
        return false;
    member_unauthenticated(w, c);
    pause_end(w, c, PAUSE_ARRIVAL);
    return true;
}

static void greeting_words(struct change *ch) {
    struct words words = {.room = ch->w->config.room};
    change_sentence(ch, SAY_GREETING, &words);
    change_sentence(ch, SAY_LOG_IN, &words);
}

/* False: no buffer is free, and the client is paused until one may be. */
static bool greeting_send(struct worker *w, struct client *c) {
    struct change ch;
    change_begin(&ch, w, c);
    ch.outside = false; /* a new socket takes it at once, and the buffer is free again */
    if (greeting_browser(&ch))
        greeting_hello(&ch);
    else
        greeting_words(&ch);
    ch.f->flags |= FACT_GREETED;
    if (!change_commit(&ch))
        return false;
    flush_client(w, c); /* its buffers are free again at once, whatever the crowd */
    return true;
}

bool greeting_due(const struct worker *w, const struct client *c) {
    uint32_t flags = client_facts(c)->flags;
    if (!client_is_person(client_facts(c)) || flags & FACT_KICKED ||
        client_header_due(client_facts(c)))
        return false;
    if (flags & FACT_IN_ROOM)
        return w->config.login && !(flags & FACT_NAMED);
    return !w->config.login || !(flags & FACT_GREETED);
}

bool greeting_continue(struct worker *w, struct client *c) {
    const struct facts *f = client_facts(c);
    uint32_t fd = client_index(w, c);
    bool due = greeting_due(w, c), quiet = f->flags & FACT_QUIET;
    /* That it does not read is no reason to say nothing of it. */
    if (!client_live(c) || (!quiet && pause_has(w, fd, (uint8_t)~PAUSE_ARRIVAL)))
        return false;
    if (due && f->flags & FACT_IN_ROOM && !quiet)
        return say_leave(w, c) != LINE_STAGED;
    if (!due && quiet) {
        /* A join in the open room is caused by no line, so it consumes nothing.  The pause ends
         * when it is applied. */
        struct line nothing = {.consumed = f->consumed};
        return say_join(w, c, &nothing, NULL) != LINE_STAGED;
    }
    if (due && quiet)
        greeting_go(w, c);
    else if (due && !w->config.login)
        greeting_come(w, c);
    else if (!due || greeting_send(w, c))
        pause_end(w, c, PAUSE_ARRIVAL);
    return false;
}

void greeting_begin(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c);
    w->pauses.why[fd] |= PAUSE_ARRIVAL; /* not registered with epoll yet: no call of pause_client */
    /* The open room is shown only after a look at what the client has sent (input_read). */
    if (w->config.login && !w->adopting && !greeting_continue(w, c))
        return;
    fd_queue_push(&w->ready, fd);
    interest_arm(w, c); /* its end is reported while the greeting waits */
}

void greeting_applied(struct worker *w, struct client *c) {
    if (!greeting_due(w, c)) {
        pause_end(w, c, PAUSE_ARRIVAL);
        return;
    }
    pause_client(w, c, PAUSE_ARRIVAL);
    fd_queue_push(&w->ready, client_index(w, c));
}

void greeting_reloaded(struct worker *w) {
    if (!w->config.login && w->members.unauthenticated == 0)
        return;
    for (uint32_t i = 0; i < w->members.count; i++) {
        struct client *c = worker_client(w, w->members.at[i]);
        if (!greeting_due(w, c) || pause_has(w, w->members.at[i], PAUSE_ARRIVAL))
            continue;
        pause_client(w, c, PAUSE_ARRIVAL);
        fd_queue_push(&w->ready, w->members.at[i]);
    }
}
