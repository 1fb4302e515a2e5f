/* who.c - see who.h. */
#include "worker/output/who.h"

#include "worker/protocol/event.h"
#include "worker/state/label.h"

#include <stdio.h>
#include <string.h>

enum {
    WHO_PART = 3500,    /* bytes */
    WHO_RECORDS = 8192, /* looked at for a part */
    WHO_LOOKS = 16,     /* such looks cost as much as a byte */
};

void who_begin(struct change *ch, uint32_t which) {
    ch->f->flags |= which;
    ch->f->list_next = 0;
    ch->asked = false; /* the list answers */
    fd_queue_push(&ch->w->reply_pending, client_index(ch->w, ch->c));
}

bool who_idle(uint32_t tenths, char out[WHO_IDLE_TEXT]) {
    uint32_t minutes = tenths / 600;
    if (minutes < 60)
        snprintf(out, WHO_IDLE_TEXT, "%um", minutes);
    else if (minutes < 24 * 60)
        snprintf(out, WHO_IDLE_TEXT, "%uh", minutes / 60);
    else
        snprintf(out, WHO_IDLE_TEXT, "%ud", minutes / (24 * 60));
    return minutes > 0;
}

/* A list under way: of a telnet lines, of a browser one event a part. */
struct who {
    struct change *ch;
    uint32_t now; /* segment_tenths() */
    bool all;     /* those that are logged in to the server: with how long they are idle */
    bool browser;
    struct event event;
    uint8_t out[WHO_PART + EVENT_PERSON_MAX];
};

/* With the first part: a private line that is applied before it comes before the whole list. */
static void who_heading(const struct who *list) {
    struct words words = {0};
    change_sentence(list->ch, list->all ? SAY_WHO : SAY_LOOK, &words);
}

/* Tenths of a second; nothing is known of a person of another machine. */
static uint32_t who_quiet(const struct who *list, const struct client_view *other) {
    uint32_t quiet = list->now - other->facts.last_input;
    return (int32_t)quiet < 0 ? 0 : quiet; /* it typed in another worker after `now` was read */
}

/* "NAME", "NAME (bot)", "NAME (idle 5m)", "NAME (bot, idle 5m)" */
static void who_line(const struct who *list, uint32_t client, const struct client_view *other,
                     const char *unique) {
    struct change *ch = list->ch;
    char number[LABEL_TEXT], since[WHO_IDLE_TEXT];
    const char *label = label_shown(client_wire(ch->f), unique,
                                    client_number(ch->w, client, other->generation), number);
    struct words words = {.name = label, .text = since};
    bool known = !client_is_remote(&ch->w->seg->clients, client);
    bool idle = list->all && known && who_idle(who_quiet(list, other), since);
    bool bot = other->facts.web & WEB_BOT;
    if (idle)
        change_sentence(ch, bot ? SAY_WHO_BOT_IDLE : SAY_WHO_IDLE, &words);
    else if (bot)
        change_sentence(ch, SAY_WHO_BOT, &words);
    else
        change_line(ch, label, strlen(label));
}

/* False: the part is full. */
static bool who_one(struct who *list, uint32_t client) {
    const struct client_table *clients = &list->ch->w->seg->clients;
    struct client_view other;
    char unique[LABEL_TEXT];
    if (!client_peek(clients, client, &other) ||
        (other.facts.flags & (FACT_IN_ROOM | FACT_QUIET)) != FACT_IN_ROOM)
        return true;
    label_unique(client_view_name(&other), &other.addr, other.port, unique);
    if (list->browser) {
        int64_t idle = client_is_remote(clients, client) ? EVENT_NO_IDLE
                                                         : (int64_t)(who_quiet(list, &other) / 10);
        return event_person(&list->event, unique, idle, other.facts.web & WEB_BOT);
    }
    who_line(list, client, &other, unique);
    return true;
}

static bool who_full(const struct who *list) {
    return list->browser ? list->event.len >= WHO_PART : list->ch->f->tx_len >= WHO_PART;
}

static void who_part_begin(struct who *list, struct change *ch) {
    const struct facts *f = ch->f;
    list->ch = ch;
    list->now = segment_tenths(ch->w->seg);
    list->all = f->flags & FACT_LIST_ALL;
    list->browser = f->ring == RING_JSON;
    if (list->browser)
        event_people(&list->event, f->web & WEB_RE ? (int64_t)f->re : EVENT_NO_RE, list->out,
                     sizeof list->out);
    else if (f->list_next == 0)
        who_heading(list);
}

bool who_continue(struct worker *w, struct client *c) {
    struct change ch;
    struct who list;
    change_begin(&ch, w, c);
    change_settle_map(&ch);
    who_part_begin(&list, &ch);
    uint32_t at = segment_walk(w->seg, ch.f->list_next), looked = 0;
    while (at != NO_CLIENT && looked < WHO_RECORDS && !who_full(&list) && who_one(&list, at)) {
        at = segment_walk(w->seg, at + 1);
        looked++;
    }
    bool more = at != NO_CLIENT;
    if (list.browser)
        change_frames(&ch, list.out, event_people_end(&list.event, more));
    change_charge(&ch, 0, w->now);
    ch.answered += looked / WHO_LOOKS; /* a record that is looked at costs, too */
    ch.f->list_next = more ? at : 0;
    if (!more)
        ch.f->flags &= ~(uint32_t)(FACT_LIST_ROOM | FACT_LIST_ALL);
    return change_commit(&ch);
}
