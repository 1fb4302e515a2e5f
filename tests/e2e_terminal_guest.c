/* e2e_terminal_guest.c - terminals simulated on a socket: a client that negotiates its encoding,
 * and private lines between two encodings. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(terminal_guest, .timeout = 180);

static const char gbk[] = "CP936";

/* ---- CHARSET (RFC 2066) ---- */

Test(terminal_guest, an_encoding_agreed_on_is_used_at_once) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann"), *mud = guest_connect(s);
    guest_until(mud, "%s", told(TOLD_HOW));
    mud->telnet = true;
    guest_type(mud, "\xff\xfb\x2a"); /* WILL CHARSET */
    guest_until_answer(mud, 0xfd, 42);
    guest_say(mud, "login mud");
    guest_until(mud, "%s", told1(TOLD_COMES, "mud"));
    guest_expect(ann, "%s", told1(TOLD_COMES, "mud"));
    guest_say(ann, "你好");
    guest_expect(mud, "ann: 你好");
    /* The client requests its own list: the answer is a subnegotiation, which the test reads
     * directly. */
    guest_type(mud, "\xff\xfa\x2a\x01;GBK;X-NONE\xff\xf0");
    static const char accepted[] = "\xff\xfa\x2a\x02GBK\xff\xf0";
    int64_t deadline = wait_deadline();
    while (guest_pending(mud) < sizeof accepted - 1)
        cr_assert(wait_left_ms(deadline) > 0 && wait_fd(mud->fd, 1, deadline), "no answer");
    cr_assert_eq(memcmp(mud->data + mud->at, accepted, sizeof accepted - 1), 0);
    mud->at += sizeof accepted - 1;
    mud->charset = gbk;
    guest_say(ann, "再见");
    guest_expect(mud, "ann: 再见");
    server_stop(s);
}

/* ---- private lines, across workers and encodings ---- */

Test(terminal_guest, two_encodings_talk_privately_across_workers) {
    struct server *s = server_start(SERVER_QUIET(4));
    struct guest *ann = guest_enter(s, "安妮"), *bo = guest_enter_gbk(s, "小波");
    int tries = 0;
    while (server_worker_of(s, ann->endpoint) == server_worker_of(s, bo->endpoint)) {
        cr_assert_lt(tries++, 100);
        guest_say_in(bo, "logout");
        guest_until(ann, "%s", told1(TOLD_GOES, "小波"));
        bo = guest_enter_gbk(s, "小波");
    }
    guest_say(ann, "/msg 小波 你好 😀");
    guest_until(ann, "%s", told2(TOLD_COPY, "小波", "你好 😀"));
    guest_expect(bo, "%s", told2(TOLD_PRIVATE, "安妮", "你好 ?"));
    guest_say_in(bo, "/reply 你也好");
    guest_expect(bo, "%s", told2(TOLD_COPY, "安妮", "你也好"));
    guest_expect(ann, "%s", told2(TOLD_PRIVATE, "小波", "你也好"));
    guest_say(ann, "/reply 再见");
    guest_expect(ann, "%s", told2(TOLD_COPY, "小波", "再见"));
    guest_expect(bo, "%s", told2(TOLD_PRIVATE, "安妮", "再见"));
    server_stop(s);
}

/* The two bytes are also valid UTF-8: the encoding that the client is sent decides. */
Test(terminal_guest, gbk_that_could_be_utf8_is_gbk) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann"), *bo = guest_enter_gbk(s, "泰丝");
    guest_expect(ann, "%s", told1(TOLD_COMES, "泰丝"));
    guest_say_in(bo, "哈哈");
    guest_expect(ann, "泰丝: 哈哈");
    guest_expect(bo, "泰丝: 哈哈");
    guest_say(bo, "哈哈"); /* in UTF-8 */
    guest_expect(ann, "泰丝: 哈哈");
    guest_expect(bo, "泰丝: 哈哈");
    server_stop(s);
}
