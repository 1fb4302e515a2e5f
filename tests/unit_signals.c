/* unit_signals.c - an order's way from the signal to the master that has done it, whichever
 * processes die on the way.  The test is guardian and masters: a master that dies makes no more
 * calls, and its successor is the next that calls signals_take. */
#include "master/signals.h"
#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>

static struct segment seg;
static struct segment_header *header;

static void set_up(void) {
    unit_segment(&seg, 65536);
    header = seg.header;
    seg.slots[MASTER_SLOT].bell_fd = eventfd(0, EFD_NONBLOCK);
    seg.slots[GUARDIAN_SLOT].bell_fd = eventfd(0, EFD_NONBLOCK);
}
TestSuite(signal_order, .init = set_up, .timeout = 180);

/* How often the slot's bell was rung since the last call. */
static uint64_t rung(uint32_t slot) {
    uint64_t n = 0;
    return read(seg.slots[slot].bell_fd, &n, sizeof n) == sizeof n ? n : 0;
}

/* ---- from the guardian to the master ---- */

Test(signal_order, without_a_signal_there_is_none) {
    cr_assert_eq(signals_take(header), 0);
    cr_assert_not(signals_pending(header, ORDER_RELOAD));
}

Test(signal_order, is_pending_from_the_signal_until_it_is_done) {
    signals_pass_on(&seg, ORDER_REOPEN);
    cr_assert(signals_pending(header, ORDER_REOPEN), "no master has taken it");
    cr_assert_eq(signals_take(header), ORDER_REOPEN);
    cr_assert(signals_pending(header, ORDER_REOPEN), "the master has only begun");
    cr_assert_not(signals_pending(header, ORDER_RELOAD), "another order");
    signals_done(&seg, ORDER_REOPEN);
    cr_assert_not(signals_pending(header, ORDER_REOPEN));
    cr_assert_eq(signals_take(header), 0);
}

Test(signal_order, the_master_is_rung_for_it_and_the_guardian_when_it_is_done) {
    signals_pass_on(&seg, ORDER_RELOAD);
    cr_assert_eq(rung(MASTER_SLOT), 1);
    cr_assert_eq(rung(GUARDIAN_SLOT), 0);
    signals_take(header);
    cr_assert_eq(rung(GUARDIAN_SLOT), 0, "it has only begun");
    signals_done(&seg, ORDER_RELOAD);
    cr_assert_eq(rung(GUARDIAN_SLOT), 1);
    cr_assert_eq(rung(MASTER_SLOT), 0);
}

Test(signal_order, ten_signals_before_a_master_looks_are_one) {
    for (int i = 0; i < 10; i++)
        signals_pass_on(&seg, ORDER_RELOAD);
    cr_assert_eq(signals_take(header), ORDER_RELOAD);
    signals_done(&seg, ORDER_RELOAD);
    cr_assert_eq(signals_take(header), 0);
}

/* The configuration may have changed after it was read. */
Test(signal_order, a_signal_while_the_master_obeys_the_same_counts_once_more) {
    signals_pass_on(&seg, ORDER_RELOAD);
    signals_take(header);
    signals_pass_on(&seg, ORDER_RELOAD);
    signals_done(&seg, ORDER_RELOAD);
    cr_assert(signals_pending(header, ORDER_RELOAD));
    cr_assert_eq(signals_take(header), ORDER_RELOAD);
    signals_done(&seg, ORDER_RELOAD);
    cr_assert_eq(signals_take(header), 0);
}

/* A reload before the upgrade, and the end last. */
Test(signal_order, those_of_every_kind_are_taken_one_by_one) {
    static const enum order all[] = {ORDER_RELOAD, ORDER_REOPEN, ORDER_UPGRADE, ORDER_STOP,
                                     ORDER_STORE};
    enum { COUNT = sizeof all / sizeof all[0] };
    for (int i = COUNT; i-- > 0;)
        signals_pass_on(&seg, all[i]);
    for (int i = 0; i < COUNT; i++) {
        cr_assert_eq(signals_take(header), all[i]);
        for (int k = i; k < COUNT; k++)
            cr_assert(signals_pending(header, all[k]), "%d is lost by %d", all[k], all[i]);
        signals_done(&seg, all[i]);
        for (int k = 0; k < COUNT; k++)
            cr_assert_eq(signals_pending(header, all[k]), k > i);
    }
    cr_assert_eq(signals_take(header), 0);
}

/* ---- masters that die ---- */

Test(signal_order, what_a_dead_master_had_begun_is_taken_by_each_successor_until_it_is_done) {
    signals_pass_on(&seg, ORDER_UPGRADE);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(signals_take(header), ORDER_UPGRADE, "master %d", i);
    signals_done(&seg, ORDER_UPGRADE);
    cr_assert_eq(signals_take(header), 0);
}

Test(signal_order, what_a_dead_master_had_begun_does_not_hide_what_came_since) {
    signals_pass_on(&seg, ORDER_REOPEN);
    signals_take(header);
    signals_pass_on(&seg, ORDER_RELOAD);
    signals_pass_on(&seg, ORDER_STOP);
    cr_assert_eq(signals_take(header), ORDER_RELOAD);
    signals_done(&seg, ORDER_RELOAD);
    cr_assert_eq(signals_take(header), ORDER_REOPEN);
    signals_done(&seg, ORDER_REOPEN);
    cr_assert_eq(signals_take(header), ORDER_STOP);
}

/* A master that dies within signals_take leaves the order in both words. */
Test(signal_order, a_death_between_the_two_words_makes_it_no_second_order) {
    atomic_store(&header->orders, ORDER_RELOAD | ORDER_REOPEN);
    atomic_store(&header->doing, ORDER_RELOAD);
    cr_assert_eq(signals_take(header), ORDER_RELOAD);
    signals_done(&seg, ORDER_RELOAD);
    cr_assert_eq(signals_take(header), ORDER_REOPEN);
    signals_done(&seg, ORDER_REOPEN);
    cr_assert_eq(signals_take(header), 0);
}

/* ---- the signals themselves ---- */

Test(signal_order, each_signal_asks_for_one_thing) {
    static const struct {
        int signo;
        enum signals_order order;
    } cases[] = {{SIGCHLD, SIGNALS_CHILD},   {SIGHUP, SIGNALS_RELOAD}, {SIGUSR1, SIGNALS_REOPEN},
                 {SIGUSR2, SIGNALS_UPGRADE}, {SIGTERM, SIGNALS_STOP},  {SIGINT, SIGNALS_STOP},
                 {SIGQUIT, SIGNALS_STOP},    {SIGPWR, SIGNALS_STORE}};
    int fd = signals_open(header, false);
    cr_assert_geq(fd, 0);
    cr_assert_eq(signals_read(fd), SIGNALS_NONE);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        raise(cases[i].signo);
        cr_assert_eq(signals_read(fd), cases[i].order, "signal %d", cases[i].signo);
        cr_assert_eq(signals_read(fd), SIGNALS_NONE, "signal %d", cases[i].signo);
    }
}

/* It has the descriptor table of the one that died. */
Test(signal_order, a_guardian_that_takes_over_closes_the_signalfd_of_the_one_before) {
    int first = signals_open(header, false);
    raise(SIGHUP);
    int second = signals_open(header, true);
    cr_assert(second >= 0 && second != first);
    cr_assert_eq(header->master.signal_fd, second);
    cr_assert_eq(fcntl(first, F_GETFD), -1);
    cr_assert_eq(signals_read(second), SIGNALS_RELOAD, "what is pending is not lost");
}

/* After an execve the number is another descriptor's. */
Test(signal_order, an_upgraded_guardian_closes_no_descriptor) {
    int other = dup(STDERR_FILENO);
    header->master.signal_fd = other;
    cr_assert_geq(signals_open(header, false), 0);
    cr_assert_neq(fcntl(other, F_GETFD), -1);
}
