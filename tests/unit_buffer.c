/* unit_buffer.c - a buffer has one owner, and becomes free again even if its owner dies. */
#include "ipc/buffer.h"
#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { TURNS = 20000, KEEP = 8 };

Test(buffer, is_taken_once_and_given_back) {
    struct segment seg;
    unit_segment(&seg, 65536);
    struct buffer_pool *pool = &seg.tx_buffers;
    uint64_t ann = buffer_tag(3, 1), bob = buffer_tag(4, 1);
    uint32_t first = buffer_take(pool, ann), second = buffer_take(pool, bob);
    cr_assert_neq(first, NO_BUFFER);
    cr_assert_neq(second, NO_BUFFER);
    cr_assert_neq(first, second);
    cr_assert(buffer_owned(pool, first, ann));
    cr_assert_not(buffer_owned(pool, first, bob));
    cr_assert_eq(buffer_used(pool), 2);
    buffer_give(pool, first, bob);
    cr_assert(buffer_owned(pool, first, ann), "only its owner gives it back");
    buffer_give(pool, first, ann);
    buffer_give(pool, first, ann);
    cr_assert_eq(buffer_used(pool), 1);
    cr_assert_not(buffer_owned(pool, first, ann));
}

Test(buffer, numbers_out_of_range_have_no_owner) {
    struct segment seg;
    unit_segment(&seg, 65536);
    struct buffer_pool *pool = &seg.rx_buffers;
    cr_assert_not(buffer_owned(pool, NO_BUFFER, 0));
    cr_assert_not(buffer_owned(pool, pool->count + 1, 0));
    cr_assert_not(buffer_owned(pool, UINT32_MAX, 0));
    buffer_give(pool, NO_BUFFER, 0);
    buffer_give(pool, UINT32_MAX, 0);
    cr_assert_eq(buffer_used(pool), 0);
}

Test(buffer, all_can_be_taken_and_no_more) {
    struct segment seg;
    unit_segment(&seg, 65536);
    struct buffer_pool *pool = &seg.rx_buffers;
    uint8_t *seen = calloc(pool->count + 1, 1);
    uint64_t tag = buffer_tag(5, 9);
    for (uint32_t i = 0; i < pool->count; i++) {
        uint32_t buffer = buffer_take(pool, tag);
        cr_assert(buffer >= 1 && buffer <= pool->count && !seen[buffer]);
        seen[buffer] = 1;
        memset(buffer_at(pool, buffer), 0xaa, pool->size); /* lies in the segment: no fault */
    }
    cr_assert_eq(buffer_take(pool, tag), NO_BUFFER);
    for (uint32_t buffer = 1; buffer <= pool->count; buffer++)
        cr_assert(buffer_owned(pool, buffer, tag), "the owner of buffer %u is overwritten", buffer);
    buffer_give(pool, pool->count, tag);
    cr_assert_eq(buffer_take(pool, tag), pool->count);
    free(seen);
}

/* Takes and gives buffers at random; writes its tag into each of its buffers and checks it
 * later. */
static bool juggle(struct segment *seg, int who) {
    struct buffer_pool *pool = &seg->rx_buffers;
    uint64_t tag = buffer_tag((uint32_t)who + 3, 1);
    uint32_t held[KEEP] = {0};
    srand((unsigned)who);
    for (int i = 0; i < TURNS; i++) {
        uint32_t *buffer = &held[rand() % KEEP];
        if (*buffer == NO_BUFFER) {
            *buffer = buffer_take(pool, tag);
            if (*buffer != NO_BUFFER)
                *(volatile uint64_t *)buffer_at(pool, *buffer) = tag;
        } else {
            if (!buffer_owned(pool, *buffer, tag) ||
                *(volatile uint64_t *)buffer_at(pool, *buffer) != tag)
                return false;
            buffer_give(pool, *buffer, tag);
            *buffer = NO_BUFFER;
        }
    }
    for (int i = 0; i < KEEP; i++)
        buffer_give(pool, held[i], tag);
    return true;
}

Test(buffer, no_two_processes_share_one) {
    struct segment seg;
    unit_segment(&seg, 65536);
    pid_t pid[6];
    for (int i = 0; i < 6; i++)
        pid[i] = unit_child(juggle, &seg, i);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(unit_join(pid[i]), 0);
    cr_assert_eq(buffer_used(&seg.rx_buffers), 0);
}
