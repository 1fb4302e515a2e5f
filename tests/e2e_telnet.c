/* e2e_telnet.c - a person with GNU telnet on a terminal, and one behind a socket. */
#include "tests/lib/guest.h"
#include "tests/lib/pty.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(telnet, .timeout = 180);

static struct pty *telnet_to(struct server *s) {
    char port[8];
    sprintf(port, "%u", s->port);
    struct pty *p = pty_run("inetutils-telnet", "127.0.0.1", port);
    if (!p)
        p = pty_run("telnet", "127.0.0.1", port);
    if (!p)
        cr_skip_test("no telnet here (Debian: inetutils-telnet)");
    pty_expect(p, "Connected to 127.0.0.1");
    pty_expect(p, "Welcome to Chatroom\r\n");
    pty_expect(p, "Use \"login <nick>\"\r\n");
    return p;
}

Test(telnet, holds_a_conversation) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    struct pty *tess = telnet_to(s);
    pty_type(tess, "login tess\r");
    pty_expect(tess, "tess has entered the room.\r\n");
    guest_expect(ann, "%s", told1(TOLD_COMES, "tess"));
    guest_say(ann, "hello, tess");
    pty_expect(tess, "ann: hello, tess\r\n");
    guest_expect(ann, "ann: hello, tess");
    pty_type(tess, "hello yourself\r");
    pty_expect(tess, "hello yourself\r\n"); /* echoed by the terminal: the server echoes nothing */
    pty_expect(tess, "tess: hello yourself\r\n");
    guest_expect(ann, "tess: hello yourself");
    pty_type(tess, "你好, 安\r");
    pty_expect(tess, "tess: 你好, 安\r\n");
    guest_expect(ann, "tess: 你好, 安");
    pty_type(tess, "look\r");
    pty_expect(tess, "The following are in this room:\r\n");
    pty_type(tess, "logout\r");
    pty_expect(tess, "Connection closed by foreign host.");
    guest_expect(ann, "%s", told1(TOLD_GOES, "tess"));
    pty_end(tess);
    server_stop(s);
}

Test(telnet, goes_on_after_control_c) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    struct pty *tess = telnet_to(s);
    pty_type(tess, "login tess\r");
    pty_expect(tess, "tess has entered the room.\r\n");
    guest_expect(ann, "%s", told1(TOLD_COMES, "tess"));
    for (int i = 0; i < 3; i++) {
        char line[32], shown[48];
        pty_type(tess, "never mi");
        pty_expect(tess, "never mi");
        pty_type(tess, "\x03");
        pty_expect(tess, "^C");
        sprintf(line, "after %d\r", i);
        pty_type(tess, line);
        guest_expect(ann, "tess: after %d", i);
        sprintf(shown, "tess: after %d\r\n", i);
        pty_expect(tess, shown); /* and is not mute */
        guest_say(ann, "still there?");
        pty_expect(tess, "ann: still there?\r\n");
        guest_expect(ann, "ann: still there?");
    }
    server_stop(s);
}

Test(telnet, on_different_workers_two_of_them_talk) {
    struct server *s = server_start(SERVER_QUIET(4));
    struct pty *t[4];
    char line[48];
    for (int i = 0; i < 4; i++) {
        t[i] = telnet_to(s);
        sprintf(line, "login t%d\r", i);
        pty_type(t[i], line);
        sprintf(line, "t%d has entered the room.\r\n", i);
        for (int k = 0; k <= i; k++)
            pty_expect(t[k], line);
    }
    for (int i = 0; i < 4; i++) {
        sprintf(line, "I am %d\r", i);
        pty_type(t[i], line);
        sprintf(line, "t%d: I am %d\r\n", i, i);
        for (int k = 0; k < 4; k++)
            pty_expect(t[k], line);
    }
    server_stop(s);
}
