/* e2e_control.c - the control socket, and chatroom-ctl's commands that act in the room. */
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(control, .timeout = 180);

Test(control, an_announcement_reaches_everybody) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter_gbk(s, "bob");
    guest_expect(ann, "%s", told1(TOLD_COMES, "bob"));
    ctl_ok(s, "say", "back at", "noon");
    guest_expect(ann, "*** back at noon");
    guest_expect(bob, "*** back at noon");
    ctl_ok(s, "say", "你好, 大家?");
    guest_expect(ann, "*** 你好, 大家?");
    guest_expect(bob, "*** 你好, 大家?");
    guest_say(ann, "thanks");
    guest_expect(bob, "%s", told2(TOLD_SPEECH, "ann", "thanks"));
    server_stop(s);
    cr_assert_neq(access(ctl_socket(s), F_OK), 0, "the socket was left");
}
