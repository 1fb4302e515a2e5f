/* unit_convert_recorded.c - recorded segments of released layouts: each becomes one of this
 * program's, with everybody in it.
 *
 * tests/segments/NUMBER.gz is the segment of a server with that layout, all of whose processes were
 * killed while its people talked: ann ignores bob and sees times, bob is muted and has written to
 * cat, who has answered, dan has typed half a line, one is sent GBK, and one has not logged in. */
#include "ipc/convert.h"
#include "ipc/layout.h"
#include "ipc/predecessor.h"

#include "tests/lib/run.h"
#include "tests/unit_segment.h"
#include "worker/record/check.h"
#include "worker/text/name.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

TestSuite(convert_recorded, .timeout = 60);

static struct segment seg;
static int recorded;

static void progress(void) {}

/* Unpacked by gzip into an object of its own. */
static void unpack(const char *file) {
    char command[200];
    recorded = memfd_create("recorded", 0);
    snprintf(command, sizeof command, "gzip -dc tests/segments/%s.gz >/proc/%d/fd/%d", file,
             (int)getpid(), recorded);
    cr_assert_eq(system(command), 0, "%s", command);
}

static void set_up(void) {
    char err[512] = "";
    unpack("51d9f54a");
    cr_assert_eq(segment_adopt(&seg, recorded, progress, err, sizeof err), 0, "%s", err);
}

static struct client *person(const char *name) {
    for (uint32_t i = segment_walk(&seg, 0); i != NO_CLIENT; i = segment_walk(&seg, i + 1)) {
        const struct facts *f = client_facts(&seg.clients.at[i]);
        const char *text = seg.clients.name[(f->flags & FACT_NAME_ROW) != 0][i].text;
        if (client_state(seg.clients.at[i].state_word) == CLIENT_LIVE && (f->flags & FACT_NAMED) &&
            strncmp(text, name, NAME_OWN_MAX) == 0)
            return &seg.clients.at[i];
    }
    cr_assert_fail("no %s", name);
    return NULL;
}

Test(convert_recorded, each_record_is_sound, .init = set_up) {
    unsigned live = 0;
    for (uint32_t i = segment_walk(&seg, 0); i != NO_CLIENT; i = segment_walk(&seg, i + 1)) {
        const struct client *c = &seg.clients.at[i];
        if (client_state(c->state_word) != CLIENT_LIVE)
            continue;
        const char *why = record_check(&seg, c);
        cr_expect_null(why, "%u: %s", i, why);
        live++;
    }
    cr_assert_eq(live, 8);
}

Test(convert_recorded, each_person_is_as_before, .init = set_up) {
    const struct client *ann = person("ann"), *cat = person("cat"), *dan = person("dan");
    const struct facts *f = client_facts(ann);
    uint32_t bob = (uint32_t)(person("bob") - seg.clients.at);
    cr_assert_eq(f->flags & (FACT_TIMESTAMPS | FACT_IGNORES), FACT_TIMESTAMPS | FACT_IGNORES);
    cr_assert_eq((uint32_t)seg.ignore_lists[ann - seg.clients.at].row[0], bob);
    cr_assert(client_facts(person("bob"))->flags & FACT_MUTED);
    cr_assert_eq(client_facts(cat)->reply_client, bob);
    cr_assert_eq(client_facts(person("小明"))->ring, ENC_GBK);
    f = client_facts(dan);
    const struct rx_buffer *rx = buffer_at(&seg.rx_buffers, f->rx);
    cr_assert_eq(f->line_len, 9);
    cr_assert_eq(memcmp(rx->line, "half a li", 9), 0);
    person("eve");
    person("günther");
}

Test(convert_recorded, the_room_goes_on_where_it_was, .init = set_up) {
    const struct room *room = &seg.room;
    uint64_t count = room_count(room), from = room_oldest(&seg.room);
    unsigned said = 0;
    cr_assert_gt(count, 1000);
    for (uint64_t i = from; i < count; i++) {
        for (int e = 0; e < RING_COUNT; e++)
            cr_assert_geq(room_end(room, i, e), room_start(room, i, e));
        if (room_entry(room, i)->kind != ENTRY_SPEECH)
            continue;
        const char *text = (const char *)room_text(room, ENC_UTF8, room_start(room, i, ENC_UTF8));
        uint32_t len = room_len(room, i, ENC_UTF8);
        cr_assert(len > 8 && memmem(text, len, " says ", 6), "%.*s", (int)len, text);
        cr_assert_eq(memcmp(text + len - 2, "\r\n", 2), 0);
        said++;
    }
    cr_assert_gt(said, 100);
    cr_assert_eq(room_entry(room, count - 1)->people, 7);
}

Test(convert_recorded, names_bans_mutes_and_requests_are_kept, .init = set_up) {
    static const char *const names[] = {"ann", "bob", "cat", "dan", "eve", "小明", "günther"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        uint32_t client, generation;
        uint64_t key = name_key(names[i], strlen(names[i]), seg.header->name_key);
        cr_assert(name_table_find(&seg.names, &seg.room, &seg.clients, room_count(&seg.room), key,
                                  &client, &generation),
                  "%s", names[i]);
        cr_assert_eq(client, (uint32_t)(person(names[i]) - seg.clients.at), "%s", names[i]);
    }
    const struct restriction_table *t = restriction_begin(seg.restrictions).table;
    cr_assert_eq(t->bans, 1);
    cr_assert_str_eq(t->ban[0].reason, "noise");
    cr_assert_eq(t->mutes, 1);
    cr_assert_str_eq(t->mute[0].name, "bob");
    cr_assert_str_eq(header_config(seg.header)->room, "Recorded");
    cr_assert_eq(header_config(seg.header)->workers, 2);
    cr_assert_eq(atomic_load(&seg.slots[0].state), SLOT_SERVING);
    cr_assert_eq(seg.slots[GUARDIAN_SLOT].bell_fd, -1, "a slot that it had not");
}

/* It had no relay: no memory is taken for people of other machines. */
Test(convert_recorded, no_more_memory_is_taken_than_is_reserved, .init = set_up) {
    struct stat st;
    cr_assert_eq(fstat(seg.fd, &st), 0);
    cr_assert_eq(seg.header->remote_steps, 0);
    cr_assert_eq((size_t)st.st_blocks * 512, segment_reserved(&seg));
}

/* A field that is renamed or dropped loses its value at an upgrade, unless it is meant to. */
Test(convert_recorded, no_field_is_lost_unnoticed) {
    static const char *const dropped[] = {"segment_header.signals", "master_state.standby_pid"};
    struct layout own = layout_own(), was = layout_recorded(0x51d9f54a);
    for (size_t i = 0; i < was.count; i++) {
        const struct layout_row *row = &was.row[i];
        char name[80];
        bool meant = strncmp(row->field, "pad", 3) == 0 || row->type[0] == '\0';
        snprintf(name, sizeof name, "%s.%s", row->type, row->field);
        for (size_t k = 0; k < sizeof dropped / sizeof dropped[0]; k++)
            meant |= strcmp(name, dropped[k]) == 0;
        cr_expect(meant || layout_find(&own, row->type, row->field), "%s", name);
    }
}

/* HOLES 9: the standby process of that layout watches its master's heartbeat, and is not wanted if
 * its word is ACTS. */
Test(convert_recorded, the_words_of_its_standby_process, .init = set_up) {
    enum { STANDBY_AT = 172 }; /* in the header, in that layout */
    struct layout was = layout_recorded(0x51d9f54a);
    _Atomic uint32_t *word;
    uint8_t *old = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, recorded, 0);
    cr_assert_neq(old, MAP_FAILED);
    cr_assert_eq(layout_find(&was, "segment_header", "standby")->offset, STANDBY_AT);
    word = (void *)(old + STANDBY_AT);
    atomic_store(word, STANDBY_WATCHES);
    cr_assert_not(predecessor_committed());
    cr_assert(predecessor_commit());
    cr_assert_eq(atomic_load(word), STANDBY_ACTS);
    cr_assert(predecessor_committed());
}

/* Its process took over, which stores NONE. */
Test(convert_recorded, its_standby_process_took_over, .init = set_up) {
    cr_assert_not(predecessor_committed());
    cr_assert_not(predecessor_commit());
}
