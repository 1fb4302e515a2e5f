/* unit_room.c - committed entries exist, complete and in order; entries that are not committed do
 * not exist; no producer overwrites text that may still be read.  With one process, with processes
 * that are killed, and with threads. */
#include "ipc/room.h"
#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { RING = 65536 };
static struct segment seg;
static void set_up(void) {
    unit_segment(&seg, RING);
}
TestSuite(ledger, .init = set_up);

/* A line whose text is the same in every ring except for its length: n, n + 1, ... bytes of
 * `fill`. */
static uint8_t filler[RING];
static struct room_line line_of(uint32_t client, uint8_t fill, uint32_t n) {
    struct room_line line = {.entry = {.client = client, .generation = 1, .kind = ENTRY_SPEECH}};
    memset(filler, fill, n + RING_COUNT < RING ? n + RING_COUNT : RING);
    for (int e = 0; e < RING_COUNT; e++) {
        line.text[e] = filler;
        line.len[e] = n + (uint32_t)e;
    }
    return line;
}

static bool put(uint32_t client, uint8_t fill, uint32_t n) {
    struct room_line line = line_of(client, fill, n);
    struct batch b;
    room_begin(&seg.room, &b);
    if (!room_append(&seg.room, &b, &line))
        return false;
    room_commit(&seg.room, &b);
    return true;
}

/* Asserts that entry `index` is as put() made it, in the first `rings` rings. */
static void intact_in(int rings, uint64_t index, uint8_t fill, uint32_t n) {
    for (int e = 0; e < rings; e++) {
        cr_assert_eq(room_len(&seg.room, index, e), n + (uint32_t)e, "entry %lu", (long)index);
        const uint8_t *text = room_text(&seg.room, e, room_start(&seg.room, index, e));
        for (uint32_t i = 0; i < n + (uint32_t)e; i++)
            cr_assert_eq(text[i], fill, "entry %lu, ring %d, byte %u", (long)index, e, i);
    }
}

static void intact(uint64_t index, uint8_t fill, uint32_t n) {
    intact_in(RING_COUNT, index, fill, n);
}

Test(ledger, what_is_not_committed_does_not_exist) {
    struct room_line line = line_of(1, 'a', 10);
    struct batch b;
    room_begin(&seg.room, &b);
    cr_assert(room_append(&seg.room, &b, &line));
    cr_assert_eq(room_count(&seg.room), 1);
    /* Its producer died; the next one overwrites it. */
    cr_assert(put(2, 'b', 20));
    cr_assert_eq(room_count(&seg.room), 2);
    cr_assert_eq(room_entry(&seg.room, 1)->client, 2);
    intact(1, 'b', 20);
}

Test(ledger, a_batch_is_committed_as_a_whole) {
    struct batch b;
    room_begin(&seg.room, &b);
    for (uint8_t i = 0; i < 5; i++) {
        struct room_line line = line_of(i, (uint8_t)('a' + i), 100u * i);
        cr_assert(room_append(&seg.room, &b, &line));
    }
    room_commit(&seg.room, &b);
    cr_assert_eq(room_count(&seg.room), 6);
    for (uint8_t i = 0; i < 5; i++)
        intact(1 + i, (uint8_t)('a' + i), 100u * i);
}

Test(ledger, lines_and_people_are_running_counts) {
    struct room_line join = line_of(3, 'j', 12), quiet = {.people = 1}, leave = line_of(3, 'l', 9);
    join.people = 1;
    leave.people = -1;
    quiet.text[RING_SIDE] = "ann";
    quiet.len[RING_SIDE] = 3;
    struct batch b;
    room_begin(&seg.room, &b);
    cr_assert(room_append(&seg.room, &b, &join));
    cr_assert(room_append(&seg.room, &b, &quiet));
    cr_assert(room_append(&seg.room, &b, &leave));
    room_commit(&seg.room, &b);
    static const uint32_t people[] = {0, 1, 2, 1}, lines[] = {0, 1, 1, 2};
    for (uint64_t i = 0; i < 4; i++) {
        cr_assert_eq(room_entry(&seg.room, i)->people, people[i]);
        cr_assert_eq(room_entry(&seg.room, i)->lines, lines[i], "what is aside is no room line");
    }
}

Test(ledger, a_span_never_splits) {
    for (int i = 0; i < 1000; i++) /* several times around the rings; no slot is in use */
        cr_assert(put(1, (uint8_t)i, 997), "line %d", i);
    intact(1000, (uint8_t)999, 997);
}

/* Puts lines of n bytes until there is no room; returns how many fitted. */
static uint32_t fill_up(uint32_t n) {
    uint32_t lines = 0;
    while (put(1, (uint8_t)lines, n))
        cr_assert_lt(++lines, 1000000u, "it never fills");
    return lines;
}

Test(ledger, a_guard_holds_text_and_ledger) {
    unit_slot(&seg, 0, SLOT_SERVING);
    cr_assert(put(1, 'x', 1000));
    uint32_t lines = fill_up(1000);
    cr_assert_gt(lines, 55);
    intact(1, 'x', 1000);
    atomic_store(&seg.slots[0].cursor, 10);
    cr_assert_not(put(1, 'y', 1000), "the guard still holds the text");
    atomic_store(&seg.slots[0].guard, 10);
    cr_assert_gt(fill_up(1000), 0);
    intact(10, 8, 1000); /* fill_up() filled the lines from 2 on with 0, 1, ... */
}

Test(ledger, a_cursor_holds_side_data) {
    unit_slot(&seg, 0, SLOT_SERVING);
    struct room_line line = {.entry = {.kind = ENTRY_NICK}};
    line.text[RING_SIDE] = filler;
    line.len[RING_SIDE] = 1000;
    struct batch b;
    uint32_t lines = 0;
    for (;; lines++) {
        atomic_store(&seg.slots[0].guard, room_count(&seg.room));
        room_begin(&seg.room, &b);
        if (!room_append(&seg.room, &b, &line))
            break;
        room_commit(&seg.room, &b);
    }
    cr_assert_eq(lines, seg.room.ring_size[RING_SIDE] / 1000);
    atomic_store(&seg.slots[0].cursor, 2);
    cr_assert(room_append(&seg.room, &b, &line));
}

Test(ledger, dead_slots_hold_the_ledger_and_not_the_text) {
    unit_slot(&seg, 0, SLOT_DEAD);
    atomic_store(&seg.slots[0].cursor, 1 + seg.room.ledger_len * 2);
    uint32_t lines = fill_up(100);
    cr_assert_gt((uint64_t)lines * 100, RING, "around the ring");
    cr_assert_eq(room_count(&seg.room), seg.room.ledger_len, "up to the ledger's length");
    cr_assert_eq(room_entry(&seg.room, 1)->kind, ENTRY_SPEECH);
    atomic_store(&seg.slots[0].guard, 50);
    atomic_store(&seg.slots[0].overrun_floor, 20);
    fill_up(100);
    cr_assert_eq(room_count(&seg.room), 19 + seg.room.ledger_len, "entries still to be counted");
    atomic_store(&seg.slots[0].overrun_floor, 0);
    fill_up(100);
    cr_assert_eq(room_count(&seg.room), 49 + seg.room.ledger_len);
}

Test(ledger, unused_slots_hold_nothing) {
    unit_slot(&seg, 0, SLOT_UNUSED);
    for (int i = 0; i < 3 * RING / 1000; i++)
        cr_assert(put(1, 'u', 1000));
}

Test(ledger, a_line_that_found_no_room_left_no_trace) {
    unit_slot(&seg, 0, SLOT_SERVING);
    fill_up(1000);
    uint64_t count = room_count(&seg.room);
    struct room_line line = line_of(1, 'z', 1000), small = line_of(2, 's', 10);
    struct batch b;
    room_begin(&seg.room, &b);
    cr_assert_not(room_append(&seg.room, &b, &line));
    cr_assert_eq(room_count(&seg.room), count);
    cr_assert(room_append(&seg.room, &b, &small), "a short one fits where a long one does not");
    room_commit(&seg.room, &b);
    cr_assert_eq(room_count(&seg.room), count + 1);
    intact(count, 's', 10);
    intact(1, 0, 1000);
}

Test(ledger, find_is_the_first_that_ends_beyond) {
    static const uint32_t n[] = {10, 0, 0, 30, 5, 0, 100};
    enum { N = sizeof n / sizeof n[0] };
    for (int i = 0; i < N; i++)
        cr_assert(put(1, 'f', n[i]));
    uint64_t end = room_entry(&seg.room, N)->end[0];
    for (uint64_t pos = 0; pos <= end + 1; pos++) {
        uint64_t expect = 1;
        while (expect < N + 1 && room_entry(&seg.room, expect)->end[0] <= pos)
            expect++;
        cr_assert_eq(room_find(&seg.room, 0, pos, 1, N + 1), expect, "position %lu", (long)pos);
    }
    cr_assert_eq(room_find(&seg.room, 0, 0, 4, 4), 4, "an empty range");
}

/* A reader with a guard, and random lines: everything from its guard on stays intact; the guard
 * keeps at most half of the ring, and is never raised further than necessary. */
Test(ledger, guard_for_keeps_half_of_what_fits) {
    enum { LINES = 30000 };
    uint32_t *len = calloc(LINES + 2, sizeof *len);
    struct slot *slot = &seg.slots[0];
    unit_slot(&seg, 0, SLOT_SERVING);
    srand(11);
    for (uint64_t i = 1; i <= LINES; i++) {
        len[i] = rand() % 10 ? (uint32_t)rand() % 100 : (uint32_t)rand() % 4000;
        while (!put(1, (uint8_t)i, len[i])) {
            uint64_t count = room_count(&seg.room), old = atomic_load(&slot->guard);
            uint64_t guard = room_guard_for(&seg.room, count, old);
            cr_assert_gt(guard, old, "full, but the guard cannot rise");
            cr_assert_leq(guard, count);
            bool half = count - guard == seg.room.ledger_len / 2;
            for (int e = 0; e < ENC_RINGS; e++) {
                uint64_t end = room_entry(&seg.room, count - 1)->end[e];
                cr_assert_leq(end - room_start(&seg.room, guard, e), RING / 2);
                half |= end - room_start(&seg.room, guard - 1, e) > RING / 2;
            }
            cr_assert(half, "one entry more would have fitted");
            for (uint64_t k = old; k < count; k += 7)
                intact_in(ENC_RINGS, k, (uint8_t)k, len[k]);
            atomic_store(&slot->guard, guard);
            atomic_store(&slot->cursor, count);
        }
    }
    cr_assert_gt(atomic_load(&slot->guard), LINES / 2);
    free(len);
}

Test(ledger, the_oldest_is_intact_whatever_lies_beyond_the_end) {
    for (int i = 0; i < 5000; i++) {
        cr_assert(put(1, (uint8_t)i, 10));
        /* A producer that dies after it appended as much as it may. */
        struct room_line line = line_of(9, 'w', 40);
        struct batch b;
        room_begin(&seg.room, &b);
        for (int k = 0; k < i % 900 && b.next < seg.room.shared->ledger_limit; k++)
            cr_assert(room_append(&seg.room, &b, &line));
        uint64_t oldest = room_oldest(&seg.room);
        for (uint64_t k = oldest - 1; k < room_count(&seg.room); k += 97)
            cr_assert_eq(room_entry(&seg.room, k)->client, k == 0 ? NO_CLIENT : 1,
                         "entry %lu of %lu", (long)k, (long)room_count(&seg.room));
    }
}

/* ---- several at once ---- */

enum { WRITERS = 3, LINES_EACH = 20000, READER = WRITERS };

/* A line of a writer process: `client` is its number, `consumed` counts its lines, and the text has
 * both. */
static uint32_t line_text(char *out, size_t size, uint32_t client, uint32_t consumed) {
    int n = snprintf(out, size, "%u:%u:%.*s", client, consumed, (int)(consumed % 50),
                     "--------------------------------------------------");
    return (uint32_t)n;
}

struct writer {
    uint64_t me; /* incarnation */
    uint32_t client, last;
};

/* Publishes up to three lines in one hold of the gate; false: it has published all. */
static bool publish_some(struct writer *w) {
    char text[3][100];
    struct batch b;
    uint32_t last = w->last;
    gate_lock(seg.gate, w->me, NULL);
    room_begin(&seg.room, &b);
    for (int i = 0; i < 3 && last < LINES_EACH; i++) {
        uint32_t len = line_text(text[i], sizeof text[i], w->client, last + 1);
        struct room_line line = {.entry = {.client = w->client, .consumed = last + 1}};
        for (int e = 0; e < ENC_RINGS; e++) {
            line.text[e] = text[i];
            line.len[e] = len;
        }
        if (!room_append(&seg.room, &b, &line))
            break;
        last++;
    }
    if (last > w->last)
        room_commit(&seg.room, &b);
    gate_unlock(seg.gate, w->me);
    if (last == w->last)
        sched_yield(); /* the ring is full until the reader raises its guard */
    w->last = last;
    return last < LINES_EACH;
}

static struct writer writer[WRITERS];
static uint64_t next_incarnation = 1;

static bool writer_process(struct segment *s, int i) {
    (void)s;
    while (publish_some(&writer[i]))
        ;
    return true;
}
static void *writer_thread(void *arg) {
    while (publish_some(arg))
        ;
    return NULL;
}
static pid_t writer_start(int i, uint32_t last) {
    writer[i] = (struct writer){next_incarnation++ << 8 | (uint64_t)i, (uint32_t)i, last};
    return unit_child(writer_process, &seg, i);
}

/* Reads all entries without a lock: every writer's lines are in order, none is missing, none is
 * torn. */
struct reading {
    uint64_t next;
    uint32_t seen[WRITERS];
    const char *wrong;
};

static bool read_one(struct reading *r, uint64_t index) {
    const struct entry *entry = room_entry(&seg.room, index);
    char text[100];
    if (entry->client >= WRITERS || entry->consumed != ++r->seen[entry->client]) {
        r->wrong = "out of order";
        return false;
    }
    uint32_t len = line_text(text, sizeof text, entry->client, entry->consumed);
    for (int e = 0; e < ENC_RINGS; e++) {
        if (room_len(&seg.room, index, e) != len ||
            memcmp(room_text(&seg.room, e, room_start(&seg.room, index, e)), text, len) != 0) {
            r->wrong = "torn";
            return false;
        }
    }
    return true;
}

static bool read_on(struct reading *r) {
    uint64_t count = room_count(&seg.room);
    while (r->next < count) {
        if (!read_one(r, r->next))
            return false;
        r->next++;
    }
    atomic_store_explicit(&seg.slots[READER].cursor, count, memory_order_release);
    atomic_store_explicit(&seg.slots[READER].guard, count, memory_order_release);
    return true;
}

static bool all_read(const struct reading *r) {
    return r->next == 1 + WRITERS * LINES_EACH;
}

Test(ledger, writers_and_a_reader, .timeout = 180) {
    struct reading r = {.next = 1};
    pid_t pid[WRITERS];
    unit_slot(&seg, READER, SLOT_SERVING);
    for (int i = 0; i < WRITERS; i++)
        pid[i] = writer_start(i, 0);
    while (!all_read(&r))
        cr_assert(read_on(&r), "entry %lu: %s", (long)r.next, r.wrong);
    for (int i = 0; i < WRITERS; i++)
        cr_assert_eq(unit_join(pid[i]), 0);
}

/* What a killed writer had committed can be read; its successor continues from there. */
Test(ledger, writers_are_killed_and_nothing_is_lost, .timeout = 180) {
    struct reading r = {.next = 1};
    pid_t pid[WRITERS];
    int kills = 0;
    unit_slot(&seg, READER, SLOT_SERVING);
    srand(5);
    for (int i = 0; i < WRITERS; i++)
        pid[i] = writer_start(i, 0);
    for (uint64_t at = 50; !all_read(&r);) {
        cr_assert(read_on(&r), "entry %lu: %s", (long)r.next, r.wrong);
        if (r.next < at)
            continue;
        int i = rand() % WRITERS;
        kill(pid[i], SIGKILL);
        kills += !WIFEXITED(unit_join(pid[i]));
        gate_repair(seg.gate, writer[i].me);
        cr_assert(read_on(&r), "entry %lu: %s", (long)r.next, r.wrong);
        pid[i] = writer_start(i, r.seen[i]);
        at = r.next + (uint64_t)(rand() % 200);
    }
    for (int i = 0; i < WRITERS; i++)
        cr_assert_eq(unit_join(pid[i]), 0);
    cr_assert_gt(kills, 20);
}

Test(ledger, threads_for_the_sanitizer, .timeout = 180) {
    struct reading r = {.next = 1};
    pthread_t thread[WRITERS];
    unit_slot(&seg, READER, SLOT_SERVING);
    for (int i = 0; i < WRITERS; i++) {
        writer[i] = (struct writer){next_incarnation++ << 8, (uint32_t)i, 0};
        cr_assert_eq(pthread_create(&thread[i], NULL, writer_thread, &writer[i]), 0);
    }
    while (!all_read(&r))
        cr_assert(read_on(&r), "entry %lu: %s", (long)r.next, r.wrong);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(thread[i], NULL);
}

Test(ledger, an_event_bears_the_index_that_its_line_gets) {
    struct room_line line = {.entry = {.client = 1, .generation = 1, .kind = ENTRY_SPEECH}};
    struct batch b;
    line.text[RING_JSON] = "id:............!";
    line.len[RING_JSON] = 16;
    line.id_at = 3;
    for (int round = 0; round < 20; round++) {
        char expected[32];
        room_begin(&seg.room, &b);
        cr_assert(room_append(&seg.room, &b, &line) && room_append(&seg.room, &b, &line));
        room_commit(&seg.room, &b);
        for (uint64_t i = b.first; i < b.next; i++) {
            snprintf(expected, sizeof expected, "id:%012lx!", (unsigned long)i);
            cr_assert_eq(
                memcmp(room_text(&seg.room, RING_JSON, room_start(&seg.room, i, RING_JSON)),
                       expected, 16),
                0);
        }
    }
}

Test(ledger, a_ping_is_no_line) {
    struct room_line line = {.entry = {.client = NO_CLIENT, .kind = ENTRY_PING}};
    struct batch b;
    uint32_t lines = room_entry(&seg.room, room_count(&seg.room) - 1)->lines;
    line.text[RING_JSON] = "\x89";
    line.len[RING_JSON] = 2;
    room_begin(&seg.room, &b);
    cr_assert(room_append(&seg.room, &b, &line));
    room_commit(&seg.room, &b);
    cr_assert_eq(room_entry(&seg.room, b.first)->lines, lines);
}
