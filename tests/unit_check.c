/* unit_check.c - record_check accepts a sound record, finds each field beyond its bound, and
 * accepts no record whose offsets lead outside its own buffers and rings. */
#include "tests/unit_worker.h"
#include "worker/record/check.h"

#include <criterion/criterion.h>

enum { RECORDS = 100000, CONSUMED = 5000, WAITING = 150, RAW_OFF = 200, BASE = 1000, TX_LEN = 30 };

static struct segment seg;
static struct worker worker;
static struct client *client;
static uint64_t ring_end;                                /* end of the client's ring */
static uint32_t rx, tx, line_buffer, other_rx, other_tx; /* other_: of another client */

static void set_up(void) {
    int peer;
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    client = unit_client(&worker, &peer);
    for (int i = 0; i < 5; i++)
        unit_speak(&worker, client, "a line for the ring");
    uint64_t tag = client_tag(&worker, client),
             other = buffer_tag(client_index(&worker, client), 7);
    rx = buffer_take(&seg.rx_buffers, tag);
    tx = buffer_take(&seg.tx_buffers, tag);
    line_buffer = buffer_take(&seg.tx_buffers, tag);
    other_rx = buffer_take(&seg.rx_buffers, other);
    other_tx = buffer_take(&seg.tx_buffers, other);
    ring_end = room_entry(&seg.room, room_count(&seg.room) - 1)->end[ENC_GBK];
}
TestSuite(check, .init = set_up);

/* Makes a record with data in every part, well within all bounds; returns its active facts. */
static struct facts *sound(void) {
    struct facts *f = client_begin(client);
    *f = (struct facts){.flags = FACT_IN_ROOM | FACT_GREETED,
                        .ring = ENC_GBK,
                        .seen = room_count(&seg.room),
                        .consumed = CONSUMED,
                        .raw_off = RAW_OFF,
                        .rx = rx,
                        .line_len = 20,
                        .sub_len = 10,
                        .base = BASE,
                        .tx = tx,
                        .tx_len = TX_LEN,
                        .pos = ring_end - 40};
    client_commit(client);
    client->received = CONSUMED + WAITING;
    atomic_store(&client->sent, BASE + TX_LEN / 2);
    return f;
}

/* "sound", or the part in which a fault was found. */
static const char *found(void) {
    const char *wrong = record_check(&seg, client);
    return wrong ? wrong : "sound";
}

/* Asserts what record_check finds in a sound record after the statements. */
#define FINDS(part, ...)                                                                           \
    do {                                                                                           \
        struct facts *f = sound();                                                                 \
        f->flags |= 0;                                                                             \
        __VA_ARGS__;                                                                               \
        cr_expect_str_eq(found(), part, "%s: %s", #__VA_ARGS__, found());                          \
    } while (0)

Test(check, a_sound_record_passes) {
    FINDS("sound", (void)0);
    FINDS("sound", f->line_buffer = line_buffer, f->line_len = RX_LINE + 1);
    FINDS("sound", f->flags = 0, f->pos = 0);
}

Test(check, a_record_of_a_new_client_passes) {
    struct facts *f = sound();
    *f = (struct facts){.seen = 1};
    client->received = 0;
    atomic_store(&client->sent, 0);
    cr_assert_str_eq(found(), "sound");
}

Test(check, an_encoding_beyond_the_last_is_found) {
    FINDS("sound", f->ring = ENC_RINGS - 1);
    FINDS("encoding", f->ring = SENT_RINGS);
    FINDS("sound", (f->flags |= FACT_CONVERTED, f->ring = ENC_UTF8, f->wire = ENC_COUNT - 1));
    FINDS("encoding", (f->flags |= FACT_CONVERTED, f->ring = ENC_GBK, f->wire = ENC_GB18030));
    FINDS("encoding", (f->flags |= FACT_CONVERTED, f->ring = ENC_UTF8, f->wire = ENC_GBK));
    FINDS("encoding", (f->flags |= FACT_CONVERTED, f->ring = ENC_UTF8, f->wire = ENC_COUNT));
    FINDS("encoding", f->ring = UINT8_MAX);
}

Test(check, an_rx_buffer_that_is_not_its_own_is_found) {
    FINDS("rx buffer", f->rx = other_rx);
    FINDS("rx buffer", f->rx = seg.rx_buffers.count + 1);
    FINDS("rx buffer", f->rx = UINT32_MAX);
    FINDS("rx buffer", buffer_give(&seg.rx_buffers, rx, client_tag(&worker, client)));
}

Test(check, input_without_an_rx_buffer_is_found) {
    FINDS("half-typed line", f->rx = NO_BUFFER);
    FINDS("subnegotiation", f->rx = NO_BUFFER, f->line_len = 0);
    FINDS("input position", f->rx = NO_BUFFER, f->line_len = f->sub_len = 0);
    FINDS("sound", f->rx = NO_BUFFER, f->line_len = f->sub_len = 0, client->received = CONSUMED);
}

Test(check, a_line_buffer_that_is_not_its_own_is_found) {
    FINDS("line buffer", f->line_buffer = other_tx);
    FINDS("line buffer", f->line_buffer = seg.tx_buffers.count + 1);
    FINDS("line buffer", f->line_buffer = UINT32_MAX);
}

Test(check, a_line_longer_than_its_buffer_is_found) {
    FINDS("sound", f->line_len = RX_LINE);
    FINDS("half-typed line", f->line_len = RX_LINE + 1);
    FINDS("half-typed line", f->line_len = UINT16_MAX);
    FINDS("sound", f->behind = 20);
    FINDS("half-typed line", f->behind = 21);
    FINDS("sound", f->last = line_buffer, f->last_len = TX_DATA);
    FINDS("last line", f->last = line_buffer, f->last_len = TX_DATA + 1);
    FINDS("last line", f->last = seg.tx_buffers.count + 1);
    FINDS("last line", f->last = UINT32_MAX);
    FINDS("sound", f->line_buffer = line_buffer, f->line_len = TX_DATA);
    FINDS("half-typed line", f->line_buffer = line_buffer, f->line_len = TX_DATA + 1);
}

Test(check, a_subnegotiation_longer_than_its_buffer_is_found) {
    FINDS("sound", f->sub_len = RX_SUB);
    FINDS("subnegotiation", f->sub_len = RX_SUB + 1);
    FINDS("subnegotiation", f->sub_len = UINT16_MAX);
}

/* RX_RAW - raw_off must not wrap: otherwise bytes of the next buffer would be read as input. */
Test(check, an_offset_beyond_the_raw_area_is_found) {
    FINDS("sound", f->raw_off = RX_RAW - WAITING);
    FINDS("input position", f->raw_off = RX_RAW - WAITING + 1);
    FINDS("input position", f->raw_off = RX_RAW + 1);
    FINDS("input position", f->raw_off = RX_RAW + 1, client->received = CONSUMED);
    FINDS("input position", f->raw_off = UINT16_MAX);
    FINDS("sound", f->raw_off = RX_RAW, client->received = CONSUMED);
}

Test(check, input_positions_out_of_order_or_too_far_apart_are_found) {
    FINDS("input position", client->received = CONSUMED - 1);
    FINDS("input position", client->received = 0);
    FINDS("sound", client->received = CONSUMED + RX_RAW - RAW_OFF);
    FINDS("input position", client->received = CONSUMED + RX_RAW - RAW_OFF + 1);
    FINDS("input position", f->consumed = 0, client->received = UINT64_MAX);
    FINDS("input position", f->consumed = UINT64_MAX);
}

Test(check, a_tx_buffer_that_is_not_its_own_is_found) {
    FINDS("tx buffer", f->tx = other_tx);
    FINDS("tx buffer", f->tx = NO_BUFFER);
    FINDS("tx buffer", f->tx = seg.tx_buffers.count + 1);
    FINDS("tx buffer", f->tx = UINT32_MAX);
}

Test(check, an_output_map_that_begins_beyond_what_was_sent_is_found) {
    FINDS("sound", atomic_store(&client->sent, BASE));
    FINDS("output position", atomic_store(&client->sent, BASE - 1));
    FINDS("output position", f->base = UINT64_MAX - TX_LEN);
    FINDS("output position", f->base = UINT64_MAX);
}

/* base + tx_len must not wrap: otherwise the chain would end before its beginning. */
Test(check, an_output_map_that_ends_beyond_64_bits_is_found) {
    FINDS("output position", f->base = UINT64_MAX - TX_LEN + 1,
          atomic_store(&client->sent, UINT64_MAX));
    FINDS("sound", f->base = UINT64_MAX - TX_LEN, atomic_store(&client->sent, UINT64_MAX));
}

Test(check, bytes_sent_from_no_ring_are_found) {
    FINDS("sound", f->flags = 0, atomic_store(&client->sent, BASE + TX_LEN));
    FINDS("output position", f->flags = 0, atomic_store(&client->sent, BASE + TX_LEN + 1));
}

Test(check, a_position_beyond_the_ring_is_found) {
    FINDS("sound", f->pos = ring_end);
    FINDS("ring position", f->pos = ring_end + 1);
    FINDS("ring position", f->pos = UINT64_MAX);
    FINDS("sound", atomic_store(&client->sent, BASE + TX_LEN + 40));
    FINDS("ring position", atomic_store(&client->sent, BASE + TX_LEN + 41));
    FINDS("ring position", atomic_store(&client->sent, UINT64_MAX));
}

Test(check, effects_beyond_the_ledger_are_found) {
    FINDS("sound", f->seen = 0);
    FINDS("ledger position", f->seen = room_count(&seg.room) + 1);
    FINDS("ledger position", f->seen = UINT64_MAX);
}

/* ---- any record at all ---- */

static uint64_t random_state = 88172645463325252ull;

static uint64_t random_word(void) { /* xorshift64 */
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* Usually close to `bound`, often small, sometimes any number. */
static uint64_t random_near(uint64_t bound) {
    switch (random_word() % 8) {
    case 0: return bound + random_word() % 3 - 1;
    case 1: return random_word() % 3;
    case 2: return random_word() >> random_word() % 64;
    default: return bound > 0 ? random_word() % bound : 0;
    }
}

static uint32_t random_buffer(uint32_t own, uint32_t other, uint32_t count) {
    const uint32_t some[] = {own, own, own, NO_BUFFER, NO_BUFFER, other, count + 1, UINT32_MAX};
    return some[random_word() % 8];
}

static const struct facts *random_record(void) {
    struct facts *f = sound();
    f->flags = random_word() % 2 ? FACT_IN_ROOM : 0;
    f->ring = (uint8_t)random_near(ENC_RINGS);
    f->seen = random_near(room_count(&seg.room));
    f->rx = random_buffer(rx, other_rx, seg.rx_buffers.count);
    f->line_buffer = random_buffer(line_buffer, other_tx, seg.tx_buffers.count);
    f->tx = random_buffer(tx, other_tx, seg.tx_buffers.count);
    f->line_len = (uint16_t)random_near(f->line_buffer != NO_BUFFER ? TX_DATA : RX_LINE);
    f->sub_len = (uint16_t)random_near(RX_SUB);
    f->raw_off = (uint16_t)random_near(RX_RAW);
    f->consumed = random_near(UINT32_MAX);
    client->received = f->consumed + random_near(RX_RAW);
    f->base = random_near(random_word() % 2 ? UINT64_MAX : 100000);
    f->tx_len = (uint32_t)random_near(TX_DATA);
    atomic_store(&client->sent, f->base + random_near(f->tx_len + 20));
    f->pos = random_near(ring_end);
    return f;
}

/* The same bounds; no sum wraps. */
static void assert_within_bounds(const struct facts *f) {
    uint64_t raw_end, end, at;
    uint64_t tag = client_tag(&worker, client), sent = atomic_load(&client->sent);
    cr_assert_lt(f->ring, SENT_RINGS);
    cr_assert_leq(f->seen, room_count(&seg.room));
    cr_assert_geq(client->received, f->consumed);
    uint64_t waiting = client->received - f->consumed;
    cr_assert(!__builtin_add_overflow(f->raw_off, waiting, &raw_end) && raw_end <= RX_RAW,
              "raw_off %u, %llu bytes", f->raw_off, (unsigned long long)waiting);
    if (waiting > 0 || f->line_len > 0 || f->sub_len > 0)
        cr_assert(buffer_owned(&seg.rx_buffers, f->rx, tag));
    cr_assert(f->line_buffer == NO_BUFFER || buffer_owned(&seg.tx_buffers, f->line_buffer, tag));
    cr_assert_leq(f->line_len, f->line_buffer == NO_BUFFER ? RX_LINE : TX_DATA);
    cr_assert_leq(f->sub_len, RX_SUB);
    if (sent < f->base + f->tx_len) /* a drained chain is no longer the client's */
        cr_assert(buffer_owned(&seg.tx_buffers, f->tx, tag));
    cr_assert_not(__builtin_add_overflow(f->base, f->tx_len, &end));
    cr_assert_geq(sent, f->base);
    uint64_t beyond = sent > end ? sent - end : 0;
    uint64_t last = room_entry(&seg.room, room_count(&seg.room) - 1)->end[f->ring];
    if (f->flags & FACT_IN_ROOM)
        cr_assert(!__builtin_add_overflow(f->pos, beyond, &at) && at <= last);
    else
        cr_assert(beyond == 0);
}

Test(check, no_record_that_passes_leads_out_of_its_buffers) {
    uint32_t passed = 0;
    for (int i = 0; i < RECORDS; i++) {
        const struct facts *f = random_record();
        if (record_check(&seg, client))
            continue;
        passed++;
        assert_within_bounds(f);
    }
    cr_assert(passed > RECORDS / 1000 && passed < RECORDS, "%u pass", passed);
}

/* ---- a chain without bytes ---- */

/* No change leaves one behind: a chain is begun and filled in one commit. */
Test(check, a_chain_without_bytes_is_found) {
    FINDS("tx buffer", f->tx_len = 0, atomic_store(&client->sent, BASE));
    FINDS("tx buffer", f->tx_len = 0, f->tx = other_tx, atomic_store(&client->sent, BASE));
    FINDS("tx buffer", f->tx_len = 0, f->tx = UINT32_MAX, atomic_store(&client->sent, BASE));
    FINDS("sound", f->tx_len = 0, f->tx = NO_BUFFER, atomic_store(&client->sent, BASE));
}

/* The flush frees a drained chain by restarting the map, which has no effect where the map begins
 * at what was sent. */
Test(check, the_flush_of_a_record_that_passes_ends, .timeout = 180) {
    struct facts *f = sound();
    f->tx_len = 0;
    f->pos = ring_end;
    atomic_store(&client->sent, BASE);
    client_refresh(client);
    if (!record_check(&seg, client))
        flush_client(&worker, client);
}
