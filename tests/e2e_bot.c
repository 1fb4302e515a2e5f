/* e2e_bot.c - the sample bot, tests/bot.py, in the room. */
#include "tests/lib/browser.h"
#include "tests/lib/guest.h"
#include "tests/lib/run.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

TestSuite(bot, .timeout = 180);

#define PYTHON "/usr/bin/python3" /* Debian's own, for which its packages are */

/* Starts it under the name; it ends with the test. */
static pid_t bot_start(struct server *s, char *name) {
    static char url[64];
    struct ran ran;
    run(&ran, PYTHON, "-c", "import websockets");
    if (ran.status != 0)
        skip_test("python3-websockets is not installed");
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/chat", browser_port(s));
    pid_t bot = run_start(HERE, (char *[]){PYTHON, "tests/bot.py", url, name, NULL}, "/dev/null",
                          "/dev/null");
    run_cleaner(HERE, bot, NULL);
    return bot;
}

static void asks(struct guest *g, const char *place) {
    char answer[64];
    guest_say(g, "/msg weather %s", place);
    guest_until(g, "[to weather] %s", place);
    snprintf(answer, sizeof answer, "[weather] In %s there is ", place);
    cr_assert(guest_until_begins(g, answer));
}

Test(bot, greets_and_answers) {
    struct server *s = server_start(SERVER_QUIET(2) "web = 127.0.0.1:0\n");
    struct guest *ann = guest_enter(s, "ann");
    bot_start(s, "weather");
    guest_expect(ann, "%s", told1(TOLD_COMES, "weather"));
    struct guest *bob = guest_enter(s, "bob");
    guest_until(ann, "weather: Welcome, bob! Try: /msg weather Paris");
    guest_until(bob, "weather: Welcome, bob! Try: /msg weather Paris");
    asks(bob, "Paris");
    asks(ann, "\"\\ 北京");
    guest_say(bob, "who");
    guest_until(bob, "weather (bot)");
    server_stop(s);
}

Test(bot, does_not_notice_that_its_worker_is_killed) {
    struct server *s = server_start(SERVER_QUIET(1) "web = 127.0.0.1:0\n");
    struct guest *ann = guest_enter(s, "ann");
    bot_start(s, "weather");
    guest_expect(ann, "%s", told1(TOLD_COMES, "weather"));
    asks(ann, "Paris");
    s->workers_may_die = true;
    kill(server_worker_pid(s, 0), SIGKILL);
    guest_say(ann, "still here?");
    guest_expect(ann, "ann: still here?"); /* no leaving and coming before it */
    asks(ann, "Oslo");
    server_stop(s);
}

/* The client that asked may be gone before the answer comes. */
Test(bot, stays_when_an_answer_is_refused) {
    struct server *s = server_start(SERVER_QUIET(1) "web = 127.0.0.1:0\n");
    struct guest *ann = guest_enter(s, "ann");
    bot_start(s, "weather");
    guest_expect(ann, "%s", told1(TOLD_COMES, "weather"));
    struct guest *bob = guest_enter(s, "bob");
    guest_send(bob, "/msg weather Paris\r\n/quit\r\n", 27);
    guest_until(ann, "%s", told1(TOLD_GOES, "bob"));
    asks(ann, "Oslo");
    server_stop(s);
}

/* A name that is taken is no reason to try again and again. */
Test(bot, ends_when_it_is_refused) {
    struct server *s = server_start(SERVER_QUIET(1) "web = 127.0.0.1:0\n");
    struct guest *ann = guest_enter(s, "ann");
    int status;
    pid_t bot = bot_start(s, "ann");
    cr_assert(run_wait(bot, &status, wait_deadline()));
    cr_assert_eq(status, 0);
    guest_say(ann, "alone");
    guest_expect(ann, "ann: alone");
    server_stop(s);
}
