/* unit_moderation.c - bans and mutes as a worker acts upon them, and the master's orders. */
#include "ipc/address.h"
#include "ipc/clock.h"
#include "master/moderation.h"
#include "tests/lib/run.h"
#include "tests/lib/sentence.h"
#include "tests/unit_worker.h"
#include "worker/ledger/adopt.h"
#include "worker/ledger/moderation.h"

#include <stdio.h>
#include <stdlib.h>

static struct segment seg;
static struct worker w;
static char dir[200], out[512];
static int peer, other_peer;
static struct client *ann, *bob;

static void begin(void) {
    run_make_dir(HERE, dir, sizeof dir);
    run_cleaner(HERE, 0, dir);
    unit_segment(&seg, 65536);
    unit_worker(&w, &seg);
    moderation_look(&w);
    ann = unit_named(&w, "ann", &peer);
    bob = unit_named(&w, "bob", &other_peer);
}

static void configure(const char *bans) {
    struct config config = w.config;
    snprintf(config.bans, sizeof config.bans, "%s", bans);
    segment_publish_config(&seg, &config);
}

/* As a worker hands it on: the clients of unit_worker.h are all at ::1. */
static bool mute(const char *name, const char *alone, const char *term) {
    char text[256];
    sprintf(text, "%llx [::1]:1 %s %s %s", (unsigned long long)speaker_key(&w, name), alone, term,
            name);
    return moderation_mute(&seg, text, out, sizeof out);
}

static bool unmute(const char *name) {
    char text[256];
    sprintf(text, "%llx %s", (unsigned long long)speaker_key(&w, name), name);
    return moderation_unmute(&seg, text, false, out, sizeof out);
}

static bool is_muted(const struct client *c) {
    return client_facts(c)->flags & FACT_MUTED;
}

static void turn(void) {
    moderation_look(&w);
    unit_turn(&w);
}

static bool ban(const char *text) {
    return moderation_ban(&seg, text, out, sizeof out);
}
static bool unban(const char *text) {
    return moderation_unban(&seg, text, false, out, sizeof out);
}

/* ---- a worker ---- */

Test(moderation, what_others_would_see_of_a_muted_client_is_refused, .init = begin) {
    static const char *const refused[] = {"hello\r\n",       "say hello\r\n", "/me waves\r\n",
                                          "/msg bob hi\r\n", "/reply hi\r\n", "/nick anna\r\n",
                                          "//slash\r\n",     "//quit\r\n"};
    cr_assert(mute("ann", "shared", "-"), "%s", out);
    cr_assert_str_eq(out, "muted ann");
    turn();
    unit_hears(peer, ""); /* a mute itself is not told */
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        unit_type(&w, ann, peer, refused[i]);
        unit_turn(&w);
        unit_hears(peer, "You are muted.\r\n");
        unit_hears(other_peer, "");
    }
    unit_type(&w, ann, peer, "look\r\n");
    unit_turn(&w);
    cr_assert(strstr(unit_heard(peer), "The following are in this room:"));
    unit_type(&w, bob, other_peer, "I am not\r\n");
    unit_turn(&w);
    unit_hears(other_peer, "bob: I am not\r\n");
}

Test(moderation, the_end_of_a_mute_is_told_once, .init = begin) {
    cr_assert(mute("Ann", "shared", "-")); /* in any spelling */
    turn();
    cr_assert(is_muted(ann));
    cr_assert(unmute("aNN"), "%s", out);
    turn();
    unit_hears(peer, "You may speak again.\r\n");
    unit_speak(&w, ann, "thank you");
    unit_hears(peer, "ann: thank you\r\n");
    cr_assert_not(unmute("ann"));
    cr_assert_str_eq(out, "ann is not muted");
}

/* The clock is not waited for: the end is moved into the past. */
Test(moderation, a_mute_ends_by_its_time, .init = begin) {
    cr_assert(mute("ann", "shared", "10m"));
    cr_assert(strncmp(out, "muted ann until 2", 17) == 0, "%s", out);
    turn();
    int wait = moderation_timeout(&w);
    cr_assert(wait > 0 && wait <= MODERATION_LOOK_MS, "%d", wait);
    struct restriction_table *table = &seg.restrictions->copy[w.moderated.generation & 1];
    table->mute[0].until_ms = w.moderated.next_end = clock_wall_ms();
    cr_assert_eq(moderation_timeout(&w), 0);
    turn();
    unit_hears(peer, "You may speak again.\r\n");
    cr_assert_eq(moderation_timeout(&w), -1);
}

Test(moderation, a_mute_holds_over_a_reconnect, .init = begin) {
    int again;
    cr_assert(mute("ann", "shared", "-"));
    turn();
    struct client *back = unit_newcomer(&w, &again);
    moderation_later(&w, back);
    moderation_look(&w);
    cr_assert_not(is_muted(back), "its address was shared");
    unit_type(&w, bob, other_peer, "/nick ben\r\n");
    unit_turn(&w);
    unit_heard(other_peer);
    moderation_look(&w);
    cr_assert_not(is_muted(bob));
    cr_assert(mute("carl", "shared", "-"));
    unit_type(&w, back, again, "login carl\r\n");
    unit_turn(&w);
    moderation_look(&w); /* before anything more of it is read */
    cr_assert(is_muted(back));
}

Test(moderation, a_mute_of_an_address_is_one_from_before_the_login_on, .init = begin) {
    int again;
    cr_assert(mute("zoe", "alone", "-"));
    struct client *c = unit_newcomer(&w, &again);
    moderation_later(&w, c);
    turn();
    cr_assert(is_muted(c));
    cr_assert(unmute("zoe"));
    turn();
    cr_assert_not(is_muted(c));
    unit_hears(again, ""); /* it is not in the room, and never knew */
}

Test(moderation, a_line_that_is_staged_when_its_client_is_muted_is_refused, .init = begin) {
    turn();
    unit_say(&w, ann, "one");
    unit_say(&w, bob, "two");
    unit_say(&w, ann, "three");
    cr_assert(mute("ann", "shared", "-"));
    unit_turn(&w);
    unit_hears(peer, "You are muted.\r\nYou are muted.\r\nbob: two\r\n");
    unit_hears(other_peer, "bob: two\r\n");
}

Test(moderation, a_line_that_is_staged_when_its_client_is_banned_is_dropped, .init = begin) {
    turn();
    unit_say(&w, ann, "one");
    cr_assert(ban("::1"));
    unit_turn(&w);
    cr_assert_not(client_live(ann));
    unit_hears(peer, "*** You are banned.\r\n");
    cr_assert_eq(w.stage.count, 0);
}

Test(moderation, members_that_are_banned_are_told_and_leave, .init = begin) {
    cr_assert(ban("2001:db8::/32 elsewhere"));
    turn();
    cr_assert(client_live(ann) && client_live(bob));
    cr_assert(ban("::1"));
    cr_assert_str_eq(out, "banned ::1; 2 people are disconnected");
    turn();
    cr_assert_not(client_live(ann) || client_live(bob));
    unit_hears(peer, "*** You are banned.\r\n");
    unit_hears(other_peer, "*** You are banned.\r\n");
}

/* A named client of the worker on a TCP connection, whose counts the kernel keeps. */
static struct client *connected(const char *name, int *its_peer) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&at, len), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    *its_peer = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(*its_peer, (struct sockaddr *)&at, len), 0);
    int fd = accept(listener, NULL, NULL);
    cr_assert(fd >= 0 && (uint32_t)fd < seg.clients.len);
    close(listener);
    struct client *c = worker_client(&w, (uint32_t)fd);
    struct facts facts = unit_facts(&w, FACT_IN_ROOM);
    struct in6_addr address = address_mapped(&at.sin_addr);
    cr_assert_neq(client_claim(c, client_word(c), w.index, socket_cookie(fd)), 0);
    client_open(c, w.index, socket_cookie(fd), &facts, &address, 1);
    unit_set_name(&w, c, name);
    seg.header->counters_exact = 1;
    return c;
}

/* A successor that has seen the table in effect, and was given the client. */
static void adopts(struct worker *successor, struct client *c) {
    unit_worker(successor, &seg);
    moderation_look(successor);
    adopt_client(successor, c);
    moderation_look(successor);
}

/* The table has moved, and the client's owner died, or let the client go, before its look. */
Test(moderation, holes_24_a_successor_looks_at_each_client_that_it_adopts, .init = begin) {
    static struct worker successor;
    int carls;
    struct client *carl = connected("carl", &carls);
    cr_assert(mute("carl", "shared", "-"));
    adopts(&successor, carl);
    cr_assert(is_muted(carl));
}

Test(moderation, holes_24_a_mute_that_ended_is_found_by_a_successor, .init = begin) {
    static struct worker successor;
    int carls;
    struct client *carl = connected("carl", &carls);
    client_begin(carl)->flags |= FACT_MUTED;
    client_commit(carl);
    adopts(&successor, carl);
    cr_assert_not(is_muted(carl));
    unit_flush(&successor);
    unit_hears(carls, "You may speak again.\r\n");
}

Test(moderation, holes_24_a_successor_sends_a_banned_client_away, .init = begin) {
    static struct worker successor;
    int carls;
    struct client *carl = connected("carl", &carls);
    cr_assert(ban("127.0.0.0/8"));
    adopts(&successor, carl);
    cr_assert_not(client_live(carl));
    unit_hears(carls, "*** You are banned.\r\n");
}

Test(moderation, what_no_buffer_is_free_for_is_counted_as_lost, .init = begin) {
    cr_assert(mute("ann", "shared", "-"));
    turn();
    cr_assert(unmute("ann"));
    unit_take_buffers(&w);
    moderation_look(&w);
    cr_assert_not(is_muted(ann));
    cr_assert_eq(client_facts(ann)->lines_lost, 1);
}

Test(moderation, operators_are_neither_banned_nor_muted, .init = begin) {
    int operator_peer;
    struct facts facts = unit_facts(&w, 0);
    facts.kind = KIND_CONTROL;
    struct client *c = unit_open(&w, &operator_peer, &facts);
    cr_assert(ban("::1"));
    cr_assert(mute("ann", "alone", "-"));
    turn();
    cr_assert(client_live(c) && !is_muted(c));
}

/* ---- the master's orders ---- */

Test(moderation, orders_answer_what_was_done, .init = begin) {
    cr_assert(ban("10.0.0.0/8 2h floods the room"), "%s", out);
    cr_assert(strncmp(out, "banned 10.0.0.0/8 until 2", 25) == 0, "%s", out);
    cr_assert(ban("10.0.0.0/8 - 3rd time"));
    cr_assert_str_eq(out, "banned 10.0.0.0/8");
    const struct restriction_table *table = restriction_begin(seg.restrictions).table;
    cr_assert_eq(table->bans, 1, "a ban replaces that of the same network");
    cr_assert_str_eq(table->ban[0].reason, "3rd time");
    cr_assert(ban("10.1.0.0/16"));
    cr_assert(unban("10.1.0.0/16"));
    cr_assert_str_eq(out, "unbanned 10.1.0.0/16; it is still banned by 10.0.0.0/8");
    cr_assert_not(unban("10.1.0.0/16"));
    cr_assert_str_eq(out, "10.1.0.0/16 is not banned by itself, but by 10.0.0.0/8");
    cr_assert(unban("10.0.0.0/8"));
    cr_assert_str_eq(out, "unbanned 10.0.0.0/8");
    cr_assert_not(unban("10.0.0.0/8"));
    cr_assert_str_eq(out, "10.0.0.0/8 is not banned");
    cr_assert(moderation_unban(&seg, "10.0.0.0/8", true, out, sizeof out));
    cr_assert_str_eq(out, "unbanned 10.0.0.0/8");
}

Test(moderation, orders_that_are_none_are_refused_with_a_sentence, .init = begin) {
    static const struct {
        const char *text, *says;
    } rows[] = {{"", "\"\" is not an address"},
                {"ann", "\"ann\" is not an address"},
                {"0.0.0.0/0", "0.0.0.0/0 is everybody, and is not banned"},
                {"::/0 1d all", "::/0 is everybody, and is not banned"},
                {"10.1.2.3/8", "10.1.2.3/8 has bits beyond its prefix: is 10.0.0.0/8 meant?"},
                {"10.0.0.1 10w", "\"10w\" is not a duration"},
                {"10.0.0.1 0s", "\"0s\" is not a duration"},
                {"10.0.0.1 99999d", "\"99999d\" is not a duration"}};
    uint64_t generation = restriction_generation(seg.restrictions);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_expect_not(ban(rows[i].text), "%s", rows[i].text);
        cr_expect(strncmp(out, rows[i].says, strlen(rows[i].says)) == 0, "%s", out);
    }
    cr_assert_not(mute("ann", "alone", "soon"));
    cr_assert(strstr(out, "\"soon\" is not a duration"));
    cr_assert_not(moderation_mute(&seg, "nonsense", out, sizeof out));
    cr_assert_eq(restriction_generation(seg.restrictions), generation);
}

Test(moderation, the_table_is_full_at_1024_bans_and_256_mutes, .init = begin) {
    char text[64];
    for (int i = 0; i < BANS_MAX; i++) {
        sprintf(text, "10.0.%d.%d", i / 256, i % 256);
        cr_assert(ban(text), "%s", out);
    }
    cr_assert_not(ban("192.0.2.1"));
    cr_assert_str_eq(out, "there are 1024 bans already; that is the most");
    cr_assert(ban("10.0.0.7 5m"), "one that is there can be changed");
    for (int i = 0; i < MUTES_MAX; i++) {
        sprintf(text, "m%d", i);
        cr_assert(mute(text, "shared", "-"), "%s", out);
    }
    cr_assert_not(mute("ann", "shared", "-"));
    cr_assert_str_eq(out, "there are 256 mutes already; that is the most");
    cr_assert(mute("m9", "shared", "5m"));
}

static char *file(void) {
    char path[256];
    snprintf(path, sizeof path, "%s/bans", dir);
    return run_read_file(path);
}

static void with_file(const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/bans", dir);
    if (text)
        run_write_file(HERE, path, text);
    configure(path);
}

/* What a person wrote since the last reload is not lost by an order. */
Test(moderation, an_order_reads_the_file_before_it_writes_it, .init = begin) {
    with_file("192.0.2.7 - by hand\n");
    cr_assert(ban("192.0.2.8"), "%s", out);
    char *text = file();
    cr_assert_str_eq(text, "192.0.2.7 - by hand\n192.0.2.8 -\n");
    cr_assert_eq(restriction_begin(seg.restrictions).table->bans, 2);
    free(text);
}

Test(moderation, an_order_is_refused_while_the_file_is_damaged, .init = begin) {
    with_file("192.0.2.7 - kept\n");
    cr_assert(ban("192.0.2.8"));
    with_file("192.0.2.7 - kept\nrubbish\n");
    cr_assert_not(ban("192.0.2.9"));
    cr_assert(strstr(out, "/bans:2: \"rubbish\" is not"), "%s", out);
    cr_assert(strstr(out, "; nothing is changed"));
    cr_assert_not(unban("192.0.2.7"));
    cr_assert_eq(restriction_begin(seg.restrictions).table->bans, 2);
    char *text = file();
    cr_assert_str_eq(text, "192.0.2.7 - kept\nrubbish\n");
    free(text);
}

Test(moderation, a_file_that_is_gone_is_written_anew_by_the_next_order, .init = begin) {
    char path[256];
    with_file("192.0.2.7 - kept\n");
    cr_assert(ban("192.0.2.8"));
    snprintf(path, sizeof path, "%s/bans", dir);
    unlink(path);
    cr_assert(ban("192.0.2.9"));
    char *text = file();
    cr_assert(strstr(text, "\n192.0.2.7 - kept\n192.0.2.8 -\n192.0.2.9 -\n"), "%s", text);
    free(text);
}

Test(moderation, an_order_that_cannot_be_written_changes_nothing, .init = begin) {
    char path[256];
    uint64_t generation = restriction_generation(seg.restrictions);
    snprintf(path, sizeof path, "%s/none/bans", dir);
    configure(path);
    cr_assert_not(ban("192.0.2.9"));
    cr_assert(strstr(out, "/none/bans: No such file or directory; nothing is changed"), "%s", out);
    cr_assert_eq(restriction_generation(seg.restrictions), generation);
}

/* A master that died between file and table: the next one reads the file. */
Test(moderation, holes_24_a_new_master_reads_the_file_again, .init = begin) {
    with_file("192.0.2.7 - written, and then it died\n");
    cr_assert_eq(restriction_begin(seg.restrictions).table->bans, 0);
    moderation_take_up(&seg);
    cr_assert_eq(restriction_begin(seg.restrictions).table->bans, 1);
    uint64_t generation = restriction_generation(seg.restrictions);
    moderation_take_up(&seg);
    cr_assert_eq(restriction_generation(seg.restrictions), generation, "nothing was new");
    with_file("rubbish\n");
    moderation_take_up(&seg);
    cr_assert_eq(restriction_begin(seg.restrictions).table->bans, 1, "damaged: they stay");
}

/* ---- a reload ---- */

static bool reload_to(const char *bans, char *err, size_t size) {
    struct config config = w.config;
    snprintf(config.bans, sizeof config.bans, "%s", bans);
    if (!moderation_prepare(&seg, &config, err, size))
        return false;
    segment_publish_config(&seg, &config);
    moderation_apply(&seg);
    return true;
}

Test(moderation, another_file_gets_the_bans_that_stand, .init = begin) {
    char path[256], second[256], err[512] = "";
    snprintf(path, sizeof path, "%s/bans", dir);
    snprintf(second, sizeof second, "%s/second", dir);
    cr_assert(ban("192.0.2.1 - before there was a file"));
    cr_assert(reload_to(path, err, sizeof err), "%s", err);
    char *text = file();
    cr_assert(strstr(text, "\n192.0.2.1 - before there was a file\n"));
    free(text);
    run_write_file(HERE, second, "192.0.2.2 - of the second\n");
    cr_assert(reload_to(second, err, sizeof err), "%s", err);
    text = run_read_file(second);
    cr_assert_str_eq(text, "192.0.2.2 - of the second\n192.0.2.1 - before there was a file\n");
    free(text);
    cr_assert_eq(restriction_begin(seg.restrictions).table->bans, 2);
    cr_assert(reload_to("", err, sizeof err));
    cr_assert_eq(restriction_begin(seg.restrictions).table->bans, 2, "they stand without a file");
}

Test(moderation, a_reload_takes_what_a_person_has_written, .init = begin) {
    char path[256], err[512] = "";
    snprintf(path, sizeof path, "%s/bans", dir);
    with_file("192.0.2.1 -\n192.0.2.2 -\n");
    moderation_take_up(&seg);
    run_write_file(HERE, path, "192.0.2.2 -\n192.0.2.3 - new\n");
    cr_assert(reload_to(path, err, sizeof err), "%s", err);
    const struct restriction_table *table = restriction_begin(seg.restrictions).table;
    cr_assert_eq(table->bans, 2);
    cr_assert_str_eq(table->ban[1].reason, "new");
    unlink(path);
    cr_assert_not(reload_to(path, err, sizeof err));
    cr_assert(strstr(err, "it is gone, and 2 bans stand; to lift all bans make an empty file"),
              "%s", err);
    run_write_file(HERE, path, "");
    cr_assert(reload_to(path, err, sizeof err), "%s", err);
    cr_assert_eq(restriction_begin(seg.restrictions).table->bans, 0);
}

Test(moderation, a_second_file_that_would_be_too_full_is_refused, .init = begin) {
    char second[256], err[512] = "", text[64];
    for (int i = 0; i < BANS_MAX; i++) {
        sprintf(text, "10.0.%d.%d", i / 256, i % 256);
        cr_assert(ban(text));
    }
    snprintf(second, sizeof second, "%s/second", dir);
    run_write_file(HERE, second, "192.0.2.2 -\n");
    cr_assert_not(reload_to(second, err, sizeof err));
    cr_assert(strstr(err, "more than 1024 bans"), "%s", err);
    char *same = run_read_file(second);
    cr_assert_str_eq(same, "192.0.2.2 -\n");
    free(same);
}
