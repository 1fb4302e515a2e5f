/* crowd_hear.c - checks what a guest receives, line by line; see crowd.h. */
#include "tests/crash/crowd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool ends_with(const char *line, const char *end) {
    size_t n = strlen(line), m = strlen(end);
    return n >= m && strcmp(line + n - m, end) == 0;
}

/* "n12-..." or "n12k3-...": the speaker, and the number of its name. */
static bool parse_name(const char *name, uint32_t *speaker, uint32_t *nick) {
    char *end;
    if (name[0] != 'n' || name[1] < '0' || name[1] > '9')
        return false;
    *speaker = (uint32_t)strtoul(name + 1, &end, 10);
    *nick = *end == 'k' ? (uint32_t)strtoul(end + 1, &end, 10) : 0;
    return *end == '-';
}

/* "m12.7 ...;" or "p12.7 ...;" */
static bool parse_mark(const char *text, char mark, uint32_t *speaker, uint32_t *number) {
    char *end;
    if (text[0] != mark || !ends_with(text, ";"))
        return false;
    *speaker = (uint32_t)strtoul(text + 1, &end, 10);
    if (*end != '.')
        return false;
    *number = (uint32_t)strtoul(end + 1, &end, 10);
    return *end == ' ' || *end == ';';
}

static bool parse_room_line(const char *line, struct order_line *out) {
    static const char comes[] = " has entered the room.", goes[] = " has left the room.",
                      asked[] = " was asked to leave.";
    static const char nick[] = " is now known as ";
    uint32_t speaker, which;
    *out = (struct order_line){.text = line};
    if (strncmp(line, "*** a", 5) == 0) /* an announcement of moderator.h */
        return parse_mark(line + 4, 'a', &out->speaker, &out->number);
    if (!parse_name(line, &out->speaker, &which))
        return false;
    const char *said = strstr(line, ": m"), *now = strstr(line, nick);
    if (said && parse_mark(said + 2, 'm', &speaker, &out->number)) {
        out->kind = ORDER_SPEECH;
        return speaker == out->speaker;
    }
    if (now && ends_with(line, ".") && parse_name(now + sizeof nick - 1, &speaker, &out->number)) {
        out->kind = ORDER_NICK;
        return speaker == out->speaker;
    }
    out->kind = ends_with(line, comes) ? ORDER_COMES : ORDER_GOES;
    return out->kind == ORDER_COMES || ends_with(line, goes) || ends_with(line, asked);
}

/* The next private line, or a line of the room after a return. */
static void gap_end(struct crowd *c, struct private_gap *gap, const char *line) {
    if (gap->state != GAP_TOLD && gap->lost > 0) {
        order_complain(c->order, "LOST, private: %u before %s", gap->lost, line);
        c->private_lost += gap->lost;
    }
    *gap = (struct private_gap){0};
}

static void gap_told(struct private_gap *gap) {
    if (gap->state == GAP_DOUBT)
        *gap = (struct private_gap){.state = GAP_TOLD};
}

/* Private lines are numbered from 1, without gaps. */
static void hear_private(struct crowd *c, uint32_t *seen, struct private_gap *gap, uint32_t number,
                         const char *line) {
    if (number <= *seen) {
        order_complain(c->order, "DOUBLED, private: %s", line);
        c->private_doubled++;
        return;
    }
    gap->lost += number - *seen - 1;
    *seen = number;
    if (gap->state != GAP_DOUBT)
        gap_end(c, gap, line);
}

/* True if it was a private line. */
static bool hear_bracket(struct crowd *c, struct guest *g, const char *line) {
    uint32_t who, which, speaker, number;
    bool copy = strncmp(line, "[to ", 4) == 0;
    const char *text = strstr(line, "] ");
    if (line[0] != '[' || !text || !parse_name(line + (copy ? 4 : 1), &who, &which) ||
        !parse_mark(text + 2, 'p', &speaker, &number))
        return false;
    uint32_t expected = copy ? g->speaker : c->guest[g->partner].speaker;
    if (speaker != expected) {
        order_complain(c->order, "%s received a private line for another guest: %s", g->name, line);
        c->unexpected++;
    } else {
        hear_private(c, copy ? &g->copied : &g->heard, copy ? &g->copied_gap : &g->heard_gap,
                     number, line);
    }
    return true;
}

static void list_end(struct crowd *c, struct guest *g) {
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->guest[i].role == ROLE_STAYS && g->named[i] != 1) {
            order_complain(c->order, "%s named %s %u times to %s", "who", c->guest[i].name,
                           g->named[i], g->name);
            c->lists_bad++;
            break;
        }
    }
    g->listing = false;
    g->answered++;
}

/* A line of the list that is arriving: "NAME" or "NAME (idle 1m)". */
static bool hear_listed(struct crowd *c, struct guest *g, const char *line) {
    uint32_t speaker, which, guests = 0;
    if (!parse_name(line, &speaker, &which) || strlen(line) < CROWD_NAME_MAX - 8 ||
        (strchr(line, ' ') && !strstr(line, " (idle ")))
        return false;
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->guest[i].speaker != speaker || g->named[i] == 255)
            continue;
        g->named[i]++;
        guests++;
    }
    g->others += guests == 0;
    return true;
}

/* "[21:04] " before a line. */
static const char *without_time(const char *line) {
    bool time = line[0] == '[' && line[1] >= '0' && line[1] <= '9' && strlen(line) > 8 &&
                line[3] == ':' && line[6] == ']';
    return time ? line + 8 : line;
}

/* Answers to the commands of a guest with ROLE_FILTERS. */
static bool hear_answer(struct guest *g, const char *line) {
    static const char *const answers[] = {"You no longer see what ", "You see what ",
                                          "There is no ", "*** Lines now begin ",
                                          "*** Lines no longer begin "};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (strncmp(line, answers[i], strlen(answers[i])) == 0) {
            g->answered++;
            return true;
        }
    }
    return false;
}

/* "*** 2 earlier lines", and each of them, "[21:04] NAME: TEXT"; whether these are the right ones
 * is tested elsewhere (tests/e2e_history.c), here only that there are as many. */
static bool hear_history(struct guest *g, const char *line) {
    struct order_line said;
    uint32_t n;
    int end = 0;
    if (sscanf(line, "*** %u earlier line%n", &n, &end) == 1 && end > 0) {
        g->earlier = n;
        g->answered++;
        return true;
    }
    if (g->earlier == 0 || line == without_time(line) ||
        !parse_room_line(without_time(line), &said) || said.kind != ORDER_SPEECH)
        return false;
    g->earlier--;
    return true;
}

/* What an operator does to this guest. */
static bool hear_verdict(struct crowd *c, struct guest *g, const char *line) {
    bool banned = g->doomed && strcmp(line, "*** You are banned.") == 0;
    bool refused = g->gagged && strcmp(line, "You are muted.") == 0;
    bool freed = g->gagged && strcmp(line, "You may speak again.") == 0;
    c->banned += banned;
    c->order->speaker[g->speaker].refused += refused;
    g->freed += freed;
    return banned || refused || freed ||
           (g->state == GUEST_LEAVING && strcmp(line, "*** You were asked to leave.") == 0);
}

static enum order_answer hear_inside(struct crowd *c, struct guest *g, const char *line) {
    struct order_line room_line;
    uint32_t skipped;
    if (g->role == ROLE_FILTERS) {
        if (hear_history(g, line))
            return ORDER_SEEN;
        line = without_time(line);
        if (hear_answer(g, line))
            return ORDER_SEEN;
    }
    if (g->listing && hear_listed(c, g, line)) {
        g->listed = true;
        return ORDER_SEEN;
    }
    if (g->listing && g->listed && hear_bracket(c, g, line))
        return ORDER_SEEN; /* between two parts of the list */
    if (g->listing)
        list_end(c, g);
    if (hear_verdict(c, g, line))
        return ORDER_SEEN;
    if (parse_room_line(line, &room_line) && !g->torn) {
        if (g->copied_gap.state == GAP_DOUBT)
            gap_end(c, &g->copied_gap, line);
        if (g->heard_gap.state == GAP_DOUBT)
            gap_end(c, &g->heard_gap, line);
        return order_see(c->order, &g->viewer, &room_line);
    }
    if (sscanf(line, "*** at most %u line", &skipped) == 1) {
        gap_told(&g->copied_gap);
        gap_told(&g->heard_gap);
        order_skip_most(c->order, &g->viewer, skipped);
        c->overruns++;
    } else if (sscanf(line, "*** %u line", &skipped) == 1) {
        uint32_t earlier = skipped < g->earlier ? skipped : g->earlier; /* lost before they came */
        g->earlier -= earlier;
        skipped -= earlier;
        order_skip(c->order, &g->viewer, skipped);
        g->torn = false;
        c->overruns++;
        if (g->role != ROLE_SLOW) {
            order_complain(c->order, "%s reads quickly: %s", g->name, line);
            c->quick_overruns++;
        }
    } else if (strcmp(line, "The following are logged in:") == 0) {
        memset(g->named, 0, c->count);
        g->others = 0;
        g->listing = true;
        g->listed = false;
    } else if (g->torn || !hear_bracket(c, g, line)) {
        /* An overrun ended a line early; the next line must be the notice. */
        if (g->torn) {
            order_complain(c->order, "%s, after %s, did not expect: %s", g->name, g->odd, line);
            c->unexpected++;
        }
        g->torn = !g->torn;
        snprintf(g->odd, sizeof g->odd, "%s", line);
    }
    return ORDER_SEEN;
}

enum order_answer crowd_hear(struct crowd *c, struct guest *g, const char *line) {
    struct order_line room_line;
    if (strncmp(without_time(line), "zz-", 3) == 0)
        return ORDER_SEEN; /* crowd_moderate */
    if (strstr(line, "@far") || strncmp(without_time(line), "*** far is ", 11) == 0 ||
        strncmp(without_time(line), "*** The link to ", 16) == 0)
        return ORDER_SEEN; /* of another machine (faults.c) */
    if (g->state == GUEST_INSIDE || g->state == GUEST_LEAVING) {
        if (g->viewer.where == VIEWER_INSIDE)
            return hear_inside(c, g, line);
        return ORDER_SEEN;
    }
    /* Before the guest's own join: greeting and history. */
    c->banned += g->doomed && strcmp(line, "*** You are banned.") == 0;
    if (strstr(line, "is taken") || strstr(line, "not a name")) {
        order_complain(c->order, "%s cannot log in: %s", g->name, line);
        c->unexpected++;
    }
    if (!parse_room_line(line, &room_line) || room_line.kind != ORDER_COMES ||
        room_line.speaker != g->speaker)
        return ORDER_SEEN;
    if (order_see(c->order, &g->viewer, &room_line) == ORDER_WAIT)
        return ORDER_WAIT;
    g->state = GUEST_INSIDE;
    return ORDER_SEEN;
}
