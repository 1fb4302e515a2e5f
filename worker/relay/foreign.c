/* foreign.c - see foreign.h. */
#include "worker/relay/foreign.h"

#include "ipc/clock.h"
#include "ipc/log.h"
#include "worker/command/say.h"
#include "worker/command/whom.h"
#include "worker/relay/intake.h"
#include "worker/relay/remote.h"
#include "worker/state/speaker.h"

#include <stdio.h>
#include <string.h>

enum { FOREIGN_LATE_MS = 10000 };
#define FOREIGN_AHEAD_MS (UINT64_C(24) * 3600 * 1000) /* that clocks may differ */
#define FOREIGN_OLD_MS                                                                             \
    (INT64_C(300) * 24 * 3600 * 1000) /* an entry's time wraps after 497 days                      \
                                       */

/* The item at hand. */
struct foreign {
    struct relay_process *p;
    const struct item *item;
    struct relay_node *node; /* p->in.node[k] */
    uint32_t k;
    char label[LABEL_TEXT]; /* of `who` */
    uint64_t key;
    uint32_t row;   /* NO_ROW: its person is in none */
    uint32_t ticks; /* its time */
    bool late;
};

const char *foreign_label(const char *name, const char *node, char out[LABEL_TEXT]) {
    snprintf(out, LABEL_TEXT, "%.*s@%.*s", (int)NAME_OWN_MAX, name, NODE_NAME_MAX - 1, node);
    return out;
}

uint32_t foreign_ticks(const struct relay_process *p, int64_t ms, bool *late) {
    int64_t age = (int64_t)clock_wall_ms() - ms;
    *late = age > FOREIGN_LATE_MS;
    if (age > FOREIGN_OLD_MS)
        age = FOREIGN_OLD_MS;
    return p->w.ticks - (*late ? (uint32_t)(age / 10) : 0);
}

static bool foreign_is_speech(enum item_kind kind) {
    return kind == ITEM_SAY || kind == ITEM_ME || kind == ITEM_BARE;
}

/* Whether all before it is to be applied first: a note is to a person in the room; a name is
 * free once the entry that frees it is in the ledger. */
static bool foreign_is_last(const struct relay_process *p, enum item_kind kind) {
    switch (kind) {
    case ITEM_MSG:
    case ITEM_NOBODY:
    case ITEM_UNREAD: return true;
    case ITEM_JOIN:
    case ITEM_NICK: return intake_frees_names(p);
    default: return false;
    }
}

/* ---- what is said ---- */

/* A line that comes late begins with its time, as the lines of history do. */
static void foreign_stamp(struct relay_process *p, struct staged *s) {
    char stamp[STAMP_MAX];
    struct stamp_now now = stamp_now(p->w.seg);
    s->line.entry.flags |= ENTRY_STAMPED;
    stage_text(&p->w.stage, s, stamp, stamp_text(&p->w.stamp, &now, s->line.entry.time, stamp));
}

/* Where people log in, a guest of an open room elsewhere is named before its line, which might look
 * like anything. */
void foreign_speech(struct relay_process *p, struct staged *s, const struct item *item,
                    const char *label, bool late) {
    struct words words = {.name = label, .text = item->text};
    bool me = item->kind == ITEM_ME, bare = item->kind == ITEM_BARE && !p->w.config.login;
    s->line.entry.flags |= me ? ENTRY_ACTION : bare ? ENTRY_BARE : 0;
    if (late)
        foreign_stamp(p, s);
    intake_say(p, s, me ? SAY_ME : bare ? SAY_BARE : SAY_SPEECH, &words);
    intake_event(p, s, me ? EVENT_ME : EVENT_SAY, label, item->text, late ? item->ms : 0);
}

static void foreign_say(const struct foreign *f) {
    struct staged *s = intake_stage(f->p, ENTRY_SPEECH, f->row, f->ticks);
    foreign_speech(f->p, s, f->item, f->label, f->late);
    intake_seal(f->p, s, f->k);
    atomic_fetch_add_explicit(&f->p->shared->lines_in, 1, memory_order_relaxed);
}

static void foreign_announce(const struct foreign *f) {
    struct words words = {.text = f->item->text};
    intake_seal(f->p, say_notice(&f->p->w, ENTRY_SYSTEM, SAY_ANNOUNCED, &words), f->k);
}

/* ---- comings and goings ---- */

static void foreign_new_name(struct relay_process *p, struct staged *s, const char *label) {
    struct side_name side = {.key = s->key = speaker_key(&p->w, label)};
    stage_side(&p->w.stage, s, label, (uint32_t)strlen(label) + 1);
    stage_side(&p->w.stage, s, &side, sizeof side);
}

/* NULL: no row is free. */
static struct staged *foreign_stage_join(struct relay_process *p, uint32_t node, const char *label,
                                         bool bot) {
    uint32_t row = remote_claim(p, node, speaker_key(&p->w, label), bot);
    if (row == NO_ROW) {
        intake_refuse(p, node, NULL,
                      remote_high(p) < p->remotes.len
                          ? "no shared memory for its person's record: not listed"
                          : "more people are elsewhere than max_clients: they are not listed");
        return NULL;
    }
    struct staged *s = intake_stage(p, ENTRY_JOIN, row, p->w.ticks);
    s->line.people = 1;
    foreign_new_name(p, s, label);
    return s;
}

static struct staged *foreign_stage_leave(struct relay_process *p, uint32_t row) {
    struct staged *s = intake_stage(p, ENTRY_LEAVE, row, p->w.ticks);
    s->line.people = -1;
    s->old_key = p->remotes.key[row];
    remote_forget(p, row);
    return s;
}

void foreign_comes(struct relay_process *p, uint32_t node, const char *label, bool bot) {
    struct staged *s = foreign_stage_join(p, node, label, bot);
    if (s)
        intake_seal(p, s, node);
}

void foreign_leaves(struct relay_process *p, uint32_t row) {
    uint32_t node = p->remotes.node[row];
    intake_seal(p, foreign_stage_leave(p, row), node);
}

/* One for whom there is no row is announced all the same. */
static void foreign_join(const struct foreign *f) {
    bool bot = strcmp(f->item->text, "b") == 0;
    struct words words = {.name = f->label};
    if (f->row != NO_ROW)
        return;
    struct staged *s = foreign_stage_join(f->p, f->k, f->label, bot);
    if (!s)
        s = intake_stage(f->p, ENTRY_JOIN, NO_ROW, f->ticks);
    intake_say(f->p, s, SAY_JOINED, &words);
    intake_event(f->p, s, EVENT_JOIN, f->label, NULL, 0);
    intake_seal(f->p, s, f->k);
}

/* Of a kick the leave is told by the kick's own sentence; the item that comes behind it finds it
 * done. */
static void foreign_leave(const struct foreign *f, enum sentence which, enum event_kind event) {
    struct words words = {.name = f->label};
    if (f->row == NO_ROW)
        return;
    struct staged *s = foreign_stage_leave(f->p, f->row);
    intake_say(f->p, s, which, &words);
    intake_event(f->p, s, event, f->label, NULL, 0);
    intake_seal(f->p, s, f->k);
}

/* The new name may be there already, and the old one not any more (foreign.h). */
static void foreign_nick(const struct foreign *f) {
    struct relay_process *p = f->p;
    char label[LABEL_TEXT];
    foreign_label(f->item->text, f->node->name, label);
    uint64_t key = speaker_key(&p->w, label);
    uint32_t holder = remote_find(p, key);
    if (holder != NO_ROW && holder != f->row) {
        if (f->row != NO_ROW)
            foreign_leaves(p, f->row);
        return;
    }
    if (f->row == NO_ROW) {
        foreign_comes(p, f->k, label, false);
        return;
    }
    struct words words = {.name = f->label, .text = label};
    struct staged *s = intake_stage(p, ENTRY_NICK, f->row, f->ticks);
    s->old_key = f->key;
    foreign_new_name(p, s, label);
    remote_know(p, f->row, f->k, key);
    intake_say(p, s, SAY_NICK, &words);
    intake_event(p, s, EVENT_NICK, f->label, label, 0);
    intake_seal(p, s, f->k);
}

/* ---- private lines ---- */

/* Its `to` is NAME@NODE.  False: that is not a person of this machine who is here.  *name is the
 * name alone. */
static bool foreign_addressee(const struct foreign *f, char name[LABEL_TEXT], bool *ours,
                              struct whom *whom) {
    const char *at = strrchr(f->item->to, '@');
    size_t len = at ? (size_t)(at - f->item->to) : 0;
    *ours = at && strcmp(at + 1, f->p->node) == 0;
    memcpy(name, f->item->to, len);
    name[len] = '\0';
    return *ours && whom_any(&f->p->w, name, whom) &&
           !client_is_remote(&f->p->w.seg->clients, whom->client);
}

static void foreign_private(const struct foreign *f) {
    struct relay_process *p = f->p;
    struct stage *stage = &p->w.stage;
    char name[LABEL_TEXT];
    struct whom whom;
    bool ours, there = foreign_addressee(f, name, &ours, &whom);
    if (ours && !there && f->row != NO_ROW)
        intake_note(p, remote_client(p, f->row), remote_generation(p, f->row), RELAY_NOTE_NOBODY,
                    name, f->k);
    if (!there)
        return;
    struct side_private to = {whom.client, whom.generation};
    struct staged *s = intake_stage(p, ENTRY_PRIVATE, f->row, f->ticks);
    s->key = whom.key;
    stage_side(stage, s, &to, sizeof to);
    stage_side(stage, s, f->label, (uint32_t)strlen(f->label) + 1);
    stage_side(stage, s, whom.label, (uint32_t)strlen(whom.label) + 1);
    stage_side(stage, s, f->item->text, (uint32_t)f->item->text_len);
    intake_private(p, f->row, whom.label, f->k);
    intake_seal(p, s, f->k);
    intake_flush(p); /* nothing is staged behind it: its refusal moves the mark, too */
}

/* What became of a private line of this machine's. */
static void foreign_answer(const struct foreign *f, enum relay_note note) {
    char name[LABEL_TEXT];
    struct whom whom;
    bool ours;
    if (foreign_addressee(f, name, &ours, &whom))
        intake_note(f->p, whom.client, whom.generation, note, f->label, f->k);
}

/* ---- machines ---- */

bool foreign_away(struct relay_process *p, uint32_t node) {
    struct relay_node *n = &p->in.node[node];
    if (!intake_flush(p)) /* so that it is known how many are in the room */
        return false;
    uint32_t people = p->remotes.people[node];
    struct words words = {.name = n->name, .n = people};
    bool said = n->state == RELAY_NODE_HERE;
    n->state = RELAY_NODE_AWAY;
    if (said)
        log_warn("node \"%s\" is out of reach (%u in the room)", n->name, people);
    if (!said && people == 0)
        return true;
    struct staged *s = said ? say_notice(&p->w, ENTRY_NODE, SAY_NODE_AWAY, &words)
                            : intake_stage(p, ENTRY_NODE, NO_ROW, p->w.ticks);
    s->line.people = -(int32_t)people;
    intake_seal(p, s, node);
    intake_flush(p);
    return true;
}

static bool foreign_above(const struct item *item, const struct relay_node *n) {
    return item->life > n->life || (item->life == n->life && item->turn > n->turn);
}

/* What was known of an older life counts no more. */
static void foreign_live(struct relay_node *n, uint64_t life, uint64_t mark, uint32_t lines) {
    if (life == n->life)
        return;
    n->life = life;
    n->mark = mark;
    n->lines = lines;
}

static void foreign_hello(const struct foreign *f) {
    if (!foreign_above(f->item, f->node))
        return;
    foreign_live(f->node, f->item->life, f->item->index, f->item->lines);
    f->node->turn = f->item->turn;
    f->p->world.due = true;
}

static bool foreign_end(const struct foreign *f) {
    const struct item *item = f->item;
    struct relay_node *n = f->node;
    bool same = item->life == n->life && item->turn == n->turn;
    f->p->world.due = true; /* which knows better, if this item lies, or one before it did */
    if (!foreign_above(item, n) && !(same && n->state == RELAY_NODE_HERE))
        return true;
    if (!intake_flush(f->p))
        return false;
    foreign_live(n, item->life, 0, 0);
    n->turn = item->turn;
    return foreign_away(f->p, f->k);
}

/* ---- one item ---- */

/* Lines that were never read: they were trimmed, or the engine has lost them.  Said before the
 * item, as of it. */
static void foreign_missed(const struct foreign *f) {
    struct relay_node *n = f->node;
    const struct item *item = f->item;
    bool line = foreign_is_speech(item->kind);
    int32_t missed = (int32_t)(item->lines - n->lines - line);
    if (n->mark == 0) /* where it began is not known */
        return;
    if (item->prev != n->mark || missed != 0)
        f->p->world.due = true;
    if (missed <= 0 || (uint64_t)missed > item->index - n->mark) /* that many cannot be between */
        return;
    struct words words = {.n = (uint64_t)missed};
    n->mark = item->prev > n->mark ? item->prev : n->mark;
    n->lines = item->lines - line;
    intake_seal(f->p, say_notice(&f->p->w, ENTRY_SYSTEM, SAY_SKIPPED, &words), f->k);
    atomic_fetch_add(&f->p->shared->skipped_in, (uint64_t)missed);
}

static void foreign_act(const struct foreign *f) {
    enum item_kind kind = f->item->kind;
    bool aloud = foreign_is_speech(kind) || kind == ITEM_MSG || kind == ITEM_NICK;
    if (aloud && intake_muted(f->p, f->key))
        return;
    switch (kind) {
    case ITEM_SAY:
    case ITEM_ME:
    case ITEM_BARE: foreign_say(f); break;
    case ITEM_JOIN: foreign_join(f); break;
    case ITEM_LEAVE: foreign_leave(f, SAY_LEFT, EVENT_LEAVE); break;
    case ITEM_KICK: foreign_leave(f, SAY_WAS_KICKED, EVENT_KICK); break;
    case ITEM_NICK: foreign_nick(f); break;
    case ITEM_SYS: foreign_announce(f); break;
    case ITEM_MSG: foreign_private(f); break;
    case ITEM_NOBODY: foreign_answer(f, RELAY_NOTE_NOBODY); break;
    case ITEM_UNREAD: foreign_answer(f, RELAY_NOTE_UNREAD); break;
    default: break;
    }
}

/* An item of those that are numbered.  False: later. */
static bool foreign_numbered(struct foreign *f) {
    struct relay_process *p = f->p;
    struct relay_node *n = f->node;
    const struct item *item = f->item;
    if (item->life < n->life || (item->life == n->life && item->index <= n->mark))
        return true;
    if (foreign_is_last(p, item->kind) ? !intake_flush(p) : !intake_room(p))
        return false;
    if (n->state == RELAY_NODE_AWAY && item->life == n->life && item->turn == n->turn)
        p->world.due = true;    /* what ended it was a lie: none of its items follows its end */
    if (item->life > n->life) { /* its beginning was not read */
        foreign_live(n, item->life, 0, 0);
        n->turn = item->turn;
        p->world.due = true;
    }
    foreign_label(item->who, n->name, f->label);
    f->key = speaker_key(&p->w, f->label);
    f->row = item->who[0] ? remote_find(p, f->key) : NO_ROW;
    f->ticks = foreign_ticks(p, item->ms, &f->late);
    foreign_missed(f);
    n->mark = item->index;
    n->lines = item->lines;
    foreign_act(f);
    return true;
}

/* A life that no clock has given: one of that machine's own would never be above it.  If it is a
 * life nevertheless, the engine's list has it. */
static bool foreign_is_to_come(const struct item *item, const struct relay_node *n) {
    return item->life > n->life && item->life >> 16 > clock_wall_ms() + FOREIGN_AHEAD_MS;
}

/* False: later. */
static bool foreign_of(struct relay_process *p, uint32_t node) {
    struct foreign f = {.p = p, .item = &p->in.item, .node = &p->in.node[node], .k = node};
    if (foreign_is_to_come(f.item, f.node)) {
        intake_refuse(p, node, NULL, "its life is of a time to come");
        p->world.due = true;
        return true;
    }
    switch (p->in.item.kind) {
    case ITEM_HELLO: foreign_hello(&f); return true;
    case ITEM_END: return foreign_end(&f);
    default: return foreign_numbered(&f);
    }
}

/* Passed on by this machine, when it had another name. */
static bool foreign_is_own(const struct relay_process *p, const struct item *item) {
    return item->life == p->place.life || item->life == p->place.former;
}

bool foreign_item(struct relay_process *p, const struct link_event *ev) {
    struct item *item = &p->in.item;
    struct stream_id before = p->in.in;
    if (item_is_of(ev->bytes, ev->len, p->node)) {
        p->in.in = ev->id;
        return true;
    }
    const char *why = item_read(ev->bytes, ev->len, p->w.config.room, item);
    uint32_t node = item->node[0] ? intake_node(p, item->node) : RELAY_NODES;
    bool own = !why && foreign_is_own(p, item);
    if (!why && !own && node == RELAY_NODES && !intake_add_node(p, item->node, &node))
        return false;
    if (!why && !own && node == RELAY_NODES)
        why = "more machines than there is room for";
    p->in.in = ev->id;
    if (why)
        intake_refuse(p, node, item->node, why);
    else if (!own && !foreign_of(p, node)) {
        p->in.in = before;
        return false;
    }
    return true;
}
