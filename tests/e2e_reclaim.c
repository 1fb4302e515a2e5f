/* e2e_reclaim.c - clients that ask and never read keep no buffer for replies from others. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(reclaim, .timeout = 300);

/* More of them than there are tx_buffers for 400 clients (ipc/segment.c), each with more answers to
 * come than all buffers on the way to it hold. */
enum { DEAF = 330, ASKED = 100 };

static const char small[] = "workers = 2\nmax_clients = 400\nflood_rate = 0\nhistory = 0\n"
                            "login_timeout = 0\nannounce_max = 0\n";

Test(reclaim, clients_that_never_read_keep_no_buffer_from_others) {
    struct server *s = server_start(small);
    struct guest *ann = guest_enter(s, "ann");
    static struct guest *deaf[DEAF];
    for (int i = 0; i < DEAF; i++) {
        char name[32];
        snprintf(name, sizeof name, "never_reads_%03d", i);
        deaf[i] = guest_enter_as(s, name, .receive_buffer = 2048);
    }
    for (int i = 0; i < DEAF; i++) {
        for (int n = 0; n < ASKED; n++)
            guest_type(deaf[i], "who\r\n");
    }
    /* Those that find none free ask on. */
    server_logged(s, "reads nothing, and no buffer is free for others");
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "late%d", i);
        struct guest *late = guest_enter(s, name);
        guest_say(late, "who");
        guest_until(late, "%s", name);
        guest_say(ann, "hello");
        guest_until(late, "%s", told2(TOLD_SPEECH, "ann", "hello"));
        guest_until(ann, "%s", told2(TOLD_SPEECH, "ann", "hello"));
    }
    server_stop(s);
}
