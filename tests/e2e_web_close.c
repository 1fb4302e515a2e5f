/* e2e_web_close.c - how a browser's connection ends: each close code, and what the room is told. */
#include "tests/lib/browser.h"
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

TestSuite(web_close, .timeout = 180);

#define WEB(workers) SERVER_QUIET(workers) "web = 127.0.0.1:0\n"

/* What a browser sends, as it stands on the wire, masked with zeros, and how it is closed. */
static const struct {
    const char *bytes;
    size_t len;
    int code;
} wrong[] = {
    {"\x81\x02hi", 4, 1002},                   /* no mask */
    {"\xC1\x80\0\0\0\0", 6, 1002},             /* a reserved bit */
    {"\x83\x80\0\0\0\0", 6, 1002},             /* a reserved opcode */
    {"\x80\x80\0\0\0\0", 6, 1002},             /* a continuation of nothing */
    {"\x81\xFE\0\x05\0\0\0\0hello", 13, 1002}, /* not the shortest length */
    {"\x09\x80\0\0\0\0", 6, 1002},             /* a ping in fragments */
    {"\x89\xFE\0\x7E\0\0\0\0", 8, 1002},       /* a ping of 126 bytes */
    {"\x88\x81\0\0\0\0x", 7, 1002},            /* half a code */
    {"\x88\x82\0\0\0\0\x03\xEC", 8, 1002},     /* 1004 */
    {"\x82\x80\0\0\0\0", 6, 1003},             /* binary */
    {"\x81\x82\0\0\0\0\xC3\x28", 8, 1007},     /* no UTF-8 */
    {"\x81\x81\0\0\0\0\xE4", 7, 1007},         /* half a character */
    {"\x81\xFE\x18\xFF\0\0\0\0", 8, 0},        /* 6399 of at most 6400 bytes: goes on */
    {"\x81\xFE\x19\x01\0\0\0\0", 8, 1009},     /* 6401 */
    {"\x88\x82\0\0\0\0\x03\xE8", 8, 1000},     /* its own close frames are answered alike */
    {"\x88\x82\0\0\0\0\x03\xE9", 8, 1001},
    {"\x88\x82\0\0\0\0\x0F\xA0", 8, 4000},
};

/* Names of their own, as the places of most are kept for a while. */
Test(web_close, each_wrong_frame_has_its_code) {
    struct server *s = server_start(WEB(2));
    struct guest *ann = guest_enter(s, "ann");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char name[16];
        snprintf(name, sizeof name, "eve%zu", i);
        struct browser *b = browser_enter(s, name);
        browser_say(b, "{'do':'say','text':'before','re':%zu}", i);
        browser_send(b, wrong[i].bytes, wrong[i].len);
        browser_until(b, "{'ev':'say','who':'%s','text':'before'}", name);
        guest_until(ann, "%s", told2(TOLD_SPEECH, name, "before"));
        if (wrong[i].code == 0)
            browser_close(b);
        else
            browser_expect_end(b, wrong[i].code);
        if (wrong[i].code == 1000)
            guest_until(ann, "%s", told1(TOLD_GOES, name));
    }
    server_stop(s);
}

Test(web_close, an_empty_close_frame_is_answered_and_quit_closes) {
    struct server *s = server_start(WEB(1));
    struct guest *ann = guest_enter(s, "ann");
    static const char *const quit[] = {"{'do':'quit','re':1}", "/quit", "logout"};
    for (size_t i = 0; i < sizeof quit / sizeof quit[0]; i++) {
        struct browser *b = browser_enter(s, "eve");
        guest_expect(ann, "%s", told1(TOLD_COMES, "eve"));
        browser_say(b, "%s", quit[i]);
        if (i == 0)
            browser_expect(b, "{'ev':'ok','re':1}");
        browser_expect_end(b, 1000);
        guest_expect(ann, "%s", told1(TOLD_GOES, "eve"));
    }
    server_stop(s);
}

Test(web_close, a_server_that_goes_down) {
    struct server *s = server_start(WEB(2));
    struct browser *eve = browser_enter(s, "eve"), *late = browser_connect(s);
    browser_until(late, "{'ev':'hello','v':1,'room':'Chatroom','login':true,'line_max':1024,"
                        "'language':'en'}");
    server_signal(s, SIGTERM);
    browser_expect(eve, "{'ev':'error','code':'down','text':'*** The server is going down.'}");
    browser_expect_end(eve, 1001);
    browser_expect(late, "{'ev':'error','code':'down','text':'*** The server is going down.'}");
    browser_expect_end(late, 1001);
    server_ended(s);
}

Test(web_close, who_does_not_log_in_and_who_says_nothing) {
    struct server *s = server_start(WEB(1) "login_timeout = 1s\n");
    struct browser *late = browser_connect(s);
    browser_until(late, "{'ev':'error','code':'late','text':'*** Goodbye: you did not log in.'}");
    browser_expect_end(late, 1008);
    server_stop(s);
    s = server_start(WEB(1) "idle_timeout = 1s\n");
    struct browser *eve = browser_enter(s, "eve");
    browser_expect(eve, "{'ev':'error','code':'idle','text':'*** Goodbye: no word from you.'}");
    browser_expect_end(eve, 1000);
    server_stop(s);
}

Test(web_close, kicked_banned_and_muted) {
    struct server *s = ctl_server(WEB(2));
    struct guest *ann = guest_enter(s, "ann");
    struct browser *eve = browser_enter(s, "eve");
    guest_expect(ann, "%s", told1(TOLD_COMES, "eve"));
    ctl_ok(s, "mute", "eve");
    browser_say(eve, "{'do':'say','text':'unheard','re':1}");
    browser_expect(eve, "{'ev':'error','re':1,'code':'muted','text':'You are muted.'}");
    browser_type(eve, "unheard");
    browser_expect(eve, "{'ev':'error','code':'muted','text':'You are muted.'}");
    ctl_ok(s, "unmute", "eve");
    browser_expect(eve, "{'ev':'note','text':'You may speak again.'}");
    ctl_ok(s, "say", "at noon");
    browser_expect(eve, "{'ev':'sys','text':'at noon'}");
    guest_expect(ann, "*** at noon");
    ctl_ok(s, "kick", "eve", "enough");
    browser_expect(eve,
                   "{'ev':'error','code':'kicked','text':'*** You were asked to leave: enough'}");
    browser_expect_end(eve, 1008);
    guest_expect(ann, "eve was asked to leave.");
    eve = browser_connect_at(HERE, s, (struct browser_how){.from = "127.0.0.9"});
    browser_say(eve, "{'do':'login','name':'eve'}");
    browser_until(eve, "{'ev':'join','who':'eve'}");
    ctl_ok(s, "ban", "127.0.0.9");
    browser_expect(eve, "{'ev':'error','code':'banned','text':'*** You are banned.'}");
    browser_expect_end(eve, 1008);
    guest_expect(ann, "%s", told1(TOLD_COMES, "eve"));
    guest_expect(ann, "%s", told1(TOLD_GOES, "eve"));
    server_stop(s);
}

Test(web_close, an_end_without_a_close_frame) {
    struct server *s = server_start(WEB(1));
    struct guest *ann = guest_enter(s, "ann");
    struct browser *eve = browser_enter(s, "eve");
    guest_expect(ann, "%s", told1(TOLD_COMES, "eve"));
    browser_say(eve, "{'do':'say','text':'last'}");
    shutdown(eve->fd, SHUT_WR);
    browser_expect(eve, "{'ev':'say','who':'eve','text':'last'}");
    browser_expect_end(eve, 0);
    guest_expect(ann, "%s", told2(TOLD_SPEECH, "eve", "last"));
    guest_expect(ann, "%s", told1(TOLD_GOES, "eve"));
    server_stop(s);
}
