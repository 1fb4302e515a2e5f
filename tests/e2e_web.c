/* e2e_web.c - browsers and bots in the room: what they say, and what they are told. */
#include "tests/lib/browser.h"
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(web_room, .timeout = 180);

#define WEB(workers) SERVER_QUIET(workers) "web = 127.0.0.1:0\n"

Test(web_room, a_browser_and_a_telnet_talk) {
    struct server *s = server_start(WEB(2));
    struct guest *ann = guest_enter(s, "ann");
    struct browser *bob = browser_connect(s);
    browser_expect(bob, "{'ev':'hello','v':1,'room':'Chatroom','login':true,'line_max':1024,"
                        "'language':'en'}");
    browser_say(bob, "{'do':'login','name':'bob','re':1}");
    browser_expect(bob, "{'ev':'ok','re':1,'name':'bob','last':0}");
    browser_expect(bob, "{'ev':'join','who':'bob'}");
    guest_expect(ann, "%s", told1(TOLD_COMES, "bob"));
    guest_say(ann, "hello");
    browser_expect(bob, "{'ev':'say','who':'ann','text':'hello'}");
    browser_say(bob, "{'do':'say','text':'hi \\'ann\\'','re':2}");
    guest_expect(ann, "%s", told2(TOLD_SPEECH, "ann", "hello"));
    guest_expect(ann, "bob: hi \"ann\"");
    browser_expect(bob, "{'ev':'ok','re':2}");
    browser_expect(bob, "{'ev':'say','who':'bob','text':'hi \\'ann\\''}");
    browser_type(bob, "as typed");
    guest_expect(ann, "%s", told2(TOLD_SPEECH, "bob", "as typed"));
    browser_expect(bob, "{'ev':'say','who':'bob','text':'as typed'}");
    browser_say(bob, "{'do':'quit'}");
    browser_expect_end(bob, 1000);
    guest_expect(ann, "%s", told1(TOLD_GOES, "bob"));
    server_stop(s);
}

static const char hello[] =
    "{'ev':'hello','v':1,'room':'Chatroom','login':true,'line_max':1024,'language':'en'}";

/* A server, a telnet in GBK and a browser, both of whose comings are read. */
static struct server *web_two(struct guest **ann, struct browser **eve) {
    struct server *s = server_start(WEB(2));
    *ann = guest_enter_gbk(s, "ann");
    *eve = browser_enter(s, "eve");
    guest_expect(*ann, "%s", told1(TOLD_COMES, "eve"));
    return s;
}

Test(web_room, chinese_is_read_by_both) {
    struct guest *ann;
    struct browser *eve;
    struct server *s = web_two(&ann, &eve);
    browser_say(eve, "{'do':'say','text':'\\u4f60好 \\ud83d\\ude00'}");
    browser_expect(eve, "{'ev':'say','who':'eve','text':'你好 😀'}");
    guest_expect(ann, "eve: 你好 ?");
    guest_say_in(ann, "你好, 世界");
    browser_expect(eve, "{'ev':'say','who':'ann','text':'你好, 世界'}");
    browser_say(eve, "{'do':'me','text':'waves'}");
    guest_expect(ann, "%s", told2(TOLD_SPEECH, "ann", "你好, 世界"));
    guest_expect(ann, "%s", told2(TOLD_ME, "eve", "waves"));
    browser_expect(eve, "{'ev':'me','who':'eve','text':'waves'}");
    server_stop(s);
}

Test(web_room, private_lines_have_ids) {
    struct guest *ann;
    struct browser *eve;
    struct server *s = web_two(&ann, &eve);
    browser_say(eve, "{'do':'msg','to':'ann','text':'psst','re':9}");
    guest_expect(ann, "%s", told2(TOLD_PRIVATE, "eve", "psst"));
    browser_expect(eve, "{'ev':'msg','who':'eve','to':'ann','text':'psst'}");
    cr_assert_eq(strlen(eve->id), 29);
    cr_assert_eq(strlen(eve->t), 23);
    browser_expect(eve, "{'ev':'ok','re':9}");
    guest_say(ann, "/reply yes?");
    browser_expect(eve, "{'ev':'msg','who':'ann','to':'eve','text':'yes?'}");
    guest_expect(ann, "%s", told2(TOLD_COPY, "eve", "yes?"));
    browser_type(eve, "/reply no");
    guest_expect(ann, "%s", told2(TOLD_PRIVATE, "eve", "no"));
    browser_expect(eve, "{'ev':'msg','who':'eve','to':'ann','text':'no'}");
    browser_say(eve, "{'do':'msg','to':'bob','text':'psst','re':10}");
    browser_expect(eve,
                   "{'ev':'error','re':10,'code':'nobody','text':'There is no \\'bob\\' here.'}");
    browser_say(eve, "{'do':'msg','to':'ann hello','text':'psst','re':11}");
    browser_expect(eve, "{'ev':'error','re':11,'code':'nobody','text':'There is no \\'ann hello\\' "
                        "here.'}");
    browser_say(eve, "{'do':'msg','to':'ann','re':12}");
    browser_expect(eve, "{'ev':'error','re':12,'code':'text','text':'Use /msg NAME TEXT'}");
    server_stop(s);
}

Test(web_room, names) {
    struct guest *ann;
    struct browser *eve;
    struct server *s = web_two(&ann, &eve);
    struct browser *bob = browser_connect(s);
    browser_expect(bob, "%s", hello);
    browser_say(bob, "{'do':'say','text':'let me in','re':1}");
    browser_expect(bob, "{'ev':'error','re':1,'code':'login','text':'Please log in\\nUse \\'login "
                        "<nick>\\''}");
    browser_say(bob, "{'do':'login','name':'ann','re':2}");
    browser_expect(bob, "{'ev':'error','re':2,'code':'taken','text':'The name \\'ann\\' is "
                        "taken.\\nPlease try again.'}");
    browser_say(bob, "{'do':'login','re':3}");
    browser_expect(bob, "{'ev':'error','re':3,'code':'name','text':'Please enter a name'}");
    browser_say(bob, "{'do':'login','name':'a b','re':4}");
    cr_assert(strstr(browser_read(bob), "'re':4,'code':'name'"), "%s", bob->event);
    browser_say(bob, "{'do':'login','name':'b\\u200bob','re':5}");
    cr_assert(strstr(browser_read(bob), "'re':5,'code':'name'"), "%s", bob->event);
    browser_say(bob, "{'do':'login','name':'bob','re':6}");
    browser_expect(bob, "{'ev':'ok','re':6,'name':'bob','last':0}");
    browser_expect(bob, "{'ev':'join','who':'bob'}");
    browser_say(bob, "{'do':'login','name':'bob','re':7}");
    browser_expect(bob, "{'ev':'error','re':7,'code':'logged_in','text':'You are bob. Use /nick "
                        "NAME'}");
    browser_say(bob, "{'do':'nick','name':'rob','re':8}");
    browser_expect(bob, "{'ev':'ok','re':8}");
    browser_expect(bob, "{'ev':'nick','who':'bob','new':'rob'}");
    guest_expect(ann, "%s", told1(TOLD_COMES, "bob"));
    guest_expect(ann, "%s", told2(TOLD_NICK, "bob", "rob"));
    browser_say(bob, "{'do':'nick','name':'eve','re':9}");
    cr_assert(strstr(browser_read(bob), "'re':9,'code':'taken'"), "%s", bob->event);
    browser_say(bob, "{'do':'login','name':'a b','re':10}");
    cr_assert(strstr(browser_read(bob), "'re':10,'code':'logged_in'"), "%s", bob->event);
    server_stop(s);
}

Test(web_room, lists_name_people_and_bots) {
    struct guest *ann;
    struct browser *eve;
    struct server *s = web_two(&ann, &eve);
    struct browser *bot = browser_connect(s);
    browser_say(bot, "{'do':'login','name':'weather','bot':true,'re':1}");
    browser_until(bot, "{'ev':'join','who':'weather'}");
    browser_expect(eve, "{'ev':'join','who':'weather'}");
    guest_expect(ann, "%s", told1(TOLD_COMES, "weather"));
    browser_say(eve, "{'do':'look','re':7}");
    const char *event = browser_read(eve);
    cr_assert_eq(strncmp(event, "{'ev':'people','re':7,'names':[{'name':'", 39), 0, "%s", event);
    cr_assert(strstr(event, "{'name':'ann','idle':0}") &&
                  strstr(event, "{'name':'eve','idle':0}") &&
                  strstr(event, "{'name':'weather','idle':0,'bot':true}") && !strstr(event, "more"),
              "%s", event);
    browser_type(eve, "who");
    cr_assert_eq(strncmp(browser_read(eve), "{'ev':'people','names':[{'name':'", 32), 0);
    guest_say(ann, "who");
    guest_expect(ann, "%s", told(TOLD_WHO));
    int found = 0;
    for (int i = 0; i < 3; i++)
        found += strcmp(guest_next(ann), "weather (bot)") == 0;
    cr_assert_eq(found, 1);
    server_stop(s);
}

Test(web_room, a_list_of_many_takes_several_events) {
    enum { PEOPLE = 150 };
    struct server *s = server_start(WEB(2));
    char name[32];
    for (int i = 0; i < PEOPLE; i++) {
        snprintf(name, sizeof name, "person.number.%03d", i);
        guest_enter(s, name);
    }
    struct browser *eve = browser_enter(s, "eve");
    browser_say(eve, "{'do':'who','re':3}");
    int names = 0, parts = 0;
    const char *event;
    do {
        event = browser_read(eve);
        cr_assert_eq(strncmp(event, "{'ev':'people','re':3,'names':[", 31), 0, "%s", event);
        for (const char *at = event; (at = strstr(at, "'name':")) != NULL; at++)
            names++;
        parts++;
    } while (strstr(event, ",'more':true}"));
    cr_assert_eq(names, PEOPLE + 1);
    cr_assert_gt(parts, 1);
    browser_say(eve, "{'do':'ping','re':4}");
    browser_expect(eve, "{'ev':'ok','re':4}");
    server_stop(s);
}

Test(web_room, earlier_lines_are_their_events) {
    struct server *s =
        server_start("workers = 2\nflood_rate = 0\nhistory = 2\nweb = 127.0.0.1:0\n");
    struct guest *ann = guest_enter(s, "ann");
    struct browser *eve = browser_enter(s, "eve"), *late;
    char id[3][32];
    for (int i = 0; i < 3; i++) {
        guest_say(ann, "line %d", i);
        browser_expect(eve, "{'ev':'say','who':'ann','text':'line %d'}", i);
        snprintf(id[i], sizeof id[i], "%s", eve->id);
        cr_assert(i == 0 || strcmp(id[i], id[i - 1]) > 0);
    }
    late = browser_connect(s);
    browser_say(late, "{'do':'login','name':'late'}");
    browser_expect(late, "%s", hello);
    browser_expect(late, "{'ev':'ok','name':'late','last':0}");
    browser_expect(late, "{'ev':'history','n':2}");
    for (int i = 1; i < 3; i++) {
        browser_expect(late, "{'ev':'say','who':'ann','text':'line %d'}", i);
        cr_assert_str_eq(late->id, id[i]);
    }
    browser_expect(late, "{'ev':'join','who':'late'}");
    browser_say(late, "{'do':'history','n':1,'re':5}");
    browser_expect(late, "{'ev':'ok','re':5}");
    browser_expect(late, "{'ev':'history','n':1}");
    browser_expect(late, "{'ev':'say','who':'ann','text':'line 2'}");
    cr_assert_str_eq(late->id, id[2]);
    browser_say(late, "{'do':'history','n':5000,'re':6}");
    browser_expect(late,
                   "{'ev':'error','re':6,'code':'history','text':'Use /history N, N from 1 to "
                   "1000'}");
    server_stop(s);
}

Test(web_room, whom_it_ignores_it_does_not_see) {
    struct guest *ann;
    struct browser *eve;
    struct server *s = web_two(&ann, &eve);
    browser_say(eve, "{'do':'ignore','name':'ann','re':1}");
    browser_expect(eve, "{'ev':'note','text':'You no longer see what ann says.'}");
    browser_expect(eve, "{'ev':'ok','re':1}");
    guest_say(ann, "unheard");
    guest_say(ann, "/msg eve unheard");
    guest_expect(ann, "%s", told2(TOLD_SPEECH, "ann", "unheard"));
    guest_expect(ann, "%s", told2(TOLD_COPY, "eve", "unheard"));
    struct guest *bob = guest_enter(s, "bob");
    guest_say(bob, "heard");
    browser_expect(eve, "{'ev':'join','who':'bob'}");
    browser_expect(eve, "{'ev':'say','who':'bob','text':'heard'}");
    browser_say(eve, "{'do':'ignore'}");
    browser_expect(eve, "{'ev':'note','text':'*** You ignore the following:'}");
    browser_expect(eve, "{'ev':'note','text':'ann'}");
    browser_expect(eve, "{'ev':'note','text':'Use /ignore NAME or /unignore NAME'}");
    browser_say(eve, "{'do':'ignore','name':'eve','re':2}");
    browser_expect(eve,
                   "{'ev':'error','re':2,'code':'ignore','text':'You cannot ignore yourself.'}");
    browser_say(eve, "{'do':'unignore','name':'ann','re':3}");
    browser_expect(eve, "{'ev':'note','text':'You see what ann says again.'}");
    browser_expect(eve, "{'ev':'ok','re':3}");
    guest_say(ann, "heard, too");
    browser_expect(eve, "{'ev':'say','who':'ann','text':'heard, too'}");
    server_stop(s);
}

Test(web_room, what_is_no_message_is_an_error_and_the_connection_stays) {
    struct guest *ann;
    struct browser *eve;
    struct server *s = web_two(&ann, &eve);
    static const char *const bad[][2] = {
        {"{", "'json','text':'That is not a message: it is no JSON object'"},
        {" {'do':'say','text':'x'} y", "'json','text':'That is not a message: it is no JSON"},
        {"{'do':'say','do':'say','text':'x'}",
         "'json','text':'That is not a message: \\'do\\' comes twice'"},
        {"{'do':'say','text':'x','text':'y','re':1}",
         "'json','text':'That is not a message: \\'text\\' comes twice'"},
        {"{'do':'say','text':7}",
         "'json','text':'That is not a message: \\'text\\' has a wrong value'"},
        {"{'do':'say','re':'x'}",
         "'json','text':'That is not a message: \\'re\\' has a wrong value'"},
        {"{'do':'say','re':4294967296}",
         "'json','text':'That is not a message: \\'re\\' has a wrong"},
        {"{'do':'since','since':'x'}",
         "'json','text':'That is not a message: \\'since\\' is no event`s id'"},
        {"{'do':'since'}", "'json','text':'That is not a message: \\'since\\' is no event`s id'"},
        {"{'x':[[1]]}", "'json','text':'That is not a message: it is nested too deeply'"},
        {"{'do':'dance'}", "'do','text':'There is no such \\'do\\'. There are: login, say, me, "
                           "msg, nick, look, who, ignore, unignore, history, since, ping, quit'"},
        {"{}", "'do','text':'There is no such"},
        {"{'do':'say'}", "'text'"},
        {"{'do':'say','text':' \\n '}", "'text'"},
        {"/dance", "'unknown'"},
        {"/encoding gbk", "'unknown'"},
        {"/timestamps on", "'unknown'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char code[256];
        browser_say(eve, "%s", bad[i][0]);
        snprintf(code, sizeof code, "'code':%s", bad[i][1]);
        cr_assert(strstr(browser_read(eve), code), "%s: %s", bad[i][0], eve->event);
        cr_assert_not(strstr(eve->event, "'re':"));
    }
    browser_say(eve, "{'re':5,'do':'say','text':'x'");
    cr_assert(strstr(browser_read(eve), "{'ev':'error','re':5,'code':'json'"), "%s", eve->event);
    browser_say(eve, "{'do':'say','text':'still here','unknown':{'a':1}}");
    browser_expect(eve, "{'ev':'say','who':'eve','text':'still here'}");
    guest_expect(ann, "%s", told2(TOLD_SPEECH, "eve", "still here"));
    server_stop(s);
}

Test(web_room, a_text_that_is_too_long) {
    struct server *s = server_start(WEB(1) "line_max = 1500\n");
    struct browser *eve = browser_enter(s, "eve");
    char text[1502];
    memset(text, 'x', 1501);
    text[1501] = '\0';
    const char *too_long = "'code':'toolong','text':'That line is too long.\\nA line has at most "
                           "1500 bytes.'}";
    browser_say(eve, "{'do':'say','text':'%s','re':1}", text);
    cr_assert(strstr(browser_read(eve), too_long), "%s", eve->event);
    cr_assert(strstr(eve->event, "'re':1,"));
    browser_type(eve, "%s", text);
    cr_assert(strstr(browser_read(eve), too_long), "%s", eve->event);
    browser_say(eve, "{'do':'msg','to':'eve','text':'%s'}", text);
    cr_assert(strstr(browser_read(eve), too_long), "%s", eve->event);
    text[1500] = '\0';
    browser_say(eve, "{'do':'say','text':'%s'}", text);
    browser_expect(eve, "{'ev':'say','who':'eve','text':'%s'}", text);
    browser_type(eve, "%s", text);
    browser_expect(eve, "{'ev':'say','who':'eve','text':'%s'}", text);
    server_stop(s);
}

/* Each byte comes by itself, so that every half-read state is committed. */
Test(web_room, a_message_in_single_bytes_and_in_fragments) {
    struct server *s = server_start(WEB(1));
    struct browser *eve = browser_enter(s, "eve");
    static const char text[] = "{\"do\":\"say\",\"text\":\"你好\",\"re\":4294967295}";
    uint8_t frame[256];
    size_t n = browser_mask(frame, BROWSER_TEXT, text, strlen(text));
    for (size_t i = 0; i < n; i++)
        browser_send(eve, frame + i, 1);
    browser_expect(eve, "{'ev':'ok','re':4294967295}");
    browser_expect(eve, "{'ev':'say','who':'eve','text':'你好'}");
    for (size_t cut = 1; cut < strlen(text); cut += 5) {
        browser_frame(eve, BROWSER_TEXT | BROWSER_MORE, text, cut);
        browser_frame(eve, BROWSER_PING, "between", 7);
        browser_frame(eve, 0, text + cut, strlen(text) - cut);
        browser_until(eve, "{'ev':'say','who':'eve','text':'你好'}");
    }
    cr_assert_gt(eve->pongs, 3);
    server_stop(s);
}

Test(web_room, the_open_room) {
    struct server *s = server_start(WEB(2) "login = no\n");
    struct guest *ann = guest_connect(s);
    guest_until(ann, "%s", told1(TOLD_COMES, "127.0.0.1"));
    struct browser *eve = browser_connect(s);
    browser_expect(eve, "{'ev':'hello','v':1,'room':'Chatroom','login':false,'line_max':1024,"
                        "'language':'en'}");
    browser_say(eve, "{'do':'say','text':'hello','re':1}");
    browser_expect(eve, "{'ev':'join','who':'127.0.0.1'}");
    browser_expect(eve, "{'ev':'ok','re':1}");
    browser_expect(eve, "{'ev':'say','who':'127.0.0.1','text':'hello'}");
    guest_expect(ann, "%s", told1(TOLD_COMES, "127.0.0.1"));
    guest_expect(ann, "hello");
    browser_say(eve, "{'do':'login','name':'eve','re':2}");
    browser_expect(eve,
                   "{'ev':'error','re':2,'code':'unknown','text':'Unknown command: login\\nUse "
                   "\\'/help\\' for the commands.'}");
    browser_say(eve, "{'do':'msg','to':'%s','text':'psst'}", ann->endpoint);
    guest_expect(ann, "[%s] psst", eve->endpoint);
    browser_expect(eve, "{'ev':'msg','who':'%s','to':'%s','text':'psst'}", eve->endpoint,
                   ann->endpoint);
    browser_type(eve, "say what");
    guest_expect(ann, "say what");
    server_stop(s);
}
