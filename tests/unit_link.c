/* unit_link.c - the link's words with a real engine: what each script does, and what becomes of its
 * answers. */
#include "tests/unit_link.h"

#include "worker/protocol/item.h"
#include "worker/relay/script.h"

TestSuite(link, .timeout = 180);

static struct redis *engine;

static struct machine *paris_up(void) {
    engine = redis_start("\n");
    struct machine *m = machine_start(engine, "paris");
    machine_expect(m, "hello mark 7 turn 1");
    return m;
}

/* The payload of the stream's last entry. */
static const char *last_item(void) {
    return redis_do(engine, "EVAL",
                    "return redis.call('XREVRANGE','chatroom:lines','+','-','COUNT',1)[1][2][2]",
                    "0");
}

/* As the other machines will read it. */
static struct item read_item(const char *payload) {
    struct item item;
    const char *wrong = item_read(payload, strlen(payload), "Chatroom", &item);
    cr_assert_null(wrong, "%s: %s", payload, wrong);
    return item;
}

Test(link, says_hello_once_a_life_and_is_up) {
    struct machine *m = paris_up();
    cr_assert(link_is_up(m->link));
    cr_assert_str_eq(link_state(m->link), "up");
    cr_assert_str_eq(link_peer(m->link), engine->endpoint);
    redis_expect(engine, "0000000000000abc 7 1", "HGET", "chatroom:marks", "paris");
    redis_expect(engine, "0000000000000abc 1", "HGET", "chatroom:nodes", "paris");
    redis_expect(engine, "0000000000000abc", "GET", "chatroom:lease:paris");
    struct item hello = read_item(last_item());
    cr_assert_eq(hello.kind, ITEM_HELLO);
    cr_assert_str_eq(hello.node, "paris");
    cr_assert_eq(hello.life, 0xabc);
    cr_assert_eq(hello.turn, 1);
    cr_assert_eq(hello.index, 7);
    cr_assert_eq(hello.lines, 3);
    cr_assert_eq(m->hellos, 1);
}

Test(link, passes_items_in_order) {
    struct machine *m = paris_up();
    cr_assert(machine_pass(m, 7, 9, "one"));
    cr_assert(machine_pass(m, 9, 12, "two\twith a tab"));
    cr_assert_eq(link_waiting(m->link), 2);
    machine_expect(m, "passed 9");
    machine_expect(m, "passed 12");
    cr_assert_eq(link_waiting(m->link), 0);
    cr_assert_str_eq(last_item(), "two\twith a tab");
    redis_expect(engine, "0000000000000abc 12 1", "HGET", "chatroom:marks", "paris");
}

Test(link, an_item_behind_another_than_the_last_is_refused) {
    struct machine *m = paris_up();
    machine_pass(m, 8, 9, "one");
    machine_pass(m, 9, 10, "two");
    machine_pass(m, 7, 8, "three");
    machine_expect(m, "gap 9 mark 7");
    machine_expect(m, "gap 10 mark 7");
    machine_expect(m, "passed 8");
    redis_do(engine, "HDEL", "chatroom:marks", "paris");
    machine_pass(m, 8, 9, "one");
    machine_expect(m, "gap 9 mark 0 of none");
    redis_expect(engine, "2", "XLEN", "chatroom:lines");
}

Test(link, items_change_who_is_here) {
    struct machine *m = paris_up();
    machine_pass_op(m, 7, 8, '+', "ann", "");
    machine_pass_op(m, 8, 9, '+', "bot", "b");
    machine_pass_op(m, 9, 10, 'r', "bot", "robot");
    machine_pass_op(m, 10, 11, '+', "bob", NULL);
    machine_pass_op(m, 11, 12, '-', "ann", "");
    for (int i = 8; i <= 12; i++)
        machine_expect(m, "passed %d", i);
    redis_expect(engine, "2", "HLEN", "chatroom:people:paris");
    redis_expect(engine, "b", "HGET", "chatroom:people:paris", "robot");
    redis_expect(engine, "", "HGET", "chatroom:people:paris", "bob");
}

Test(link, a_lost_lease_is_a_lost_link_and_is_taken_again) {
    struct machine *m = paris_up();
    redis_do(engine, "DEL", "chatroom:lease:paris");
    machine_pass(m, 7, 8, "one");
    machine_expect(m, "lost");
    machine_expect(m, "hello mark 7 turn 1");
    redis_expect(engine, "0000000000000abc", "GET", "chatroom:lease:paris");
    redis_expect(engine, "1", "XLEN", "chatroom:lines");
}

Test(link, begins_anew_where_it_is_asked_to) {
    struct machine *m = paris_up();
    machine_pass(m, 7, 8, "one");
    link_again(m->link, "the list of people may be wrong");
    machine_expect(m, "lost");
    machine_next(m);
    cr_assert_eq(m->event.kind, LINK_HELLO);
    cr_assert_eq(m->event.turn, 1);
}

Test(link, an_engine_that_was_flushed_is_given_another_mark) {
    struct machine *m = paris_up();
    machine_pass(m, 7, 8, "one");
    machine_expect(m, "passed 8");
    redis_do(engine, "FLUSHALL");
    m->hello.acked = m->hello.from = 8;
    m->hello.from = 5;
    m->hello.turn = 1;
    machine_pass(m, 8, 9, "two");
    machine_expect(m, "lost");
    machine_expect(m, "hello mark 5 turn 2");
    cr_assert_eq(read_item(last_item()).index, 8, "what machines that are new begin behind");
    redis_expect(engine, "0000000000000abc 5 2", "HGET", "chatroom:marks", "paris");
}

Test(link, a_life_before_the_one_that_is_known_is_refused) {
    struct machine *m = paris_up();
    link_bye(m->link, m->hello.life);
    machine_expect(m, "lost");
    m->hello.life = 0xabb;
    link_configure(m->link, &m->config);
    machine_expect(m, "later abc");
    m->hello.life = 0xabd;
    machine_expect(m, "hello mark 7 turn 1");
    redis_expect(engine, "0000000000000abd 1", "HGET", "chatroom:nodes", "paris");
    redis_expect(engine, "0000000000000abd 7 1", "HGET", "chatroom:marks", "paris");
}

Test(link, a_new_life_ends_the_old_one) {
    struct machine *m = paris_up();
    redis_do(engine, "DEL", "chatroom:lease:paris");
    struct machine *next = machine_new("paris");
    next->hello.life = 0xfff;
    machine_address(next, engine->address, engine->port);
    link_configure(next->link, &next->config);
    machine_expect(next, "hello mark 7 turn 1");
    redis_expect(engine, "3", "XLEN", "chatroom:lines");
    cr_assert(link_history(next->link, 3));
    machine_next(next);
    struct item hello = read_item(next->text + 5);
    machine_next(next);
    struct item end = read_item(next->text + 5);
    cr_assert_eq(hello.kind, ITEM_HELLO);
    cr_assert_eq(hello.life, 0xfff);
    cr_assert_eq(end.kind, ITEM_END);
    cr_assert_eq(end.life, 0xabc);
    cr_assert_eq(end.turn, 1);
    (void)m;
}

Test(link, a_name_in_use_is_waited_for) {
    paris_up();
    struct machine *other = machine_new("paris");
    other->hello.life = 0xabd;
    machine_address(other, engine->address, engine->port);
    link_configure(other->link, &other->config);
    machine_until_said(other,
                       "node \"paris\" is in use by another machine; trying again (a machine "
                       "that was killed frees its name after 10 s)");
    for (int i = 0; i < 5; i++) { /* said once */
        uint32_t hellos = other->hellos;
        other->ahead += 2000;
        while (other->hellos == hellos)
            cr_assert_not(machine_turn(other, 10), "%s", machine_tell(other));
    }
    cr_assert_eq(machine_said(other, "in use"), 1, "%s", other->log);
    cr_assert(strstr(link_state(other->link), "in use by another machine"));
    redis_do(engine, "DEL", "chatroom:lease:paris");
    other->ahead += 2000;
    machine_expect(other, "hello mark 7 turn 1");
}

Test(link, a_lease_is_kept_by_beats) {
    struct machine *m = paris_up();
    redis_do(engine, "PEXPIRE", "chatroom:lease:paris", "5000");
    m->ahead += LINK_BEAT_MS;
    while (atoi(redis_do(engine, "PTTL", "chatroom:lease:paris")) <= 5000)
        cr_assert_not(machine_turn(m, 10), "%s", machine_tell(m));
}

Test(link, a_machine_without_a_lease_is_ended_but_not_at_once) {
    struct machine *m = paris_up();
    redis_do(engine, "HSET", "chatroom:nodes", "rome", "0000000000000def 4");
    redis_do(engine, "HSET", "chatroom:marks", "rome", "0000000000000def 77 4");
    redis_do(engine, "HSET", "chatroom:people:rome", "ann", "");
    m->ahead += 14000;
    machine_turn(m, 0);
    machine_round_trip(m);
    redis_expect(engine, "2", "HLEN", "chatroom:nodes");
    m->ahead += 3000;
    machine_turn(m, 0);
    machine_round_trip(m);
    redis_expect(engine, "(nil)", "HGET", "chatroom:nodes", "rome");
    redis_expect(engine, "0", "EXISTS", "chatroom:people:rome");
    redis_expect(engine, "1", "HLEN", "chatroom:nodes");
    struct item end = read_item(last_item());
    cr_assert_eq(end.kind, ITEM_END);
    cr_assert_str_eq(end.node, "rome");
    cr_assert_eq(end.life, 0xdef);
    cr_assert_eq(end.turn, 4);
    cr_assert_eq(end.index, 77);
}

Test(link, reads_what_is_there_and_what_comes) {
    struct machine *m = paris_up();
    machine_pass(m, 7, 8, "one");
    machine_pass(m, 8, 9, "two");
    machine_expect(m, "passed 8");
    machine_expect(m, "passed 9");
    link_read(m->link, (struct stream_id){0, 0});
    cr_assert(strncmp(machine_next(m), "item 1\tparis\t", 13) == 0, "%s", m->text);
    machine_expect(m, "item one");
    machine_expect(m, "item two");
    struct stream_id last = m->event.id;
    cr_assert_neq(last.ms, 0);
    machine_expect(m, "read");
    link_read(m->link, last);
    for (int i = 0; i < 5; i++)
        cr_assert_not(machine_turn(m, 20), "%s", machine_tell(m));
    redis_do(engine, "XADD", "chatroom:lines", "*", "i", "three");
    machine_expect(m, "item three");
    machine_expect(m, "read");
}

Test(link, a_reading_ends_though_nothing_came) {
    struct machine *m = paris_up();
    struct stream_id from = {UINT64_MAX / 2, 0};
    redis_do(engine, "DEL", "chatroom:lines");
    for (int i = 0; i < 2; i++) {
        link_read(m->link, from);
        machine_expect(m, "read");
    }
    link_read(m->link, from);
    redis_do(engine, "XADD", "chatroom:lines", "9223372036854775807-5", "i", "late");
    machine_expect(m, "item late");
    cr_assert_eq(m->event.id.ms, INT64_MAX);
    cr_assert_eq(m->event.id.seq, 5);
    machine_expect(m, "read");
}

Test(link, entries_that_are_no_items_are_given_with_no_bytes) {
    struct machine *m = paris_up();
    static char big[100001];
    memset(big, 'x', sizeof big - 1);
    struct stream_id from = {0, 0};
    redis_do(engine, "DEL", "chatroom:lines");
    redis_do(engine, "XADD", "chatroom:lines", "*", "i", big);
    redis_do(engine, "XADD", "chatroom:lines", "*", "other", "one", "more", "two");
    redis_do(engine, "XADD", "chatroom:lines", "*", "i", "");
    redis_do(engine, "XADD", "chatroom:lines", "*", "i", "good");
    link_read(m->link, from);
    machine_expect(m, "item ");
    machine_expect(m, "item one"); /* for item_read to refuse */
    machine_expect(m, "item ");
    machine_expect(m, "item good");
    machine_expect(m, "read");
}

Test(link, more_items_than_one_reading_gives_are_read_in_turns) {
    struct machine *m = paris_up();
    uint64_t prev = 7;
    char text[4000];
    struct stream_id last = {0, 0};
    unsigned items = 0, readings = 0;
    memset(text, 'y', sizeof text);
    text[sizeof text - 1] = '\0';
    for (uint64_t i = 0; i < 600; i++) {
        while (!machine_pass(m, prev, prev + 1, text)) /* the buffer is bounded */
            cr_assert(strncmp(machine_next(m), "passed ", 7) == 0);
        prev++;
    }
    while (link_waiting(m->link) > 0)
        cr_assert(strncmp(machine_next(m), "passed ", 7) == 0);
    for (link_read(m->link, last); items < 601;) {
        if (strcmp(machine_next(m), "read") == 0) {
            readings++;
            link_read(m->link, last);
            continue;
        }
        last = m->event.id;
        cr_assert(items == 0 || (m->event.len == sizeof text - 1 &&
                                 memcmp(m->event.bytes, text, sizeof text - 1) == 0));
        items++;
    }
    cr_assert_eq(readings, 2);
}

Test(link, the_window_is_bounded) {
    struct machine *m = paris_up();
    for (uint64_t i = 0; i < LINK_WINDOW; i++)
        cr_assert(machine_pass(m, 7 + i, 8 + i, "x"));
    cr_assert_not(machine_pass(m, 7 + LINK_WINDOW, 8 + LINK_WINDOW, "x"));
    machine_expect(m, "passed 8");
    cr_assert(machine_pass(m, 7 + LINK_WINDOW, 8 + LINK_WINDOW, "x"));
    for (uint64_t i = 1; i <= LINK_WINDOW; i++)
        machine_expect(m, "passed %" PRIu64, 8 + i);
}

Test(link, the_world_is_told_with_its_people) {
    struct machine *m = paris_up();
    machine_pass_op(m, 7, 8, '+', "ann", "");
    machine_expect(m, "passed 8");
    redis_do(engine, "HSET", "chatroom:nodes", "rome", "0000000000000def 4");
    redis_do(engine, "HSET", "chatroom:marks", "rome", "0000000000000def 77 4");
    redis_do(engine, "HSET", "chatroom:people:rome", "bot", "b");
    redis_do(engine, "HSET", "chatroom:nodes", "oslo", "00000000000000aa 2");
    cr_assert(link_world(m->link));
    bool paris = false, rome = false, oslo = false;
    for (int i = 0; i < 3; i++) {
        machine_next(m);
        if (strcmp(m->text, "node paris life abc turn 1 mark 8") == 0) {
            paris = true;
            machine_expect(m, "person ann=");
        } else if (strcmp(m->text, "node rome life def turn 4 mark 77") == 0) {
            rome = true;
            machine_expect(m, "person bot=b");
        } else {
            cr_assert_str_eq(m->text, "node oslo life aa turn 2 mark 0");
            oslo = true;
        }
    }
    cr_assert(paris && rome && oslo);
    machine_expect(m, "world");
    cr_assert_neq(m->event.last.ms, 0);
    redis_do(engine, "FLUSHALL");
    cr_assert(link_world(m->link));
    machine_expect(m, "world");
    cr_assert_eq(m->event.last.ms, 0);
}

/* Of a name that is too long, too, so that its people are not taken for another machine's; and of a
 * key of another type. */
Test(link, what_is_wrong_in_the_list_is_that_machines_alone) {
    struct machine *m = paris_up();
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    redis_do(engine, "HSET", "chatroom:nodes", "", "0000000000000def 4");
    redis_do(engine, "HSET", "chatroom:nodes", name, "0000000000000def 4");
    redis_do(engine, "HSET", "chatroom:nodes", "rome", "0000000000000def 4");
    redis_do(engine, "HSET", "chatroom:people:", "eve", "");
    redis_do(engine, "RPUSH", "chatroom:people:rome", "leo");
    cr_assert(link_world(m->link));
    bool eve = false;
    char node[300] = "";
    while (strcmp(machine_next(m), "world") != 0) {
        if (m->event.kind == LINK_NODE)
            snprintf(node, sizeof node, "%.*s", 200, m->text);
        else if (strcmp(m->text, "person eve=") == 0)
            eve = strncmp(node, "node  life def", 14) == 0;
    }
    cr_assert(eve);
}

/* A hand, or a will, has put there what no machine can follow. */
Test(link, a_life_that_has_no_next_is_told_and_tried_slowly) {
    static const char *const marks[] = {"ffffffffffffffff 1 1", "fff 1 1",
                                        "fffffffffffffffffffff 1 1", "FFFFFFFFFFFFFFFF 1 1"};
    engine = redis_start("\n");
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        redis_do(engine, "HSET", "chatroom:marks", "paris", marks[i]);
        struct machine *m = machine_start(engine, "paris");
        machine_until_said(m, "what it has of node \"paris\" in chatroom:marks");
        cr_assert_eq(m->hellos, 1);
        cr_assert_geq(link_timeout(m->link, machine_now(m)), 9000);
        redis_do(engine, "HDEL", "chatroom:marks", "paris");
        m->ahead += 10000;
        machine_expect(m, "hello mark 7 turn %d", 1);
        link_bye(m->link, m->hello.life);
        machine_expect(m, "lost");
    }
}

Test(link, thousands_of_people_come_and_are_told) {
    engine = redis_start("\n");
    struct machine *m = machine_new("paris");
    m->people = 10000;
    machine_address(m, engine->address, engine->port);
    link_configure(m->link, &m->config);
    machine_expect(m, "hello mark 7 turn 1");
    redis_expect(engine, "10000", "HLEN", "chatroom:people:paris");
    redis_expect(engine, "b", "HGET", "chatroom:people:paris", "9990");
    redis_expect(engine, "", "HGET", "chatroom:people:paris", "9999");
    redis_expect(engine, "0", "EXISTS", "chatroom:arriving:paris");
    unsigned people = 0, bots = 0;
    link_world(m->link);
    machine_expect(m, "node paris life abc turn 1 mark 7");
    while (strcmp(machine_next(m), "world") != 0) {
        cr_assert_eq(m->event.kind, LINK_PERSON);
        people++;
        bots += m->event.value_len == 1;
    }
    cr_assert_eq(people, 10000);
    cr_assert_eq(bots, 1000);
    m->people = 0; /* all have gone while the link was down */
    redis_do(engine, "CLIENT", "KILL", "TYPE", "normal");
    machine_expect(m, "lost");
    machine_expect(m, "hello mark 7 turn 1");
    redis_expect(engine, "0", "EXISTS", "chatroom:people:paris");
}

Test(link, history_comes_newest_first) {
    struct machine *m = paris_up();
    cr_assert(link_history(m->link, 2));
    cr_assert(strncmp(machine_next(m), "item 1\tparis\t", 13) == 0, "%s", m->text);
    machine_expect(m, "history");
    machine_pass(m, 7, 8, "one");
    machine_pass(m, 8, 9, "two");
    cr_assert(link_history(m->link, 2));
    machine_expect(m, "passed 8");
    machine_expect(m, "passed 9");
    machine_expect(m, "item two");
    machine_expect(m, "item one");
    machine_expect(m, "history");
    redis_do(engine, "DEL", "chatroom:lines");
    cr_assert(link_history(m->link, 2));
    machine_expect(m, "history");
}

Test(link, a_goodbye_is_an_end_and_no_new_beginning) {
    struct machine *m = paris_up();
    machine_pass_op(m, 7, 8, '+', "ann", "");
    cr_assert_not(link_bye(m->link, 0xabd), "another life");
    cr_assert(link_bye(m->link, m->hello.life));
    machine_expect(m, "passed 8");
    machine_expect(m, "lost");
    redis_expect(engine, "0", "EXISTS", "chatroom:lease:paris", "chatroom:people:paris");
    redis_expect(engine, "0", "HLEN", "chatroom:nodes");
    redis_expect(engine, "0000000000000abc 8 1", "HGET", "chatroom:marks", "paris");
    struct item end = read_item(last_item());
    cr_assert_eq(end.kind, ITEM_END);
    cr_assert_eq(end.index, 8);
    m->ahead += 60000;
    for (int i = 0; i < 5; i++)
        cr_assert_not(machine_turn(m, 10), "%s", machine_tell(m));
    cr_assert_eq(m->hellos, 1);
    link_configure(m->link, &m->config);
    machine_expect(m, "hello mark 8 turn 2");
}

Test(link, another_configuration_is_another_link) {
    struct machine *m = paris_up();
    m->config.relay_keep = 5; /* but for this */
    link_configure(m->link, &m->config);
    machine_round_trip(m);
    strcpy(m->config.node, "lyon");
    link_configure(m->link, &m->config);
    machine_expect(m, "lost");
    machine_expect(m, "hello mark 7 turn 1");
    redis_expect(engine, "1", "EXISTS", "chatroom:lease:lyon");
    m->config.relay_count = 0; /* no room of several any more */
    link_configure(m->link, &m->config);
    machine_expect(m, "lost");
    cr_assert_eq(link_timeout(m->link, machine_now(m)), -1);
}

Test(link, no_more_lines_are_kept_than_configured) {
    struct machine *m = paris_up();
    m->config.relay_keep = 100;
    link_configure(m->link, &m->config);
    for (uint64_t i = 7; i < 1007; i++) {
        while (!machine_pass(m, i, i + 1, "x"))
            cr_assert(strncmp(machine_next(m), "passed ", 7) == 0);
    }
    machine_round_trip(m);
    int kept = atoi(redis_do(engine, "XLEN", "chatroom:lines"));
    cr_assert(kept >= 100 && kept < 400, "%d", kept);
}
