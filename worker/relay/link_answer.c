/* link_answer.c - see link_answer.h. */
#include "worker/relay/link_answer.h"

#include "ipc/log.h"
#include "worker/relay/link_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts ---- */

/* Numbers and words of scripts; what is longer is cut, and is neither. */
struct answer_text {
    char text[64];
};

static struct answer_text answer_text(const struct resp_element *el) {
    struct answer_text t = {""};
    if (el->kind == RESP_BULK || el->kind == RESP_SIMPLE)
        snprintf(t.text, sizeof t.text, "%.*s", (int)el->len, el->bytes);
    return t;
}

static bool answer_is(const struct resp_element *el, const char *text) {
    return strcmp(answer_text(el).text, text) == 0;
}

/* 0 where it is none. */
static uint64_t answer_number(const struct resp_element *el) {
    return strtoull(answer_text(el).text, NULL, 10);
}

static struct stream_id answer_id(const struct resp_element *el) {
    const struct answer_text t = answer_text(el);
    struct stream_id id = {0, 0};
    char *end;
    id.ms = strtoull(t.text, &end, 10);
    if (*end == '-')
        id.seq = strtoull(end + 1, NULL, 10);
    return id;
}

/* "LIFE NUMBER ..." */
static void answer_life(const char *text, uint64_t *life, uint64_t *number) {
    char *end;
    *life = strtoull(text, &end, 16);
    *number = strtoull(end, NULL, 10);
}

static void answer_unexpected(struct link *l) {
    link_fail(l, 0, "its answer is not what it was asked for");
}

/* ---- coming into reach ---- */

static void answer_info(struct link *l, const struct resp_element *el) {
    static const char key[] = "maxmemory_policy:", good[] = "noeviction";
    char policy[32] = "";
    const char *at = el->kind == RESP_BULK ? memmem(el->bytes, el->len, key, sizeof key - 1) : NULL;
    if (!at)
        return;
    at += sizeof key - 1;
    size_t left = (size_t)(el->bytes + el->len - at), len = 0;
    while (len < left && len < sizeof policy - 1 && at[len] > ' ')
        len++;
    memcpy(policy, at, len);
    if (strcmp(policy, good) == 0 || l->policy_said)
        return;
    l->policy_said = true;
    log_warn("%s may drop the room's lines and people when it is full: its maxmemory-policy is %s, "
             "and should be %s",
             l->find.peer, log_escape((char[64]){0}, 64, policy, len), good);
}

/* A life of this machine that the engine knows, above its own, and from which it can go on; 0: it
 * is none, so a next one would be refused again, at once and for ever. */
static uint64_t answer_later(const struct link *l, const char *text) {
    uint64_t life = strtoull(text, NULL, 16);
    bool written = strspn(text, "0123456789abcdef") == 16 && text[16] == '\0';
    return written && life > l->hello.life && life < UINT64_MAX ? life : 0;
}

static void answer_claim(struct link *l, const struct resp_element *el) {
    const struct answer_text t = answer_text(el);
    char why[224];
    if (strcmp(t.text, "OK") == 0) {
        l->claimed = true;
    } else if (strcmp(t.text, "TAKEN") == 0) {
        snprintf(why, sizeof why,
                 "node \"%s\" is in use by another machine; trying again (a machine that was "
                 "killed frees its name after 10 s)",
                 l->target.node);
        link_fail(l, LINK_TAKEN_MS, why);
    } else if (strncmp(t.text, "LATER ", 6) == 0) {
        l->later_life = answer_later(l, t.text + 6);
        l->later = l->later_life != 0;
        snprintf(why, sizeof why,
                 "what it has of node \"%s\" in chatroom:marks or chatroom:nodes is wrong: "
                 "take it out there (HDEL)",
                 l->target.node);
        if (!l->later)
            link_fail(l, LINK_SLOW_MS, why);
    } else {
        answer_unexpected(l);
    }
}

static void answer_entered(struct link *l) {
    l->event.kind = LINK_HELLO;
    l->event.life = l->hello.life;
    l->phase = LINK_IS_UP;
    l->entered = true;
    l->up_at = l->now;
    log_info("the link to %s is up, as node \"%s\"", l->find.peer, l->target.node);
}

static void answer_enter(struct link *l, const struct resp_element *el) {
    struct link_event *ev = &l->event;
    if (el->depth == 0 && el->kind == RESP_ARRAY && el->number == 4)
        memset(ev, 0, sizeof *ev);
    else if (el->depth != 1 || (el->index == 0 && !answer_is(el, "OK")))
        answer_unexpected(l);
    else if (el->index == 1)
        ev->mark = answer_number(el);
    else if (el->index == 2)
        ev->turn = (uint32_t)answer_number(el);
    else if (el->index == 3)
        ev->last = answer_id(el);
    if (el->last && l->phase == LINK_ENTERING)
        answer_entered(l);
}

/* ---- up ---- */

static bool answer_pass(struct link *l, const struct resp_element *el, uint64_t index,
                        struct link_event *out) {
    out->kind = LINK_PASSED;
    out->index = index;
    if (el->kind == RESP_INTEGER && el->number == 1)
        return true;
    const struct answer_text t = answer_text(el);
    if (strncmp(t.text, "GAP ", 4) != 0) {
        answer_unexpected(l);
        return false;
    }
    out->result = LINK_GAP;
    answer_life(t.text + 4, &out->life, &out->mark);
    out->marked = t.text[4] != '\0' && out->life == l->hello.life;
    out->mark = out->marked ? out->mark : 0;
    return true;
}

/* Keeps the name in memory of its own: its value need not be in the buffer yet. */
static void answer_hold(struct link *l, const struct resp_element *el) {
    l->held.len = el->kind == RESP_BULK && el->len <= NAME_BYTES_MAX ? el->len : 0;
    memcpy(l->held.text, el->bytes ? el->bytes : "", l->held.len);
}

static bool answer_person(struct link *l, const struct resp_element *el, struct link_event *out) {
    if (el->index % 2 == 0) {
        answer_hold(l, el);
        return false;
    }
    out->kind = LINK_PERSON;
    out->name = l->held.text;
    out->name_len = l->held.len;
    out->value = el->kind == RESP_BULK ? el->bytes : "";
    out->value_len = el->kind == RESP_BULK ? el->len : 0;
    return out->name_len > 0;
}

/* {last id, then for each node: node, LIFE TURN, index, {name, value...}} */
static bool answer_world(struct link *l, const struct resp_element *el, struct link_event *out) {
    struct link_event *ev = &l->event;
    uint64_t turn;
    if (el->last)
        l->ending = LINK_WORLD + 1;
    if (el->depth == 2)
        return answer_person(l, el, out);
    if (el->depth == 0) {
        memset(ev, 0, sizeof *ev);
        if (el->kind != RESP_ARRAY)
            answer_unexpected(l);
        return false;
    }
    if (el->index == 0)
        ev->last = answer_id(el);
    switch (el->index == 0 ? -1 : (int)((el->index - 1) % 4)) {
    case 0: answer_hold(l, el); break;
    case 1:
        answer_life(answer_text(el).text, &ev->life, &turn);
        ev->turn = (uint32_t)turn;
        break;
    case 2: ev->mark = answer_number(el); break;
    case 3:
        *out = *ev;
        out->kind = LINK_NODE;
        out->name = l->held.text;
        out->name_len = l->held.len;
        return true; /* one without a name, too: the people behind it are not the last one's */
    default: break;
    }
    return false;
}

/* Entries of the stream; their ids are at this depth.  An entry of another form is given with no
 * bytes. */
static bool answer_item(struct link *l, const struct resp_element *el, uint32_t depth,
                        struct link_event *out) {
    if (el->depth == depth && el->index == 0)
        l->event.id = answer_id(el);
    bool is = el->depth == depth + 1 && el->index == 1;
    if (!is)
        return false;
    out->kind = LINK_ITEM;
    out->id = l->event.id;
    out->bytes = el->kind == RESP_BULK ? el->bytes : "";
    out->len = el->kind == RESP_BULK ? el->len : 0;
    return true;
}

/* ---- whose it is ---- */

static void answer_error(struct link *l, const struct resp_element *el) {
    char words[TROUBLE_WORDS];
    link_fail(l, 0, trouble_words(el->bytes, el->len, words));
}

static struct link_question answer_question(struct link *l, const struct resp_element *el) {
    struct link_question q = l->question[l->first];
    if (el->last) {
        l->first = (l->first + 1) % LINK_QUESTIONS;
        l->count--;
        l->passing -= q.kind == SCRIPT_PASS;
    }
    return q;
}

bool link_answer(struct link *l, const struct resp_element *el, struct link_event *out) {
    const struct link_question q = answer_question(l, el);
    if (el->kind == RESP_ERROR && el->depth == 0 && q.kind != LINK_INFO) {
        answer_error(l, el);
        return false;
    }
    if (el->depth == 0 && answer_is(el, "LEASE")) {
        link_fail(l, 0, "it has no lease of this machine any more");
        return false;
    }
    switch (q.kind) {
    case LINK_INFO: answer_info(l, el); return false;
    case SCRIPT_CLAIM: answer_claim(l, el); return false;
    case SCRIPT_ENTER: answer_enter(l, el); return false;
    case SCRIPT_PASS: return answer_pass(l, el, q.index, out);
    case SCRIPT_WORLD: return answer_world(l, el, out);
    case LINK_PAST:
        if (el->last)
            l->ending = LINK_HISTORY + 1;
        return answer_item(l, el, 2, out);
    case SCRIPT_BYE: link_leave(l); return false;
    default: return false; /* nothing is in it but that it came */
    }
}

bool link_answer_read(struct link *l, const struct resp_element *el, struct link_event *out) {
    if (el->kind == RESP_ERROR && el->depth == 0) {
        answer_error(l, el);
        return false;
    }
    if (el->last) {
        l->reading = false;
        l->ending = LINK_READ + 1;
    }
    bool nothing = el->depth == 0 && el->kind == RESP_NIL; /* came in that time */
    return !nothing && answer_item(l, el, 4, out);
}
