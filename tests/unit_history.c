/* unit_history.c - the history: which lines are shown, in which order, after which number. */
#include "tests/unit_worker.h"
#include "worker/output/history.h"
#include "worker/output/ignore.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <time.h>

#define HOW "Use \"/help\" for the commands.\r\n" /* what follows on joining */

static struct segment seg;
static struct worker worker;
static struct client *ann;
static int ann_peer;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    ann = unit_named(&worker, "ann", &ann_peer);
}
TestSuite(history, .init = set_up);

static void say_numbers(struct client *c, int first, int last) {
    for (int i = first; i <= last; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        unit_say(&worker, c, text);
        unit_round(&worker);
    }
}

/* Comings and goings of a guest. */
static void come_and_go(int times) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    struct line line = {.consumed = 0};
    for (int i = 0; i < times; i++) {
        say_join(&worker, c, &line, NULL);
        say_leave(&worker, c);
        publish(&worker);
        stage_reset(&worker.stage);
        atomic_store(&worker.slot->cursor, room_count(&seg.room));
    }
}

static void begin(struct client *c, uint32_t lines, uint32_t why) {
    struct change ch;
    change_begin(&ch, &worker, c);
    history_begin(&ch, lines, why);
    cr_assert(change_commit(&ch));
}

static void show(struct client *c, uint32_t lines) {
    begin(c, lines, HISTORY_ASKED);
    flush_client(&worker, c);
}

static void ignore(struct client *c, const struct client *whom) {
    struct change ch;
    change_begin(&ch, &worker, c);
    cr_assert(ignore_add(&ch, client_tag(&worker, whom)));
    cr_assert(change_commit(&ch));
}

/* Length of "[21:04] " or "[11-24 21:04] " at the beginning of a line; 0: none. */
static size_t time_length(const char *line) {
    static const char *const forms[] = {"[dd:dd] ", "[dd-dd dd:dd] "};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        size_t n = 0;
        while (forms[i][n] &&
               (forms[i][n] == 'd' ? isdigit((unsigned char)line[n]) != 0 : line[n] == forms[i][n]))
            n++;
        if (!forms[i][n])
            return n;
    }
    return 0;
}

/* What the peer has heard, with "@" for each time at the beginning of a line. */
static const char *heard_timeless(int peer) {
    static char out[1 << 18];
    const char *from = unit_heard(peer);
    char *to = out;
    while (*from) {
        size_t n = time_length(from);
        if (n > 0)
            *to++ = '@';
        for (from += n; *from && *from != '\n';)
            *to++ = *from++;
        if (*from)
            *to++ = *from++;
    }
    *to = '\0';
    return out;
}
#define hears(peer, text) cr_assert_str_eq(heard_timeless(peer), text)

static void all_heard(void) {
    unit_flush(&worker);
    unit_heard(ann_peer);
}

/* ---- which lines ---- */

Test(history, the_last_lines_come_again_behind_their_number) {
    say_numbers(ann, 1, 5);
    all_heard();
    show(ann, 2);
    hears(ann_peer, "*** 2 earlier lines\r\n@ann: 4\r\n@ann: 5\r\n");
    show(ann, 2);
    hears(ann_peer, "*** 2 earlier lines\r\n@ann: 4\r\n@ann: 5\r\n");
}

Test(history, fewer_come_where_fewer_were_said) {
    say_numbers(ann, 1, 3);
    all_heard();
    show(ann, HISTORY_MAX);
    hears(ann_peer, "*** 3 earlier lines\r\n@ann: 1\r\n@ann: 2\r\n@ann: 3\r\n");
}

Test(history, of_nothing_there_are_0_lines) {
    show(ann, 10);
    hears(ann_peer, "*** 0 earlier lines\r\n");
}

Test(history, a_client_that_joins_is_not_told_of_0_lines) {
    begin(ann, 10, HISTORY_ENTERED);
    unit_flush(&worker);
    hears(ann_peer, HOW);
    cr_assert_not(client_facts(ann)->flags & FACT_LIST_SAID);
}

Test(history, comings_goings_and_new_names_are_no_lines) {
    struct line line = {.consumed = 0};
    say_numbers(ann, 1, 1);
    come_and_go(3);
    say_numbers(ann, 2, 2);
    cr_assert_eq(say_nick(&worker, ann, &line, "anna"), LINE_STAGED);
    unit_round(&worker);
    come_and_go(40);
    all_heard();
    show(ann, 2);
    hears(ann_peer, "*** 2 earlier lines\r\n@ann: 1\r\n@ann: 2\r\n");
}

Test(history, an_action_is_said_and_a_private_line_is_not) {
    struct line line = {.consumed = 0};
    struct addressee to = {"ann", speaker_key(&worker, "ann"), NO_CLIENT, 0};
    cr_assert_eq(say_speech(&worker, ann, &line, "waves", true), LINE_STAGED);
    cr_assert_eq(say_private(&worker, ann, &line, &to, "secret"), LINE_STAGED);
    unit_round(&worker);
    all_heard();
    show(ann, 5);
    hears(ann_peer, "*** 1 earlier line\r\n@* ann waves\r\n");
}

Test(history, a_line_is_found_among_hundreds_of_comings) {
    say_numbers(ann, 1, 1);
    come_and_go(100);
    say_numbers(ann, 2, 2);
    come_and_go(100);
    all_heard();
    show(ann, 20);
    hears(ann_peer, "*** 2 earlier lines\r\n@ann: 1\r\n@ann: 2\r\n");
}

/* ---- ignored speakers, bare lines ---- */

Test(history, lines_of_ignored_speakers_are_not_counted) {
    int peer;
    struct client *bob = unit_named(&worker, "bob", &peer);
    ignore(ann, bob);
    say_numbers(ann, 1, 2);
    say_numbers(bob, 3, 5);
    say_numbers(ann, 6, 6);
    all_heard();
    show(ann, 5);
    hears(ann_peer, "*** 2 earlier lines\r\n@ann: 2\r\n@ann: 6\r\n");
}

Test(history, lines_of_ignored_speakers_alone_are_0_lines) {
    int peer;
    struct client *bob = unit_named(&worker, "bob", &peer);
    ignore(ann, bob);
    say_numbers(bob, 1, 3);
    all_heard();
    show(ann, 3);
    hears(ann_peer, "*** 0 earlier lines\r\n");
}

Test(history, bare_lines_are_hidden_where_people_have_names) {
    int peer;
    struct client *guest = unit_client(&worker, &peer);
    say_numbers(ann, 1, 1);
    say_numbers(guest, 2, 2);
    say_numbers(ann, 3, 3);
    all_heard();
    worker.config.login = true;
    show(ann, 9);
    hears(ann_peer, "*** 2 earlier lines\r\n@ann: 1\r\n@ann: 3\r\n");
    worker.config.login = false;
    show(ann, 9);
    hears(ann_peer, "*** 3 earlier lines\r\n@ann: 1\r\n@2\r\n@ann: 3\r\n");
}

/* ---- times ---- */

static void age(uint64_t seconds) {
    seg.header->epoch_boot_ms -= seconds * 1000;
    worker_read_clock(&worker);
}

static void shows_time(uint64_t seconds, const char *form) {
    char expected[64], text[32];
    unit_say(&worker, ann, "hi");
    unit_round(&worker);
    all_heard();
    age(seconds);
    time_t then = time(NULL) - (time_t)seconds;
    for (int late = 0; late < 2; late++) { /* the minute may have begun meanwhile */
        struct tm local;
        time_t at = then - late;
        strftime(text, sizeof text, form, localtime_r(&at, &local));
        snprintf(expected, sizeof expected, "*** 1 earlier line\r\n%sann: hi\r\n", text);
        show(ann, 1);
        if (strcmp(unit_heard(ann_peer), expected) == 0)
            return;
    }
    cr_assert_fail("not %s", expected);
}

Test(history, a_line_has_the_time_at_which_it_was_said) {
    shows_time(3 * 3600, "[%H:%M] ");
}
Test(history, a_line_of_a_day_ago_has_no_date_yet) {
    shows_time(24 * 3600 - 5, "[%H:%M] ");
}
Test(history, a_line_older_than_a_day_has_its_date) {
    shows_time(24 * 3600 + 5, "[%m-%d %H:%M] ");
}
Test(history, a_line_of_last_year_has_its_date) {
    shows_time(400ull * 24 * 3600, "[%m-%d %H:%M] ");
}

Test(history, a_line_shows_its_time_once) {
    say_numbers(ann, 1, 2);
    all_heard();
    struct facts *f = client_begin(ann);
    f->flags |= FACT_TIMESTAMPS;
    client_commit(ann);
    show(ann, 2);
    hears(ann_peer, "*** 2 earlier lines\r\n@ann: 1\r\n@ann: 2\r\n");
    say_numbers(ann, 3, 3);
    unit_flush(&worker);
    hears(ann_peer, "@ann: 3\r\n");
}

/* ---- a client that is behind ---- */

Test(history, lines_that_were_not_sent_yet_follow_once) {
    say_numbers(ann, 1, 3);
    all_heard();
    say_numbers(ann, 4, 5);
    show(ann, 2);
    hears(ann_peer, "*** 2 earlier lines\r\n@ann: 2\r\n@ann: 3\r\nann: 4\r\nann: 5\r\n");
}

Test(history, the_rest_of_a_torn_line_comes_first) {
    say_numbers(ann, 1, 2);
    cr_assert_eq(send((int)client_index(&worker, ann), "ann", 3, 0), 3);
    atomic_store(&ann->sent, 3);
    show(ann, 2);
    hears(ann_peer, "ann: 1\r\n*** 1 earlier line\r\n@ann: 1\r\nann: 2\r\n");
}

/* ---- parts ---- */

enum { MANY = 80, MANY_BYTES = 300 };

static void say_many(int first) {
    char text[MANY_BYTES + 16];
    for (int i = first; i < first + MANY; i++) {
        snprintf(text, sizeof text, "%04d%0*d", i, MANY_BYTES, 0);
        unit_speak(&worker, ann, text);
        unit_heard(ann_peer);
    }
}

/* A history of several parts; `meanwhile` is done between the first and the others. */
static const char *in_parts(void (*meanwhile)(void)) {
    say_many(0);
    begin(ann, MANY, HISTORY_ASKED);
    cr_assert(client_facts(ann)->flags & FACT_LIST_SAID, "one part holds it all");
    meanwhile();
    unit_flush(&worker);
    cr_assert_not(client_facts(ann)->flags & FACT_LIST_SAID);
    cr_assert_lt(ann->mode, ENC_COUNT, "it is on the direct path again");
    return heard_timeless(ann_peer);
}

static const char *skip_many(const char *heard, const char *mark, int from, int to) {
    char line[MANY_BYTES + 32];
    for (int i = from; i < to; i++) {
        snprintf(line, sizeof line, "%sann: %04d%0*d\r\n", mark, i, MANY_BYTES, 0);
        cr_assert_eq(strncmp(heard, line, strlen(line)), 0, "line %d: %.30s", i, heard);
        heard += strlen(line);
    }
    return heard;
}

static const char *skip_heading(const char *heard, int n) {
    char line[64];
    snprintf(line, sizeof line, "*** %d earlier lines\r\n", n);
    cr_assert_eq(strncmp(heard, line, strlen(line)), 0, "%.40s", heard);
    return heard + strlen(line);
}

static void say_two_more(void) {
    say_numbers(ann, 1, 2);
}

Test(history, lines_said_meanwhile_follow_all_its_parts) {
    const char *heard = skip_heading(in_parts(say_two_more), MANY);
    cr_assert_str_eq(skip_many(heard, "@", 0, MANY), "ann: 1\r\nann: 2\r\n");
}

static void two_more_are_lost(void) {
    uint64_t count = room_count(&seg.room);
    atomic_store(&worker.slot->guard, count - 2);
}

/* The guard has passed lines that are still to be shown: they count as skipped. */
Test(history, lines_that_are_overwritten_meanwhile_are_counted) {
    const char *heard = skip_heading(in_parts(two_more_are_lost), MANY);
    int shown = 0, skipped = 0, end = 0;
    for (const char *at = heard; (at = strchr(at, '@')); at++)
        shown++;
    heard = skip_many(heard, "@", 0, shown - 2);
    heard = skip_many(heard, "@", MANY - 2, MANY);
    cr_assert_eq(sscanf(heard, "*** %d lines skipped\r\n%n", &skipped, &end), 1, "%.40s", heard);
    cr_assert_eq(shown + skipped, MANY);
    cr_assert_str_empty(heard + end);
}

/* The client itself is overrun: what was promised is lost with what lies before its new position.
 */
Test(history, an_overrun_ends_it_and_counts_what_was_to_come) {
    say_many(0);
    begin(ann, MANY, HISTORY_ASKED);
    uint32_t left = client_facts(ann)->list_next & 0xFFFF;
    cr_assert_gt(left, 0);
    say_numbers(ann, 1, 4);
    struct facts *f = client_begin(ann);
    history_lost(f);
    client_commit(ann);
    cr_assert_eq(client_facts(ann)->lines_lost, left);
    unit_flush(&worker);
    const char *heard =
        skip_many(skip_heading(heard_timeless(ann_peer), MANY), "@", 0, MANY - (int)left);
    char rest[128];
    snprintf(rest, sizeof rest, "*** %u lines skipped\r\nann: 1\r\nann: 2\r\nann: 3\r\nann: 4\r\n",
             left);
    cr_assert_str_eq(heard, rest);
}

Test(history, a_part_that_finds_no_buffer_is_tried_again) {
    say_many(0);
    begin(ann, MANY, HISTORY_ASKED);
    flush_reply_pending(&worker);
    struct change ch;
    change_begin(&ch, &worker, ann);
    history_begin(&ch, MANY, HISTORY_ASKED);
    unit_heard(ann_peer);
    change_abandon(&ch);
    unit_take_buffers(&worker);
    change_begin(&ch, &worker, ann);
    history_begin(&ch, MANY, HISTORY_ASKED);
    cr_assert_not(change_commit(&ch));
    cr_assert_not(client_facts(ann)->flags & FACT_LIST_SAID);
    unit_give_buffers(&worker);
    show(ann, 1);
    cr_assert(strstr(heard_timeless(ann_peer), "*** 1 earlier line\r\n@ann: 0079"));
}

/* ---- what is kept ---- */

Test(history, nothing_before_the_guard_is_shown) {
    say_numbers(ann, 1, 8);
    all_heard();
    atomic_store(&worker.slot->guard, room_count(&seg.room) - 3);
    show(ann, HISTORY_MAX);
    hears(ann_peer, "*** 3 earlier lines\r\n@ann: 6\r\n@ann: 7\r\n@ann: 8\r\n");
}

/* More lines were said than the ring holds: the newest are sent, complete, as many as announced. */
Test(history, of_more_lines_than_the_ring_holds_the_newest_come_whole) {
    int n = 0;
    for (int i = 0; i < 4; i++)
        say_many(i * MANY);
    show(ann, HISTORY_MAX);
    const char *heard = heard_timeless(ann_peer);
    cr_assert_eq(sscanf(heard, "*** %d earlier lines", &n), 1);
    cr_assert(n > 40 && n < 220, "%d: between a quarter of the ring and all of it", n);
    heard = skip_many(skip_heading(heard, n), "@", 4 * MANY - n, 4 * MANY);
    cr_assert_str_empty(heard);
}

/* ---- its own coming ---- */

Test(history, a_coming_that_is_not_announced_follows_it) {
    say_numbers(ann, 1, 1);
    all_heard();
    begin(ann, 5, HISTORY_ENTERED | HISTORY_COMING);
    unit_flush(&worker);
    hears(ann_peer, "*** 1 earlier line\r\n@ann: 1\r\n" HOW "ann has entered the room.\r\n");
}

Test(history, a_coming_in_the_middle_waits_for_its_end) {
    struct change ch;
    say_many(0);
    begin(ann, MANY, HISTORY_ENTERED);
    change_begin(&ch, &worker, ann);
    history_coming(&ch);
    cr_assert(change_commit(&ch));
    unit_flush(&worker);
    const char *heard = skip_heading(heard_timeless(ann_peer), MANY);
    cr_assert_str_eq(skip_many(heard, "@", 0, MANY), HOW "ann has entered the room.\r\n");
}
