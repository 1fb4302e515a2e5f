/* micro.c - what the gate and the room cost by themselves: nanoseconds a published line, alone and
 * in batches, with one and more producers; what a wake-up costs; what a flush touches of a client.
 *
 * Producers are processes that share a segment, as workers do; each keeps its guard and its cursor
 * at the end of the ring, as a worker does whose clients have been sent everything.  Figures of
 * different runs do not compare. */
#include "ipc/clock.h"
#include "ipc/segment.h"
#include "worker/protocol/event.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINES = 1000000, LINE = 64, ROUNDS = 7, PRODUCERS_MAX = 4, WAKES = 20000 };

static uint64_t micro_now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void micro_make(struct segment *seg) {
    static struct config config = {.ring_size = 4 << 20, .max_clients = 16, .workers = 1};
    struct geometry geometry;
    char err[256];
    segment_geometry(&geometry, &config, 1024);
    if (segment_create(seg, &geometry, &config, err, sizeof err) != 0) {
        fprintf(stderr, "%s\n", err);
        exit(1);
    }
}

/* Raises the guard in strides, as flush_raise does. */
static void micro_follow(struct segment *seg, struct slot *slot) {
    uint64_t count = room_count(&seg->room), guard = atomic_load(&slot->guard);
    atomic_store_explicit(&slot->cursor, count, memory_order_release);
    if (count - guard > seg->room.ledger_len * 5 / 8)
        atomic_store_explicit(&slot->guard, room_guard_for(&seg->room, count, guard),
                              memory_order_release);
}

/* `plain`: the gate's semaphore alone, without the state that lets the gate outlive its owner. */
static void micro_lock(struct segment *seg, uint64_t me, bool plain) {
    if (!plain)
        gate_lock(seg->gate, me, NULL);
    else
        while (sem_wait(&seg->gate->tokens) != 0)
            ;
}

static void micro_unlock(struct segment *seg, uint64_t me, bool plain) {
    if (!plain)
        gate_unlock(seg->gate, me);
    else
        sem_post(&seg->gate->tokens);
}

/* The same line as browsers are sent it. */
static size_t micro_frame(const char text[LINE], uint8_t *out, uint32_t *id_at) {
    static struct event_clock clock;
    struct event_line line = {.kind = EVENT_SAY,
                              .epoch = 0x0123456789abcdef,
                              .ms = 1764090245120 + (int64_t)*id_at,
                              .who = "ann",
                              .text = text,
                              .text_len = LINE};
    return event_line(&clock, &line, out, EVENT_LINE_MAX, id_at);
}

static void micro_produce(struct segment *seg, uint32_t index, uint32_t lines, uint32_t batch,
                          bool plain) {
    struct slot *slot = &seg->slots[index];
    static const char text[LINE] =
        "a line of talk, as long as lines of talk are on the average....";
    struct room_line line = {.entry = {.kind = ENTRY_SPEECH, .slot = (uint8_t)index}};
    uint8_t frame[EVENT_LINE_MAX];
    for (int e = 0; e < ENC_RINGS; e++) {
        line.text[e] = text;
        line.len[e] = LINE;
    }
    line.text[RING_JSON] = frame;
    line.len[RING_JSON] = (uint32_t)micro_frame(text, frame, &line.id_at);
    uint64_t me = atomic_load(&slot->incarnation);
    for (uint32_t done = 0; done < lines;) {
        struct batch b;
        micro_lock(seg, me, plain);
        room_begin(&seg->room, &b);
        uint32_t i = 0;
        while (i < batch && room_append(&seg->room, &b, &line))
            i++;
        room_commit(&seg->room, &b);
        micro_unlock(seg, me, plain);
        slots_ring(seg->slots, atomic_load(&seg->header->slots_used), (int)index);
        done += i;
        micro_follow(seg, slot);
    }
}

/* Returns nanoseconds a line. */
static double micro_published(uint32_t producers, uint32_t batch, bool plain) {
    struct segment seg;
    micro_make(&seg);
    for (uint32_t i = 0; i < producers; i++) {
        struct slot *slot = &seg.slots[i];
        atomic_store(&slot->incarnation, segment_incarnation(&seg, i));
        atomic_store(&slot->guard, 1);
        atomic_store(&slot->cursor, 1);
        atomic_store(&slot->state, SLOT_SERVING);
    }
    atomic_store(&seg.header->slots_used, producers);
    uint64_t began = micro_now_ns();
    for (uint32_t i = 0; i < producers; i++) {
        if (fork() == 0) {
            micro_produce(&seg, i, LINES / producers, batch, plain);
            /* A slot that is not in use no longer bounds the ring for the others. */
            atomic_store(&seg.slots[i].state, SLOT_UNUSED);
            _exit(0);
        }
    }
    while (wait(NULL) > 0)
        ;
    double ns = (double)(micro_now_ns() - began) / LINES;
    segment_close(&seg);
    return ns;
}

static int micro_by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Runs both locks in turn, ROUNDS times; prints medians of the times and of the rounds' ratios. */
static void micro_publish(uint32_t producers, uint32_t batch) {
    double ns[ROUNDS], ratio[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        double plain = i % 2 ? micro_published(producers, batch, true) : 0;
        ns[i] = micro_published(producers, batch, false);
        ratio[i] = ns[i] / (i % 2 ? plain : micro_published(producers, batch, true));
    }
    qsort(ns, ROUNDS, sizeof ns[0], micro_by_size);
    qsort(ratio, ROUNDS, sizeof ratio[0], micro_by_size);
    double median = ns[ROUNDS / 2];
    printf("publish   %u producer%s  batches of %2u   %7.1f ns a line   %6.2f million lines/s   "
           "%.2f x a plain semaphore's\n",
           producers, producers > 1 ? "s" : " ", batch, median, 1000 / median, ratio[ROUNDS / 2]);
}

/* The stores of a flush that only a successor reads: the client that is being sent to, and how many
 * bytes its socket took. */
static void micro_keep(void) {
    struct segment seg;
    micro_make(&seg);
    struct slot *slot = &seg.slots[0];
    uint64_t began = micro_now_ns();
    for (uint32_t n = 0; n < LINES; n++) {
        struct client *c = &seg.clients.at[n % seg.clients.len];
        atomic_store_explicit(&slot->breadcrumb.client, n % seg.clients.len, memory_order_relaxed);
        atomic_store_explicit(&slot->breadcrumb.generation,
                              client_generation(atomic_load(&c->state_word)), memory_order_relaxed);
        atomic_store_explicit(&slot->breadcrumb.position, n, memory_order_relaxed);
        atomic_store_explicit(&slot->breadcrumb.phase, BREADCRUMB_FLUSH, memory_order_release);
        uint64_t sent = atomic_load_explicit(&c->sent, memory_order_relaxed);
        atomic_store_explicit(&c->sent, sent + LINE, memory_order_relaxed);
    }
    printf("flush     what is kept for a successor    %7.1f ns a client\n",
           (double)(micro_now_ns() - began) / LINES);
    segment_close(&seg);
}

/* What a line costs before it is published, only so that browsers may be sent it. */
static void micro_render(void) {
    static const char text[LINE] =
        "a line of talk, as long as lines of talk are on the average....";
    uint8_t frame[EVENT_LINE_MAX];
    uint32_t id_at = 0;
    uint64_t began = micro_now_ns();
    for (uint32_t n = 0; n < LINES; n++)
        micro_frame(text, frame, &id_at);
    printf("render    the line as a frame             %7.1f ns a line\n",
           (double)(micro_now_ns() - began) / LINES);
}

/* A round trip over two eventfds is two wake-ups. */
static void micro_wake(void) {
    int there = eventfd(0, 0), back = eventfd(0, 0);
    uint64_t one = 1, got;
    if (fork() == 0) {
        for (int i = 0; i < WAKES; i++) {
            if (read(there, &got, sizeof got) < 0 || write(back, &one, sizeof one) < 0)
                _exit(1);
        }
        _exit(0);
    }
    uint64_t began = micro_now_ns();
    for (int i = 0; i < WAKES; i++) {
        if (write(there, &one, sizeof one) < 0 || read(back, &got, sizeof got) < 0)
            break;
    }
    printf("wake-up   one bell to another process     %7.1f us\n",
           (double)(micro_now_ns() - began) / WAKES / 2000);
    wait(NULL);
}

int main(void) {
    printf("record    %zu bytes a client, of which a flush touches %zu (one cache line)\n",
           sizeof(struct client), offsetof(struct client, facts));
    printf("entry     %zu bytes a line\n", sizeof(struct entry));
    micro_publish(1, 1);
    micro_publish(1, 16);
    micro_publish(2, 1);
    micro_publish(2, 16);
    micro_publish(PRODUCERS_MAX, 1);
    micro_publish(PRODUCERS_MAX, 16);
    micro_render();
    micro_keep();
    micro_wake();
    return 0;
}
