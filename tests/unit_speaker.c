/* unit_speaker.c - the number by which entries name their speaker: one for a name however it is
 * written, computed once, and anew when the name changes. */
#include "tests/unit_worker.h"
#include "worker/state/speaker.h"
#include "worker/text/name.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>

static struct segment seg;
static struct worker worker;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
}
TestSuite(speaker, .init = set_up);

static uint32_t *known(const struct client *c) {
    return &worker.members.speaker[client_index(&worker, c)];
}

Test(speaker, a_name_has_one_key_however_it_is_written) {
    uint64_t key = speaker_key(&worker, "ann");
    cr_assert_neq(key, 0);
    cr_assert_eq(speaker_key(&worker, "ANN"), key);
    cr_assert_eq(speaker_key(&worker, "\357\274\241nn"), key, "in full width");
    cr_assert_neq(speaker_key(&worker, "anna"), key);
    cr_assert_neq(speaker_key(&worker, ""), key);
}

Test(speaker, the_key_depends_on_the_segments_secret) {
    uint64_t key = speaker_key(&worker, "ann");
    seg.header->name_key[0] ^= 1;
    cr_assert_neq(speaker_key(&worker, "ann"), key);
}

Test(speaker, a_named_clients_number_is_the_low_half_of_its_names_key) {
    int peer;
    struct client *ann = unit_named(&worker, "ann", &peer);
    cr_assert_eq(speaker_of(&worker, ann), (uint32_t)speaker_key(&worker, "Ann"));
}

/* The record has no room for a NUL behind it. */
Test(speaker, a_name_of_full_length_is_its_bytes_and_no_more) {
    int peer;
    char name[NAME_BYTES_MAX + 1] = "";
    struct client *c = unit_named(&worker, "x", &peer);
    struct facts *f = client_begin(c);
    memset(name, 'n', NAME_BYTES_MAX);
    memcpy(f->name, name, NAME_BYTES_MAX);
    client_commit(c);
    atomic_store(&(c + 1)->sent, UINT64_MAX); /* what lies behind the name is no end of it */
    cr_assert_eq(speaker_of(&worker, c), (uint32_t)speaker_key(&worker, name));
}

Test(speaker, it_is_computed_once) {
    int peer;
    struct client *ann = unit_named(&worker, "ann", &peer);
    cr_assert_eq(*known(ann), 0);
    uint32_t number = speaker_of(&worker, ann);
    cr_assert_eq(*known(ann), number);
    *known(ann) = 12345;
    cr_assert_eq(speaker_of(&worker, ann), 12345, "what is known is not computed again");
    speaker_forget(&worker, ann);
    cr_assert_eq(speaker_of(&worker, ann), number);
}

Test(speaker, a_change_of_name_makes_it_another) {
    int peer;
    struct client *ann = unit_named(&worker, "ann", &peer);
    unit_speak(&worker, ann, "one");
    unit_type(&worker, ann, peer, "/nick bob\n");
    unit_turn(&worker);
    cr_assert_eq(*known(ann), 0, "forgotten");
    unit_speak(&worker, ann, "two");
    cr_assert_eq(room_entry(&seg.room, 1)->speaker, (uint32_t)speaker_key(&worker, "ann"));
    cr_assert_eq(room_entry(&seg.room, 2)->speaker, (uint32_t)speaker_key(&worker, "bob"));
    cr_assert_eq(room_entry(&seg.room, 3)->speaker, (uint32_t)speaker_key(&worker, "bob"));
}

Test(speaker, a_login_makes_it_another) {
    int peer;
    struct client *c = unit_newcomer(&worker, &peer);
    cr_assert_eq(speaker_of(&worker, c), speaker_of_address(&c->addr, c->port));
    unit_type(&worker, c, peer, "login ann\n");
    unit_turn(&worker);
    cr_assert_eq(speaker_of(&worker, c), (uint32_t)speaker_key(&worker, "ann"));
}

Test(speaker, the_descriptors_next_client_has_its_own) {
    int peer;
    struct client *c = unit_named(&worker, "ann", &peer);
    struct facts facts = unit_facts(&worker, FACT_IN_ROOM | FACT_NAMED);
    uint32_t number = speaker_of(&worker, c);
    member_remove(&worker, c);
    strcpy(facts.name, "bob");
    cr_assert_neq(client_claim(c, 0, c->cookie + 1), 0);
    client_open(c, 0, c->cookie + 1, &facts, &c->addr, 1);
    member_add(&worker, c);
    cr_assert_neq(speaker_of(&worker, c), number);
    cr_assert_eq(speaker_of(&worker, c), (uint32_t)speaker_key(&worker, "bob"));
}

Test(speaker, without_a_name_address_and_port_make_the_number) {
    struct in6_addr one, two;
    inet_pton(AF_INET6, "2001:db8::1", &one);
    inet_pton(AF_INET6, "2001:db8::2", &two);
    cr_assert_eq(speaker_of_address(&one, 5), speaker_of_address(&one, 5));
    cr_assert_neq(speaker_of_address(&one, 5), speaker_of_address(&two, 5));
    cr_assert_neq(speaker_of_address(&one, 5), speaker_of_address(&one, 6));
    for (int byte = 0; byte < 16; byte++) {
        two = one;
        two.s6_addr[byte] ^= 1;
        cr_assert_neq(speaker_of_address(&one, 5), speaker_of_address(&two, 5), "byte %d", byte);
    }
}

Test(speaker, in_the_open_room_two_clients_of_one_address_are_two_speakers) {
    int peer[2];
    struct client *one = unit_client(&worker, &peer[0]), *two = unit_client(&worker, &peer[1]);
    unit_speak(&worker, one, "a");
    unit_speak(&worker, two, "b");
    cr_assert_eq(room_entry(&seg.room, 1)->speaker, speaker_of_address(&one->addr, one->port));
    cr_assert_neq(room_entry(&seg.room, 1)->speaker, room_entry(&seg.room, 2)->speaker);
}
