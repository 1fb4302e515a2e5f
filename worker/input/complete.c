/* complete.c - see complete.h. */
#include "worker/input/complete.h"

#include "worker/state/account.h"
#include "worker/text/charset.h"
#include "worker/text/name.h"

#include <string.h>

/* A look at the room costs a quarter of a line, and of all COMPLETE_RECORDS a line more. */
enum { COMPLETE_COST = ACCOUNT_LINE / 4, COMPLETE_LOOKS = COMPLETE_RECORDS / ACCOUNT_LINE };

struct completion {
    enum encoding wire, read; /* what the client is sent, and read in */
    size_t typed_len;
    unsigned matches;
    size_t len;                /* of `name` */
    char typed[NAME_FORM_MAX]; /* the word, folded */
    char name[NAME_BYTES_MAX]; /* what all matching names begin with */
};

static bool complete_matches(const struct completion *k, const char *name, size_t len) {
    char folded[NAME_FORM_MAX];
    return name_fold(name, len, folded) >= k->typed_len &&
           memcmp(folded, k->typed, k->typed_len) == 0 && charset_shows(k->wire, name, len);
}

/* One more name; of two, whole characters of their common beginning are kept. */
static void complete_add(struct completion *k, const char *name, size_t len) {
    size_t same = 0;
    if (k->matches++ == 0) {
        memcpy(k->name, name, len);
        k->len = len;
        return;
    }
    while (same < k->len && same < len && k->name[same] == name[same])
        same++;
    while (same > 0 && same < k->len && ((unsigned char)k->name[same] & 0xC0) == 0x80)
        same--;
    k->len = same;
}

static void complete_look(struct worker *w, const struct client *c, struct completion *k) {
    uint32_t looked = 0, at = segment_walk(w->seg, 0);
    for (; at != NO_CLIENT && looked < COMPLETE_RECORDS; at = segment_walk(w->seg, at + 1)) {
        struct client_view other;
        looked++;
        if (worker_client(w, at) == c || !client_peek(&w->seg->clients, at, &other) ||
            !(other.facts.flags & FACT_IN_ROOM))
            continue;
        const char *name = client_view_name(&other);
        size_t n = name ? strnlen(name, NAME_BYTES_MAX) : 0;
        if (n > 0 && complete_matches(k, name, n))
            complete_add(k, name, n);
    }
    account_owe(w, c, COMPLETE_COST + looked / COMPLETE_LOOKS);
}

/* The word before the cursor, folded; false: there is none. */
static bool complete_word(struct completion *k, const struct edit *e, uint32_t *from) {
    char utf8[CHARSET_DECODE_MAX(NAME_BYTES_MAX)];
    uint32_t at = e->len - e->behind;
    enum encoding used;
    for (*from = at; *from > 0 && e->line[*from - 1] != ' ';)
        --*from;
    if (*from == at || at - *from > NAME_BYTES_MAX)
        return false;
    ptrdiff_t len = charset_decode(e->line + *from, at - *from, k->read, utf8, sizeof utf8, &used);
    k->typed_len = len > 0 ? name_fold(utf8, (size_t)len, k->typed) : 0;
    return k->typed_len > 0;
}

bool complete(struct worker *w, const struct client *c, struct edit *e, uint32_t max) {
    struct completion k = {.wire = client_wire(client_facts(c)),
                           .read = client_read(client_facts(c))};
    char bytes[NAME_BYTES_MAX + 2];
    uint32_t from;
    if (!(client_facts(c)->flags & FACT_IN_ROOM) || !complete_word(&k, e, &from))
        return false;
    complete_look(w, c, &k);
    if (k.matches == 0)
        return false;
    enum encoding in = ENC_UTF8;
    if (!erase_in_utf8(e->erase, e->line, e->len))
        in = (enum encoding)e->erase->pair;
    size_t typed = e->len - e->behind - from, n = charset_encode(in, k.name, k.len, bytes, k.len);
    if (k.matches == 1) {
        const char *end = from == 0 ? ": " : " ";
        memcpy(bytes + n, end, strlen(end));
        n += strlen(end);
    }
    if ((k.matches > 1 && n < typed) || e->len - typed + n > max)
        return false;
    edit_replace(e, from, bytes, (uint32_t)n);
    return k.matches == 1;
}
