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

enum { LINES = 1000000, LINE = 64, ROUNDS = 7, PRODUCERS_MAX = 4, WAKES = 20000 };

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

/* The same lock without what makes it safe from deaths: the semaphore alone. */
static void lock(struct segment *seg, uint64_t me, bool plain) {
    if (!plain)
        gate_lock(seg->gate, me, NULL);
    else
        while (sem_wait(&seg->gate->tokens) != 0)
            ;
}

static void unlock(struct segment *seg, uint64_t me, bool plain) {
    if (!plain)
        gate_unlock(seg->gate, me);
    else
        sem_post(&seg->gate->tokens);
}

static void produce(struct segment *seg, uint32_t index, uint32_t lines, uint32_t batch,
                    bool plain) {
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
        lock(seg, me, plain);
        room_begin(&seg->room, &b);
        uint32_t i = 0;
        while (i < batch && room_append(&seg->room, &b, &line))
            i++;
        room_commit(&seg->room, &b);
        unlock(seg, me, plain);
        slots_ring(seg->slots, atomic_load(&seg->header->slots_used), (int)index);
        done += i;
        follow(seg, slot);
    }
}

/* Nanoseconds a line. */
static double published(uint32_t producers, uint32_t batch, bool plain) {
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
            produce(&seg, i, LINES / producers, batch, plain);
            /* One that is done must not hold the others back. */
            atomic_store(&seg.slots[i].state, SLOT_UNUSED);
            _exit(0);
        }
    }
    while (wait(NULL) > 0)
        ;
    double ns = (double)(now_ns() - began) / LINES;
    segment_close(&seg);
    return ns;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Both ways side by side, several rounds: the medians, and the median of the rounds' ratios. */
static void publish(uint32_t producers, uint32_t batch) {
    double ns[ROUNDS], ratio[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        double plain = i % 2 ? published(producers, batch, true) : 0;
        ns[i] = published(producers, batch, false);
        ratio[i] = ns[i] / (i % 2 ? plain : published(producers, batch, true));
    }
    qsort(ns, ROUNDS, sizeof ns[0], by_size);
    qsort(ratio, ROUNDS, sizeof ratio[0], by_size);
    double median = ns[ROUNDS / 2];
    printf("publish   %u producer%s  batches of %2u   %7.1f ns a line   %6.2f million lines/s   "
           "%.2f x a plain semaphore's\n",
           producers, producers > 1 ? "s" : " ", batch, median, 1000 / median, ratio[ROUNDS / 2]);
}

/* What a flush keeps for its successor, beside the send itself: whom it is sending to, and how much
 * was taken. */
static void keep(void) {
    struct segment seg;
    make(&seg);
    struct slot *slot = &seg.slots[0];
    uint64_t began = now_ns();
    for (uint32_t n = 0; n < LINES; n++) {
        struct client *c = &seg.clients.at[n % seg.clients.len];
        atomic_store_explicit(&slot->note.client, n % seg.clients.len, memory_order_relaxed);
        atomic_store_explicit(&slot->note.generation,
                              client_generation(atomic_load(&c->state_word)), memory_order_relaxed);
        atomic_store_explicit(&slot->note.position, n, memory_order_relaxed);
        atomic_store_explicit(&slot->note.phase, BREADCRUMB_FLUSH, memory_order_release);
        uint64_t sent = atomic_load_explicit(&c->sent, memory_order_relaxed);
        atomic_store_explicit(&c->sent, sent + LINE, memory_order_relaxed);
    }
    printf("flush     what is kept for a successor    %7.1f ns a client\n",
           (double)(now_ns() - began) / LINES);
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
    keep();
    wake();
    return 0;
}
