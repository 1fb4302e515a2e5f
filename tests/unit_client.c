/* unit_client.c - a change of a record commits as a whole or not at all; the states of a record. */
#include "ipc/client.h"
#include "tests/unit_segment.h"
#include "worker/state/epoll_interest.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>

static struct client *client_make(struct segment *seg, struct facts *facts) {
    unit_segment(seg, 65536);
    struct client *c = &seg->clients.at[9];
    struct in6_addr addr = IN6ADDR_LOOPBACK_INIT;
    memset(c, 0x5a, sizeof *c); /* the previous content must not matter */
    atomic_store(&c->state_word, client_state_word(41, CLIENT_FREE));
    cr_assert_eq(client_claim(c, client_word(c), 2, 777), 42);
    client_open(c, 2, 777, facts, &addr, 4321);
    return c;
}

Test(client, opens_with_what_it_is_given) {
    struct segment seg;
    struct facts facts = {.consumed = 0, .ring = ENC_GBK, .flags = FACT_GREETED, .seen = 17};
    struct client *c = client_make(&seg, &facts);
    cr_assert_eq(client_state(atomic_load(&c->state_word)), CLIENT_LIVE);
    cr_assert_eq(client_generation(atomic_load(&c->state_word)), 42);
    cr_assert(client_is(c, 42));
    cr_assert_not(client_is(c, 41));
    cr_assert_eq(memcmp(client_facts(c), &facts, sizeof facts), 0);
    cr_assert_eq(atomic_load(&c->sent), 0);
    cr_assert_eq(c->received, 0);
    cr_assert_eq(c->cookie, 777);
    cr_assert_eq(c->port, 4321);
    cr_assert_eq(atomic_load(&c->slot), 2);
    cr_assert_eq(c->mode, MODE_SLOW, "not in the room yet");
}

Test(client, a_change_shows_only_once_committed) {
    struct segment seg;
    struct facts facts = {.consumed = 10};
    struct client *c = client_make(&seg, &facts);
    struct facts *f = client_begin(c);
    f->consumed = 20;
    client_set_name(&seg.clients, c, f, "ann");
    cr_assert_eq(client_facts(c)->consumed, 10);
    f = client_begin(c); /* the change before was not committed: it has no effect */
    cr_assert_eq(f->consumed, 10);
    char name[NAME_TEXT];
    cr_assert_null(client_name(&seg.clients, c, f, name));
    f->consumed = 30;
    client_commit(c);
    cr_assert_eq(client_facts(c)->consumed, 30);
    f = client_begin(c);
    cr_assert_eq(f->consumed, 30, "the other copy is made equal");
    client_commit(c);
    cr_assert_eq(client_facts(c)->consumed, 30);
}

Test(client, mode_and_bias_follow_the_facts) {
    static const struct {
        uint32_t flags, lines_lost, tx;
        uint8_t mode;
    } table[] = {
        {FACT_IN_ROOM, 0, 0, ENC_BIG5},
        {FACT_IN_ROOM | FACT_NAMED | FACT_GREETED, 0, 0, ENC_BIG5},
        {0, 0, 0, MODE_SLOW},
        {FACT_IN_ROOM, 1, 0, MODE_SLOW},
        {FACT_IN_ROOM, 0, 1, MODE_SLOW},
        {FACT_IN_ROOM | FACT_TIMESTAMPS, 0, 0, MODE_SLOW},
        {FACT_IN_ROOM | FACT_IGNORES, 0, 0, MODE_SLOW},
        {FACT_IN_ROOM | FACT_ECHOED | FACT_DRAWN, 0, 0, MODE_SLOW},
        {FACT_IN_ROOM | FACT_ECHOED, 0, 0, ENC_BIG5},
        {FACT_IN_ROOM | FACT_LIST_ALL, 0, 0, MODE_SLOW},
        {FACT_IN_ROOM | FACT_LIST_ROOM, 0, 0, MODE_SLOW},
    };
    struct segment seg;
    struct facts facts = {.ring = ENC_BIG5, .base = 100, .pos = 5000, .tx_len = 30};
    struct client *c = client_make(&seg, &facts);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct facts *f = client_begin(c);
        f->flags = table[i].flags;
        f->lines_lost = table[i].lines_lost;
        f->tx = table[i].tx;
        client_commit(c);
        cr_assert_eq(c->mode, table[i].mode, "row %zu: %u", i, c->mode);
        cr_assert_eq(c->bias, 5000 - 100 - 30);
    }
    /* A commit does not end MODE_BLOCKED: the code that finds the socket writable again changes the
     * mode and calls client_refresh. */
    client_begin(c)->flags = FACT_IN_ROOM;
    c->mode = MODE_BLOCKED;
    client_commit(c);
    cr_assert_eq(c->mode, MODE_BLOCKED);
    c->mode = MODE_SLOW;
    client_refresh(c);
    cr_assert_eq(c->mode, ENC_BIG5);
}

Test(client, is_claimed_by_one_worker) {
    struct segment seg;
    unit_segment(&seg, 65536);
    struct client *c = &seg.clients.at[9];
    struct facts facts = {0};
    struct in6_addr addr = IN6ADDR_LOOPBACK_INIT;
    uint32_t generation = client_claim(c, client_word(c), 1, 500);
    cr_assert_eq(generation, 1);
    cr_assert_eq(client_filler(atomic_load(&c->state_word)), 1);
    cr_assert_eq(client_claim(c, client_word(c), 2, 500), 0, "worker 1 is filling it");
    cr_assert_eq(client_claim(c, client_word(c), 1, 500), 2, "the successor in slot 1 begins anew");
    client_open(c, 1, 500, &facts, &addr, 1);
    cr_assert_eq(client_claim(c, client_word(c), 2, 500), 0, "served already");
    cr_assert_eq(client_claim(c, client_word(c), 2, 501), 3, "the number is a new socket's");
}

Test(client, that_is_closing_is_not_claimed_again) {
    struct segment seg;
    struct facts facts = {0};
    struct client *c = client_make(&seg, &facts);
    atomic_store(&c->state_word, client_state_word(42, CLIENT_CLOSING));
    cr_assert_eq(client_claim(c, client_word(c), 1, 777), 0);
    cr_assert_eq(client_claim(c, client_word(c), 1, 778), 43,
                 "its number is another socket's already");
}

Test(client, a_claim_outlives_its_socket) {
    struct segment seg;
    unit_segment(&seg, 65536);
    struct client *c = &seg.clients.at[9];
    cr_assert_eq(client_claim(c, client_word(c), 1, 500), 1);
    cr_assert_eq(client_claim(c, client_word(c), 2, 501), 2,
                 "worker 1 has died, and socket 500 is closed");
    client_unclaim(c, 1, 1, 500);
    cr_assert_eq(client_state(atomic_load(&c->state_word)), CLIENT_FILLING,
                 "not what is another's");
    client_unclaim(c, 2, 2, 501);
    cr_assert_eq(client_state(atomic_load(&c->state_word)), CLIENT_FREE);
}

Test(client, peek_sees_live_records_only) {
    struct segment seg;
    struct facts facts = {.flags = FACT_NAMED};
    struct client_view out;
    struct in6_addr addr;
    struct client *c = client_make(&seg, &facts);
    strcpy(seg.clients.name[0][9].text, "ann");
    cr_assert(client_peek(&seg.clients, 9, &out));
    cr_assert_eq(out.generation, 42);
    cr_assert_str_eq(client_view_name(&out), "ann");
    cr_assert_eq(memcmp(&out.addr, &c->addr, sizeof out.addr), 0);
    cr_assert_eq(out.port, c->port);
    for (uint32_t state = CLIENT_FREE; state <= CLIENT_CLOSING; state++) {
        atomic_store(&c->state_word, client_state_word(42, state));
        cr_assert_eq(client_peek(&seg.clients, 9, &out), state == CLIENT_LIVE);
        cr_assert_eq(client_peek_address(c, &addr), state == CLIENT_LIVE);
    }
}

/* A writer that repeatedly sets every word of the facts to one number: a reader must never see two
 * numbers. */
static bool write_for_ever(struct segment *seg, int fd) {
    struct client *c = &seg->clients.at[fd];
    for (uint64_t n = 0;; n++) {
        uint64_t *word = (uint64_t *)client_begin(c);
        for (size_t i = 0; i < sizeof(struct facts) / sizeof n; i++)
            __atomic_store_n(&word[i], n, __ATOMIC_RELAXED);
        atomic_store_explicit(&c->active, atomic_load(&c->active) + 1, memory_order_release);
    }
    return true;
}

Test(client, peek_never_sees_half_a_change) {
    struct segment seg;
    struct facts facts = {0};
    struct client_view view;
    client_make(&seg, &facts);
    pid_t pid = unit_child(write_for_ever, &seg, 9);
    uint32_t peeks = 0;
    for (int tries = 0; tries < 200000; tries++) {
        if (!client_peek(&seg.clients, 9, &view))
            continue;
        peeks++;
        uint64_t words[sizeof(struct facts) / 8];
        memcpy(words, &view.facts, sizeof words);
        for (size_t i = 1; i < sizeof words / sizeof words[0]; i++)
            cr_assert_eq(words[i], words[0], "word %zu", i);
    }
    kill(pid, SIGKILL);
    unit_join(pid);
    cr_assert_gt(peeks, 0);
}

/* ---- names ---- */

Test(client, a_name_is_changed_by_a_commit_as_often_as_one_likes) {
    static const char *const names[] = {"ann", "anna", "an", "\344\275\240", "ann"};
    struct segment seg;
    struct facts facts = {0};
    struct client *c = client_make(&seg, &facts);
    for (int row = 0; row < 2; row++)
        memset(&seg.clients.name[row][9], 'x', sizeof seg.clients.name[row][9]);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char now[NAME_TEXT], then[NAME_TEXT];
        const char *old = client_name(&seg.clients, c, client_facts(c), then);
        for (int tries = 0; tries < 2; tries++) { /* the first change is not committed */
            struct facts *f = client_begin(c);
            client_set_name(&seg.clients, c, f, names[i]);
            cr_assert_str_eq(client_name(&seg.clients, c, f, now), names[i]);
            old = client_name(&seg.clients, c, client_facts(c), then);
            cr_assert_eq(!old, i == 0);
            cr_assert(!old || strcmp(old, names[i - 1]) == 0);
        }
        client_commit(c);
        cr_assert_str_eq(client_name(&seg.clients, c, client_facts(c), now), names[i]);
        client_begin(c);
        client_commit(c);
        cr_assert_str_eq(client_name(&seg.clients, c, client_facts(c), now), names[i]);
    }
}

Test(client, a_name_of_full_length_fits_and_a_longer_one_is_cut) {
    char name[NAME_OWN_MAX + 2] = "", got[NAME_TEXT];
    struct segment seg;
    struct facts facts = {0};
    struct client *c = client_make(&seg, &facts);
    memset(name, 'n', NAME_OWN_MAX + 1);
    client_set_name(&seg.clients, c, client_begin(c), name);
    client_commit(c);
    name[NAME_OWN_MAX] = '\0';
    cr_assert_str_eq(client_name(&seg.clients, c, client_facts(c), got), name);
    cr_assert_eq(seg.clients.name[0][10].text[0], '\0', "its neighbour has no name");
}

/* A writer that gives the client one name after another; a fact says which. */
static bool rename_for_ever(struct segment *seg, int fd) {
    struct client *c = &seg->clients.at[fd];
    for (uint32_t n = 1;; n++) {
        char name[NAME_OWN_MAX];
        struct facts *f = client_begin(c);
        memset(name, 'a' + n % 26, sizeof name);
        client_set_name(&seg->clients, c, f, name);
        f->tat = n;
        atomic_store_explicit(&c->active, atomic_load(&c->active) + 1, memory_order_release);
    }
    return true;
}

Test(client, peek_gives_the_name_that_belongs_to_the_facts) {
    struct segment seg;
    struct facts facts = {0};
    struct client_view view;
    client_make(&seg, &facts);
    pid_t pid = unit_child(rename_for_ever, &seg, 9);
    uint32_t peeks = 0;
    for (int tries = 0; tries < 200000 || peeks < 100; tries++) {
        if (!client_peek(&seg.clients, 9, &view) || !client_view_name(&view))
            continue;
        peeks++;
        for (int i = 0; i < NAME_OWN_MAX; i++)
            cr_assert_eq(view.name[i], (char)('a' + view.facts.tat % 26), "byte %d of %u", i,
                         view.facts.tat);
    }
    kill(pid, SIGKILL);
    unit_join(pid);
}

/* ---- generations and cookies ---- */

/* Numbers with a special meaning in place of a tag (generation << 32 | descriptor). */
static void assert_no_reserved_tag(uint32_t generation) {
    for (uint32_t fd = 0; fd < 2; fd++) {
        uint64_t tag = buffer_tag(fd, generation);
        cr_assert_neq(tag, 0, "a free buffer, or a name never used");
        cr_assert_neq(buffer_tag(UINT32_MAX, generation), NAME_TABLE_VOID);
        cr_assert_neq(tag >> 32, EVENT_BELL);
        cr_assert_neq(tag >> 32, EVENT_LISTENER);
        cr_assert_neq(tag >> 32, EVENT_GUARDIAN);
        cr_assert_neq(tag >> 32, EVENT_WATCHDOG);
    }
}

Test(client, generations_wrap_to_1_and_take_no_reserved_number) {
    static const uint32_t before[] = {UINT32_MAX - 16 - 3, UINT32_MAX - 16, UINT32_MAX - 15,
                                      UINT32_MAX - 1, UINT32_MAX};
    static const uint32_t first[] = {UINT32_MAX - 16 - 2, 1, 1, 1, 1};
    struct segment seg;
    unit_segment(&seg, 65536);
    struct client *c = &seg.clients.at[9];
    for (int i = 0; i < 5; i++) {
        atomic_store(&c->state_word, client_state_word(before[i], CLIENT_FREE));
        for (uint32_t n = 0; n < 40; n++) {
            uint32_t generation = client_claim(c, client_word(c), 1, 500);
            assert_no_reserved_tag(generation);
            if (n == 0)
                cr_assert_eq(generation, first[i]);
            client_unclaim(c, generation, 1, 500);
            cr_assert_eq(client_generation(atomic_load(&c->state_word)), generation);
        }
        cr_assert_lt(client_generation(atomic_load(&c->state_word)), 41, "it has wrapped");
    }
}

/* A record in state FILLING keeps 24 bits of the cookie: sockets that differ in any of them are
 * different sockets. */
Test(client, cookies_that_differ_in_any_kept_bit_are_two_sockets) {
    struct segment seg;
    unit_segment(&seg, 65536);
    struct client *c = &seg.clients.at[9];
    uint64_t cookie = 0x5a5a5a;
    for (int bit = 0; bit < 24; bit++) {
        cr_assert_neq(client_claim(c, client_word(c), 1, cookie), 0, "bit %d", bit);
        cr_assert_eq(client_claim(c, client_word(c), 2, cookie), 0,
                     "worker 1 fills it for this socket");
        cookie ^= 1ull << bit;
        uint32_t generation = client_claim(c, client_word(c), 2, cookie);
        cr_assert_neq(generation, 0, "bit %d tells another socket", bit);
        client_unclaim(c, generation, 2, cookie ^ 1ull << bit);
        cr_assert_eq(client_state(atomic_load(&c->state_word)), CLIENT_FILLING, "bit %d", bit);
        client_unclaim(c, generation, 2, cookie);
        cr_assert_eq(client_state(atomic_load(&c->state_word)), CLIENT_FREE);
    }
}

/* In a live record the whole cookie is compared. */
Test(client, cookies_of_served_sockets_differ_in_any_bit) {
    struct segment seg;
    struct facts facts = {0};
    struct in6_addr addr = IN6ADDR_LOOPBACK_INIT;
    struct client *c = client_make(&seg, &facts);
    for (int bit = 0; bit < 64; bit++) {
        uint64_t cookie = c->cookie ^ 1ull << bit;
        cr_assert_eq(client_claim(c, client_word(c), 3, c->cookie), 0);
        cr_assert_neq(client_claim(c, client_word(c), 3, cookie), 0, "bit %d", bit);
        client_open(c, 3, cookie, &facts, &addr, 4321);
    }
}

/* ---- a record that another process opens again and again ---- */

/* Opens the record for a new socket each time: every field is set to the generation's number. */
static bool open_for_ever(struct segment *seg, int fd) {
    struct client *c = &seg->clients.at[fd];
    struct facts facts = {0};
    struct in6_addr addr;
    for (;;) {
        uint32_t n = client_generation_next(client_generation(atomic_load(&c->state_word)));
        for (int i = 0; i < 4; i++)
            addr.s6_addr32[i] = n;
        facts.tat = facts.last_input = n;
        if (client_claim(c, client_word(c), 2, n) != n)
            return false;
        client_open(c, 2, n, &facts, &addr, (uint16_t)n);
        for (int i = 0; i < 30; i++) /* long enough for a reader to copy the record */
            atomic_load(&c->state_word);
    }
}

/* Starts the writer and waits until it has begun. */
static pid_t open_start(struct segment *seg, const struct client *c) {
    uint64_t word = atomic_load(&c->state_word);
    pid_t pid = unit_child(open_for_ever, seg, 9);
    while (client_generation(atomic_load(&c->state_word)) < client_generation(word) + 2)
        sched_yield();
    return pid;
}

/* How many copies must begin with a live record and end with another generation. */
enum { PEEK_RACES = 500 };

static bool peek_raced(const struct client *c, uint64_t before) {
    return client_state(before) == CLIENT_LIVE && atomic_load(&c->state_word) != before;
}

Test(client, peek_gives_address_and_port_of_one_moment, .timeout = 180) {
    struct segment seg;
    struct facts facts = {0};
    struct client_view view;
    struct client *c = client_make(&seg, &facts);
    pid_t pid = open_start(&seg, c);
    for (uint32_t races = 0, peeks = 0; races < PEEK_RACES || peeks < PEEK_RACES;) {
        uint64_t before = atomic_load(&c->state_word);
        bool seen = client_peek(&seg.clients, 9, &view);
        races += peek_raced(c, before);
        peeks += seen;
        for (int i = 0; i < 4 && seen; i++)
            cr_assert_eq(view.addr.s6_addr32[i], view.generation, "word %d of the address", i);
        cr_assert(!seen || view.port == (uint16_t)view.generation);
        cr_assert(!seen || view.facts.tat == view.generation);
        cr_assert(!seen || view.facts.last_input == view.generation);
    }
    kill(pid, SIGKILL);
    cr_assert(WIFSIGNALED(unit_join(pid)), "it opened the record all the time");
}

Test(client, peek_address_gives_an_address_of_one_moment, .timeout = 180) {
    struct segment seg;
    struct facts facts = {0};
    struct in6_addr addr;
    struct client *c = client_make(&seg, &facts);
    pid_t pid = open_start(&seg, c);
    for (uint32_t races = 0, peeks = 0; races < PEEK_RACES || peeks < PEEK_RACES;) {
        uint64_t before = atomic_load(&c->state_word);
        bool seen = client_peek_address(c, &addr);
        races += peek_raced(c, before);
        peeks += seen;
        for (int i = 1; i < 4 && seen; i++)
            cr_assert_eq(addr.s6_addr32[i], addr.s6_addr32[0], "word %d", i);
    }
    kill(pid, SIGKILL);
    cr_assert(WIFSIGNALED(unit_join(pid)), "it opened the record all the time");
}

/* ---- remote records ---- */

/* A relay that lets one person after another into a record and out of it; a fact says which. */
static bool come_and_go_for_ever(struct segment *seg, int at) {
    struct client *c = &seg->clients.at[at];
    for (uint32_t n = 1;; n++) {
        char name[NAME_BYTES_MAX];
        struct facts facts = {.kind = KIND_TELNET, .tat = n};
        client_open_remote(c, RELAY_SLOT, &facts);
        struct facts *f = client_begin(c);
        memset(name, 'a' + n % 26, sizeof name);
        client_set_name(&seg->clients, c, f, name);
        f->flags |= FACT_IN_ROOM;
        client_commit(c);
        client_free_remote(c);
    }
    return true;
}

Test(client, a_remote_record_is_whole_to_readers_and_to_a_successor) {
    struct segment seg;
    struct facts facts = {0};
    struct client_view view;
    client_make(&seg, &facts);
    uint32_t at = seg.clients.len, last = 0;
    cr_assert_eq(segment_grow_remote(&seg, at), 0);
    for (int deaths = 0; deaths < 20; deaths++) {
        pid_t pid = unit_child(come_and_go_for_ever, &seg, (int)at);
        for (uint32_t peeks = 0; peeks < 20;) {
            if (!client_peek(&seg.clients, at, &view) || !(view.facts.flags & FACT_IN_ROOM))
                continue;
            peeks++;
            for (int i = 0; i < NAME_BYTES_MAX; i++)
                cr_assert_eq(view.name[i], (char)('a' + view.facts.tat % 26), "byte %d", i);
            cr_assert_eq(view.generation, last + view.facts.tat, "it is that person's, by number");
        }
        kill(pid, SIGKILL);
        unit_join(pid);
        uint32_t generation = client_open_remote(&seg.clients.at[at], RELAY_SLOT, &facts);
        cr_assert_gt(generation, last);
        last = generation;
        cr_assert(client_peek(&seg.clients, at, &view));
        cr_assert_eq(view.facts.flags, 0, "nothing of the last person is left");
    }
}
