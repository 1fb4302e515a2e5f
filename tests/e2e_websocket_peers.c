/* e2e_websocket_peers.c - WebSocket clients of other makes: Python's websockets and wsproto, Node's
 * ws.  What each does is in tests/peers/. */
#include "tests/lib/browser.h"
#include "tests/lib/guest.h"
#include "tests/lib/skip.h"
#include "tests/lib/websocket_echo.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

TestSuite(websocket_peers, .timeout = 180);

/* Debian's own interpreters, for which Debian's packages are. */
#define PYTHON "/usr/bin/python3"
#define NODE "/usr/bin/node"

/* The script has ended; it exits 77 if its library is not there. */
static void went_well(const char *script, int status, const char *said) {
    if (status == 127 || status == 77)
        skip_test("%s", status == 127 ? "no such interpreter" : "its library is not installed");
    cr_assert_eq(status, 0, "%s: %d\n%s", script, status, said);
}

/* ---- against the codecs alone ---- */

/* Runs the script to its end. */
static void runs(char *program, char *script, uint16_t port) {
    struct ran ran;
    char number[8];
    snprintf(number, sizeof number, "%u", port);
    run(&ran, program, script, number);
    went_well(script, ran.status, ran.err);
}

Test(websocket_peers, pythons_websockets_is_echoed) {
    runs(PYTHON, "tests/peers/echo_websockets.py", websocket_echo_start());
}

Test(websocket_peers, pythons_wsproto_is_echoed) {
    runs(PYTHON, "tests/peers/echo_wsproto.py", websocket_echo_start());
}

Test(websocket_peers, nodes_ws_is_echoed) {
    runs(NODE, "tests/peers/echo_ws.js", websocket_echo_start());
}

Test(websocket_peers, harm_ends_an_echo) {
    runs(PYTHON, "tests/peers/harm_wsproto.py", websocket_echo_start());
}

/* ---- in the room ---- */

#define WEB SERVER_QUIET(2) "web = 127.0.0.1:0\n"

static void talks(char *program, char *script) {
    struct ran ran;
    run(&ran, program, script); /* without a port it fails, but for its library first */
    if (ran.status == 127 || ran.status == 77)
        went_well(script, ran.status, "");
    struct server *s = server_start(WEB);
    struct guest *ann = guest_enter(s, "ann");
    char number[8], out[300];
    int status;
    snprintf(number, sizeof number, "%u", browser_port(s));
    snprintf(out, sizeof out, "%s/peer.out", s->dir);
    pid_t pid = run_start(HERE, (char *[]){program, script, number, NULL}, out, out);
    run_cleaner(HERE, pid, NULL);
    guest_expect(ann, "%s", told1(TOLD_COMES, "pip"));
    guest_expect(ann, "pip: hello 家");
    guest_expect(ann, "pip: in fragments: 家");
    guest_say(ann, "bye");
    guest_expect(ann, "%s", told2(TOLD_SPEECH, "ann", "bye"));
    guest_expect(ann, "%s", told1(TOLD_GOES, "pip"));
    cr_assert(run_wait(pid, &status, wait_deadline()));
    char *said = run_read_file(out);
    went_well(script, WIFEXITED(status) ? WEXITSTATUS(status) : 128, said);
    free(said);
    server_stop(s);
}

Test(websocket_peers, pythons_websockets_talks) {
    talks(PYTHON, "tests/peers/chat_websockets.py");
}

Test(websocket_peers, pythons_wsproto_talks) {
    talks(PYTHON, "tests/peers/chat_wsproto.py");
}

Test(websocket_peers, nodes_ws_talks) {
    talks(NODE, "tests/peers/chat_ws.js");
}

Test(websocket_peers, harm_ends_a_connection_to_the_room) {
    struct server *s = server_start(WEB);
    runs(PYTHON, "tests/peers/harm_wsproto.py", browser_port(s));
    server_stop(s);
}
