/* micro.c - what the gate and the room cost by themselves: nanoseconds a published line, alone and
 * in batches, with one and more producers; what a wake-up costs; what a flush touches of a client.
 *
 * Producers are processes that share a segment, as workers do; each keeps its own guard and cursor
 * at the end, as one with nobody behind does.  Figures of one run compare with one another only. */
#include "ipc/clock.h"
#include "ipc/segment.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINES = 2000000, LINE = 64, PRODUCERS_MAX = 4, WAKES = 20000 };

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void make(struct segment *seg) {
    static struct config config = {.ring_size = 4 << 20, .max_clients = 16, .workers = 1};
    struct geometry geometry;
    char err[256];
    segment_geometry(&geometry, &config, 1024);
    if (segment_create(seg, &geometry, &config, err, sizeof err) != 0) {
        fprintf(stderr, "%s\n", err);
        exit(1);
    }
}

/* As flush_raise does: in strides. */
static void follow(struct segment *seg, struct slot *slot) {
    uint64_t count = room_count(&seg->room), guard = atomic_load(&slot->guard);
    atomic_store_explicit(&slot->cursor, count, memory_order_release);
    if (count - guard > seg->room.ledger_len * 5 / 8)
        atomic_store_explicit(&slot->guard, room_guard_for(&seg->room, count, guard),
                              memory_order_release);
}

static void produce(struct segment *seg, uint32_t index, uint32_t lines, uint32_t batch) {
    struct slot *slot = &seg->slots[index];
    static const char text[LINE] =
        "a line of talk, as long as lines of talk are on the average....";
    struct room_line line = {.entry = {.kind = ENTRY_SPEECH, .slot = (uint8_t)index}};
    for (int e = 0; e < ENC_COUNT; e++) {
        line.text[e] = text;
        line.len[e] = LINE;
    }
    uint64_t me = atomic_load(&slot->incarnation);
    for (uint32_t done = 0; done < lines;) {
        struct batch b;
        gate_lock(seg->gate, me, NULL);
        room_begin(&seg->room, &b);
        uint32_t i = 0;
        while (i < batch && room_append(&seg->room, &b, &line))
            i++;
        room_commit(&seg->room, &b);
        gate_unlock(seg->gate, me);
        slots_ring(seg->slots, atomic_load(&seg->header->slots_used), (int)index);
        done += i;
        follow(seg, slot);
    }
}

static void publish(uint32_t producers, uint32_t batch) {
    struct segment seg;
    make(&seg);
    for (uint32_t i = 0; i < producers; i++) {
        struct slot *slot = &seg.slots[i];
        atomic_store(&slot->incarnation, segment_incarnation(&seg, i));
        atomic_store(&slot->guard, 1);
        atomic_store(&slot->cursor, 1);
        atomic_store(&slot->state, SLOT_SERVING);
    }
    atomic_store(&seg.header->slots_used, producers);
    uint64_t began = now_ns();
    for (uint32_t i = 0; i < producers; i++) {
        if (fork() == 0) {
            produce(&seg, i, LINES / producers, batch);
            /* One that is done must not hold the others back. */
            atomic_store(&seg.slots[i].state, SLOT_UNUSED);
            _exit(0);
        }
    }
    while (wait(NULL) > 0)
        ;
    double ns = (double)(now_ns() - began) / LINES;
    printf("publish   %u producer%s  batches of %2u   %7.1f ns a line   %6.2f million lines/s\n",
           producers, producers > 1 ? "s" : " ", batch, ns, 1000 / ns);
    segment_close(&seg);
}

/* There and back by two bells: two wake-ups. */
static void wake(void) {
    int there = eventfd(0, 0), back = eventfd(0, 0);
    uint64_t one = 1, got;
    if (fork() == 0) {
        for (int i = 0; i < WAKES; i++) {
            if (read(there, &got, sizeof got) < 0 || write(back, &one, sizeof one) < 0)
                _exit(1);
        }
        _exit(0);
    }
    uint64_t began = now_ns();
    for (int i = 0; i < WAKES; i++) {
        if (write(there, &one, sizeof one) < 0 || read(back, &got, sizeof got) < 0)
            break;
    }
    printf("wake-up   one bell to another process     %7.1f us\n",
           (double)(now_ns() - began) / WAKES / 2000);
    wait(NULL);
}

int main(void) {
    printf("record    %zu bytes a client, of which a flush touches %zu (one cache line)\n",
           sizeof(struct client), offsetof(struct client, facts));
    printf("entry     %zu bytes a line\n", sizeof(struct entry));
    publish(1, 1);
    publish(1, 16);
    publish(2, 1);
    publish(2, 16);
    publish(PRODUCERS_MAX, 1);
    publish(PRODUCERS_MAX, 16);
    wake();
    return 0;
}
