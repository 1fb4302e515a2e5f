/* unit_who.c - the lists of `look` and `who`: idle times, over years; sending in parts; and where a
 * list ends. */
#include "tests/unit_worker.h"
#include "worker/output/who.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define MINUTES(n) ((uint32_t)(n)*600u) /* in tenths of a second */
#define DAYS(n) MINUTES((n)*24u * 60u)

static struct segment seg;
static struct worker worker;

/* The segment is ten years old, so that all times below are after its creation. */
static void set_up(void) {
    unit_segment(&seg, 65536);
    seg.header->epoch_ms -= 10ull * 365 * 86400 * 1000;
    unit_worker(&worker, &seg);
}
TestSuite(who, .init = set_up);

static void idle_since(struct client *c, uint32_t tenths) {
    client_begin(c)->last_input = segment_tenths(&seg) - tenths;
    client_commit(c);
}

static void begin(struct client *c, uint32_t which) {
    struct change ch;
    change_begin(&ch, &worker, c);
    who_begin(&ch, which);
    cr_assert(change_commit(&ch));
}

/* ---- idle times as text ---- */

Test(who, idle_time_is_given_in_the_largest_unit_that_is_full) {
    static const struct {
        uint32_t tenths;
        const char *text; /* NULL: not idle */
    } cases[] = {
        {0, NULL},
        {590, NULL},
        {599, NULL},
        {600, "1m"},
        {MINUTES(5), "5m"},
        {MINUTES(59) + 599, "59m"},
        {MINUTES(60), "1h"},
        {MINUTES(23 * 60) + 599, "23h"},
        {DAYS(1) - 1, "23h"},
        {DAYS(1), "1d"},
        {DAYS(25), "25d"},
        {DAYS(50), "50d"},
        {DAYS(3 * 365), "1095d"},
        {UINT32_MAX, "4971d"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[WHO_IDLE_TEXT] = "";
        bool idle = who_idle(cases[i].tenths, out);
        cr_expect_eq(idle, cases[i].text != NULL, "%u tenths", cases[i].tenths);
        if (cases[i].text)
            cr_expect_str_eq(out, cases[i].text, "%u tenths: %s", cases[i].tenths, out);
    }
}

/* ---- lists ---- */

Test(who, a_list_says_how_long_each_client_has_been_idle) {
    static const struct {
        uint32_t tenths;
        const char *line;
    } cases[] = {
        {0, "bob"},
        {MINUTES(5) + 10, "bob (idle 5m)"},
        {MINUTES(3 * 60) + 10, "bob (idle 3h)"},
        {DAYS(25) + 10, "bob (idle 25d)"}, /* 2^31 ms have passed */
        {DAYS(50) + 10, "bob (idle 50d)"}, /* 2^32 ms have passed */
        {DAYS(3 * 365) + 10, "bob (idle 1095d)"},
    };
    int peer[2];
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    struct client *bob = unit_named(&worker, "bob", &peer[1]);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[100];
        idle_since(ann, 0);
        idle_since(bob, cases[i].tenths);
        begin(ann, FACT_LIST_ALL);
        flush_client(&worker, ann);
        snprintf(text, sizeof text, "The following are logged in:\r\nann\r\n%s\r\n", cases[i].line);
        unit_hears(peer[0], text);
    }
}

Test(who, input_after_the_list_began_is_no_idle_time) {
    int peer;
    struct client *ann = unit_named(&worker, "ann", &peer);
    idle_since(ann, (uint32_t)-600); /* by another worker, which read its clock later */
    begin(ann, FACT_LIST_ALL);
    flush_client(&worker, ann);
    unit_hears(peer, "The following are logged in:\r\nann\r\n");
}

Test(who, look_has_the_same_clients_without_idle_times) {
    int peer[3];
    char text[100];
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    idle_since(ann, DAYS(2));
    unit_newcomer(&worker, &peer[1]);
    struct client *open = unit_client(&worker, &peer[2]);
    begin(ann, FACT_LIST_ROOM);
    flush_client(&worker, ann);
    snprintf(text, sizeof text, "The following are in this room:\r\nann\r\n[::1]:%u\r\n",
             open->port);
    unit_hears(peer[0], text);
}

Test(who, a_typed_command_is_answered_with_the_list) {
    int peer[2];
    unit_named(&worker, "ann", &peer[0]);
    struct client *bob = unit_named(&worker, "bob", &peer[1]);
    idle_since(worker_client(&worker, unit_holder(&worker, "ann")), MINUTES(5) + 10);
    unit_type(&worker, bob, peer[1], "who\n");
    unit_turn(&worker);
    unit_hears(peer[1], "The following are logged in:\r\nann (idle 5m)\r\nbob\r\n");
}

/* ---- parts ---- */

enum { MANY = 45, NAME_LEN = 90 };

/* Records of another worker's clients, without sockets, with numbers above the descriptors in
 * use. */
static void open_many(uint32_t first) {
    struct in6_addr address = in6addr_loopback;
    for (uint32_t i = 0; i < MANY; i++) {
        struct facts facts = unit_facts(&worker, FACT_IN_ROOM);
        char name[NAME_LEN + 1];
        snprintf(name, sizeof name, "%0*u", NAME_LEN, i);
        struct client *c = worker_client(&worker, first + i);
        cr_assert_neq(client_claim(c, client_word(c), 1, 1000 + i), 0);
        client_open(c, 1, 1000 + i, &facts, &address, 1);
        unit_set_name(&worker, c, name);
    }
}

Test(who, a_list_comes_in_parts_of_one_buffer_with_each_client_once) {
    static char all[1 << 16];
    int peer;
    struct client *ann = unit_named(&worker, "ann", &peer);
    uint32_t first = seg.clients.len - MANY, next = 0;
    cr_assert_lt((uint32_t)peer, first);
    open_many(first);
    begin(ann, FACT_LIST_ROOM);
    cr_assert(flush_waits(ann), "its input waits for the list");
    cr_assert(who_continue(&worker, ann));
    next = client_facts(ann)->list_next;
    cr_assert(next > first && next < seg.clients.len, "%u: the first part ends among them", next);
    cr_assert_leq(client_facts(ann)->tx_len, TX_DATA);
    flush_client(&worker, ann);
    strcpy(all, unit_heard(peer));
    const char *at = all + strlen("The following are in this room:\r\nann\r\n");
    for (uint32_t i = 0; i < MANY; i++, at += NAME_LEN + 2)
        cr_assert_eq(atoi(at), (int)i, "%.*s", NAME_LEN, at);
    cr_assert_str_empty(at);
    cr_assert_eq(unit_buffers(&worker, ann), 0);
    cr_assert_not(flush_waits(ann));
}

/* The asker's socket was full, so the first part could not be made before the line was applied. */
Test(who, a_private_line_does_not_part_the_heading_from_the_list) {
    int peer[2];
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    struct client *bob = unit_named(&worker, "bob", &peer[1]);
    begin(bob, FACT_LIST_ALL);
    bob->mode = MODE_BLOCKED;
    unit_type(&worker, ann, peer[0], "/msg bob hello\n");
    unit_turn(&worker);
    flush_unblock(&worker, bob);
    unit_hears(peer[1], "[ann] hello\r\nThe following are logged in:\r\nann\r\nbob\r\n");
}

Test(who, a_list_without_a_free_buffer_begins_later) {
    int peer;
    struct client *ann = unit_named(&worker, "ann", &peer);
    begin(ann, FACT_LIST_ROOM);
    unit_take_buffers(&worker);
    flush_client(&worker, ann);
    unit_hears(peer, "");
    cr_assert_eq(client_facts(ann)->list_next, 0);
    cr_assert(client_facts(ann)->flags & FACT_LIST_ROOM);
    unit_give_buffers(&worker);
    flush_client(&worker, ann);
    unit_hears(peer, "The following are in this room:\r\nann\r\n");
}

/* A damaged record: no other record is read. */
Test(who, a_position_beyond_the_table_ends_the_list) {
    static const uint32_t beyond[] = {0, 1, 1000, UINT32_MAX};
    int peer;
    struct client *ann = unit_named(&worker, "ann", &peer);
    for (int i = 0; i < 4; i++) {
        struct facts *f = client_begin(ann);
        f->flags |= i % 2 ? FACT_LIST_ROOM : FACT_LIST_ALL;
        f->list_next = beyond[i] == UINT32_MAX ? UINT32_MAX : seg.clients.rows + beyond[i];
        client_commit(ann);
        cr_assert(who_continue(&worker, ann));
        cr_assert_not(client_facts(ann)->flags & (FACT_LIST_ROOM | FACT_LIST_ALL));
        cr_assert_eq(client_facts(ann)->tx_len, 0);
        cr_assert_lt(ann->mode, ENC_RINGS, "the room's lines follow");
    }
}

/* The client was overrun after it had asked. */
Test(who, a_list_is_not_cut_by_the_notice_of_skipped_lines) {
    int peer[2];
    struct client *bob = unit_named(&worker, "bob", &peer[0]);
    unit_named(&worker, "ann", &peer[1]);
    begin(bob, FACT_LIST_ALL);
    client_begin(bob)->lines_lost = 3;
    client_commit(bob);
    unit_flush(&worker);
    unit_hears(peer[0], "The following are logged in:\r\nbob\r\nann\r\n*** 3 lines skipped\r\n");
}
