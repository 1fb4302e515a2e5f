/* e2e_moderation.c - an operator bans and mutes; the file of bans; deaths before and after. */
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(bans_e2e, .timeout = 120);
TestSuite(mutes_e2e, .timeout = 120);

static char *in_dir(const struct server *s, const char *name) {
    static char path[4][400];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", s->dir, name);
    return path[next];
}

static struct server *with_bans(const char *bans, const char *more) {
    struct server *s = server_prepare();
    if (bans)
        run_write_file(HERE, in_dir(s, "bans"), bans);
    server_launch(s, SERVER_QUIET(2) "%scontrol = %s\nbans = %s\n", more, ctl_socket(s),
                  in_dir(s, "bans"));
    return s;
}

static void file_is(const struct server *s, const char *text) {
    char *is = run_read_file(in_dir(s, "bans"));
    cr_assert(is && strcmp(is, text) == 0, "the file is \"%s\", not \"%s\"", is ? is : "(none)",
              text);
    free(is);
}

/* What chatroom-ctl says begins so. */
static void says(const struct ran *ran, const char *begin) {
    cr_assert(strncmp(ran->out, begin, strlen(begin)) == 0, "\"%s\" instead of \"%s\"", ran->out,
              begin);
}

static void usage(const struct server *s, const char *sentence, char *command, char *a, char *b) {
    char *arguments[] = {command, a, b, NULL};
    const struct ran *ran = ctl_run_at(HERE, s, arguments);
    cr_assert_eq(ran->status, 2, "%s %s", command, a);
    cr_assert(strstr(ran->err, sentence), "\"%s\" instead of \"%s\"", ran->err, sentence);
    cr_assert_str_eq(ran->out, "");
}

/* Connects, is told, and is closed. */
static void is_turned_away(const struct server *s, const char *from) {
    struct guest *g = guest_connect_as(s, .from = from);
    guest_expect(g, "*** You are banned.");
    guest_expect_end(g);
    guest_close(g);
}

static void is_let_in(const struct server *s, const char *from) {
    struct guest *g = guest_connect_as(s, .from = from);
    guest_expect(g, "Welcome to Chatroom");
    guest_close(g);
}

/* ---- bans ---- */

Test(bans_e2e, the_banned_are_told_and_leave_and_stay_outside) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *ann = guest_enter_as(s, "ann", .from = "127.0.0.5");
    struct guest *eve = guest_enter_as(s, "eve", .from = "127.7.0.1");
    struct guest *early = guest_connect_as(s, .from = "127.7.0.2");
    guest_until(early, "Use \"login <nick>\"");
    guest_until(ann, "eve has entered the room.");
    says(ctl_ok(s, "ban", "127.7.0.0/16", "2h", "floods", "the", "room"),
         "banned 127.7.0.0/16 until 2");
    guest_expect(eve, "*** You are banned.");
    guest_expect_end(eve);
    guest_expect(early, "*** You are banned.");
    guest_expect_end(early);
    guest_expect(ann, "eve has left the room.");
    is_turned_away(s, "127.7.1.1");
    server_logged(s, "client %s disconnected: banned", eve->endpoint);
    server_logged(s, "refused: banned");
    guest_say(ann, "quiet again");
    guest_expect(ann, "ann: quiet again");
    says(ctl_ok(s, "unban", "127.7.0.0/16"), "unbanned 127.7.0.0/16\n");
    is_let_in(s, "127.7.1.1");
    server_stop(s);
}

Test(bans_e2e, the_list_in_text_and_json) {
    struct server *s = ctl_server(SERVER_QUIET(1));
    says(ctl_ok(s, "bans"), "no address is banned\n");
    cr_assert_str_eq(ctl_ok(s, "bans", "--json")->out, "{\"bans\":[],\"mutes\":[]}\n");
    says(ctl_ok(s, "ban", "192.0.2.1", "a \"quoted\" \xe5\x88\xb7\xe5\xb1\x8f"),
         "banned 192.0.2.1\n");
    says(ctl_ok(s, "--json", "ban", "2001:db8::/32", "7d"),
         "{\"ok\":true,\"text\":\"banned 2001:db8::/32 until 2");
    const char *out = ctl_ok(s, "bans")->out;
    cr_assert(strncmp(out, "ADDRESS        UNTIL                 REASON\n", 44) == 0, "%s", out);
    cr_assert(
        strstr(out,
               "\n192.0.2.1      -                     a \"quoted\" \xe5\x88\xb7\xe5\xb1\x8f\n"),
        "%s", out);
    out = ctl_ok(s, "--json", "bans")->out;
    cr_assert(strncmp(out,
                      "{\"bans\":[{\"address\":\"192.0.2.1\",\"until\":null,\"reason\":\"a "
                      "\\\"quoted\\\" \xe5\x88\xb7\xe5\xb1\x8f\"},"
                      "{\"address\":\"2001:db8::/32\",\"until\":\"2",
                      118 - 8) == 0,
              "%s", out);
    server_stop(s);
}

Test(bans_e2e, failures_in_text_and_json) {
    char longest[300];
    struct server *s = ctl_server(SERVER_QUIET(1));
    usage(s, "\"ann\" is not an address or address/bits", "ban", "ann", NULL);
    usage(s, "10.1.2.3/8 has bits beyond its prefix: is 10.0.0.0/8 meant?", "ban", "10.1.2.3/8",
          "1h");
    usage(s, "0.0.0.0/0 is everybody, and is not banned", "ban", "0.0.0.0/0", NULL);
    usage(s, "::/0 is everybody, and is not banned", "ban", "::/0", NULL);
    usage(s, "\"10w\" is not a duration (such as 90s, 10m, 2h, 7d, or - for no end)", "ban",
          "10.0.0.1", "10w");
    usage(s, "\"0s\" is not a duration", "ban", "10.0.0.1", "0s trial");
    usage(s, "\"soon\" is not a duration", "mute", "ann", "soon");
    usage(s, "ban needs more arguments", "ban", NULL, NULL);
    usage(s, "unban takes fewer arguments", "unban", "10.0.0.1", "x");
    usage(s, "\"x\" is not an address", "unban", "x", NULL);
    usage(s, "a name has no blanks", "unmute", "ann b", NULL);
    ctl_refused(s, "10.0.0.1 is not banned", "unban", "10.0.0.1");
    ctl_refused(s, "there is no \"ann\" here", "mute", "ann");
    ctl_refused(s, "ann is not muted", "unmute", "ann");
    ctl_refused(s, "there is no \"ann@paris\" here", "mute", "ann@paris", "1h");
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    ctl_refused(s, "the reason is longer than 135 bytes", "ban", "10.0.0.1", longest);
    const struct ran *ran = ctl_run(s, "--json", "unban", "10.0.0.1");
    cr_assert_eq(ran->status, 1);
    cr_assert_str_eq(ran->out, "{\"ok\":false,\"error\":\"10.0.0.1 is not banned\"}\n");
    says(ctl_ok(s, "bans"), "no address is banned\n");
    server_stop(s);
}

/* The reason cannot forge a line of the file, nor steer a terminal. */
Test(bans_e2e, a_reason_is_text) {
    struct server *s = with_bans("", "");
    ctl_ok(s, "ban", "192.0.2.1", "-", "red\x1b[31m\x07 and\ttab");
    file_is(s, "192.0.2.1 - red[31m and tab\n");
    ctl_refused(s, "the arguments are too long, or have more than one line", "ban", "192.0.2.2",
                "a\n10.0.0.1 -");
    file_is(s, "192.0.2.1 - red[31m and tab\n");
    server_stop(s);
}

Test(bans_e2e, a_restart_keeps_bans) {
    struct server *s = with_bans(NULL, "");
    char *file;
    ctl_ok(s, "ban", "127.7.0.0/16", "1h", "floods");
    ctl_ok(s, "ban", "127.8.0.1");
    file = run_read_file(in_dir(s, "bans"));
    cr_assert(strstr(file, "\n127.8.0.1 -\n"), "%s", file);
    server_stop(s);
    s = with_bans(file, "");
    is_turned_away(s, "127.7.0.9");
    is_turned_away(s, "127.8.0.1");
    is_let_in(s, "127.8.0.2");
    file_is(s, file);
    free(file);
    server_stop(s);
}

Test(bans_e2e, one_that_ended_while_the_server_was_down_is_dropped_at_the_next_writing) {
    struct server *s = with_bans("# ours\n127.7.0.1 2020-01-01T00:00:00Z ended\n127.7.0.2 -\n", "");
    is_let_in(s, "127.7.0.1");
    is_turned_away(s, "127.7.0.2");
    ctl_ok(s, "ban", "127.7.0.3");
    file_is(s, "# ours\n127.7.0.2 -\n127.7.0.3 -\n");
    server_stop(s);
}

Test(bans_e2e, without_a_file_they_last_over_the_masters_death) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    ctl_ok(s, "ban", "127.7.0.1");
    server_new_master(s);
    is_turned_away(s, "127.7.0.1");
    says(ctl_ok(s, "bans"), "ADDRESS");
    ctl_ok(s, "shutdown");
}

/* As a master that died between file and table leaves it. */
Test(bans_e2e, holes_24_a_new_master_reads_the_file_again) {
    struct server *s = with_bans("", "");
    struct guest *eve = guest_enter_as(s, "eve", .from = "127.7.0.1");
    run_write_file(HERE, in_dir(s, "bans"), "127.7.0.1 -\n");
    server_new_master(s);
    guest_until(eve, "*** You are banned.");
    guest_expect_end(eve);
    is_turned_away(s, "127.7.0.1");
    ctl_ok(s, "shutdown");
}

Test(bans_e2e, a_damaged_file_refuses_the_start_and_is_named_by_line) {
    static struct ran ran;
    char want[600];
    struct server *s = server_prepare();
    run_write_file(HERE, in_dir(s, "bans"), "192.0.2.1 -\nrubbish\n192.0.2.1 - twice\n");
    server_configure(s, "bans = %s\n", in_dir(s, "bans"));
    run(&ran, run_server_path(), "-c", s->conf);
    cr_assert_eq(ran.status, 1);
    snprintf(want, sizeof want, "%s:2: \"rubbish\" is not an address", in_dir(s, "bans"));
    cr_assert(strncmp(ran.err, want, strlen(want)) == 0, "%s", ran.err);
    cr_assert(strstr(ran.err, ":3: 192.0.2.1 is banned in line 1 already"), "%s", ran.err);
    cr_assert(strstr(ran.err, "bans: not started"), "%s", ran.err);
    run(&ran, run_server_path(), "-t", "-c", s->conf);
    cr_assert_eq(ran.status, 1);
    cr_assert(strncmp(ran.out, want, strlen(want)) == 0, "%s", ran.out);
    file_is(s, "192.0.2.1 -\nrubbish\n192.0.2.1 - twice\n");
}

Test(bans_e2e, a_reload_with_a_damaged_file_is_refused_and_nobody_is_let_in) {
    struct server *s = with_bans("127.7.0.1 -\n", "");
    run_write_file(HERE, in_dir(s, "bans"), "127.7.0.1 -\n127.7.0.2 never\n");
    const struct ran *ran = ctl_run(s, "reload");
    cr_assert_eq(ran->status, 1);
    cr_assert(strstr(ran->err, "/bans:2: \"never\" is not the end of a ban"), "%s", ran->err);
    is_turned_away(s, "127.7.0.1");
    ran = ctl_run(s, "ban", "127.7.0.3");
    cr_assert_eq(ran->status, 1);
    cr_assert(strstr(ran->err, ":2: \"never\" is not the end of a ban"), "%s", ran->err);
    is_let_in(s, "127.7.0.3");
    run_write_file(HERE, in_dir(s, "bans"), "127.7.0.2 -\n");
    ctl_ok(s, "reload");
    is_turned_away(s, "127.7.0.2");
    is_let_in(s, "127.7.0.1");
    unlink(in_dir(s, "bans"));
    cr_assert_eq(ctl_run(s, "reload")->status, 1);
    server_logged(s, "it is gone, and 1 ban stands; to lift all bans make an empty file");
    is_turned_away(s, "127.7.0.2");
    server_stop(s);
}

Test(bans_e2e, a_reload_to_another_file_loses_no_ban) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    ctl_ok(s, "ban", "127.7.0.1", "-", "before");
    run_write_file(HERE, in_dir(s, "bans"), "# second\n127.7.0.2 -\n");
    server_configure(s, SERVER_QUIET(2) "control = %s\nbans = %s\n", ctl_socket(s),
                     in_dir(s, "bans"));
    ctl_ok(s, "reload");
    file_is(s, "# second\n127.7.0.2 -\n127.7.0.1 - before\n");
    is_turned_away(s, "127.7.0.1");
    is_turned_away(s, "127.7.0.2");
    server_configure(s, SERVER_QUIET(2) "control = %s\n", ctl_socket(s));
    ctl_ok(s, "reload");
    ctl_ok(s, "unban", "127.7.0.1");
    is_turned_away(s, "127.7.0.2");
    file_is(s, "# second\n127.7.0.2 -\n127.7.0.1 - before\n");
    server_stop(s);
}

Test(bans_e2e, a_folder_that_takes_no_file_refuses_the_ban) {
    char folder[400], moved[420];
    struct server *s = server_prepare();
    snprintf(folder, sizeof folder, "%s/etc", s->dir);
    snprintf(moved, sizeof moved, "%s/gone", s->dir);
    mkdir(folder, 0755);
    server_launch(s, SERVER_QUIET(1) "control = %s\nbans = %s/bans\n", ctl_socket(s), folder);
    cr_assert_eq(rename(folder, moved), 0);
    const struct ran *ran = ctl_run(s, "ban", "127.7.0.1");
    cr_assert_eq(ran->status, 1);
    cr_assert(strstr(ran->err, "No such file or directory; nothing is changed"), "%s", ran->err);
    is_let_in(s, "127.7.0.1");
    cr_assert_eq(rename(moved, folder), 0);
    ctl_ok(s, "ban", "127.7.0.1");
    is_turned_away(s, "127.7.0.1");
    server_stop(s);
}

Test(bans_e2e, the_servers_user_must_be_able_to_write_the_folder) {
    static struct ran ran;
    skip_unless_root();
    const struct passwd *nobody = getpwnam("nobody");
    char folder[400];
    struct server *s = server_prepare();
    snprintf(folder, sizeof folder, "%s/etc", s->dir);
    cr_assert_eq(chown(s->dir, nobody->pw_uid, (gid_t)-1), 0);
    mkdir(folder, 0755);
    server_launch(s, SERVER_QUIET(1) "user = nobody\ncontrol = %s\nbans = %s/bans\n", ctl_socket(s),
                  folder);
    server_logged(
        s, "as its user the server cannot write to %s, so bans will be refused: Permission denied",
        folder);
    const struct ran *ctl = ctl_run(s, "ban", "127.7.0.1");
    cr_assert_eq(ctl->status, 1);
    cr_assert(strstr(ctl->err, "Permission denied; nothing is changed"), "%s", ctl->err);
    is_let_in(s, "127.7.0.1");
    cr_assert_eq(chown(folder, nobody->pw_uid, (gid_t)-1), 0);
    ctl_ok(s, "ban", "127.7.0.1");
    server_stop(s);
    s = server_prepare();
    snprintf(folder, sizeof folder, "%s/etc", s->dir);
    mkdir(folder, 0755);
    cr_assert_eq(chown(folder, 54321, (gid_t)-1), 0);
    server_configure(s, "user = nobody\nbans = %s/bans\n", folder);
    run(&ran, run_server_path(), "-t", "-c", s->conf);
    cr_assert_eq(ran.status, 1);
    cr_assert(strstr(ran.out, ":2: bans ") && strstr(ran.out, "belongs to user 54321"), "%s",
              ran.out);
    run(&ran, run_server_path(), "-c", s->conf);
    cr_assert_eq(ran.status, 1);
    cr_assert(strstr(ran.err, "belongs to user 54321"), "%s", ran.err);
}

/* ---- deaths ---- */

/* HOLES 24: no worker has looked at its members when all of them die. */
Test(bans_e2e, holes_24_a_death_before_the_sweep) {
    struct server *s = ctl_server(SERVER_QUIET(2) "worker_timeout = 10s\n");
    s->workers_may_die = true;
    struct guest *ann = guest_enter_as(s, "ann", .from = "127.7.0.1");
    struct guest *bob = guest_enter_as(s, "bob", .from = "127.0.0.1");
    int its = server_worker_of(s, ann->endpoint);
    guest_until(ann, "bob has entered the room.");
    pid_t dies = server_worker_pid(s, its);
    kill(dies, SIGSTOP);
    /* The stopped worker may be the one that the request comes to: then it is asked again. */
    while (ctl_run(s, "ban", "127.7.0.0/16")->status != 0)
        ;
    cr_assert_eq(guest_pending(ann), 0);
    kill(dies, SIGKILL);
    guest_expect(ann, "*** You are banned.");
    guest_expect_end(ann);
    guest_until(bob, "ann has left the room.");
    server_stop(s);
}

/* HOLES 24: a client that moves to another worker while the ban is given. */
Test(bans_e2e, holes_24_a_move_before_the_sweep) {
    struct server *s = ctl_server(SERVER_QUIET(4));
    struct guest *g[40];
    char name[16];
    for (int i = 0; i < 40; i++) {
        sprintf(name, "g%d", i);
        g[i] = guest_enter_as(s, name, .from = i % 2 ? "127.7.0.1" : "127.0.0.1");
    }
    server_configure(s, SERVER_QUIET(1) "control = %s\n", ctl_socket(s));
    server_signal(s, SIGHUP); /* three workers retire, and give their clients away */
    ctl_ok(s, "ban", "127.7.0.0/16");
    for (int i = 1; i < 40; i += 2) {
        guest_until(g[i], "*** You are banned.");
        guest_expect_end(g[i]);
    }
    guest_say(g[0], "the others stayed");
    for (int i = 0; i < 40; i += 2)
        guest_until(g[i], "g0: the others stayed");
    server_stop(s);
}

static struct guest *by_proxy(const struct server *s, const char *address) {
    struct guest *g = guest_connect(s);
    guest_say(g, "PROXY TCP4 %s 192.0.2.250 4000 6666", address);
    return g;
}

/* HOLES 24: a client is looked at by the address that its header names, whenever that comes. */
Test(bans_e2e, holes_24_a_client_that_a_proxy_names) {
    struct server *s = ctl_server(SERVER_QUIET(2) "proxy_from = 127.0.0.1\n");
    struct guest *late = guest_connect(s), *ann = by_proxy(s, "192.0.2.1");
    guest_until(ann, "Use \"login <nick>\"");
    guest_say(ann, "login ann");
    guest_until(ann, "ann has entered the room.");
    ctl_ok(s, "ban", "192.0.2.7");
    struct guest *eve = by_proxy(s, "192.0.2.7");
    guest_expect(eve, "*** You are banned.");
    guest_expect_end(eve);
    guest_say(late, "PROXY TCP4 192.0.2.7 192.0.2.250 4000 6666"); /* connected before the ban */
    guest_expect(late, "*** You are banned.");
    guest_expect_end(late);
    ctl_ok(s, "ban", "127.0.0.1"); /* the proxy's own: nobody is there */
    guest_say(ann, "still here");
    guest_expect(ann, "ann: still here");
    ctl_ok(s, "ban", "192.0.2.0/24");
    guest_expect(ann, "*** You are banned.");
    guest_expect_end(ann);
    server_stop(s);
}

Test(bans_e2e, holes_24_a_mute_of_an_address_that_a_proxy_names) {
    struct server *s = ctl_server(SERVER_QUIET(2) "proxy_from = 127.0.0.1\n");
    struct guest *eve = by_proxy(s, "192.0.2.1"), *ann = by_proxy(s, "192.0.2.2");
    guest_say(eve, "login eve");
    guest_until(eve, "eve has entered the room.");
    guest_say(ann, "login ann");
    guest_until(ann, "ann has entered the room.");
    ctl_ok(s, "mute", "eve");
    struct guest *mallory = by_proxy(s, "192.0.2.1");
    guest_say(mallory, "login mallory\r\nhello");
    guest_until(mallory, "mallory has entered the room.");
    guest_until(mallory, "You are muted.");
    guest_say(ann, "hello");
    guest_until(ann, "ann: hello");
    server_stop(s);
}

Test(bans_e2e, a_worker_that_dies_forgets_nothing) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    s->workers_may_die = true;
    ctl_ok(s, "ban", "127.7.0.1");
    struct guest *ann = guest_enter(s, "ann");
    struct guest *eve = guest_enter_as(s, "eve", .from = "127.0.0.9");
    guest_until(ann, "eve has entered the room.");
    ctl_ok(s, "mute", "eve");
    for (int i = 0; i < 2; i++) {
        pid_t old = server_worker_pid(s, i);
        kill(old, SIGKILL);
        server_logged(s, "worker %d was killed", i);
    }
    is_turned_away(s, "127.7.0.1");
    guest_say(eve, "may I?");
    guest_expect(eve, "You are muted.");
    guest_say(ann, "no");
    guest_expect(eve, "ann: no");
    server_stop(s);
}

Test(bans_e2e, an_upgrade_forgets_nothing) {
    struct server *s = with_bans("127.7.0.1 -\n", "");
    s->workers_may_die = true;
    struct guest *eve = guest_enter(s, "eve");
    ctl_ok(s, "mute", "eve");
    ctl_ok(s, "upgrade");
    is_turned_away(s, "127.7.0.1");
    guest_say(eve, "may I?");
    guest_expect(eve, "You are muted.");
    server_stop(s);
}

/* ---- mutes ---- */

Test(mutes_e2e, a_muted_person_reads_and_does_not_speak) {
    struct guest *ann, *eve;
    struct server *s = ctl_server(SERVER_QUIET(2));
    ann = guest_enter_as(s, "ann", .from = "127.0.0.2");
    eve = guest_enter_as(s, "eve", .from = "127.0.0.3");
    guest_until(ann, "eve has entered the room.");
    says(ctl_ok(s, "mute", "EVE"), "muted eve, and its address\n");
    static const char *const refused[] = {"hello", "say hello", "/me waves", "/msg ann psst",
                                          "/nick eva"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        guest_say(eve, "%s", refused[i]);
        guest_expect(eve, "You are muted.");
    }
    guest_say(eve, "look");
    guest_expect(eve, "The following are in this room:");
    guest_until(eve, "eve");
    guest_say(ann, "I am heard");
    guest_expect(ann, "ann: I am heard");
    guest_until(eve, "ann: I am heard");
    cr_assert(strstr(ctl_ok(s, "who")->out, "muted"));
    says(ctl_ok(s, "--json", "unmute", "eve"), "{\"ok\":true,\"text\":\"unmuted eve\"}\n");
    guest_expect(eve, "You may speak again.");
    guest_say(eve, "thanks");
    guest_expect(ann, "eve: thanks");
    guest_expect(eve, "eve: thanks");
    guest_say(eve, "/quit");
    guest_expect_end(eve);
    server_stop(s);
}

Test(mutes_e2e, a_mute_ends_by_itself) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *eve = guest_enter(s, "eve");
    says(ctl_ok(s, "mute", "eve", "1s"), "muted eve until 2");
    guest_until(eve, "You may speak again.");
    guest_say(eve, "hello");
    guest_expect(eve, "eve: hello");
    ctl_refused(s, "eve is not muted", "unmute", "eve");
    server_stop(s);
}

Test(mutes_e2e, a_mute_holds_over_a_reconnect_by_name_and_by_an_address_of_its_own) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *ann = guest_enter_as(s, "ann", .from = "127.0.0.2");
    struct guest *eve = guest_enter_as(s, "eve", .from = "127.0.0.3");
    ctl_ok(s, "mute", "eve");
    guest_say(eve, "/quit");
    guest_expect_end(eve);
    guest_until(ann, "eve has left the room.");
    struct guest *other = guest_enter_as(s, "mallory", .from = "127.0.0.3"); /* another name */
    guest_say(other, "hello");
    guest_expect(other, "You are muted.");
    struct guest *again = guest_enter_as(s, "Eve", .from = "127.0.0.4"); /* another address */
    guest_say(again, "hello");
    guest_expect(again, "You are muted.");
    guest_say(ann, "hello");
    guest_until(again, "ann: hello");
    ctl_ok(s, "unmute", "eve");
    guest_until(other, "You may speak again.");
    guest_until(again, "You may speak again.");
    server_stop(s);
}

Test(mutes_e2e, neighbours_at_a_shared_address_are_not_muted) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *ann = guest_enter(s, "ann"), *eve = guest_enter(s, "eve");
    guest_until(ann, "eve has entered the room.");
    ctl_ok(s, "mute", "eve");
    guest_say(ann, "I am her neighbour");
    guest_expect(ann, "ann: I am her neighbour");
    struct guest *new = guest_enter(s, "new");
    guest_say(new, "and I am another");
    guest_expect(new, "new: and I am another");
    guest_until(eve, "new: and I am another");
    guest_say(eve, "hm");
    guest_expect(eve, "You are muted.");
    server_stop(s);
}

Test(mutes_e2e, a_guest_of_the_open_room_is_muted_by_address_and_port) {
    struct server *s = ctl_server(SERVER_QUIET(2) "login = no\n");
    struct guest *a = guest_connect(s), *b = guest_connect(s);
    guest_until(a, "Welcome to Chatroom");
    guest_until(b, "Welcome to Chatroom");
    guest_say(a, "one");
    guest_until(b, "one");
    ctl_ok(s, "mute", a->endpoint);
    guest_say(a, "two");
    guest_until(a, "You are muted.");
    guest_say(b, "three");
    guest_until(b, "three");
    guest_until(a, "three");
    ctl_refused(s, "127.0.0.1:1 is not muted", "unmute", "127.0.0.1:1");
    ctl_ok(s, "unmute", a->endpoint);
    guest_expect(a, "You may speak again.");
    server_stop(s);
}

/* From its first word on. */
Test(mutes_e2e, a_muted_address_comes_again_to_the_open_room) {
    struct server *s = ctl_server(SERVER_QUIET(2) "login = no\nproxy_from = 127.0.0.9\n");
    struct guest *a = guest_connect_as(s, .from = "127.0.0.5"), *b = guest_connect(s), *c;
    guest_until(b, "Welcome to Chatroom");
    guest_say(a, "one");
    guest_until(b, "one");
    ctl_ok(s, "mute", a->endpoint);
    guest_close(a);
    for (int proxied = 0; proxied <= 1; proxied++) {
        c = guest_connect_as(s, .from = proxied ? "127.0.0.9" : "127.0.0.5");
        if (proxied)
            guest_type(c, "PROXY TCP4 127.0.0.5 127.0.0.1 4000 6666\r\ntwo\r\n");
        else
            guest_say(c, "two");
        guest_until(c, "You are muted.");
        guest_say(b, "three");
        guest_until(c, "three");
        guest_until(b, "three");
    }
    server_stop(s);
}

Test(mutes_e2e, in_chinese) {
    struct server *s = ctl_server(SERVER_QUIET(1) "language = zh\n");
    struct guest *eve = guest_connect(s);
    guest_say(eve, "login eve");
    guest_until(eve, "eve进入聊天室!");
    ctl_ok(s, "mute", "eve");
    guest_say(eve, "hello");
    guest_expect(eve, "你被禁言了。");
    ctl_ok(s, "unmute", "eve");
    guest_expect(eve, "你可以说话了。");
    ctl_ok(s, "ban", "127.0.0.1");
    guest_expect(eve, "*** 你被禁止进入。");
    guest_expect_end(eve);
    server_stop(s);
}

/* After the answer to mute no line of the client is published, however fast it speaks. */
Test(mutes_e2e, nothing_is_heard_after_the_answer) {
    struct server *s = ctl_server(SERVER_QUIET(2) "flood_burst = 100000\n");
    struct guest *ann = guest_enter(s, "ann"), *eve = guest_enter(s, "eve");
    guest_until(ann, "eve has entered the room.");
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 200; i++)
            guest_say(eve, "spam");
        ctl_ok(s, "mute", "eve");
        guest_say(ann, "muted %d", round);
        guest_until(ann, "ann: muted %d", round); /* from here on: */
        for (int i = 0; i < 20; i++)
            guest_say(eve, "more spam");
        guest_until(eve, "You are muted.");
        guest_say(ann, "end %d", round);
        guest_expect(ann, "ann: end %d", round);
        guest_until(eve, "ann: end %d", round);
        ctl_ok(s, "unmute", "eve");
        guest_until(eve, "You may speak again.");
    }
    server_stop(s);
}

/* ---- many ---- */

enum { CROWD = 100, CROWD_BANS = 1000 };

static void crowd_file(const struct server *s, int extra) {
    FILE *f = fopen(in_dir(s, "bans"), "w");
    for (int i = 0; i < CROWD_BANS; i++)
        fprintf(f, "10.%d.%d.0/24 2999-12-31T23:59:59Z number %d\n", i / 256, i % 256, i);
    if (extra)
        fputs("127.7.0.0/16 -\n", f);
    fclose(f);
}

Test(bans_e2e, a_thousand_bans_and_a_hundred_people) {
    static struct guest *g[CROWD];
    char name[16], from[32];
    struct server *s = server_prepare();
    crowd_file(s, 0);
    server_launch(s, SERVER_QUIET(2) "control = %s\nbans = %s\n", ctl_socket(s), in_dir(s, "bans"));
    for (int i = 0; i < CROWD; i++) {
        sprintf(name, "p%d", i);
        sprintf(from, "127.%d.0.%d", i % 10 == 9 ? 7 : 1, 1 + i % 200);
        g[i] = guest_enter_as(s, name, .from = from);
    }
    guest_say(g[0], "before");
    for (int i = 0; i < CROWD; i++)
        guest_until(g[i], "p0: before");
    crowd_file(s, 1);
    ctl_ok(s, "reload");
    for (int i = 9; i < CROWD; i += 10) {
        guest_until(g[i], "*** You are banned.");
        guest_expect_end(g[i]);
    }
    ctl_ok(s, "ban", "192.0.2.1", "the 1002nd");
    guest_say(g[0], "after");
    for (int i = 0; i < CROWD; i++)
        if (i % 10 != 9)
            guest_until(g[i], "p0: after");
    const char *out = ctl_ok(s, "who")->out;
    cr_assert(strstr(out, "p98") && !strstr(out, "p99"));
    server_stop(s);
}
