/* unit_successor.c - where the successor of a dead worker begins: no client is overrun because of
 * the death, and text that is still to be sent is kept from the beginning. */
#include "ipc/room.h"
#include "ipc/slot.h"
#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <string.h>

enum { RING = 65536, LEN = 1000 };

static struct segment seg;

/* Slot 0 is alive and always at the end; slot 1 died before the first line, with all entries
 * applied. */
static void set_up(void) {
    unit_segment(&seg, RING);
    for (int i = 0; i < 2; i++) {
        atomic_store(&seg.slots[i].guard, 1);
        atomic_store(&seg.slots[i].cursor, 1);
    }
    atomic_store(&seg.slots[0].state, SLOT_SERVING);
    atomic_store(&seg.slots[1].state, SLOT_DEAD);
}
TestSuite(successor, .init = set_up);

static bool put(bool commit) {
    static uint8_t text[LEN];
    uint64_t index = room_count(&seg.room);
    struct room_line line = {.entry = {.client = 1, .generation = 1, .kind = ENTRY_SPEECH}};
    struct batch b;
    memset(text, (int)('a' + index % 26), LEN);
    for (int e = 0; e < ENC_RINGS; e++) {
        line.text[e] = text;
        line.len[e] = LEN;
    }
    room_begin(&seg.room, &b);
    if (!room_append(&seg.room, &b, &line))
        return false;
    if (commit) {
        room_commit(&seg.room, &b);
        atomic_store(&seg.slots[0].guard, index + 1);
        atomic_store(&seg.slots[0].cursor, index + 1);
        atomic_store(&seg.slots[1].cursor, index + 1);
    }
    return true;
}

static bool intact(uint64_t index) {
    for (int e = 0; e < ENC_RINGS; e++) {
        const uint8_t *text = room_text(&seg.room, e, room_start(&seg.room, index, e));
        for (int i = 0; i < LEN; i++) {
            if (text[i] != 'a' + index % 26)
                return false;
        }
    }
    return true;
}

static void enter(uint64_t guard) {
    room_enter(&seg.room, guard);
    atomic_store(&seg.slots[1].guard, guard);
    atomic_store(&seg.slots[1].state, SLOT_ADOPTING);
}

Test(successor, begins_where_its_predecessor_was) {
    for (int i = 0; i < 60; i++)
        cr_assert(put(true));
    cr_assert_eq(room_whole(&seg.room, room_count(&seg.room), 1), 1);
    cr_assert_eq(room_whole(&seg.room, room_count(&seg.room), 17), 17);
}

Test(successor, begins_at_the_oldest_text_that_is_whole) {
    for (int i = 0; i < 200; i++)
        cr_assert(put(true));
    uint64_t whole = room_whole(&seg.room, room_count(&seg.room), 1);
    cr_assert_eq(whole, 201 - 65, "%lu", (long)whole);
    for (uint64_t i = whole; i < room_count(&seg.room); i++)
        cr_assert(intact(i), "%lu", (long)i);
}

Test(successor, leaves_out_text_that_a_dead_producer_overwrote) {
    for (int i = 0; i < 200; i++)
        cr_assert(put(true));
    uint64_t before = room_whole(&seg.room, room_count(&seg.room), 1);
    cr_assert(put(false));
    cr_assert_eq(room_whole(&seg.room, room_count(&seg.room), 1), before + 1);
}

Test(successor, holds_the_ring_as_soon_as_it_has_entered) {
    for (int i = 0; i < 100; i++)
        cr_assert(put(true));
    uint64_t guard = room_whole(&seg.room, room_count(&seg.room), 1);
    enter(guard);
    while (put(true))
        cr_assert(room_count(&seg.room) < 200, "the ring takes lines without end");
    cr_assert(intact(guard));
    atomic_store(&seg.slots[1].guard, guard + 10);
    for (int i = 0; i < 10; i++)
        cr_assert(put(true));
    cr_assert_not(put(true));
    cr_assert(intact(guard + 10));
}
