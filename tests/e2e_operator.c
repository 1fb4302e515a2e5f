/* e2e_operator.c - what a person at a shell sees of the server's programs: what they leave open,
 * how they end, and what the log tells of what was asked for. */
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(operator, .timeout = 180);

/* ---- the background ---- */

/* Reads to the end of what the shell's command writes.  Returns its exit status. */
static int said_until_the_end(const char *command, char *text, size_t size) {
    FILE *said = popen(command, "re");
    cr_assert(said);
    int64_t deadline = wait_deadline();
    size_t len = 0;
    for (ssize_t n = 1; n > 0 && len < size - 1; len += (size_t)n) {
        cr_assert(wait_fd(fileno(said), POLLIN, deadline), "its output never ends");
        n = read(fileno(said), text + len, size - 1 - len);
        cr_assert_geq(n, 0);
    }
    text[len] = '\0';
    return pclose(said);
}

/* The transcript's process has a descriptor table of its own, and may have left the shared one
 * before the server is ready; with more workers that is the rule. */
static void detached_with_transcript(const char *log, int workers) {
    struct server *s = server_prepare();
    char pidfile[400], command[1024], text[16384];
    snprintf(pidfile, sizeof pidfile, "%s/pid", s->dir);
    server_configure(s, "workers = %d\ntranscript = %s/transcript\npidfile = %s\nlog = %s%s\n",
                     workers, s->dir, pidfile, log[0] == '/' ? s->dir : "", log);
    snprintf(command, sizeof command, "exec %s -d -c %s 2>&1", run_server_path(), s->conf);
    cr_assert_eq(said_until_the_end(command, text, sizeof text), 0, "%s", text);
    char *pid = run_read_file(pidfile);
    cr_assert(pid && atoi(pid) > 1, "%s", pid);
    int cleaner = run_cleaner(HERE, getpgid((pid_t)atoi(pid)), NULL);
    kill((pid_t)atoi(pid), SIGTERM);
    for (int64_t d = wait_deadline(); access(pidfile, F_OK) == 0; wait_breath())
        cr_assert_gt(wait_left_ms(d), 0, "the server does not end");
    close(cleaner);
    free(pid);
}

Test(operator, a_detached_transcript_keeps_no_descriptor_of_its_starter) {
    detached_with_transcript("stderr", 8);
    detached_with_transcript("/log", 8);
    detached_with_transcript("/log", 1);
    detached_with_transcript("syslog", 8);
}

/* ---- chatroom-ctl's output ---- */

/* Of chatroom-ctl, by a shell: `rest` follows its socket. */
static void shell(struct ran *ran, const struct server *s, const char *rest, const char *rest2) {
    char command[1024];
    snprintf(command, sizeof command, "%s -s %s %s %s", ctl_path(), ctl_socket(s), rest, rest2);
    run(ran, "/bin/bash", "-c", command);
}

static const char unwritten[] = "chatroom-ctl: the answer cannot be written to standard output\n";
static const char *const looks[] = {"status",        "who",        "bans",
                                    "metrics",       "top --once", "-h",
                                    "--json status", "--json who", "--json kick nobody"};

Test(operator, an_answer_that_cannot_be_written_is_none) {
    static struct ran ran;
    struct server *s = ctl_server(SERVER_QUIET(1));
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
        shell(&ran, s, looks[i], ">/dev/full");
        cr_assert_eq(ran.status, 1, "%s: %d", looks[i], ran.status);
        cr_assert_str_eq(ran.err, unwritten, "%s", looks[i]);
    }
    server_stop(s);
}

Test(operator, a_reader_that_has_gone_wants_no_more) {
    static struct ran ran;
    struct server *s = ctl_server(SERVER_QUIET(1));
    for (size_t i = 0; i + 1 < sizeof looks / sizeof looks[0]; i++) {
        shell(&ran, s, looks[i], "| true; exit ${PIPESTATUS[0]}");
        cr_assert_eq(ran.status, 0, "%s: %d", looks[i], ran.status);
        cr_assert_str_eq(ran.err, "", "%s", looks[i]);
    }
    server_stop(s);
}

/* The number of a standard descriptor that is closed is not the connection's. */
Test(operator, closed_standard_descriptors) {
    static struct ran ran;
    struct server *s = ctl_server(SERVER_QUIET(1));
    struct guest *ann = guest_enter(s, "ann");
    static const char *const closed[] = {">&-", "<&- >&-", "2>&-", "<&- >&- 2>&-"};
    for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
        shell(&ran, s, "say hello", closed[i]);
        cr_assert_eq(ran.status, 0, "%s: %d", closed[i], ran.status);
        guest_expect(ann, "*** hello");
        shell(&ran, s, "status", closed[i]);
        cr_assert_eq(ran.status, 0, "%s: %d", closed[i], ran.status);
        shell(&ran, s, "--json loglevel info", closed[i]);
        cr_assert_eq(ran.status, 0, "%s: %d", closed[i], ran.status);
    }
    server_stop(s);
}

/* ---- its usage ---- */

static void ends(const struct server *s, const char *arguments, int status, const char *out,
                 const char *err) {
    static struct ran ran;
    shell(&ran, s, arguments, "");
    cr_assert_eq(ran.status, status, "%s: %d", arguments, ran.status);
    cr_assert_eq(strncmp(ran.out, out, strlen(out)), 0, "%s: %s", arguments, ran.out);
    cr_assert_eq(strncmp(ran.err, err, strlen(err)), 0, "%s: %s", arguments, ran.err);
}

/* No server is needed. */
Test(operator, help_wherever_it_is_looked_for) {
    struct server *s = server_prepare();
    static const char use[] = "usage: chatroom-ctl [-s PATH] [--json] ";
    char kick[128], who[128], all[128];
    snprintf(kick, sizeof kick, "%skick NAME [REASON]\n", use);
    snprintf(who, sizeof who, "%swho [--all]\n", use);
    snprintf(all, sizeof all, "%sCOMMAND\n", use);
    ends(s, "kick --help", 0, kick, "");
    ends(s, "who -h", 0, who, "");
    ends(s, "-h", 0, all, "");
    ends(s, "--help", 0, all, "");
    ends(s, "help", 0, all, "");
    ends(s, "help kick", 0, all, "");
    ends(s, "kick -- --help", 1, "", "chatroom-ctl: ");
}

Test(operator, a_missing_name_or_path_is_wrong_usage) {
    struct server *s = server_prepare();
    static const char *const named[] = {"kick", "mute", "unmute"};
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        char arguments[64];
        snprintf(arguments, sizeof arguments, "%s ''", named[i]);
        ends(s, arguments, 2, "", "chatroom-ctl: a name is missing\nusage: ");
        snprintf(arguments, sizeof arguments, "%s 'a b'", named[i]);
        ends(s, arguments, 2, "", "chatroom-ctl: a name has no blanks: \"a b\"\nusage: ");
        snprintf(arguments, sizeof arguments, "%s $'a\\nb'", named[i]);
        ends(s, arguments, 2, "", "chatroom-ctl: a name has no blanks: \"a?b\"\nusage: ");
    }
    ends(s, "-s '' status", 2, "", "chatroom-ctl: -s needs a path\n");
    ends(s, "-s", 2, "", "chatroom-ctl: -s needs a path\n");
    ends(s, "-s $(printf %0300d) status", 1, "",
         "chatroom-ctl: the socket's path is longer than 107 bytes\n");
    ends(s, "-s $(printf %0108d) kick ann", 1, "",
         "chatroom-ctl: the socket's path is longer than 107 bytes\n");
}

/* ---- what the log tells of an operator ---- */

Test(operator, the_log_has_what_was_asked_for_and_why) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *ann = guest_enter_as(s, "ann", .from = "127.0.0.2");
    struct guest *eve = guest_enter_as(s, "eve", .from = "127.0.0.3");
    ctl_ok(s, "say", "back at", "noon");
    server_logged(s, "asked by an operator: say back at noon");
    ctl_ok(s, "say", "你好\\");
    server_logged(s, "asked by an operator: say 你好\\x5C");
    ctl_ok(s, "mute", "eve");
    server_logged(s, "asked by an operator: mute 127.0.0.3:");
    server_logged(s, " alone - eve");
    server_logged(s, "muted eve, and its address");
    ctl_ok(s, "unmute", "eve");
    server_logged(s, "asked by an operator: unmute eve");
    ctl_ok(s, "kick", "eve", "floods", "the room");
    server_logged(s, "asked by an operator: kick eve floods the room");
    guest_until(eve, "*** You were asked to leave: floods the room");
    ctl_ok(s, "kick", "ann");
    server_logged(s, "asked by an operator: kick ann");
    guest_until(ann, "*** You were asked to leave.");
    int before = server_log_count(s, "asked by an operator");
    ctl_refused(s, "there is no \"ann\" here", "kick", "ann");
    ctl_refused(s, "there is no text to say", "say", " ");
    cr_assert_eq(server_log_count(s, "asked by an operator"), before);
    server_stop(s);
}

/* ---- what stands ---- */

/* A mute outlives the connection of the person, and so its mark in `who`. */
Test(operator, mutes_are_listed_while_their_people_are_away) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *eve = guest_enter_as(s, "eve", .from = "127.0.0.3");
    struct guest *ann = guest_enter_as(s, "安妮", .from = "127.0.0.2");
    struct guest *bob = guest_enter_as(s, "bob", .from = "127.0.0.2");
    cr_assert_str_eq(ctl_ok(s, "bans")->out, "no address is banned\n");
    ctl_ok(s, "mute", "eve");
    ctl_ok(s, "mute", "安妮", "1h");
    ctl_ok(s, "kick", "eve");
    guest_until(bob, "eve was asked to leave.");
    const char *out = ctl_ok(s, "bans")->out;
    cr_assert_eq(strstr(out, "no address is banned\n\nMUTED  UNTIL "), out, "%s", out);
    cr_assert_not_null(strstr(out, "\neve    -  "), "%s", out);
    cr_assert_not_null(strstr(out, "  127.0.0.3\n"), "%s", out);
    cr_assert_not_null(strstr(out, "\n安妮   2"), "%s", out);
    cr_assert_not_null(strstr(out, "Z  -\n"), "%s", out);
    out = ctl_ok(s, "bans", "--json")->out;
    cr_assert_not_null(strstr(out,
                              "{\"bans\":[],\"mutes\":[{\"name\":\"eve\",\"address\":\"127.0.0.3"
                              "\",\"until\":null},{\"name\":\"安妮\",\"address\":null,"
                              "\"until\":\"2"),
                       "%s", out);
    ctl_ok(s, "unmute", "eve");
    ctl_ok(s, "unmute", "安妮");
    ctl_ok(s, "ban", "192.0.2.1", "-", "spam");
    cr_assert_str_eq(ctl_ok(s, "bans")->out, "ADDRESS    UNTIL  REASON\n192.0.2.1  -      spam\n");
    guest_close(eve);
    guest_close(ann);
    server_stop(s);
}

/* A pool, a ring and a state have one name in all answers. */
Test(operator, names_are_the_same_in_every_answer) {
    static const char *const rings[] = {"utf-8", "gbk", "big5", "side"}, *const pools[] = {
                                                                             "input", "replies",
                                                                             "ignoring"};
    struct server *s = ctl_server(SERVER_QUIET(2));
    char want[64];
    const char *out = ctl_ok(s, "status", "--json")->out;
    for (size_t i = 0; i < 4; i++) {
        snprintf(want, sizeof want, "{\"name\":\"%s\",\"used\":", rings[i]);
        cr_assert_not_null(strstr(out, want), "%s: %s", want, out);
    }
    for (size_t i = 0; i < 3; i++) {
        snprintf(want, sizeof want, "{\"name\":\"%s\",\"used\":", pools[i]);
        cr_assert_not_null(strstr(out, want), "%s: %s", want, out);
    }
    out = ctl_ok(s, "metrics")->out;
    for (size_t i = 0; i < 4; i++) {
        snprintf(want, sizeof want, "chatroom_ring_size_bytes{ring=\"%s\"} ", rings[i]);
        cr_assert_not_null(strstr(out, want), "%s: %s", want, out);
    }
    for (size_t i = 0; i < 3; i++) {
        snprintf(want, sizeof want, "chatroom_buffers_used{pool=\"%s\"} ", pools[i]);
        cr_assert_not_null(strstr(out, want), "%s: %s", want, out);
    }
    server_stop(s);
}

/* It holds for all people of an address, and is taken back by the name it was given for. */
Test(operator, who_is_muted_by_the_address_is_unmuted_by_the_mutes_name) {
    static const char hint[] =
        "bob is not muted by that name; `chatroom-ctl bans` lists the mutes of addresses";
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *eve = guest_enter_as(s, "eve", .from = "127.0.0.3");
    ctl_refused(s, "bob is not muted", "unmute", "bob");
    ctl_ok(s, "mute", "eve");
    struct guest *bob = guest_enter_as(s, "bob", .from = "127.0.0.3");
    guest_say(bob, "hello");
    guest_until(bob, "You are muted.");
    ctl_refused(s, hint, "unmute", "bob");
    ctl_ok(s, "unmute", "eve");
    guest_until(bob, "You may speak again.");
    ctl_refused(s, "bob is not muted", "unmute", "bob");
    guest_until(eve, "You may speak again.");
    server_stop(s);
}
