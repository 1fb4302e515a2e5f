/* e2e_terminal_paste.c - character mode: pastes that the terminal does not mark, and keys without
 * effect. */
#include "tests/lib/guest.h"
#include "tests/lib/server.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>

TestSuite(terminal_paste, .timeout = 180);

/* A client that is echoed. */
static struct guest *enter_echoed(struct server *s, struct guest *ann) {
    struct guest *tess = guest_enter(s, "tess");
    tess->telnet = true;
    guest_expect(ann, "%s", told1(TOLD_COMES, "tess"));
    guest_type(tess, "\377\375\001\377\375\003");
    guest_until_answer(tess, 251, 1);
    return tess;
}

/* Waits until `g` has been sent the text, behind byte `from`.  Returns whether a bell was rung. */
static bool rings_until(struct guest *g, size_t from, const char *text) {
    int64_t deadline = wait_deadline();
    for (;;) {
        size_t n = g->at + guest_pending(g) - from;
        if (memmem(g->data + from, n, text, strlen(text)))
            return memchr(g->data + from, '\a', n);
        if (wait_left_ms(deadline) == 0 || !wait_fd(g->fd, POLLIN, deadline))
            fail_at(HERE, "no \"%s\"", text);
    }
}

/* A Tab with text behind it in one read is pasted text, not a key. */
Test(terminal_paste, tabs_of_a_paste_are_text) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "annabel"), *tess = enter_echoed(s, ann);
    static const char *const pastes[][2] = {
        {"an\tx\r", "an x"},
        {"name\t\tan\tage\r", "name  an age"},
        {"\tan\t你\r", "an 你"},
        {"an\r\tan\r", "an"}, /* the second line below */
    };
    for (size_t i = 0; i < sizeof pastes / sizeof *pastes; i++) {
        guest_send(tess, pastes[i][0], strlen(pastes[i][0]));
        guest_expect(ann, "tess: %s", pastes[i][1]);
    }
    guest_expect(ann, "tess: an");
    guest_type(tess, "an\t"); /* a key, and so with Enter typed ahead */
    guest_type(tess, "\r");
    guest_expect(ann, "tess: annabel:");
    guest_type(tess, "ask an\t\r");
    guest_expect(ann, "tess: ask annabel");
    guest_type(tess, "/msg an\tan secret\r"); /* and no whisper is spoken */
    rings_until(tess, tess->at, told1(TOLD_NOBODY, "an"));
    guest_type(tess, "end\r");
    guest_expect(ann, "tess: end");
    server_stop(s);
}

/* PCManX sends a Down every three minutes: it rings no bell. */
Test(terminal_paste, down_without_a_line_before_is_silent) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann"), *tess = enter_echoed(s, ann);
    size_t from = tess->at;
    guest_type(tess, "\033OBx\033OBy\033[B\016z\r");
    guest_expect(ann, "tess: xyz");
    cr_expect_not(rings_until(tess, from, "tess: xyz"));
    guest_type(tess, "\033OA\033OA"); /* Up at the last line there is: that does */
    guest_type(tess, "!\r");
    guest_expect(ann, "tess: xyz!");
    cr_expect(rings_until(tess, from, "tess: xyz!"));
    server_stop(s);
}
