/* unit_fd_queue.c - the queue of descriptors: no duplicates, first in first out, room for every
 * descriptor. */
#include "worker/state/fd_queue.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct fd_queue queue_of(uint32_t capacity) {
    struct fd_queue q;
    cr_assert(fd_queue_make(&q, capacity));
    return q;
}

static void queue_free(struct fd_queue *q) {
    free(q->at);
    free(q->in);
}

Test(fd_queue, a_descriptor_is_queued_once) {
    struct fd_queue q = queue_of(8);
    fd_queue_push(&q, 5);
    fd_queue_push(&q, 5);
    fd_queue_push(&q, 0);
    fd_queue_push(&q, 5);
    cr_assert_eq(q.count, 2);
    cr_assert_eq(fd_queue_pop(&q), 5);
    cr_assert_eq(fd_queue_pop(&q), 0);
    cr_assert_eq(q.count, 0);
    queue_free(&q);
}

Test(fd_queue, a_popped_descriptor_can_be_queued_again) {
    struct fd_queue q = queue_of(8);
    fd_queue_push(&q, 5);
    fd_queue_push(&q, 6);
    cr_assert_eq(fd_queue_pop(&q), 5);
    fd_queue_push(&q, 5);
    cr_assert_eq(fd_queue_pop(&q), 6, "behind what was queued meanwhile");
    cr_assert_eq(fd_queue_pop(&q), 5);
    queue_free(&q);
}

Test(fd_queue, descriptors_leave_in_the_order_of_their_first_push) {
    static const uint32_t pushed[] = {7, 2, 7, 0, 5, 2, 1}, order[] = {7, 2, 0, 5, 1};
    struct fd_queue q = queue_of(8);
    for (int i = 0; i < 7; i++)
        fd_queue_push(&q, pushed[i]);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(fd_queue_pop(&q), order[i], "place %d", i);
    queue_free(&q);
}

/* One descriptor always stays queued, so that the head moves round the whole buffer. */
Test(fd_queue, the_order_holds_across_the_end_of_the_circle) {
    enum { CAPACITY = 5 };
    struct fd_queue q = queue_of(CAPACITY);
    uint32_t heads = 0;
    fd_queue_push(&q, 0);
    for (uint32_t i = 1; i < 10 * CAPACITY; i++) {
        heads |= 1u << q.head;
        fd_queue_push(&q, i % CAPACITY);
        cr_assert_eq(fd_queue_pop(&q), (i - 1) % CAPACITY, "step %u", i);
    }
    cr_assert_eq(heads, (1u << CAPACITY) - 1, "the head was at every place");
    queue_free(&q);
}

Test(fd_queue, there_is_room_for_every_descriptor_wherever_the_head_is) {
    enum { CAPACITY = 7 };
    struct fd_queue q = queue_of(CAPACITY);
    for (uint32_t head = 0; head < CAPACITY; head++) {
        q.head = head;
        for (uint32_t fd = 0; fd < CAPACITY; fd++)
            fd_queue_push(&q, fd);
        cr_assert_eq(q.count, CAPACITY);
        for (uint32_t fd = 0; fd < CAPACITY; fd++)
            fd_queue_push(&q, fd);
        cr_assert_eq(q.count, CAPACITY, "a full queue has every descriptor already");
        for (uint32_t fd = 0; fd < CAPACITY; fd++)
            cr_assert_eq(fd_queue_pop(&q), fd, "head %u", head);
        cr_assert_eq(q.head, 0, "an empty queue starts over");
    }
    queue_free(&q);
}

Test(fd_queue, one_descriptor_is_capacity_enough) {
    struct fd_queue q = queue_of(1);
    for (int i = 0; i < 3; i++) {
        fd_queue_push(&q, 0);
        fd_queue_push(&q, 0);
        cr_assert_eq(q.count, 1);
        cr_assert_eq(fd_queue_pop(&q), 0);
        cr_assert_eq(q.count, 0);
    }
    queue_free(&q);
}

/* As input_read and the flush do: each descriptor that is handled is queued again. */
Test(fd_queue, one_pass_ends_though_each_descriptor_is_pushed_again) {
    struct fd_queue q = queue_of(16);
    uint32_t seen[16] = {0}, steps = 0;
    for (uint32_t fd = 0; fd < 16; fd++)
        fd_queue_push(&q, fd);
    for (uint32_t todo = q.count; todo > 0; todo--) {
        uint32_t fd = fd_queue_pop(&q);
        seen[fd]++;
        steps++;
        fd_queue_push(&q, fd);
        fd_queue_push(&q, (fd + 3) % 16);
    }
    cr_assert_eq(steps, 16);
    for (int fd = 0; fd < 16; fd++)
        cr_assert_eq(seen[fd], 1, "descriptor %d", fd);
    cr_assert_eq(q.count, 16);
    queue_free(&q);
}

Test(fd_queue, a_push_of_the_first_has_no_effect_until_it_is_popped) {
    struct fd_queue q = queue_of(8);
    fd_queue_push(&q, 3);
    fd_queue_push(&q, 4);
    cr_assert_eq(fd_queue_first(&q), 3);
    fd_queue_push(&q, 3);
    cr_assert_eq(q.count, 2, "it is still queued");
    cr_assert_eq(fd_queue_pop(&q), 3);
    cr_assert_eq(q.count, 1);
    cr_assert_eq(fd_queue_first(&q), 4);
    fd_queue_push(&q, 3);
    cr_assert_eq(q.count, 2);
    queue_free(&q);
}

/* Compares the queue with a plain list, for a random sequence of pushes and pops with a fixed
 * seed. */
Test(fd_queue, it_agrees_with_a_plain_list_at_random) {
    enum { CAPACITY = 13, STEPS = 100000 };
    struct fd_queue q = queue_of(CAPACITY);
    uint32_t list[CAPACITY], count = 0, full = 0;
    srand(11);
    for (int step = 0; step < STEPS; step++) {
        uint32_t fd = (uint32_t)rand() % CAPACITY;
        if (rand() % 16 < 7 && count > 0) {
            cr_assert_eq(fd_queue_first(&q), list[0], "step %d", step);
            cr_assert_eq(fd_queue_pop(&q), list[0], "step %d", step);
            for (uint32_t i = 1; i < count; i++)
                list[i - 1] = list[i];
            count--;
        } else {
            uint32_t i = 0;
            while (i < count && list[i] != fd)
                i++;
            if (i == count)
                list[count++] = fd;
            fd_queue_push(&q, fd);
        }
        cr_assert_eq(q.count, count, "step %d", step);
        full += count == CAPACITY;
    }
    cr_assert_gt(full, 0, "the queue was full at times");
    queue_free(&q);
}
