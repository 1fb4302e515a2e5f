/* unit_stage.c - the stage alone: what fits, what is cut, where each line's bytes are. */
#include "worker/state/stage.h"
#include "worker/text/charset.h"

#include <criterion/criterion.h>
#include <string.h>

static struct stage stage;
static struct room room; /* the stage uses its sizes only */

static void stage_of(uint64_t ring_size) {
    static struct room_shared shared;
    room.shared = &shared;
    for (int e = 0; e < RING_COUNT; e++)
        room.ring_size[e] = ring_size;
    stage_init(&stage, &room, 5, 1000);
}

static void set_up(void) {
    cr_assert_null(charset_init());
    stage_of(1 << 20);
}
TestSuite(stage, .init = set_up);

static struct staged *line_of(uint32_t client) {
    return stage_add(&stage, ENTRY_SPEECH, client, 1, 0, 0);
}

/* A line of `n` bytes `x` in every text ring. */
static struct staged *line_of_bytes(uint32_t n) {
    static char text[STAGE_BYTES];
    struct staged *s = line_of(1);
    memset(text, 'x', sizeof text);
    stage_text(&stage, s, text, n);
    return s;
}

static void assert_text(const struct staged *s, int e, const char *text) {
    cr_assert_eq(s->line.len[e], strlen(text), "ring %d: %u bytes", e, s->line.len[e]);
    cr_assert_eq(memcmp(s->line.text[e], text, strlen(text)), 0, "ring %d", e);
}

Test(stage, a_line_becomes_an_entry_with_all_that_it_was_given) {
    struct staged *s = stage_add(&stage, ENTRY_NICK, 7, 3, 0x500000009ull, 1234);
    const struct entry *entry = &s->line.entry;
    cr_assert_eq(entry->kind, ENTRY_NICK);
    cr_assert_eq(entry->client, 7);
    cr_assert_eq(entry->generation, 3);
    cr_assert_eq(entry->consumed, 9, "modulo 2^32");
    cr_assert_eq(s->consumed, 0x500000009ull);
    cr_assert_eq(entry->time, 1234);
    cr_assert_eq(entry->slot, 5);
    cr_assert_eq(entry->flags, 0);
    cr_assert_eq(s->key, 0);
    cr_assert_eq(s->old_key, 0);
    cr_assert_eq(s->line.people, 0);
}

Test(stage, a_line_used_before_keeps_nothing_of_its_former_use) {
    struct staged *s = line_of_bytes(10);
    s->key = s->old_key = 1;
    s->verdict = STAGE_NOBODY;
    s->line.people = 1;
    s->line.entry.flags = ENTRY_AFTER_CR;
    stage_reset(&stage);
    cr_assert_eq(line_of(1), s, "the same place");
    cr_assert_eq(s->key | s->old_key, 0);
    cr_assert_eq(s->verdict, STAGE_PUBLISHED);
    cr_assert_eq(s->line.people, 0);
    cr_assert_eq(s->line.entry.flags, 0);
    for (int e = 0; e < RING_COUNT; e++)
        cr_assert_eq(s->line.len[e], 0);
}

Test(stage, it_holds_so_many_lines_and_no_more) {
    for (int i = 0; i < STAGE_LINES; i++) {
        cr_assert(stage_fits(&stage, 0), "line %d", i);
        line_of(1);
    }
    cr_assert_not(stage_fits(&stage, 0));
    stage_reset(&stage);
    cr_assert(stage_fits(&stage, 0));
}

Test(stage, a_batch_is_at_most_a_quarter_of_the_ring) {
    stage_of(8192);
    line_of_bytes(1000);
    cr_assert(stage_fits(&stage, 1048));
    cr_assert_not(stage_fits(&stage, 1049));
    line_of_bytes(1048);
    cr_assert(stage_fits(&stage, 0));
    cr_assert_not(stage_fits(&stage, 1));
}

Test(stage, a_batch_is_at_most_its_memory) {
    line_of_bytes(60000);
    cr_assert(stage_fits(&stage, STAGE_BYTES - 60000));
    cr_assert_not(stage_fits(&stage, STAGE_BYTES - 60000 + 1));
}

/* For any size of the ring: otherwise such a line would never be published. */
Test(stage, a_line_fits_an_empty_stage_however_long_it_is) {
    stage_of(8192);
    cr_assert(stage_fits(&stage, 8192));
}

Test(stage, each_ring_has_its_own_limit) {
    char side[2048] = "";
    for (int e = 0; e < RING_COUNT; e++) {
        stage_of(8192);
        if (e == RING_SIDE)
            stage_side(&stage, line_of(1), side, 2000);
        else
            stage.used[e] = e == RING_JSON ? 2000 - 256 - 48 : 2000; /* an event is longer */
        cr_assert(stage_fits(&stage, 48), "ring %d", e);
        cr_assert_not(stage_fits(&stage, 49), "ring %d", e);
    }
    stage_of(8192);
    room.ring_size[RING_SIDE] = 4096;
    stage_init(&stage, &room, 5, 1000);
    stage_side(&stage, line_of(1), side, 1000);
    cr_assert_not(stage_fits(&stage, 25), "the ring of side data is smaller");
    cr_assert(stage_fits(&stage, 24));
}

Test(stage, a_closed_stage_takes_nothing) {
    stage.closed = true;
    cr_assert_not(stage_fits(&stage, 0));
    stage.closed = false;
    cr_assert(stage_fits(&stage, 0));
}

Test(stage, a_text_is_in_each_ring_in_its_encoding) {
    struct staged *s = line_of(1);
    stage_text(&stage, s, "你好a", 7);
    assert_text(s, ENC_UTF8, "你好a");
    assert_text(s, ENC_GBK, "\304\343\272\303a");
    assert_text(s, ENC_BIG5, "\247A\246na");
    cr_assert_eq(s->line.len[RING_SIDE], 0);
}

Test(stage, the_pieces_of_a_line_are_one_text) {
    struct staged *first = line_of(1);
    stage_text(&stage, first, "one ", 4);
    stage_text(&stage, first, "two", 3);
    stage_side(&stage, first, "ab", 2);
    stage_side(&stage, first, "cd", 3);
    struct staged *second = line_of(2);
    stage_text(&stage, second, "three", 5);
    stage_side(&stage, second, "e", 1);
    for (int e = 0; e < ENC_RINGS; e++) {
        assert_text(first, e, "one two");
        assert_text(second, e, "three");
        cr_assert_eq(stage.used[e], 12);
    }
    cr_assert_eq(first->line.len[RING_SIDE], 5);
    cr_assert_eq(memcmp(first->line.text[RING_SIDE], "abcd", 5), 0);
    assert_text(second, RING_SIDE, "e");
}

/* Four bytes are left: room for one character of three bytes in UTF-8, and for two of two bytes in
 * GBK and Big5. */
Test(stage, a_text_that_overflows_is_cut_between_characters) {
    line_of_bytes(STAGE_BYTES - 4);
    struct staged *s = line_of(2);
    stage_text(&stage, s, "你好吗", 9);
    assert_text(s, ENC_UTF8, "你");
    assert_text(s, ENC_GBK, "\304\343\272\303");
    assert_text(s, ENC_BIG5, "\247A\246n");
    for (int e = 0; e < ENC_RINGS; e++)
        cr_assert_leq(stage.used[e], STAGE_BYTES);
}

Test(stage, every_overflow_ends_at_a_whole_character) {
    static const char text[] = "é你😀z";
    static const size_t whole[] = {0, 0, 2, 2, 2, 5, 5, 5, 5, 9, 10};
    for (uint32_t left = 0; left <= 10; left++) {
        stage_reset(&stage);
        line_of_bytes(STAGE_BYTES - left);
        struct staged *s = line_of(2);
        stage_text(&stage, s, text, sizeof text - 1);
        cr_assert_eq(s->line.len[ENC_UTF8], whole[left], "%u bytes left", left);
    }
}

Test(stage, side_data_that_overflow_are_cut_at_the_end) {
    static char bytes[STAGE_BYTES + 10];
    memset(bytes, 's', sizeof bytes);
    stage_side(&stage, line_of(1), bytes, STAGE_BYTES - 5);
    struct staged *s = line_of(2);
    stage_side(&stage, s, "abcdefgh", 8);
    assert_text(s, RING_SIDE, "abcde");
    cr_assert_eq(stage.used[RING_SIDE], STAGE_BYTES);
    stage_side(&stage, s, "x", 1);
    assert_text(s, RING_SIDE, "abcde");
    stage_reset(&stage);
    s = line_of(1);
    stage_side(&stage, s, bytes, sizeof bytes);
    cr_assert_eq(s->line.len[RING_SIDE], STAGE_BYTES);
}

Test(stage, it_is_blocked_while_a_line_is_not_decided) {
    cr_assert_not(stage_blocked(&stage), "empty");
    line_of_bytes(5);
    line_of_bytes(5);
    cr_assert(stage_blocked(&stage));
    stage.next = 1;
    cr_assert(stage_blocked(&stage));
    stage.next = 2;
    cr_assert_not(stage_blocked(&stage));
}

Test(stage, a_reset_empties_it_and_keeps_whose_it_is) {
    line_of_bytes(100);
    stage_side(&stage, line_of(2), "abc", 3);
    stage.next = 2;
    stage.answered = 1;
    stage.closed = true;
    stage_reset(&stage);
    cr_assert_eq(stage.count, 0);
    cr_assert_eq(stage.next, 0);
    cr_assert_eq(stage.answered, 0);
    for (int e = 0; e < RING_COUNT; e++)
        cr_assert_eq(stage.used[e], 0);
    cr_assert_eq(stage.slot, 5);
    cr_assert(stage.closed, "the publisher opens it");
    stage_init(&stage, &room, 6, 1000);
    cr_assert_not(stage.closed);
    cr_assert_eq(line_of(1)->line.entry.slot, 6);
}

Test(stage, an_event_is_in_the_ring_of_frames_alone) {
    struct staged *s = line_of(1);
    stage.epoch = 0x7f3a;
    stage_event(
        &stage, s,
        &(struct event_line){.kind = EVENT_SAY, .who = "ann", .text = "hi \"x\"", .text_len = 6});
    static const char begin[] = "{\"ev\":\"say\",\"id\":\"0000000000007f3a-";
    const char *frame = s->line.text[RING_JSON];
    cr_assert_eq(memcmp(frame + 2, begin, sizeof begin - 1), 0);
    cr_assert_eq(s->line.id_at, 2 + sizeof begin - 1);
    cr_assert(
        memmem(frame, s->line.len[RING_JSON], "\"who\":\"ann\",\"text\":\"hi \\\"x\\\"\"}", 29));
    for (int e = 0; e < ENC_RINGS; e++)
        cr_assert_eq(s->line.len[e], 0);
}

/* Of sanitized text the longest event is one of quotation marks alone. */
Test(stage, an_event_that_fits_is_never_cut) {
    static char quotes[LINE_MAX_MAX + 1];
    memset(quotes, '"', LINE_MAX_MAX);
    stage_of(65536);
    while (stage_fits(&stage, LINE_MAX_MAX)) {
        struct staged *s = line_of(1);
        stage_event(&stage, s,
                    &(struct event_line){
                        .kind = EVENT_SAY, .who = "ann", .text = quotes, .text_len = LINE_MAX_MAX});
        cr_assert_gt(s->line.len[RING_JSON], 2 * LINE_MAX_MAX);
        cr_assert_leq(stage.used[RING_JSON], stage.limit[RING_JSON]);
    }
    cr_assert_gt(stage.count, 0);
}

Test(stage, a_ping_is_no_line) {
    struct staged *s = line_of(NO_CLIENT);
    stage_ping(&stage, s);
    cr_assert_eq(s->line.len[RING_JSON], 2);
    cr_assert_eq(memcmp(s->line.text[RING_JSON], "\x89\0", 2), 0);
    cr_assert_eq(s->line.id_at, 0);
}
