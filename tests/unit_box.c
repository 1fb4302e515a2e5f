/* unit_box.c - a box has one owner, and comes back however its owner ends. */
#include "ipc/box.h"
#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { TURNS = 20000, KEEP = 8 };

Test(box, is_taken_once_and_given_back) {
    struct segment seg;
    unit_segment(&seg, 65536);
    struct box_pool *pool = &seg.outboxes;
    uint64_t ann = box_tag(3, 1), bob = box_tag(4, 1);
    uint32_t first = box_take(pool, ann), second = box_take(pool, bob);
    cr_assert_neq(first, NO_BOX);
    cr_assert_neq(second, NO_BOX);
    cr_assert_neq(first, second);
    cr_assert(box_owned(pool, first, ann));
    cr_assert_not(box_owned(pool, first, bob));
    cr_assert_eq(box_used(pool), 2);
    box_give(pool, first, bob);
    cr_assert(box_owned(pool, first, ann), "only its owner gives it back");
    box_give(pool, first, ann);
    box_give(pool, first, ann);
    cr_assert_eq(box_used(pool), 1);
    cr_assert_not(box_owned(pool, first, ann));
}

Test(box, numbers_out_of_range_are_nobodys) {
    struct segment seg;
    unit_segment(&seg, 65536);
    struct box_pool *pool = &seg.inboxes;
    cr_assert_not(box_owned(pool, NO_BOX, 0));
    cr_assert_not(box_owned(pool, pool->count + 1, 0));
    cr_assert_not(box_owned(pool, UINT32_MAX, 0));
    box_give(pool, NO_BOX, 0);
    box_give(pool, UINT32_MAX, 0);
    cr_assert_eq(box_used(pool), 0);
}

Test(box, all_can_be_taken_and_no_more) {
    struct segment seg;
    unit_segment(&seg, 65536);
    struct box_pool *pool = &seg.inboxes;
    uint8_t *seen = calloc(pool->count + 1, 1);
    uint64_t tag = box_tag(5, 9);
    for (uint32_t i = 0; i < pool->count; i++) {
        uint32_t box = box_take(pool, tag);
        cr_assert(box >= 1 && box <= pool->count && !seen[box]);
        seen[box] = 1;
        memset(box_at(pool, box), 0xaa, pool->size); /* within the segment: no fault, no overlap */
    }
    cr_assert_eq(box_take(pool, tag), NO_BOX);
    for (uint32_t box = 1; box <= pool->count; box++)
        cr_assert(box_owned(pool, box, tag), "box %u's owner is written over", box);
    box_give(pool, pool->count, tag);
    cr_assert_eq(box_take(pool, tag), pool->count);
    free(seen);
}

/* Takes and gives at random; writes its tag into each of its boxes and finds it there again. */
static bool juggle(struct segment *seg, int who) {
    struct box_pool *pool = &seg->inboxes;
    uint64_t tag = box_tag((uint32_t)who + 3, 1);
    uint32_t held[KEEP] = {0};
    srand((unsigned)who);
    for (int i = 0; i < TURNS; i++) {
        uint32_t *box = &held[rand() % KEEP];
        if (*box == NO_BOX) {
            *box = box_take(pool, tag);
            if (*box != NO_BOX)
                *(volatile uint64_t *)box_at(pool, *box) = tag;
        } else {
            if (!box_owned(pool, *box, tag) || *(volatile uint64_t *)box_at(pool, *box) != tag)
                return false;
            box_give(pool, *box, tag);
            *box = NO_BOX;
        }
    }
    for (int i = 0; i < KEEP; i++)
        box_give(pool, held[i], tag);
    return true;
}

Test(box, no_two_processes_share_one) {
    struct segment seg;
    unit_segment(&seg, 65536);
    pid_t pid[6];
    for (int i = 0; i < 6; i++)
        pid[i] = unit_child(juggle, &seg, i);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(unit_join(pid[i]), 0);
    cr_assert_eq(box_used(&seg.inboxes), 0);
}
