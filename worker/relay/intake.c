/* intake.c - see intake.h. */
#include "worker/relay/intake.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "ipc/log.h"
#include "worker/ledger/publish.h"
#include "worker/relay/place.h"
#include "worker/relay/remote.h"
#include "worker/relay/settle.h"
#include "worker/state/speaker.h"

#include <string.h>

enum {
    INTAKE_BYTES = LINE_MAX_MAX + 2 * NAME_BYTES_MAX + 64, /* the longest line */
    INTAKE_NOTICE = 512,                                   /* a notice before it, in any ring */
    INTAKE_ENTRIES = 4,                                    /* that one item may make */
    INTAKE_COMPLAIN_MS = 10000,
};
_Static_assert((int)INTAKE_BYTES <= (int)SENTENCE_MAX, "a sentence holds the longest line");

void intake_begin(struct relay_process *p) {
    memcpy(p->in.node, p->place.node, sizeof p->in.node);
    p->in.in = p->place.in;
    p->in.private = (struct intake_private){0};
}

/* ---- publishing ---- */

bool intake_muted(const struct relay_process *p, uint64_t key) {
    static const struct in6_addr nowhere;
    const struct restrictions *restrictions = p->w.seg->restrictions;
    struct restriction_look look;
    bool muted;
    do {
        look = restriction_begin(restrictions);
        muted = look.table->mutes > 0 &&
                restriction_muted(look.table, key, &nowhere, 0, clock_wall_ms()) != NULL;
    } while (restriction_changed(restrictions, &look));
    return muted;
}

static bool intake_is_aloud(uint8_t kind) {
    return kind == ENTRY_SPEECH || kind == ENTRY_PRIVATE || kind == ENTRY_NICK;
}

/* What is staged of people that are muted by now is not said. */
static bool intake_see(struct worker *w, uint64_t orders) {
    struct relay_process *p = (struct relay_process *)w;
    struct stage *stage = &w->stage;
    settle(p);
    for (uint32_t i = stage->next; i < stage->count; i++) {
        struct staged *s = &stage->line[i];
        uint32_t row = s->client - w->seg->clients.len;
        if (s->client != NO_CLIENT && intake_is_aloud(s->line.entry.kind) &&
            p->remotes.key[row] != 0 && intake_muted(p, p->remotes.key[row]))
            s->ordered = STAGE_DROPPED;
    }
    w->orders = orders;
    return true;
}

static void intake_refused(struct relay_process *p, const struct staged *s) {
    struct intake_private *line = &p->in.private;
    uint32_t row = s->client - p->w.seg->clients.len;
    switch ((enum entry_kind)s->line.entry.kind) {
    case ENTRY_JOIN:
        intake_refuse(p, p->remotes.node[row], NULL,
                      s->verdict == STAGE_NAMES_FULL ? "there is no room for its person's name"
                                                     : "its person is here already");
        remote_free(p, row);
        break;
    case ENTRY_NICK: remote_know(p, row, p->remotes.node[row], s->old_key); break;
    case ENTRY_PRIVATE:
        line->refused = s->verdict == STAGE_NOBODY || s->verdict == STAGE_UNREAD;
        line->note = s->verdict == STAGE_NOBODY ? RELAY_NOTE_NOBODY : RELAY_NOTE_UNREAD;
        break;
    default: break;
    }
}

static void intake_verdicts(struct relay_process *p) {
    struct stage *stage = &p->w.stage;
    for (; stage->answered < stage->next; stage->answered++) {
        const struct staged *s = &stage->line[stage->answered];
        if (s->verdict != STAGE_PUBLISHED)
            intake_refused(p, s);
    }
}

/* True: the speaker of the private line was at the end of what is staged. */
static bool intake_answer(struct relay_process *p) {
    struct intake_private line = p->in.private;
    p->in.private = (struct intake_private){0};
    if (!line.refused || line.client == NO_CLIENT)
        return false;
    intake_note(p, line.client, line.generation, line.note, line.name, line.node);
    return true;
}

/* Nothing is staged. */
static void intake_arrive(struct relay_process *p) {
    if (memcmp(&p->place.in, &p->in.in, sizeof p->in.in) == 0 &&
        memcmp(p->place.node, p->in.node, sizeof p->in.node) == 0)
        return;
    p->place.in = p->in.in;
    memcpy(p->place.node, p->in.node, sizeof p->in.node);
    p->unsaved = true;
}

bool intake_flush(struct relay_process *p) {
    struct stage *stage = &p->w.stage;
    do {
        publish_as(&p->w, intake_see);
        intake_verdicts(p);
        settle(p);
        if (stage_blocked(stage))
            return false;
        stage_reset(stage);
    } while (intake_answer(p));
    intake_arrive(p);
    return true;
}

bool intake_room(struct relay_process *p) {
    const struct stage *stage = &p->w.stage;
    return (stage->count + INTAKE_ENTRIES <= STAGE_LINES &&
            stage_fits(stage, INTAKE_BYTES + INTAKE_NOTICE)) ||
           intake_flush(p);
}

bool intake_frees_names(const struct relay_process *p) {
    const struct stage *stage = &p->w.stage;
    for (uint32_t i = stage->next; i < stage->count; i++)
        if (stage->line[i].old_key != 0)
            return true;
    return false;
}

/* ---- staging ---- */

struct staged *intake_stage(struct relay_process *p, enum entry_kind kind, uint32_t row,
                            uint32_t ticks) {
    return stage_add(&p->w.stage, kind, remote_client(p, row), remote_generation(p, row), 0, ticks);
}

void intake_say(struct relay_process *p, struct staged *s, enum sentence which,
                const struct words *words) {
    stage_sentence(&p->w.stage, s, (enum language)p->w.config.language, which, words);
}

void intake_event(struct relay_process *p, struct staged *s, enum event_kind kind, const char *who,
                  const char *text, int64_t ms) {
    struct event_line event = {
        .kind = kind, .who = who, .text = text, .text_len = text ? strlen(text) : 0};
    stage_event_at(&p->w.stage, s, &event, ms != 0 ? ms : (int64_t)clock_wall_ms());
}

static void intake_side(struct relay_process *p, struct staged *s, struct side_foreign side) {
    side.in = p->in.in;
    s->line.entry.flags |= ENTRY_FOREIGN;
    stage_side(&p->w.stage, s, &side, sizeof side);
}

void intake_seal(struct relay_process *p, struct staged *s, uint32_t node) {
    struct side_foreign side = {.node = node};
    if (node < RELAY_NODES) {
        struct relay_node *n = &p->in.node[node];
        n->people = p->remotes.people[node];
        side = (struct side_foreign){.life = n->life,
                                     .mark = n->mark,
                                     .node = node,
                                     .turn = n->turn,
                                     .lines = n->lines,
                                     .people = n->people,
                                     .state = n->state};
    }
    intake_side(p, s, side);
}

void intake_seal_link(struct relay_process *p, struct staged *s, bool down) {
    intake_side(p, s, (struct side_foreign){.node = RELAY_LINK, .mark = down});
}

void intake_private(struct relay_process *p, uint32_t row, const char *addressee, uint32_t node) {
    struct intake_private *line = &p->in.private;
    *line = (struct intake_private){
        .client = remote_client(p, row), .generation = remote_generation(p, row), .node = node};
    strncpy(line->name, addressee, sizeof line->name - 1);
}

void intake_note(struct relay_process *p, uint32_t client, uint32_t generation,
                 enum relay_note note, const char *name, uint32_t node) {
    struct side_private to = {client, generation};
    uint8_t what = (uint8_t)note;
    struct staged *s = intake_stage(p, ENTRY_NOTE, NO_ROW, p->w.ticks);
    stage_side(&p->w.stage, s, &to, sizeof to);
    stage_side(&p->w.stage, s, &what, sizeof what);
    stage_side(&p->w.stage, s, name, (uint32_t)strlen(name) + 1);
    intake_seal(p, s, node);
}

/* ---- machines ---- */

uint32_t intake_node(const struct relay_process *p, const char *name) {
    for (uint32_t i = 0; i < RELAY_NODES; i++)
        if (strcmp(p->in.node[i].name, name) == 0)
            return i;
    return RELAY_NODES;
}

/* One that was never used, or of the machine that has been away for longest. */
static uint32_t intake_spare_node(const struct relay_process *p) {
    uint32_t oldest = RELAY_NODES;
    for (uint32_t i = 0; i < RELAY_NODES; i++) {
        const struct relay_node *n = &p->in.node[i];
        if (n->name[0] == '\0')
            return i;
        if (n->state != RELAY_NODE_HERE && p->remotes.people[i] == 0 &&
            (oldest == RELAY_NODES || n->life < p->in.node[oldest].life))
            oldest = i;
    }
    return oldest;
}

/* The name is in the place before any entry has its index. */
bool intake_add_node(struct relay_process *p, const char *name, uint32_t *node) {
    if (!intake_flush(p))
        return false;
    *node = intake_spare_node(p);
    if (*node == RELAY_NODES)
        return true;
    struct relay_node *n = &p->in.node[*node];
    memset(n, 0, sizeof *n);
    strncpy(n->name, name, sizeof n->name - 1);
    p->place.node[*node] = *n;
    p->world.seen[*node] = 0;
    place_commit(p);
    return true;
}

void intake_refuse(struct relay_process *p, uint32_t node, const char *name, const char *why) {
    uint64_t now = clock_ms();
    char shown[4 * NODE_NAME_MAX + 1];
    atomic_fetch_add(&p->shared->refused, 1);
    p->in.unsaid[node]++;
    if (p->in.complained[node] != 0 && now - p->in.complained[node] < INTAKE_COMPLAIN_MS)
        return;
    if (node < RELAY_NODES)
        name = p->in.node[node].name;
    if (!name || name[0] == '\0')
        name = "unknown";
    log_warn("machine %s: an item is refused: %s (%u since this was last said)",
             log_escape(shown, sizeof shown, name, strlen(name)), why, p->in.unsaid[node]);
    p->in.complained[node] = now;
    p->in.unsaid[node] = 0;
}
