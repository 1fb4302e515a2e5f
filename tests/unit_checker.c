/* unit_checker.c - the checker of tests/lib/checker.h accepts a correct room and finds every seeded
 * fault. */
#include "tests/lib/checker.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { CLIENTS = 4, SPEAKERS = 3, LINES = 12, ORDER = CLIENTS + LINES };

/* A correct room: client i joins (line "i comes") and receives all lines from there on; after all
 * have joined, three of them speak in turn. */
struct room {
    char line[ORDER + 2][32]; /* the global order */
    int count;
    int saw[CLIENTS][2 * ORDER]; /* indexes into line[] */
    int saws[CLIENTS];
    bool left[CLIENTS], lost[CLIENTS];
};

static struct room good_room(void) {
    struct room r = {.count = ORDER};
    for (int i = 0; i < CLIENTS; i++)
        sprintf(r.line[i], "%d comes", i);
    for (int i = 0; i < LINES; i++)
        sprintf(r.line[CLIENTS + i], "%d: line %d", i % SPEAKERS, i / SPEAKERS);
    for (int i = 0; i < CLIENTS; i++)
        for (int j = i; j < ORDER; j++)
            r.saw[i][r.saws[i]++] = j;
    return r;
}

static void drop(struct room *r, int client, int at) {
    memmove(&r->saw[client][at], &r->saw[client][at + 1],
            sizeof(int) * (size_t)(r->saws[client]-- - at - 1));
}

static void insert(struct room *r, int client, int at, int line) {
    memmove(&r->saw[client][at + 1], &r->saw[client][at],
            sizeof(int) * (size_t)(r->saws[client]++ - at));
    r->saw[client][at] = line;
}

static void swap(struct room *r, int client, int line, int with) {
    for (int i = 0; i < r->saws[client]; i++) {
        int *at = &r->saw[client][i];
        *at = *at == line ? with : *at == with ? line : *at;
    }
}

static bool judge(const struct room *r, char *why) {
    struct checker *c = checker_new(CLIENTS);
    strcpy(why, "");
    for (int i = 0; i < CLIENTS; i++)
        checker_begins(c, i, r->line[i]);
    for (int i = CLIENTS; i < ORDER; i++)
        checker_sent(c, r->line[i][0] - '0', r->line[i]);
    for (int i = 0; i < CLIENTS; i++)
        for (int j = 0; j < r->saws[i]; j++)
            checker_saw(c, i, r->line[r->saw[i][j]]);
    for (int i = 0; i < CLIENTS; i++) {
        if (r->left[i])
            checker_left(c, i);
        if (r->lost[i])
            checker_lost(c, i);
    }
    bool good = checker_verdict(c, why, 512);
    checker_free(c);
    return good;
}

static void expect_good(const struct room *r) {
    char why[512];
    cr_expect(judge(r, why), "%s", why);
}

static void expect_bad(const struct room *r, const char *fault, const char *reason) {
    char why[512];
    cr_expect(!judge(r, why), "not found: %s", fault);
    cr_expect(strstr(why, reason), "%s: the reason is \"%s\", not \"%s\"", fault, why, reason);
}

Test(checker, a_good_room_passes) {
    struct room r = good_room();
    expect_good(&r);
}

Test(checker, a_client_that_left_need_not_see_the_end) {
    struct room r = good_room();
    r.left[1] = true;
    r.saws[1] = 5;
    expect_good(&r);
    r.left[1] = false;
    expect_bad(&r, "the end missing", "stayed, but did not see");
}

Test(checker, a_dropped_line) {
    for (int client = 0; client < CLIENTS; client++)
        for (int at = 0; at < ORDER - client; at++) {
            struct room r = good_room();
            drop(&r, client, at);
            char why[512];
            cr_expect(!judge(&r, why), "client %d without its line %d", client, at);
        }
}

Test(checker, a_line_dropped_for_all) {
    struct room r = good_room();
    for (int i = 0; i < CLIENTS; i++)
        drop(&r, i, 8 - i);
    expect_bad(&r, "dropped for all", "nobody saw");
    r = good_room();
    for (int i = 0; i < CLIENTS; i++)
        r.saws[i]--;
    expect_bad(&r, "the last line dropped for all", "nobody saw");
}

Test(checker, a_swap_for_one_client) {
    for (int line = CLIENTS; line < ORDER; line++)
        for (int with = line + 1; with < ORDER; with++) {
            struct room r = good_room();
            swap(&r, 2, line, with);
            char why[512];
            cr_expect(!judge(&r, why), "lines %d and %d swapped", line, with);
        }
}

Test(checker, a_swap_for_all) {
    struct room r = good_room();
    for (int i = 0; i < CLIENTS; i++)
        swap(&r, i, CLIENTS, CLIENTS + SPEAKERS); /* both by one sender */
    expect_bad(&r, "one sender's lines swapped for all", "sent \"0: line 0\" before");
    r = good_room();
    for (int i = 0; i < CLIENTS; i++)
        swap(&r, i, CLIENTS, CLIENTS + 1); /* by two senders: a valid order */
    expect_good(&r);
}

Test(checker, a_duplicate) {
    struct room r = good_room();
    insert(&r, 1, 7, r.saw[1][6]);
    expect_bad(&r, "twice in a row", "twice");
    r = good_room();
    insert(&r, 1, 12, r.saw[1][2]);
    expect_bad(&r, "twice, far apart", "twice");
    r = good_room();
    for (int i = 0; i < CLIENTS; i++)
        insert(&r, i, 12 - i, 5);
    expect_bad(&r, "twice for all", "twice");
}

Test(checker, two_orders_among_the_clients) {
    struct room r = good_room();
    swap(&r, 0, 6, 7);
    swap(&r, 1, 6, 7);
    expect_bad(&r, "half of them in another order", "another client");
}

Test(checker, a_split_room) {
    struct room r = good_room();
    for (int i = 0; i < CLIENTS; i++) /* each half receives only the lines of its own clients */
        for (int j = r.saws[i] - 1; j >= 0; j--)
            if (r.saw[i][j] >= CLIENTS && (r.line[r.saw[i][j]][0] - '0') % 2 != i % 2)
                drop(&r, i, j);
    expect_bad(&r, "two rooms", "another client");
}

Test(checker, slices_that_join_to_a_circle) {
    struct checker *c = checker_new(2);
    char why[512] = "";
    const char *slices[2][2] = {{"a", "b"}, {"b", "a"}};
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            checker_saw(c, i, slices[i][j]);
    cr_expect(!checker_verdict(c, why, sizeof why));
    cr_expect(strstr(why, "circle"), "%s", why);
    checker_free(c);
}

Test(checker, a_line_that_only_one_client_saw) {
    struct room r = good_room();
    strcpy(r.line[ORDER], "nobody said this");
    insert(&r, 3, 5, ORDER);
    expect_bad(&r, "in the middle", "another client");
    r = good_room();
    strcpy(r.line[ORDER], "nobody said this");
    insert(&r, 3, r.saws[3], ORDER);
    expect_bad(&r, "at the end", "did not see");
}

Test(checker, a_lost_client_and_a_late_beginning) {
    struct room r = good_room();
    r.lost[2] = true;
    expect_bad(&r, "a lost client", "client 2 was disconnected");
    r = good_room();
    drop(&r, 2, 0);
    expect_bad(&r, "begins late", "begins with");
    r = good_room();
    r.saws[2] = 0;
    expect_bad(&r, "saw nothing", "never saw");
}
