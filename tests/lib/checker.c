/* checker.c - see checker.h.
 *
 * A line is an index into `line`; its text is looked up once, when it is reported.  The verdict
 * checks: (1) no client was disconnected, every slice begins with the line set for it, and no slice
 * has a line twice; (2) `next` and `before`, built from the neighbours in all slices, are functions
 * and without a circle; (3) clients that stayed received the same last line; (4) every line sent
 * was received, after its sender's previous line. */
#include "tests/lib/checker.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NONE = -1 };

struct list {
    int *at;
    int count, size;
};

struct line {
    char *text;
    int chain;   /* hash chain */
    int place;   /* verdict: its index in its chain of neighbours */
    int head;    /* verdict: that chain's first line */
    int seen_by; /* verdict: the last checked client whose slice has it */
    int next, before;
};

struct stay {
    struct list saw, sent;
    int begins;
    bool left, lost;
};

struct checker {
    int clients;
    struct stay *stay;
    struct line *line;
    int lines, size;
    int *bucket;
    int buckets;
};

static void list_add(struct list *l, int value) {
    if (l->count == l->size)
        l->at = realloc(l->at, sizeof *l->at * (size_t)(l->size = l->size * 2 + 16));
    l->at[l->count++] = value;
}

struct checker *checker_new(int clients) {
    struct checker *c = calloc(1, sizeof *c);
    c->clients = clients;
    c->stay = calloc((size_t)clients, sizeof *c->stay);
    for (int i = 0; i < clients; i++)
        c->stay[i].begins = NONE;
    c->buckets = 1 << 16;
    c->bucket = malloc(sizeof *c->bucket * (size_t)c->buckets);
    memset(c->bucket, 0xff, sizeof *c->bucket * (size_t)c->buckets);
    return c;
}

void checker_free(struct checker *c) {
    for (int i = 0; i < c->clients; i++) {
        free(c->stay[i].saw.at);
        free(c->stay[i].sent.at);
    }
    for (int i = 0; i < c->lines; i++)
        free(c->line[i].text);
    free(c->line);
    free(c->bucket);
    free(c->stay);
    free(c);
}

static int line_of(struct checker *c, const char *text) {
    uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */
    for (const char *p = text; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 0x100000001b3;
    int *bucket = &c->bucket[(hash ^ hash >> 32) & (uint64_t)(c->buckets - 1)];
    for (int i = *bucket; i != NONE; i = c->line[i].chain)
        if (strcmp(c->line[i].text, text) == 0)
            return i;
    if (c->lines == c->size)
        c->line = realloc(c->line, sizeof *c->line * (size_t)(c->size = c->size * 2 + 1024));
    c->line[c->lines] = (struct line){.text = strdup(text), .chain = *bucket};
    return *bucket = c->lines++;
}

void checker_sent(struct checker *c, int client, const char *line) {
    list_add(&c->stay[client].sent, line_of(c, line));
}

void checker_saw(struct checker *c, int client, const char *line) {
    list_add(&c->stay[client].saw, line_of(c, line));
}

void checker_begins(struct checker *c, int client, const char *line) {
    c->stay[client].begins = line_of(c, line);
}

void checker_left(struct checker *c, int client) {
    c->stay[client].left = true;
}

void checker_lost(struct checker *c, int client) {
    c->stay[client].lost = true;
}

int checker_seen(const struct checker *c, int client) {
    return c->stay[client].saw.count;
}

struct verdict {
    const struct checker *c;
    char *why;
    size_t size;
};

#define no(v, ...) (snprintf((v)->why, (v)->size, __VA_ARGS__), false)

static const char *text(const struct verdict *v, int line) {
    return v->c->line[line].text;
}

static bool check_stay(struct verdict *v, int client) {
    const struct stay *s = &v->c->stay[client];
    if (s->lost)
        return no(v, "client %d was disconnected", client);
    if (s->begins != NONE && s->saw.count > 0 && s->saw.at[0] != s->begins)
        return no(v, "client %d begins with \"%s\" instead of \"%s\"", client,
                  text(v, s->saw.at[0]), text(v, s->begins));
    if (s->begins != NONE && s->saw.count == 0 && !s->left)
        return no(v, "client %d never saw \"%s\"", client, text(v, s->begins));
    for (int i = 0; i < s->saw.count; i++) {
        struct line *l = &v->c->line[s->saw.at[i]];
        if (l->seen_by == client)
            return no(v, "client %d saw \"%s\" twice", client, l->text);
        l->seen_by = client;
    }
    return true;
}

static bool join_slice(struct verdict *v, int client) {
    const struct list *saw = &v->c->stay[client].saw;
    for (int i = 1; i < saw->count; i++) {
        int a = saw->at[i - 1], b = saw->at[i];
        struct line *before = &v->c->line[a], *after = &v->c->line[b];
        if (before->next != NONE && before->next != b)
            return no(v, "client %d saw \"%s\" and then \"%s\", another client then \"%s\"", client,
                      before->text, after->text, text(v, before->next));
        if (after->before != NONE && after->before != a)
            return no(v, "client %d saw \"%s\" after \"%s\", another client after \"%s\"", client,
                      after->text, before->text, text(v, after->before));
        before->next = b;
        after->before = a;
    }
    return true;
}

static bool number_chains(struct verdict *v) {
    int numbered = 0;
    for (int i = 0; i < v->c->lines; i++) {
        if (v->c->line[i].before != NONE)
            continue;
        int place = 0;
        for (int j = i; j != NONE; j = v->c->line[j].next, numbered++) {
            v->c->line[j].head = i;
            v->c->line[j].place = place++;
        }
    }
    if (numbered < v->c->lines)
        return no(v, "the slices of several clients join to a circle");
    return true;
}

static bool check_ends(struct verdict *v) {
    int last = NONE, whose = NONE;
    for (int i = 0; i < v->c->clients; i++) {
        const struct stay *s = &v->c->stay[i];
        if (s->left || s->saw.count == 0)
            continue;
        int end = s->saw.at[s->saw.count - 1];
        if (v->c->line[end].next != NONE)
            return no(v, "client %d stayed, but did not see \"%s\" after \"%s\"", i,
                      text(v, v->c->line[end].next), text(v, end));
        if (last != NONE && end != last)
            return no(v, "client %d saw \"%s\" last, client %d \"%s\"", whose, text(v, last), i,
                      text(v, end));
        last = end;
        whose = i;
    }
    return true;
}

static bool check_sender(struct verdict *v, int client) {
    const struct list *sent = &v->c->stay[client].sent;
    for (int i = 0; i < sent->count; i++) {
        const struct line *l = &v->c->line[sent->at[i]];
        if (l->seen_by == NONE)
            return no(v, "nobody saw \"%s\" of client %d", l->text, client);
        const struct line *before = i > 0 ? &v->c->line[sent->at[i - 1]] : l;
        if (before->head == l->head && before->place > l->place)
            return no(v, "client %d sent \"%s\" before \"%s\"", client, before->text, l->text);
    }
    return true;
}

bool checker_verdict(const struct checker *c, char *why, size_t size) {
    struct verdict v = {c, why, size};
    bool good = true;
    for (int i = 0; i < c->lines; i++)
        c->line[i].next = c->line[i].before = c->line[i].seen_by = NONE;
    for (int i = 0; i < c->clients && good; i++)
        good = check_stay(&v, i) && join_slice(&v, i);
    good = good && number_chains(&v) && check_ends(&v);
    for (int i = 0; i < c->clients && good; i++)
        good = check_sender(&v, i);
    return good;
}
