/* unit_survey.c - reading a segment from outside: what is refused, and the numbers, also of a
 * segment that is made up to mislead. */
#include "ipc/address.h"
#include "ipc/parts.h"
#include "ipc/survey.h"
#include "tests/unit_segment.h"
#include "worker/text/charset.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

static struct segment seg, view;
static struct survey survey;
static char err[256];

static int read_only(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", seg.fd);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0, "%s", strerror(errno));
    return fd;
}

static void set_up(void) {
    unit_segment(&seg, 65536);
}

static void look(void) {
    err[0] = '\0';
    cr_assert_eq(segment_view(&view, read_only(), err, sizeof err), SEGMENT_VIEWED, "%s", err);
    survey_take(&view, &survey);
}

TestSuite(survey, .init = set_up);

/* ---- what is refused ---- */

static void refused(enum segment_viewed how, const char *why) {
    int fd = read_only();
    char want[256];
    snprintf(want, sizeof want, "shared memory: %s", why);
    err[0] = '\0';
    cr_assert_eq(segment_view(&view, fd, err, sizeof err), how, "%s", err);
    cr_assert_str_eq(err, want);
    cr_assert_eq(view.fd, -1);
    cr_assert_eq(close(fd), 0, "it remains the caller's");
}

Test(survey, a_view_is_read_only_and_has_no_text) {
    look();
    cr_assert_eq(fcntl(view.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    cr_assert_eq(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, view.fd, 0), MAP_FAILED);
    for (int e = 0; e < RING_COUNT; e++)
        cr_assert_null(view.room.ring[e]);
    segment_close(&view);
}

Test(survey, what_is_no_segment_is_refused) {
    seg.header->magic = 0;
    refused(SEGMENT_UNREADABLE, "it is no chatroom's");
    seg.header->magic = SEGMENT_MAGIC;
    cr_assert_eq(ftruncate(seg.fd, sizeof(struct segment_header) - 1), 0);
    refused(SEGMENT_UNREADABLE, "it is no chatroom's");
    cr_assert_eq(ftruncate(seg.fd, 0), 0);
    refused(SEGMENT_UNREADABLE, "it is no chatroom's");
    int pair[2];
    cr_assert_eq(pipe(pair), 0);
    cr_assert_eq(segment_view(&view, pair[0], err, sizeof err), SEGMENT_UNREADABLE);
    cr_assert_eq(segment_view(&view, -1, err, sizeof err), SEGMENT_UNREADABLE);
}

Test(survey, another_version_is_told_from_no_segment) {
    seg.header->layout++;
    refused(SEGMENT_OTHER_VERSION, "its layout is another version's");
    seg.header->layout--;
    seg.header->header_size++;
    refused(SEGMENT_OTHER_VERSION, "its layout is another version's");
}

Test(survey, a_truncated_segment_is_refused_at_each_page) {
    size_t size = segment_size(&seg.header->geometry);
    for (size_t len = size - 4096; len > sizeof(struct segment_header); len -= 4096) {
        cr_assert_eq(ftruncate(seg.fd, (off_t)len), 0);
        refused(SEGMENT_UNREADABLE, "its size is not what its geometry wants");
    }
}

/* Sizes that overflow when they are added up could match any size. */
Test(survey, a_wild_geometry_is_refused) {
    const char *why = "its size is not what its geometry wants";
    struct geometry own = seg.header->geometry, *g = &seg.header->geometry;
    const uint64_t wild[] = {0, 1ull << 58, UINT64_MAX, UINT64_MAX / 2 + 1, 65536 - 1};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        g->ledger_len = wild[i];
        refused(SEGMENT_UNREADABLE, why);
        *g = own;
        g->ring_size = wild[i];
        refused(SEGMENT_UNREADABLE, why);
        *g = own;
        g->side_size = wild[i];
        refused(SEGMENT_UNREADABLE, why);
        *g = own;
        g->clients_len = (uint32_t)(wild[i] >> 4);
        refused(SEGMENT_UNREADABLE, why);
        *g = own;
        g->remote_len = (uint32_t)(wild[i] >> 4);
        refused(SEGMENT_UNREADABLE, why);
        *g = own;
    }
    /* 72 bytes an entry: 2^61 more of them come to the same size, modulo 2^64. */
    g->ledger_len = own.ledger_len + (1ull << 61);
    cr_assert_eq(segment_size(g), segment_size(&own), "the trick works");
    refused(SEGMENT_UNREADABLE, why);
    *g = own;
    look();
}

/* A read of memory that is not reserved would reserve it, or be a SIGBUS. */
Test(survey, steps_that_have_no_memory_are_refused) {
    struct config config = unit_config(65536);
    struct geometry g;
    struct segment large;
    config.max_clients = 4000;
    segment_geometry(&g, &config, 4200);
    cr_assert_eq(segment_create(&large, &g, &config, err, sizeof err), 0, "%s", err);
    seg = large;
    look();
    atomic_store(&seg.header->steps, 3);
    refused(SEGMENT_UNREADABLE, "its memory is not reserved");
    atomic_store(&seg.header->steps, UINT32_MAX);
    refused(SEGMENT_UNREADABLE, "its memory is not reserved");
    atomic_store(&seg.header->steps, 1);
    look();
    atomic_store(&seg.header->remote_steps, 3);
    refused(SEGMENT_UNREADABLE, "its memory is not reserved");
    atomic_store(&seg.header->remote_steps, UINT32_MAX);
    refused(SEGMENT_UNREADABLE, "its memory is not reserved");
}

/* ---- numbers ---- */

static void publish(int32_t people, const char *text, uint32_t kind) {
    struct batch batch;
    struct room_line line = {.entry = {.client = NO_CLIENT, .kind = (uint8_t)kind}};
    line.people = people;
    for (int e = 0; e < ENC_RINGS; e++) {
        line.text[e] = text;
        line.len[e] = (uint32_t)strlen(text);
    }
    room_begin(&seg.room, &batch);
    cr_assert(room_append(&seg.room, &batch, &line));
    room_commit(&seg.room, &batch);
}

Test(survey, the_server) {
    atomic_store(&seg.header->workers, 4);
    seg.header->listeners[3].bound = (struct listen_address){.port = 6666};
    atomic_store(&seg.header->listeners[3].state, LISTENER_SERVING);
    seg.header->listeners[5].bound = (struct listen_address){.port = 7777};
    atomic_store(&seg.header->listeners[5].state, LISTENER_DRAINING);
    seg.header->epoch_boot_ms -= 5000;
    look();
    cr_assert_str_eq(survey.room, "Units");
    cr_assert(survey.login);
    cr_assert_not(survey.ending);
    cr_assert_eq(survey.workers, 4);
    cr_assert_eq(survey.max_clients, 32);
    cr_assert_eq(survey.config_version, 1);
    cr_assert_eq(survey.listen_count, 1);
    cr_assert_eq(survey.listen[0].port, 6666);
    cr_assert(survey.uptime_ms >= 5000 && survey.uptime_ms < 65000);
    cr_assert_eq(survey.gate_slot, -1);
    cr_assert_eq(survey.count, 1);
}

Test(survey, the_room_its_lag_and_its_rings) {
    unit_slot(&seg, 0, SLOT_SERVING);
    unit_slot(&seg, 2, SLOT_SERVING);
    unit_slot(&seg, 3, SLOT_DEAD);
    publish(1, "ann comes\r\n", ENTRY_JOIN);
    publish(1, "bob comes\r\n", ENTRY_JOIN);
    publish(0, "hello\r\n", ENTRY_SPEECH);
    atomic_store(&seg.slots[0].cursor, 4);
    atomic_store(&seg.slots[0].guard, 3);
    atomic_store(&seg.slots[2].cursor, 2);
    atomic_store(&seg.slots[2].guard, 2);
    look();
    cr_assert_eq(survey.people, 2);
    cr_assert_eq(survey.lines, 3);
    cr_assert_eq(survey.said, 1);
    cr_assert_eq(survey.slot[0].lag, 0);
    cr_assert_eq(survey.slot[0].flush_lag, 1);
    cr_assert_eq(survey.slot[2].lag, 2);
    cr_assert_eq(survey.slot[3].lag, 0, "no process is behind");
    cr_assert_eq(survey.ring_used[ENC_GBK], strlen("bob comes\r\nhello\r\n"));
    cr_assert_eq(survey.ring_size[ENC_GBK], 65536);
    cr_assert_eq(survey.ring_used[RING_SIDE], 0);
    cr_assert_eq(survey.ledger_used, 3, "a dead slot holds the ledger");
    atomic_store(&seg.slots[2].state, SLOT_UNUSED);
    look();
    cr_assert_eq(survey.ring_used[ENC_UTF8], strlen("hello\r\n"));
}

Test(survey, slots_and_their_sums) {
    unit_slot(&seg, 1, SLOT_ADOPTING);
    atomic_store(&seg.slots[1].clients, 7);
    atomic_store(&seg.slots[1].pid, 4711);
    atomic_store(&seg.slots[1].stats.bytes_in, 100);
    atomic_store(&seg.slots[1].stats.delivered, 5);
    atomic_store(&seg.slots[63].clients, 2);
    atomic_store(&seg.slots[63].stats.bytes_in, 11);
    atomic_store(&seg.slots[MASTER_SLOT].pid, 4700);
    look();
    cr_assert_eq(survey.connections, 9);
    cr_assert_eq(survey.total.bytes_in, 111);
    cr_assert_eq(survey.total.delivered, 5);
    cr_assert_eq(survey.slot[1].pid, 4711);
    cr_assert_eq(survey.slot[MASTER_SLOT].pid, 4700);
    cr_assert_str_eq(survey_state_name(survey.slot[1].state), "adopting");
    cr_assert_str_eq(survey_state_name(77), "unknown");
}

Test(survey, a_worker_stands_still_if_it_has_work_and_does_not_move) {
    static struct survey before;
    unit_slot(&seg, 0, SLOT_SERVING);
    look();
    before = survey;
    cr_assert(survey_stands_still(&before, &survey, 0));
    atomic_store(&seg.slots[0].heartbeat, 1);
    look();
    cr_assert_not(survey_stands_still(&before, &survey, 0), "it moved");
    atomic_store(&seg.slots[0].asleep, 1);
    look();
    before = survey;
    cr_assert_not(survey_stands_still(&before, &survey, 0), "it sleeps");
    publish(0, "hello\r\n", ENTRY_SPEECH);
    look();
    cr_assert_not(survey_stands_still(&before, &survey, 0), "it has only just got work");
    before = survey;
    cr_assert(survey_stands_still(&before, &survey, 0), "it sleeps on");
    atomic_store(&seg.slots[0].incarnation, 256);
    look();
    cr_assert_not(survey_stands_still(&before, &survey, 0), "it is another process");
}

static uint32_t enter(uint32_t fd, const char *name, struct facts facts) {
    struct client *c = &seg.clients.at[fd];
    struct in6_addr addr = address_mapped("\x7f\x00\x00\x01");
    uint32_t generation = client_claim(c, client_word(c), 1, fd);
    facts.last_input = segment_tenths(&seg);
    client_open(c, 1, fd, &facts, &addr, (uint16_t)(1000 + fd));
    if (name) {
        struct facts *f = client_begin(c);
        client_set_name(&seg.clients, c, f, name);
        client_commit(c);
    }
    if (atomic_load(&seg.header->fd_high) < fd)
        atomic_store(&seg.header->fd_high, fd);
    return generation;
}

Test(survey, clients) {
    struct survey_client who;
    struct survey_clients sum = {0};
    enter(9, "ann", (struct facts){.flags = FACT_IN_ROOM | FACT_MUTED | FACT_ECHOED});
    enter(10, "bob", (struct facts){.flags = FACT_IN_ROOM, .ring = ENC_GBK});
    enter(11, NULL, (struct facts){.flags = FACT_GREETED});
    enter(12, NULL, (struct facts){.flags = FACT_IN_ROOM | FACT_QUIET});
    enter(13, NULL, (struct facts){.kind = KIND_CONTROL});
    enter(20, NULL, (struct facts){.kind = 200});
    look();
    cr_assert_eq(survey_records(&view), 21);
    cr_assert(survey_client(&view, 9, &who));
    cr_assert_str_eq(who.name, "ann");
    cr_assert_eq(who.port, 1009);
    cr_assert_eq(who.slot, 1);
    cr_assert_lt(who.idle, 600);
    cr_assert_not(survey_client(&view, 8, &who));
    uint32_t at = 0, pieces = 0;
    do
        at = survey_add_clients(&view, at, 4, &sum);
    while (pieces++, at != 0);
    cr_assert_eq(pieces, 6);
    cr_assert_eq(sum.in_room, 2);
    cr_assert_eq(sum.not_logged_in, 1);
    cr_assert_eq(sum.quiet, 1);
    cr_assert_eq(sum.muted, 1);
    cr_assert_eq(sum.echoed, 1);
    cr_assert_eq(sum.by_kind[KIND_TELNET], 4);
    cr_assert_eq(sum.by_kind[KIND_CONTROL], 1);
    cr_assert_eq(sum.by_kind[SURVEY_KINDS - 1], 1);
    cr_assert_eq(sum.encoding[ENC_GBK], 1);
}

Test(survey, buffers) {
    cr_assert_neq(buffer_take(&seg.tx_buffers, 5), NO_BUFFER);
    look();
    struct survey_pool pool = survey_pool(&view.tx_buffers);
    cr_assert_eq(pool.used, 1);
    cr_assert_geq(pool.reserved, 1);
    cr_assert_leq(pool.reserved, pool.most);
}

Test(survey, encodings_have_the_names_of_the_configuration) {
    for (int e = 0; e < ENC_COUNT; e++)
        cr_assert_str_eq(survey_encoding_name((uint32_t)e), charset_label((enum encoding)e));
    cr_assert_str_eq(survey_encoding_name(ENC_COUNT), "unknown");
}

/* ---- more machines ---- */

static struct relay_place *machines(void) {
    struct relay *relay = &seg.header->relay;
    struct relay_place *place = &relay->place[1];
    atomic_store(&relay->turn, 7);
    place->node[0] = (struct relay_node){"london", .people = 4, .state = RELAY_NODE_HERE};
    place->node[3] = (struct relay_node){"oslo", .people = 1, .state = RELAY_NODE_AWAY};
    place->node[5] = (struct relay_node){"rome", .people = 9, .state = RELAY_NODE_UNUSED};
    return place;
}

static void configure_relay(void) {
    struct config config = unit_config(65536);
    config.relay_count = 1;
    strcpy(config.node, "paris");
    segment_publish_config(&seg, &config);
}

/* Machines of a time when there was one are not shown. */
Test(survey, no_relay) {
    machines();
    look();
    cr_assert_not(survey.relay.configured);
    cr_assert_not(survey.relay.up);
    cr_assert_eq(survey.relay.machine_count, 0);
}

Test(survey, the_relay_and_the_machines) {
    struct relay *relay = &seg.header->relay;
    configure_relay();
    machines();
    unit_slot(&seg, RELAY_SLOT, SLOT_SERVING);
    atomic_store(&relay->link, RELAY_UP);
    atomic_store(&relay->since, segment_now(&seg) - 4000);
    atomic_store(&relay->lag, 3);
    atomic_store(&relay->lines_in, 5);
    atomic_store(&relay->skipped_out, 2);
    strcpy(relay->peer, "10.0.0.7:6379");
    strcpy(relay->state, "up");
    look();
    const struct survey_relay *r = &survey.relay;
    cr_assert(r->configured && r->up);
    cr_assert_str_eq(r->node, "paris");
    cr_assert_str_eq(r->peer, "10.0.0.7:6379");
    cr_assert_str_eq(r->state, "up");
    cr_assert(r->since_ms >= 4000 && r->since_ms < 64000);
    cr_assert_eq(r->lag, 3);
    cr_assert_eq(r->lines_in, 5);
    cr_assert_eq(r->skipped_out, 2);
    cr_assert_eq(r->machine_count, 2);
    cr_assert_str_eq(r->machine[0].name, "london");
    cr_assert_eq(r->machine[0].people, 4);
    cr_assert(r->machine[0].in_reach);
    cr_assert_str_eq(r->machine[1].name, "oslo");
    cr_assert_not(r->machine[1].in_reach);
}

Test(survey, a_relay_that_died_is_not_up) {
    configure_relay();
    unit_slot(&seg, RELAY_SLOT, SLOT_DEAD);
    atomic_store(&seg.header->relay.link, RELAY_UP);
    look();
    cr_assert_not(survey.relay.up);
}

/* It stands in the metrics' text between quotes. */
Test(survey, a_machine_with_another_name_than_a_machine_s_is_not_shown) {
    struct relay_place *place = machines();
    configure_relay();
    strcpy(place->node[0].name, "lon\"don");
    memset(place->node[3].name, 'o', sizeof place->node[3].name);
    look();
    cr_assert_eq(survey.relay.machine_count, 1);
    cr_assert_eq(strlen(survey.relay.machine[0].name), NODE_NAME_MAX - 1);
    place->node[3].name[0] = '\0';
    look();
    cr_assert_eq(survey.relay.machine_count, 0);
}

/* Its cursor holds the ledger as a worker's does. */
Test(survey, what_the_relay_needs_is_used) {
    unit_slot(&seg, 0, SLOT_SERVING);
    unit_slot(&seg, RELAY_SLOT, SLOT_SERVING);
    publish(1, "ann comes\r\n", ENTRY_JOIN);
    publish(0, "hello\r\n", ENTRY_SPEECH);
    atomic_store(&seg.slots[0].cursor, 3);
    atomic_store(&seg.slots[0].guard, 3);
    look();
    cr_assert_eq(survey.ledger_used, 2);
    cr_assert_eq(survey.ring_used[ENC_UTF8], strlen("ann comes\r\nhello\r\n"));
}

/* ---- a segment that lies ---- */

/* Whatever its words say, nothing outside the view is touched, and each call ends. */
Test(survey, hostile_numbers_are_bounded, .timeout = 120) {
    uint32_t random = 1;
    look();
    size_t fixed = view.base_size;
    uint8_t *base = (uint8_t *)seg.header;
    struct geometry geometry = seg.header->geometry;
    for (int round = 0; round < 40; round++) {
        size_t from = round == 0 ? 0 : (size_t)random % 4096;
        for (size_t i = from; i < fixed; i++) {
            random = random * 1664525u + 1013904223u;
            base[i] = round % 4 == 0 ? 0xff : (uint8_t)(random >> 24);
        }
        survey_take(&view, &survey);
        cr_assert_leq(survey.listen_count, LISTENERS_MAX);
        cr_assert_lt(strlen(survey.room), sizeof survey.room);
        cr_assert_leq(survey.relay.machine_count, RELAY_NODES);
        cr_assert_lt(strlen(survey.relay.state), sizeof survey.relay.state);
        cr_assert(survey.gate_slot >= -1 && survey.gate_slot < SLOT_COUNT);
        for (int e = 0; e < RING_COUNT; e++)
            cr_assert_leq(survey.ring_used[e], parts_ring_size(&geometry, e));
        cr_assert_leq(survey.ledger_used, geometry.ledger_len);
        cr_assert_leq(survey_records(&view), UNIT_CLIENTS);
        struct survey_clients sum = {0};
        cr_assert_eq(survey_add_clients(&view, 0, UINT32_MAX, &sum), 0);
        cr_assert_leq(survey_pool(&view.rx_buffers).used, geometry.rx_buffers);
    }
    segment_close(&view);
}
