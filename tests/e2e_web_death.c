/* e2e_web_death.c - browsers whose worker dies at any byte of a message, and one that is overrun.
 */
#include "tests/lib/browser.h"
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(web_death, .timeout = 180);

static void kill_worker(struct server *s, int k) {
    pid_t pid = server_worker_pid(s, k);
    s->workers_may_die = true;
    kill(pid, SIGKILL);
    while (server_worker_pid(s, k) == pid)
        wait_breath();
}

/* A masked frame in two halves, and a message in two fragments with a ping between them. */
Test(web_death, half_a_message_goes_on_in_a_successor) {
    enum { CUTS = 40 };
    struct server *s = server_start(SERVER_QUIET(1) "web = 127.0.0.1:0\n");
    struct guest *ann = guest_enter(s, "ann");
    struct browser *b[CUTS];
    uint8_t frame[CUTS][512];
    size_t len[CUTS], cut[CUTS];
    char name[16], text[256];
    for (int i = 0; i < CUTS; i++) {
        snprintf(name, sizeof name, "eve%02d", i);
        b[i] = browser_enter(s, name);
        guest_expect(ann, "%s", told1(TOLD_COMES, name));
        snprintf(text, sizeof text, "{\"re\":%d,\"text\":\"\\u4f60\\\"好 %02d\",\"do\":\"say\"}", i,
                 i);
        size_t half = strlen(text) / 3, n = 0;
        n += browser_mask(frame[i], BROWSER_TEXT | BROWSER_MORE, text, half);
        n += browser_mask(frame[i] + n, BROWSER_PING, "p", 1);
        n += browser_mask(frame[i] + n, 0, text + half, strlen(text) - half);
        len[i] = n;
        cut[i] = 1 + (size_t)i * (n - 2) / (CUTS - 1);
        browser_send(b[i], frame[i], cut[i]);
    }
    guest_say(ann, "all is read");
    guest_expect(ann, "%s", told2(TOLD_SPEECH, "ann", "all is read"));
    for (int k = 0; k < 2; k++)
        kill_worker(s, 0);
    for (int i = 0; i < CUTS; i++) {
        browser_until(b[i], "{'ev':'say','who':'ann','text':'all is read'}");
        browser_send(b[i], frame[i] + cut[i], len[i] - cut[i]);
        browser_until(b[i], "{'ev':'ok','re':%d}", i);
        /* Others' lines may be between the two. */
        browser_until(b[i], "{'ev':'say','who':'eve%02d','text':'你\\'好 %02d'}", i, i);
        cr_assert_eq(b[i]->pongs, 1);
        snprintf(name, sizeof name, "eve%02d", i);
        snprintf(text, sizeof text, "你\"好 %02d", i);
        guest_expect(ann, "%s", told2(TOLD_SPEECH, name, text));
    }
    server_stop(s);
}

Test(web_death, a_long_message_and_a_half_read_login) {
    struct server *s = server_start(SERVER_QUIET(1) "web = 127.0.0.1:0\nline_max = 4096\n");
    struct browser *eve = browser_enter(s, "eve"), *bob = browser_connect(s);
    static char text[5000], said[4097];
    static uint8_t frame[6000];
    memset(said, 'x', 4096);
    int n = snprintf(text, sizeof text, "{\"do\":\"say\",\"text\":\"%s\"}", said);
    size_t len = browser_mask(frame, BROWSER_TEXT, text, (size_t)n);
    browser_send(eve, frame, 3000);
    static const char login[] = "{\"do\":\"login\",\"name\":\"bob\"}";
    uint8_t in[128];
    size_t in_len = browser_mask(in, BROWSER_TEXT, login, strlen(login));
    browser_send(bob, in, in_len - 4);
    kill_worker(s, 0);
    browser_send(bob, in + in_len - 4, 4);
    browser_until(bob, "{'ev':'join','who':'bob'}");
    browser_send(eve, frame + 3000, len - 3000);
    browser_until(eve, "{'ev':'say','who':'eve','text':'%s'}", said);
    server_stop(s);
}

/* HOLES 14: what is told stays whole frames, and each line is there or is counted. */
Test(web_death, an_overrun_tears_no_frame) {
    enum { LINES = 30000, CHUNK = 500 };
    struct server *s =
        server_start(SERVER_QUIET(2) "web = 127.0.0.1:0\nring_size = 64K\nannounce_max = 0\n");
    struct guest *ann = guest_enter(s, "ann");
    struct browser *eve = browser_connect_as(s, .receive_buffer = 4096);
    browser_say(eve, "{'do':'login','name':'eve'}");
    guest_expect(ann, "%s", told1(TOLD_COMES, "eve"));
    char text[256], line[300];
    memset(text, 'x', 200);
    text[200] = '\0';
    for (int i = 0; i < LINES; i++) {
        guest_say(ann, "%05d %s", i, text);
        if (i % CHUNK == CHUNK - 1) {
            snprintf(line, sizeof line, "%05d %s", i, text);
            guest_until(ann, "%s", told2(TOLD_SPEECH, "ann", line));
        }
    }
    long seen = 0, skipped = 0, n;
    int last = -1, number;
    while (seen + skipped < LINES) {
        const char *event = browser_read(eve);
        if (!event)
            break; /* its frame's text was gone: an end without a close frame */
        if (sscanf(event, "{'ev':'skipped','n':%ld}", &n) == 1)
            skipped += n;
        if (sscanf(event, "{'ev':'say','who':'ann','text':'%d ", &number) == 1) {
            cr_assert_gt(number, last);
            last = number;
            seen++;
        }
    }
    if (eve->ended && seen + skipped < LINES)
        cr_assert_eq(eve->code, 0);
    else
        cr_assert_eq(seen + skipped, LINES);
    cr_assert_gt(skipped + (LINES - seen), 0, "it was never behind");
    server_stop(s);
}
