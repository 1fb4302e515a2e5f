/* apply.c - see apply.h. */
#include "worker/ledger/apply.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "worker/ledger/move.h"
#include "worker/output/flush.h"
#include "worker/output/history.h"
#include "worker/output/ignore.h"
#include "worker/protocol/telnet.h"
#include "worker/record/change.h"
#include "worker/record/leave.h"
#include "worker/text/name.h"

#include <string.h>

uint32_t flood_slack(const struct config *config) {
    uint32_t burst = config->flood_burst > 0 ? config->flood_burst - 1 : 0;
    return config->flood_rate == 0 ? 0 : burst * 1000 / config->flood_rate;
}

/* An account is never further ahead than the burst and one line, and a little, because clocks are
 * read at different moments.  What seems to be is long past: the clock has 32 bits. */
uint32_t flood_ahead(const struct config *config, uint32_t tat, uint32_t time) {
    uint32_t ahead = tat - time;
    if (config->flood_rate == 0)
        return 0;
    return ahead <= flood_slack(config) + 1000 / config->flood_rate + FLOOD_CLOCKS_MS ? ahead : 0;
}

/* A step is 1000 / rate ms, which seldom is a whole number: whether it is rounded down or up is
 * told by where the account stands between the multiples of 1000 / rate, so that the rest adds up.
 */
uint32_t flood_charge(const struct config *config, uint32_t tat, uint32_t time) {
    uint32_t rate = config->flood_rate;
    if (rate == 0)
        return time;
    tat = time + flood_ahead(config, tat, time);
    uint32_t past = (uint32_t)((uint64_t)tat * rate % 1000);
    return tat + (1000 + (1000 - past) % 1000 % rate) / rate;
}

/* The client's own line is consumed: its input goes on behind it. */
static void apply_consumed(struct worker *w, struct change *ch, const struct entry *entry) {
    struct facts *f = ch->f;
    uint32_t step = entry->consumed - (uint32_t)f->consumed;
    if ((int32_t)step <= 0 || step > RX_RAW)
        return; /* not by a line of its own: an open room's coming, a going */
    f->consumed += step;
    f->raw_off = (uint16_t)(f->raw_off + step);
    f->line_len = 0;
    f->sub_len = 0;
    f->flags &= ~(uint32_t)FACT_OVERLONG;
    telnet_line_ended((struct telnet *)f->telnet, entry->flags & ENTRY_AFTER_CR);
    f->last_input = entry->time * 10;
    f->tat = flood_charge(&w->config, f->tat, entry->time * 10);
    if (f->consumed == ch->c->received)
        change_give_input(ch);
    else
        change_give_line_buffer(ch);
}

static uint32_t side_text(struct worker *w, uint64_t index, uint32_t skip, char *out,
                          uint32_t size) {
    const struct room *room = &w->seg->room;
    uint32_t len = room_len(room, index, RING_SIDE);
    len = len > skip ? len - skip : 0;
    if (len > size - 1)
        len = size - 1;
    memcpy(out, room_text(room, RING_SIDE, room_start(room, index, RING_SIDE)) + skip, len);
    out[len] = '\0';
    return len;
}

static void apply_join(struct worker *w, struct change *ch, uint64_t index,
                       const struct entry *entry) {
    struct facts *f = ch->f;
    struct segment *seg = w->seg;
    char name[NAME_BYTES_MAX + 1];
    struct words words = {.room = w->config.room};
    uint32_t len = side_text(w, index, 0, name, sizeof name);
    if (len > 0) {
        memset(f->name, 0, sizeof f->name);
        memcpy(f->name, name, len);
        f->flags |= FACT_NAMED;
        uint64_t key = name_key(name, len, seg->header->name_key);
        name_table_confirm(&seg->names, key, entry->client, entry->generation, index);
    }
    change_sentence(ch, SAY_GREETING, &words);
    if (w->config.motd_len > 0) {
        change_utf8(ch, w->config.motd, w->config.motd_len);
        if (w->config.motd[w->config.motd_len - 1] != '\n')
            change_bytes(ch, "\r\n", 2);
    }
    if (room_len(&seg->room, index, ENC_UTF8) == 0) { /* in a crowd nobody is announced */
        char called[NAME_BYTES_MAX + 1];
        words.name = client_called(ch->c, f, called);
        change_sentence(ch, SAY_COMES, &words);
    }
    history_show(ch, index, w->config.history);
    f->flags |= FACT_IN_ROOM | FACT_GREETED;
}

static void apply_nick(struct worker *w, struct change *ch, uint64_t index,
                       const struct entry *entry) {
    struct facts *f = ch->f;
    struct segment *seg = w->seg;
    char name[NAME_BYTES_MAX + 1], old[NAME_BYTES_MAX + 1];
    uint32_t len = side_text(w, index, 0, name, sizeof name);
    client_called(ch->c, f, old);
    uint64_t key = name_key(name, len, seg->header->name_key);
    uint64_t old_key = name_key(old, strlen(old), seg->header->name_key);
    name_table_confirm(&seg->names, key, entry->client, entry->generation, index);
    if (w->adopting && old_key != key) { /* the publisher may have died before it did */
        worker_lock(w);
        name_table_clear(&seg->names, old_key, entry->client, entry->generation);
        worker_unlock(w);
    }
    memset(f->name, 0, sizeof f->name);
    memcpy(f->name, name, len);
}

static void apply_leave(struct worker *w, struct change *ch, const struct entry *entry) {
    struct segment *seg = w->seg;
    if (w->adopting && (ch->f->flags & FACT_NAMED)) {
        char name[NAME_BYTES_MAX + 1];
        client_called(ch->c, ch->f, name);
        worker_lock(w);
        name_table_clear(&seg->names, name_key(name, strlen(name), seg->header->name_key),
                         entry->client, entry->generation);
        worker_unlock(w);
    }
    ch->f->flags |= FACT_LEFT;
}

/* A private line, to the one it is for.  Names are taken as they are when it arrives. */
static void apply_private_to(struct worker *w, struct change *ch, uint64_t index,
                             const struct entry *entry, bool to_speaker) {
    char text[LINE_MAX_MAX + 2 * NAME_BYTES_MAX + 3];
    uint32_t len = side_text(w, index, sizeof(struct side_private), text, sizeof text);
    /* speaker NUL addressee NUL text */
    const char *speaker = text, *to = text + strlen(text) + 1;
    if (to >= text + len)
        return;
    const char *said = to + strlen(to) + 1;
    if (said > text + len)
        return;
    struct words words = {.name = to_speaker ? to : speaker, .text = said};
    if (!to_speaker) {
        if (ignore_has(w, ch->c, ch->f, entry->speaker))
            return;
        ch->f->reply_client = entry->client;
        ch->f->reply_generation = entry->generation;
    }
    change_sentence(ch, to_speaker ? SAY_PRIVATE_COPY : SAY_PRIVATE_TO, &words);
}

static void apply_to(struct worker *w, struct change *ch, uint64_t index, const struct entry *entry,
                     bool own, bool target) {
    if (own)
        apply_consumed(w, ch, entry);
    switch ((enum entry_kind)entry->kind) {
    case ENTRY_JOIN: apply_join(w, ch, index, entry); break;
    case ENTRY_NICK: apply_nick(w, ch, index, entry); break;
    case ENTRY_LEAVE: apply_leave(w, ch, entry); break;
    case ENTRY_PRIVATE:
        if (own)
            apply_private_to(w, ch, index, entry, true);
        if (target)
            apply_private_to(w, ch, index, entry, false);
        break;
    default: break;
    }
    ch->f->seen = index + 1;
}

/* Which connection is whose: the log of its coming knows the address only. */
static void apply_log_name(const struct client *c) {
    const struct facts *f = client_facts(c);
    char who[80], called[NAME_BYTES_MAX + 1], shown[4 * NAME_BYTES_MAX + 1];
    if (!(f->flags & FACT_NAMED))
        return;
    client_endpoint(c, who);
    client_called(c, f, called);
    log_info("client %s is %s", who, log_escape(shown, sizeof shown, called, strlen(called)));
}

/* After the flip: what is not in the record. */
static void apply_after(struct worker *w, struct client *c, const struct entry *entry, bool own) {
    uint32_t fd = client_index(w, c);
    if (!own)
        return;
    if (entry->kind == ENTRY_JOIN || entry->kind == ENTRY_NICK)
        apply_log_name(c);
    if (entry->kind == ENTRY_JOIN && w->member_index[fd] != 0) {
        w->unauthenticated--;
        flush_client(w, c); /* its boxes are free again at once, whatever the crowd */
    }
    if (entry->kind == ENTRY_LEAVE)
        leave_finish(w, c);
}

enum { UNREAD_MAX = 32768 }; /* bytes of private lines kept for one who does not read */

static uint64_t unread_of(const struct client *c) {
    uint64_t sent = atomic_load_explicit(&c->sent, memory_order_relaxed);
    uint64_t end = client_tx_end(client_facts(c));
    return end > sent ? end - sent : 0;
}

static void apply_entry(struct worker *w, uint64_t index, const struct entry *entry,
                        uint32_t client, uint32_t generation, bool own, bool target) {
    struct segment *seg = w->seg;
    if (client >= seg->clients.len)
        return;
    struct client *c = worker_client(w, client);
    if (!client_is(c, generation) || atomic_load(&c->slot) != w->index ||
        client_facts(c)->seen > index)
        return;
    worker_breadcrumb(w, BREADCRUMB_APPLY, c, index);
    if (entry->kind == ENTRY_PRIVATE) /* in its place among the room's lines */
        flush_last(w, c, index);
    /* An effect never waits for its addressee to read, nor for a box: everyone's entries stand
     * behind it.  What cannot be told is counted as skipped, and that is told when it can be. */
    bool unheard = !own && unread_of(c) > UNREAD_MAX;
    for (;;) {
        struct change ch;
        change_begin(&ch, w, c);
        ch.drop_replies |= unheard;
        apply_to(w, &ch, index, entry, own, target);
        ch.f->lines_lost += unheard;
        if (change_commit(&ch))
            break;
        unheard = true;
    }
    apply_after(w, c, entry, own);
}

static void apply_private(struct worker *w, uint64_t index, const struct entry *entry) {
    const struct room *room = &w->seg->room;
    struct side_private to;
    memcpy(&to, room_text(room, RING_SIDE, room_start(room, index, RING_SIDE)), sizeof to);
    bool self = to.client == entry->client && to.generation == entry->generation;
    if (entry->slot == w->index)
        apply_entry(w, index, entry, entry->client, entry->generation, true, self);
    if (!self)
        apply_entry(w, index, entry, to.client, to.generation, false, true);
}

bool apply_settle(struct worker *w) {
    const struct room *room = &w->seg->room;
    uint64_t count = room_count(room);
    uint64_t index = atomic_load_explicit(&w->slot->cursor, memory_order_relaxed);
    bool all = true;
    for (; index < count && all; index++) {
        const struct entry *entry = room_entry(room, index);
        worker_beat(w);
        if (entry->kind == ENTRY_PRIVATE)
            apply_private(w, index, entry);
        else if (entry->kind == ENTRY_MOVE)
            all = move_apply(w, index, entry);
        else if (entry->slot == w->index && entry->client != NOBODY)
            apply_entry(w, index, entry, entry->client, entry->generation, true, false);
    }
    FAULT("apply.cursor.before");
    atomic_store_explicit(&w->slot->cursor, all ? index : index - 1, memory_order_release);
    FAULT("apply.cursor.after");
    w->settled = all;
    return all;
}
