/* gen.h - the load generator: many clients of one server, in a few processes.
 *
 * The parent (main.c) reads commands and gives them to its children one byte at a time; a child
 * (child.c) holds a share of the clients in one epoll loop.  The speakers are the first clients of
 * child 0.  Everything the processes share lies in one anonymous mapping made before the fork.
 *
 * A line is `^`, speaker (1 hex digit), sequence (8), time in ns (16), `x` up to its length, and an
 * end of two bytes: CR LF, in a frame `"}`.  Whatever a protocol puts around it is skipped: a
 * receiver looks for `^`, of a frame only at the place where a line that ends with it begins.  A
 * receiver checks that each speaker's sequence has no gap and the line is whole.
 *
 * A line is complete when every receiver has it: each child counts its own receivers per line, and
 * the child that finishes last counts the line as complete and wakes child 0, which may then send
 * the next (closed loop).  In an open loop the stamp is the time at which the line was to be sent,
 * so that waiting counts.
 *
 * With a far port the clients of the upper half of the children are on another server, which shares
 * the room; the speakers' own is the near one.  Latencies are then told apart. */
#ifndef BENCH_GEN_H
#define BENCH_GEN_H

#include "tests/bench/gen/hist.h"
#include "tests/bench/gen/proto.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    SPEAKERS_MAX = 8,
    CHILDREN_MAX = 64,
    SLOTS = 4096, /* lines of one speaker that may be on their way */
    BYTES_MIN = 32,
    BYTES_MAX = 4096,
    FRAME_MAX = BYTES_MAX + 512, /* an event with the longest line */
    STAMP = 26,                  /* bytes of `^`, speaker, sequence, time */
    STALL_SECONDS = 10,
};

/* Commands of the parent; a child answers with the same byte when it is done. */
enum command {
    COMMAND_ACCEPT = 'a', /* connect, and wait until the server has greeted */
    COMMAND_LOGIN = 'l',  /* the rest of the protocol's handshake */
    COMMAND_HABIT = 'h',  /* what the receivers do once, before the lines */
    COMMAND_BEGIN = 'b',  /* zero the counters */
    COMMAND_GO = 'g',     /* child 0: speak, and answer when every line is complete */
    COMMAND_END = 'e',    /* fill in the result */
};

struct run {
    double seconds;
    double rate;       /* lines a second, all speakers together; 0: closed loop */
    uint32_t window;   /* closed loop: lines on their way, all speakers together */
    uint32_t speakers; /* 1..SPEAKERS_MAX */
    uint32_t bytes;    /* a line's length with its end */
};

struct result { /* one child's, of one run */
    uint64_t deliveries;
    uint64_t gaps;        /* lines out of sequence */
    uint64_t torn;        /* lines damaged */
    uint64_t closed;      /* connections lost, ever */
    uint64_t segments;    /* data segments received: on loopback, the server's sends */
    double cpu;           /* share of a core */
    struct hist receiver; /* ns from a line's stamp to a receiver */
    struct hist last;     /* ... to the last receiver; of the lines this child finished */
};

struct shared {
    struct run run;
    uint64_t lines, lost; /* of the last run; written by child 0 */
    double elapsed;       /* seconds from the first line sent to the last complete */
    _Atomic bool kicked;  /* child 0 need not be woken twice */
    _Atomic uint32_t completed[SPEAKERS_MAX];   /* lines, ever */
    _Atomic uint32_t done[SPEAKERS_MAX][SLOTS]; /* children that have finished the line */
    struct result result[CHILDREN_MAX];
};

struct options {
    const struct proto *proto;
    const char *address;
    uint16_t port, far_port; /* far_port 0: there is one server */
    uint32_t clients, speakers, children;
    int core[CHILDREN_MAX]; /* child k runs on core[k % cores] */
    uint32_t cores;
};

/* Clients [first(k), first(k + 1)) belong to child k. */
static inline uint32_t share_first(const struct options *o, uint32_t child) {
    return (uint32_t)((uint64_t)o->clients * child / o->children);
}

/* Whether the child's clients are on the far server. */
static inline bool share_is_far(const struct options *o, uint32_t child) {
    return o->far_port != 0 && child >= o->children / 2;
}

/* How many of child's clients receive a line of this speaker. */
uint32_t share_receivers(const struct options *o, uint32_t child, uint32_t speaker);

/* A child's life, until its end of the socket pair is closed.  kick: eventfd of child 0. */
void child_run(struct shared *sh, const struct options *o, uint32_t self, int control, int kick);

#endif
