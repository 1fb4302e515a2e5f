/* e2e_idle.c - idle time is time without a line: nothing else that a client sends renews it. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

TestSuite(idle_room, .timeout = 180);

/* Sends these bytes again and again, until the server has said goodbye: if they renewed the time,
 * it never would. */
static void does_not_renew(const char *bytes, size_t len) {
    struct server *s = server_start("%sidle_timeout = 1s\n", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    struct pollfd ended = {.fd = ann->fd, .events = POLLRDHUP};
    ann->telnet = true;
    for (int i = 0; i < 600 && poll(&ended, 1, 50) == 0; i++)
        (void)!send(ann->fd, bytes, len, MSG_NOSIGNAL);
    cr_assert(ended.revents, "it is still there after 30 s");
    guest_until(ann, "%s", told(TOLD_NO_WORD));
    server_stop(s);
}
#define does_not_renew(literal) does_not_renew(literal, sizeof(literal) - 1)

Test(idle_room, a_keep_alive_is_no_line) {
    does_not_renew("\xff\xf1");
}
Test(idle_room, an_answer_to_a_timing_mark_is_no_line) {
    does_not_renew("\xff\xfc\x06");
}
Test(idle_room, the_size_of_a_window_is_no_line) {
    does_not_renew("\xff\xfa\x1f\0\x50\0\x18\xff\xf0");
}
Test(idle_room, an_empty_line_is_no_line) {
    does_not_renew("\r\n");
}
Test(idle_room, half_a_line_is_no_line) {
    does_not_renew("x");
}
