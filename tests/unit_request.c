/* unit_request.c - requests to the master: rows, their outcomes, and what a death leaves. */
#include "ipc/request.h"

#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

TestSuite(request, .timeout = 60);

static struct request rows[REQUESTS];

static enum request_added add(uint64_t id) {
    return request_add(rows, id, "reload", "");
}

/* Carries out the next one. */
static void carry_out(bool done, const char *outcome) {
    struct request *row = request_next(rows);
    cr_assert_not_null(row);
    cr_assert(request_take(row));
    request_end(row, done, outcome);
}

static uint32_t state_of(uint64_t id) {
    struct request copy;
    return request_find(rows, id, &copy) ? atomic_load(&copy.state) : UINT32_MAX;
}

Test(request, carries_verb_text_and_outcome) {
    struct request copy;
    cr_assert_eq(request_add(rows, 7, "loglevel", "debug"), REQUEST_ADDED);
    cr_assert(request_find(rows, 7, &copy));
    cr_assert_eq(atomic_load(&copy.state), REQUEST_ASKED);
    cr_assert_str_eq(copy.verb, "loglevel");
    cr_assert_str_eq(copy.text, "debug");
    cr_assert_not(request_find(rows, 8, &copy));
    cr_assert(request_take(request_next(rows)));
    cr_assert_eq(state_of(7), REQUEST_TAKEN);
    request_end(request_next(rows), false, "no such level");
    cr_assert(request_find(rows, 7, &copy));
    cr_assert_eq(atomic_load(&copy.state), REQUEST_REFUSED);
    cr_assert_str_eq(copy.outcome, "no such level");
    cr_assert_null(request_next(rows));
}

Test(request, an_id_is_added_once_in_every_state) {
    cr_assert_eq(add(7), REQUEST_ADDED);
    cr_assert_eq(add(7), REQUEST_THERE);
    cr_assert(request_take(request_next(rows)));
    cr_assert_eq(add(7), REQUEST_THERE);
    request_end(request_next(rows), true, "");
    cr_assert_eq(add(7), REQUEST_THERE);
    cr_assert_null(request_next(rows), "it is not done twice");
}

Test(request, they_are_carried_out_in_their_order) {
    uint64_t ids[] = {50, 3, 99, 4, 1, 20, 77, 8};
    for (int i = 0; i < REQUESTS; i++)
        cr_assert_eq(add(ids[i]), REQUEST_ADDED);
    for (int i = 0; i < REQUESTS; i++) {
        cr_assert_eq(atomic_load(&request_next(rows)->id), ids[i]);
        carry_out(true, "");
    }
}

Test(request, a_ninth_finds_all_busy_until_one_is_finished) {
    for (uint64_t id = 1; id <= REQUESTS; id++)
        cr_assert_eq(add(id), REQUEST_ADDED);
    cr_assert_eq(add(9), REQUEST_BUSY);
    cr_assert(request_take(request_next(rows)));
    cr_assert_eq(add(9), REQUEST_BUSY, "taken is not finished");
    request_end(request_next(rows), true, "");
    cr_assert_eq(add(9), REQUEST_ADDED);
    cr_assert_eq(state_of(1), UINT32_MAX);
    cr_assert_eq(atomic_load(&request_next(rows)->id), 2, "a reused row is no younger");
}

Test(request, the_oldest_outcome_is_given_up_first) {
    for (uint64_t id = 1; id <= REQUESTS; id++)
        cr_assert_eq(add(id), REQUEST_ADDED);
    for (int i = 0; i < REQUESTS; i++)
        carry_out(true, "");
    for (uint64_t id = 9; id <= 12; id++) {
        cr_assert_eq(add(id), REQUEST_ADDED);
        carry_out(true, "");
        cr_assert_eq(state_of(id - 8), UINT32_MAX);
        cr_assert_eq(state_of(id - 7), REQUEST_DONE);
    }
}

Test(request, what_does_not_fit_is_refused) {
    char text[REQUEST_TEXT_LEN + 1], verb[REQUEST_VERB_LEN + 1];
    memset(text, 'x', sizeof text);
    memset(verb, 'v', sizeof verb);
    text[REQUEST_TEXT_LEN] = verb[REQUEST_VERB_LEN] = '\0';
    cr_assert_eq(request_add(rows, 1, "ban", text), REQUEST_LONG);
    cr_assert_eq(request_add(rows, 1, verb, ""), REQUEST_LONG);
    text[REQUEST_TEXT_LEN - 1] = verb[REQUEST_VERB_LEN - 1] = '\0';
    cr_assert_eq(request_add(rows, 1, verb, text), REQUEST_ADDED);
    request_end(request_next(rows), true, text);
    struct request copy;
    cr_assert(request_find(rows, 1, &copy));
    cr_assert_str_eq(copy.text, text);
    cr_assert_str_eq(copy.outcome, text);
}

/* ---- deaths ---- */

Test(request, a_successor_carries_it_out_again_but_no_third_time) {
    cr_assert_eq(add(7), REQUEST_ADDED);
    cr_assert(request_take(request_next(rows))); /* and the master dies */
    cr_assert_eq(add(8), REQUEST_ADDED);
    cr_assert_eq(atomic_load(&request_next(rows)->id), 7, "before the younger one");
    cr_assert(request_is_taken(rows, "reload"));
    cr_assert_not(request_is_taken(rows, "upgrade"));
    cr_assert(request_take(request_next(rows))); /* and it dies again */
    cr_assert_not(request_take(request_next(rows)));
    request_end(request_next(rows), false, "twice");
    cr_assert_eq(atomic_load(&request_next(rows)->id), 8);
}

/* A worker that dies while it fills a row leaves state FREE and any id. */
Test(request, a_row_half_filled_by_a_dead_worker_is_free) {
    struct request copy;
    atomic_store(&rows[0].id, 7);
    rows[0].order = 1000;
    cr_assert_not(request_find(rows, 7, &copy));
    cr_assert_null(request_next(rows));
    cr_assert_eq(add(7), REQUEST_ADDED, "asked again");
    cr_assert_eq(rows[0].order, 1);
    cr_assert_eq(state_of(7), REQUEST_ASKED);
}

Test(request, an_upgrade_is_ended_by_the_next_master) {
    cr_assert_eq(request_add(rows, 7, "upgrade", ""), REQUEST_ADDED);
    request_execute(rows, "upgrade");
    cr_assert_eq(state_of(7), REQUEST_ASKED, "a signal's upgrade concerns no request");
    cr_assert(request_take(request_next(rows)));
    request_execute(rows, "upgrade");
    cr_assert_eq(state_of(7), REQUEST_EXECUTING);
    cr_assert_null(request_next(rows), "a successor does not upgrade again");
    cr_assert_eq(add(7), REQUEST_THERE);
    request_execute_failed(rows);
    cr_assert_eq(state_of(7), REQUEST_TAKEN);
    request_execute(rows, "upgrade");
    request_end_executing(rows, true, "upgraded");
    cr_assert_eq(state_of(7), REQUEST_DONE);
    request_end_executing(rows, false, "the standby is too late");
    cr_assert_eq(state_of(7), REQUEST_DONE);
}

Test(request, an_upgrade_by_signal_leaves_other_requests_alone) {
    cr_assert_eq(add(7), REQUEST_ADDED);
    cr_assert(request_take(request_next(rows)));
    request_execute(rows, "upgrade");
    cr_assert_eq(state_of(7), REQUEST_TAKEN);
    request_end_executing(rows, true, "upgraded");
    cr_assert_eq(state_of(7), REQUEST_TAKEN);
}

/* ---- watching ---- */

enum { REUSES = 200000 };
struct reused {
    struct request rows[REQUESTS];
    _Atomic uint64_t newest; /* id of the last that was finished */
};

/* Fills and ends all rows again and again.  What is in a row names its id. */
static void reuse(struct reused *shared) {
    char text[REQUEST_TEXT_LEN] = "";
    for (uint64_t id = 1;; id++) {
        memset(text, 'a' + (int)(id % 26), sizeof text - 1);
        request_add(shared->rows, id, "reload", text);
        request_take(request_next(shared->rows));
        request_end(request_next(shared->rows), true, text);
        atomic_store(&shared->newest, id);
    }
}

/* Another process looks for the request whose row is reused next. */
Test(request, a_reader_never_takes_another_requests_outcome_for_its_own) {
    struct reused *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(shared, MAP_FAILED);
    pid_t pid = unit_fork();
    if (pid == 0)
        reuse(shared);
    uint64_t found = 0, id;
    while ((id = atomic_load(&shared->newest)) < REUSES || found == 0) {
        struct request copy;
        if (id < REQUESTS || !request_find(shared->rows, id - REQUESTS + 1, &copy))
            continue;
        char letter[] = {(char)('a' + (id - REQUESTS + 1) % 26), '\0'};
        cr_assert_eq(atomic_load(&copy.state), REQUEST_DONE);
        cr_assert_eq(strspn(copy.outcome, letter), REQUEST_TEXT_LEN - 1);
        cr_assert_eq(strspn(copy.text, letter), REQUEST_TEXT_LEN - 1);
        found++;
    }
    kill(pid, SIGKILL);
    unit_join(pid);
}

Test(request, is_found_in_a_mapping_that_only_reads) {
    struct segment seg;
    unit_segment(&seg, 1 << 16);
    cr_assert_eq(request_add(seg.requests, 7, "reopen", ""), REQUEST_ADDED);
    size_t at = (size_t)((char *)seg.requests - (char *)seg.header);
    char *base =
        mmap(NULL, at + sizeof(struct request) * REQUESTS, PROT_READ, MAP_SHARED, seg.fd, 0);
    cr_assert_neq(base, MAP_FAILED);
    struct request copy;
    cr_assert(request_find((const struct request *)(const void *)(base + at), 7, &copy));
    cr_assert_str_eq(copy.verb, "reopen");
    segment_close(&seg);
}
