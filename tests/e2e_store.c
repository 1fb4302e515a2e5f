/* e2e_store.c - a server whose service manager keeps its descriptors: people stay over a restart,
 * and over the death of every process at one moment. */
#include "ipc/header.h"

#include "tests/lib/browser.h"
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"
#include "tests/lib/manager.h"
#include "tests/lib/person.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(e2e_store, .timeout = 180);

/* One server, its manager, and two guests that are kept. */
struct service {
    struct manager *m;
    struct server *s;
    struct guest *ann, *bob;
};

/* How the service's processes end; then it is started again. */
typedef void (*ending)(struct where where, struct service *v);

static void by_restart(struct where where, struct service *v) {
    manager_store_at(where, v->m, v->s);
}
static void by_death(struct where where, struct service *v) {
    manager_kill_all_at(where, v->m, v->s);
}
static const ending endings[] = {by_restart, by_death};
enum { ENDINGS = 2 };

static void service_begin(struct where where, struct service *v, const char *conf) {
    v->m = manager_begin_at(where, 1000);
    v->s = server_prepare_at(where);
    v->s->workers_may_die = true;
    server_configure_at(where, v->s, "%s", conf);
    manager_launch_at(where, v->m, v->s);
    v->ann = guest_enter(v->s, "ann");
    v->bob = guest_enter(v->s, "bob");
    guest_expect(v->ann, "%s", told1(TOLD_COMES, "bob"));
    manager_await_kept_at(where, v->m, "c", 2);
}
#define begin(v, conf) service_begin(HERE, v, conf)

static void service_talks(struct where where, struct service *v, const char *text) {
    guest_say_at(where, v->ann, "%s", text);
    guest_expect_at(where, v->ann, "%s", told2(TOLD_SPEECH, "ann", text));
    guest_expect_at(where, v->bob, "%s", told2(TOLD_SPEECH, "ann", text));
    guest_say_at(where, v->bob, "%s too", text);
    char too[256];
    snprintf(too, sizeof too, "%s too", text);
    guest_expect_at(where, v->ann, "%s", told2(TOLD_SPEECH, "bob", too));
    guest_expect_at(where, v->bob, "%s", told2(TOLD_SPEECH, "bob", too));
}
#define talk(v, text) service_talks(HERE, v, text)

static void service_end(struct where where, struct service *v) {
    server_signal(v->s, SIGTERM);
    guest_expect_at(where, v->ann, "*** The server is going down.");
    server_ended_at(where, v->s);
    manager_await_kept_at(where, v->m, "", 0);
    manager_end(v->m);
}
#define end(v) service_end(HERE, v)

/* ---- people stay ---- */

Test(e2e_store, hole_5_a_restart_is_no_goodbye) {
    struct service v;
    begin(&v, server_quiet);
    uint16_t port = v.s->port;
    for (int i = 0; i < 3; i++) {
        talk(&v, "before");
        manager_store(v.m, v.s);
        manager_launch(v.m, v.s);
        cr_assert_eq(v.s->port, port);
        talk(&v, "after");
    }
    end(&v);
}

/* The old master, which stands by until the first new worker, takes an end before that for none. */
Test(e2e_store, a_restart_in_the_middle_of_an_upgrade_is_no_failure_of_the_upgrade) {
    struct service v;
    begin(&v, server_quiet);
    for (int i = 0; i < 12; i++) {
        server_signal(v.s, SIGUSR2);
        usleep((useconds_t)i * 2000);
        manager_store(v.m, v.s);
        manager_launch(v.m, v.s);
        talk(&v, "after");
    }
    cr_assert_eq(server_log_count(v.s, "going back to the binary before"), 0);
    end(&v);
}

Test(e2e_store, hole_7_people_stay_over_the_death_of_every_process) {
    struct service v;
    begin(&v, SERVER_QUIET(3));
    uint16_t port = v.s->port;
    for (int i = 0; i < 3; i++) {
        talk(&v, "before");
        manager_kill_all(v.m, v.s);
        guest_say(v.bob, "said to nobody yet");
        manager_launch(v.m, v.s);
        cr_assert_eq(v.s->port, port);
        guest_expect(v.ann, "bob: said to nobody yet");
        guest_expect(v.bob, "bob: said to nobody yet");
        talk(&v, "after");
    }
    end(&v);
}

/* Where the main process dies alone, its master makes another guardian, which the service manager
 * knows nothing of: it starts the service beside the processes that are left. */
Test(e2e_store, hole_7_what_is_left_of_the_life_before_does_not_use_the_segment_too) {
    struct service v;
    begin(&v, SERVER_QUIET(3));
    for (int i = 0; i < 3; i++) {
        pid_t group = v.s->pid;
        int before = server_log_count(v.s, "ready again: ");
        manager_kill_main(v.m, v.s);
        while (i > 0 && server_log_count(v.s, "ready again: ") == before)
            wait_breath();
        if (i > 0)
            talk(&v, "with another guardian");
        manager_launch(v.m, v.s);
        /* Until its last process is reaped, whichever process is its parent. */
        while (waitpid(-group, NULL, WNOHANG) > 0 || kill(-group, 0) == 0)
            wait_breath();
        talk(&v, "with the main process");
    }
    end(&v);
}

/* Numbers change with every life: some leave, others come. */
Test(e2e_store, numbers_that_change_with_each_life) {
    enum { PEOPLE = 12 };
    struct service v;
    struct guest *crowd[PEOPLE];
    char name[16];
    begin(&v, SERVER_QUIET(2) "announce_max = 2\n");
    for (int i = 0; i < PEOPLE; i++) {
        snprintf(name, sizeof name, "p%02d", i);
        crowd[i] = guest_enter(v.s, name);
    }
    for (int life = 0; life < 4; life++) {
        guest_close(crowd[life]);
        guest_close(crowd[PEOPLE - 1 - life]);
        manager_await_kept(v.m, "c", 2 + PEOPLE - 2 * (life + 1));
        endings[life % ENDINGS](HERE, &v);
        manager_launch(v.m, v.s);
        talk(&v, "still here");
        for (int i = life + 1; i < PEOPLE - 1 - life; i++) {
            guest_until(crowd[i], "%s", told2(TOLD_SPEECH, "bob", "still here too"));
            guest_say(crowd[i], "me too");
            snprintf(name, sizeof name, "p%02d", i);
            guest_expect(v.ann, "%s", told2(TOLD_SPEECH, name, "me too"));
            guest_expect(v.bob, "%s", told2(TOLD_SPEECH, name, "me too"));
        }
    }
    end(&v);
}

/* What a record and the segment hold: a half-typed line, a private answer, the last addressee, who
 * is ignored, muted, what was said. */
Test(e2e_store, all_that_a_record_holds_comes_back) {
    for (int how = 0; how < ENDINGS; how++) {
        struct service v;
        v.m = manager_begin(1000);
        v.s = server_prepare();
        v.s->workers_may_die = true;
        server_configure(v.s,
                         "workers = 2\nflood_rate = 0\nconnect_rate = 0\nhistory = 5\n"
                         "control = %s/control\n",
                         v.s->dir);
        manager_launch(v.m, v.s);
        v.ann = guest_enter(v.s, "ann");
        v.bob = guest_enter(v.s, "bob");
        guest_expect(v.ann, "%s", told1(TOLD_COMES, "bob"));
        struct guest *cat = guest_enter(v.s, "cat");
        guests_expect(((struct guest *[]){v.ann, v.bob}), 2, told1(TOLD_COMES, "cat"));
        talk(&v, "of old");
        guest_until(cat, "%s", told2(TOLD_SPEECH, "bob", "of old too"));
        guest_say(v.ann, "/ignore cat");
        guest_read(v.ann);
        guest_say(v.bob, "/msg ann psst");
        guest_expect(v.bob, "[to ann] psst");
        guest_expect(v.ann, "[bob] psst");
        ctl_ok(v.s, "mute", "bob");
        guest_type(v.ann, "half a ");
        manager_await_kept(v.m, "c", 3);
        endings[how](HERE, &v);
        guest_type(v.ann, "line\r\n");
        manager_launch(v.m, v.s);
        guests_expect(((struct guest *[]){v.ann, v.bob, cat}), 3, "ann: half a line");
        guest_say(cat, "to ann unheard");
        guests_expect(((struct guest *[]){v.bob, cat}), 2, "cat: to ann unheard");
        guest_say(v.ann, "/reply what");
        guest_expect(v.ann, "[to bob] what");
        guest_expect(v.bob, "[ann] what");
        guest_say(v.bob, "no word");
        guest_expect(v.bob, "You are muted.");
        ctl_until(v.s, "bob", "who"); /* the control socket is there again */
        struct guest *dan = guest_connect(v.s);
        guest_say(dan, "login dan");
        guest_until(dan, "*** 4 earlier lines");
        guest_close(dan);
        guest_until(v.ann, "%s", told1(TOLD_GOES, "dan"));
        end(&v);
    }
}

/* Of many, each is there once, and none is lost. */
Test(e2e_store, browsers_and_their_places_come_back) {
    for (int how = 0; how < ENDINGS; how++) {
        struct service v;
        struct person eve, dan;
        begin(&v, SERVER_QUIET(2) "web = 127.0.0.1:0\n");
        person_enter(&eve, v.s, "eve");
        person_enter(&dan, v.s, "dan");
        guests_until(((struct guest *[]){v.ann, v.bob}), 2, told1(TOLD_COMES, "dan"));
        browser_until(eve.b, "{'ev':'join','who':'dan'}");
        person_seen(&eve);
        person_seen(&dan);
        person_lose(&dan); /* away: its socket is gone, its place is kept */
        manager_await_kept(v.m, "c", 3);
        endings[how](HERE, &v);
        browser_say(eve.b, "{'do':'say','text':'hello','re':7}");
        manager_launch(v.m, v.s);
        guests_expect(((struct guest *[]){v.ann, v.bob}), 2, "eve: hello");
        browser_until(eve.b, "{'ev':'say','who':'eve','text':'hello'}");
        person_come_back(&dan, 2, 1);
        person_hears(&dan, "eve", "hello");
        talk(&v, "telnet");
        browser_until(eve.b, "{'ev':'say','who':'bob','text':'telnet too'}");
        end(&v);
    }
}

/* A new binary does not know what the one before has sent. */
Test(e2e_store, an_upgrade_goes_on_storing) {
    struct service v;
    begin(&v, server_quiet);
    for (int how = 0; how < ENDINGS; how++) {
        int before = server_log_count(v.s, "upgraded: ");
        int sent = manager_told(v.m, "FDNAME=s");
        server_signal(v.s, SIGUSR2);
        while (server_log_count(v.s, "upgraded: ") == before)
            wait_breath();
        struct guest *cat = guest_enter(v.s, "cat");
        guests_expect(((struct guest *[]){v.ann, v.bob}), 2, told1(TOLD_COMES, "cat"));
        manager_await_told(v.m, "FDNAME=s", sent + 1);
        manager_await_kept(v.m, "c", 3);
        endings[how](HERE, &v);
        manager_launch(v.m, v.s);
        talk(&v, "on and on");
        guest_until(cat, "bob: on and on too");
        guest_close(cat);
        guests_expect(((struct guest *[]){v.ann, v.bob}), 2, told1(TOLD_GOES, "cat"));
    }
    end(&v);
}

/* A death at any moment of a start is a death of every process. */
Test(e2e_store, a_start_that_is_cut_short) {
    enum { TRIES = 40 };
    struct service v;
    begin(&v, SERVER_QUIET(2));
    for (int i = 0; i < TRIES; i++) {
        manager_kill_all(v.m, v.s);
        manager_start(v.m, v.s);
        for (int breath = 0; breath < i % 8; breath++)
            wait_breath();
        if (i % 2 == 0)
            continue; /* three in a row drop the segment */
        manager_kill_all(v.m, v.s);
        manager_launch(v.m, v.s);
        talk(&v, "once more");
    }
    manager_kill_all(v.m, v.s);
    manager_launch(v.m, v.s);
    end(&v);
}

/* What was said is in the file, once and in order, though its last lines were not written yet. */
Test(e2e_store, the_transcript_goes_on_in_its_file) {
    enum { LINES = 60 };
    struct service v;
    char path[320], want[64];
    v.m = manager_begin(1000);
    v.s = server_prepare();
    v.s->workers_may_die = true;
    snprintf(path, sizeof path, "%s/transcript", v.s->dir);
    server_configure(v.s, "%stranscript = %s\n", server_quiet, path);
    manager_launch(v.m, v.s);
    v.ann = guest_enter(v.s, "ann");
    v.bob = guest_enter(v.s, "bob");
    guest_expect(v.ann, "%s", told1(TOLD_COMES, "bob"));
    manager_await_kept(v.m, "c", 2);
    for (int i = 0; i < LINES; i++) {
        guest_say(v.ann, "line %d", i);
        guests_expect(((struct guest *[]){v.ann, v.bob}), 2,
                      (snprintf(want, sizeof want, "ann: line %d", i), want));
        if (i % 10 != 9)
            continue;
        endings[i / 10 % ENDINGS](HERE, &v);
        manager_launch(v.m, v.s);
    }
    char *text = run_read_file(path);
    while (!strstr(text, want)) { /* the last line */
        wait_breath();
        free(text);
        text = run_read_file(path);
    }
    char *at = text;
    for (int i = 0; i < LINES; i++) {
        snprintf(want, sizeof want, " say ann: line %d\n", i);
        at = strstr(at, want);
        cr_assert_not_null(at, "%s is missing, or in disorder", want);
        cr_assert_null(strstr(at + 1, want), "%s is there twice", want);
    }
    free(text);
    end(&v);
}

/* ---- people that go and come meanwhile ---- */

Test(e2e_store, a_client_that_left_meanwhile_is_announced_as_gone) {
    for (int how = 0; how < ENDINGS; how++) {
        struct service v;
        begin(&v, server_quiet);
        struct guest *cat = guest_enter(v.s, "cat"), *dan = guest_enter(v.s, "dan");
        guests_until(((struct guest *[]){v.ann, v.bob}), 2, told1(TOLD_COMES, "dan"));
        manager_await_kept(v.m, "c", 4);
        endings[how](HERE, &v);
        struct linger reset = {.l_onoff = 1};
        setsockopt(cat->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        guest_close(cat); /* a reset: the manager drops its copy */
        manager_await_kept(v.m, "c", 3);
        guest_close(dan); /* a FIN: it does not */
        manager_launch(v.m, v.s);
        char said[2][256];
        for (int i = 0; i < 2; i++)
            snprintf(said[i], sizeof said[i], "%s", guest_next(v.ann));
        bool first = strcmp(said[0], told1(TOLD_GOES, "cat")) == 0;
        cr_assert_str_eq(said[first ? 0 : 1], told1(TOLD_GOES, "cat"));
        cr_assert_str_eq(said[first ? 1 : 0], told1(TOLD_GOES, "dan"));
        guest_next(v.bob);
        guest_next(v.bob);
        cat = guest_enter(v.s, "cat"); /* its name is free */
        guests_expect(((struct guest *[]){v.ann, v.bob}), 2, told1(TOLD_COMES, "cat"));
        end(&v);
    }
}

Test(e2e_store, a_newcomer_that_waits_in_the_accept_queue_is_served) {
    for (int how = 0; how < ENDINGS; how++) {
        struct service v;
        begin(&v, server_quiet);
        endings[how](HERE, &v);
        struct guest *cat = guest_connect(v.s); /* nobody accepts, but the store's copies listen */
        guest_say(cat, "login cat");
        manager_launch(v.m, v.s);
        guest_until(cat, "%s", told1(TOLD_COMES, "cat"));
        guests_expect(((struct guest *[]){v.ann, v.bob}), 2, told1(TOLD_COMES, "cat"));
        end(&v);
    }
}

/* In its first second it is in no store: at a restart it is sent at the end; a death loses it, and
 * says so. */
Test(e2e_store, one_that_has_just_come) {
    struct service v;
    begin(&v, server_quiet);
    struct guest *cat = guest_enter(v.s, "cat");
    guests_expect(((struct guest *[]){v.ann, v.bob}), 2, told1(TOLD_COMES, "cat"));
    manager_store(v.m, v.s);
    cr_assert_eq(manager_kept(v.m, "c"), 3);
    manager_launch(v.m, v.s);
    guest_say(cat, "hello");
    guests_expect(((struct guest *[]){v.ann, v.bob, cat}), 3, "cat: hello");
    end(&v);
}

Test(e2e_store, over_the_limit_the_rest_leaves_at_a_death) {
    struct service v;
    setenv("FDSTORE", "5", 1); /* the segment, two listeners, two clients */
    begin(&v, server_quiet);
    unsetenv("FDSTORE");
    struct guest *cat = guest_enter(v.s, "cat");
    guests_expect(((struct guest *[]){v.ann, v.bob}), 2, told1(TOLD_COMES, "cat"));
    server_logged(v.s, "2 connection(s) are kept");
    manager_kill_all(v.m, v.s);
    guest_expect_end(cat);
    manager_launch(v.m, v.s);
    guests_expect(((struct guest *[]){v.ann, v.bob}), 2, told1(TOLD_GOES, "cat"));
    talk(&v, "we are left");
    cr_assert_eq(server_log_count(v.s, " error "), 0, "no record is damaged: a socket is missing");
    end(&v);
}

/* ---- what a restart changes, and what it does not ---- */

Test(e2e_store, the_configuration_is_read_again) {
    struct service v;
    begin(&v, server_quiet);
    server_configure(v.s, "%sroom = Elsewhere\nlisten = 127.0.0.1:%u\nlisten = 127.0.0.1:0\n",
                     SERVER_QUIET(4), v.s->port);
    manager_kill_all(v.m, v.s);
    manager_launch(v.m, v.s);
    cr_assert_eq(v.s->workers, 4);
    server_logged(v.s, "room \"Elsewhere\"");
    talk(&v, "here");
    end(&v);
}

Test(e2e_store, a_death_keeps_what_only_a_restart_changes_and_names_it) {
    struct service v;
    begin(&v, server_quiet);
    server_configure(v.s, "%sring_size = 1M\n", server_quiet);
    manager_kill_all(v.m, v.s);
    manager_launch(v.m, v.s);
    server_logged(v.s, "ring_size: changed in the file; waits for a restart");
    talk(&v, "here");
    end(&v);
}

Test(e2e_store, a_restart_that_changes_the_segment_is_a_goodbye) {
    struct service v;
    int status = 0;
    begin(&v, server_quiet);
    server_configure(v.s, "%smax_clients = 77\n", server_quiet);
    server_signal(v.s, SIGPWR);
    guests_expect(((struct guest *[]){v.ann, v.bob}), 2, "*** The server is going down.");
    guest_expect_end(v.ann);
    server_logged(v.s, "max_clients");
    cr_assert(run_wait(v.s->pid, &status, wait_deadline()));
    cr_assert_eq(status, 0);
    manager_await_kept(v.m, "", 0);
    manager_launch(v.m, v.s);
    v.ann = guest_enter(v.s, "ann");
    end(&v);
}

Test(e2e_store, without_a_manager_power_is_a_line_in_the_log) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    server_signal(s, SIGPWR);
    server_logged(s, "SIGPWR");
    guest_say(ann, "still here");
    guest_expect(ann, "ann: still here");
    server_stop(s);
}

/* ---- another layout ---- */

/* The service is restarted with another program, as after an update of its package. */
Test(e2e_store, a_restart_with_another_layout_keeps_everybody) {
    struct service v;
    begin(&v, SERVER_QUIET(2));
    for (int i = 0; i < 2 * ENDINGS; i++) {
        talk(&v, "before");
        endings[i / 2](HERE, &v);
        v.s->binary = i % 2 == 0 ? run_other_path() : NULL;
        manager_launch(v.m, v.s);
        talk(&v, "after");
    }
    end(&v);
}

/* The store has the old segment until the new one is stored, a moment after the upgrade. */
Test(e2e_store, an_upgrade_to_another_layout_and_then_the_death_of_every_process) {
    static char binary[400];
    static struct ran ran;
    struct service v;
    begin(&v, SERVER_QUIET(2));
    snprintf(binary, sizeof binary, "%s/chatroom-master", v.s->dir);
    run(&ran, "cp", run_other_path(), binary);
    manager_store(v.m, v.s);
    v.s->binary = binary;
    manager_launch(v.m, v.s);
    manager_await_told(v.m, "FDSTOREREMOVE=1", 1);
    run(&ran, "cp", "--remove-destination", run_server_path(), binary);
    server_signal(v.s, SIGUSR2);
    server_logged(v.s, "upgraded: ");
    talk(&v, "upgraded");
    manager_await_told(v.m, "FDSTOREREMOVE=1", 2);
    manager_kill_all(v.m, v.s);
    manager_launch(v.m, v.s);
    talk(&v, "alive");
    end(&v);
}

/* ---- a segment that is of no use ---- */

/* Whatever came back is dropped, and the server starts anew. */
static void comes_to_nothing(struct where where, struct service *v, const char *why) {
    manager_launch_at(where, v->m, v->s);
    server_logged_at(where, v->s, "%s", why);
    guest_expect_end_at(where, v->ann);
    guest_expect_end_at(where, v->bob);
    v->ann = guest_enter(v->s, "ann");
    v->bob = guest_enter(v->s, "bob");
    guest_expect_at(where, v->ann, "%s", told1(TOLD_COMES, "bob"));
    manager_await_kept_at(where, v->m, "c", 2);
    cr_assert_eq(manager_kept(v->m, "s"), 1);
    manager_kill_all_at(where, v->m, v->s);
    manager_launch_at(where, v->m, v->s);
    talk(v, "of the new one");
}

Test(e2e_store, hole_7_a_segment_of_another_layout_is_dropped_and_that_is_said) {
    struct service v;
    const uint32_t layout = 0x12345678, rows = 0; /* it carries no table either */
    begin(&v, server_quiet);
    manager_kill_all(v.m, v.s);
    cr_assert_eq(pwrite(manager_fd(v.m, "s", 0), &layout, sizeof layout, 8), sizeof layout);
    cr_assert_eq(
        pwrite(manager_fd(v.m, "s", 0), &rows, sizeof rows, offsetof(struct segment_header, rows)),
        sizeof rows);
    comes_to_nothing(HERE, &v, "12345678");
    end(&v);
}

/* A package brings a binary with another layout, and restarts. */
Test(e2e_store, a_segment_of_another_layout_is_converted) {
    for (int how = 0; how < ENDINGS; how++) {
        struct service v;
        uint32_t layout = 0x12345678;
        begin(&v, server_quiet);
        endings[how](HERE, &v);
        cr_assert_eq(pwrite(manager_fd(v.m, "s", 0), &layout, sizeof layout, 8), sizeof layout);
        manager_launch(v.m, v.s);
        talk(&v, "in another one");
        manager_await_told(v.m, "FDNAME=s", 2);
        cr_assert_eq(manager_kept(v.m, "s"), 1);
        cr_assert_eq(pread(manager_fd(v.m, "s", 0), &layout, sizeof layout, 8), sizeof layout);
        cr_assert_neq(layout, 0x12345678, "the new one is kept, the old one is not");
        endings[how](HERE, &v);
        manager_launch(v.m, v.s);
        talk(&v, "and on");
        end(&v);
    }
}

Test(e2e_store, hole_7_a_segment_that_came_back_three_times_in_vain_is_dropped) {
    struct service v;
    uint32_t three = 3;
    begin(&v, server_quiet);
    manager_kill_all(v.m, v.s);
    cr_assert_eq(pwrite(manager_fd(v.m, "s", 0), &three, sizeof three, 28), sizeof three);
    comes_to_nothing(HERE, &v, "3 times");
    end(&v);
}

/* A configuration with an error is none of the segment's faults: it waits until it is set right. */
Test(e2e_store, an_error_in_the_configuration_loses_nothing) {
    struct service v;
    int status = 0;
    begin(&v, server_quiet);
    manager_kill_all(v.m, v.s);
    for (int i = 0; i < 5; i++) {
        server_configure(v.s, "%snonsense = 1\n", server_quiet);
        manager_start(v.m, v.s);
        cr_assert(run_wait(v.s->pid, &status, wait_deadline()));
        cr_assert_eq(WEXITSTATUS(status), 1);
    }
    server_configure(v.s, "%s", server_quiet);
    manager_launch(v.m, v.s);
    talk(&v, "all is well");
    end(&v);
}
