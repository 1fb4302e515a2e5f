/* e2e_chinese.c - what an operator does, as rooms of GBK and Big5 see it, and names that a terminal
 * cannot show in sentences that begin with them. */
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(chinese, .timeout = 180);

static struct guest *enter(struct server *s, const char *name, const char *charset) {
    char line[128];
    struct guest *g = guest_connect_as(s, .charset = charset);
    guest_until_begins(g, "使用");
    snprintf(line, sizeof line, "login %s", name);
    guest_say_in(g, line);
    snprintf(line, sizeof line, "%s进入聊天室!", name);
    guest_until(g, "%s", line);
    return g;
}

Test(chinese, what_an_operator_says_in_gbk) {
    struct server *s = ctl_server(SERVER_QUIET(2) "language = zh\nencoding = gbk\n");
    struct guest *li = enter(s, "李四", "GBK"), *wang = enter(s, "王五", "GBK");
    guest_until(li, "王五进入聊天室!");
    ctl_ok(s, "say", "服务器五分钟后重启 😀 ok");
    guest_expect(li, "*** 服务器五分钟后重启 ? ok");
    guest_expect(wang, "*** 服务器五分钟后重启 ? ok");
    ctl_ok(s, "mute", "王五");
    guest_say_in(wang, "你好");
    guest_expect(wang, "你被禁言了。");
    ctl_ok(s, "unmute", "王五");
    guest_expect(wang, "你可以说话了。");
    ctl_ok(s, "kick", "王五", "太吵了 😀");
    guest_expect(wang, "*** 你被请出聊天室: 太吵了 ?");
    guest_expect_end(wang);
    guest_expect(li, "王五被请出聊天室。");
    ctl_ok(s, "ban", "127.0.0.1", "坏人");
    guest_expect(li, "*** 你被禁止进入。");
    guest_expect_end(li);
    server_stop(s);
}

Test(chinese, what_an_operator_says_in_big5) {
    struct server *s = ctl_server(SERVER_QUIET(2) "language = zh\nencoding = big5\n");
    struct guest *li = guest_connect_as(s, .charset = "BIG5-HKSCS");
    guest_say_in(li, "login 李四");
    guest_until(li, "李四進入聊天室!");
    ctl_ok(s, "say", "伺服器五分鐘後重啟");
    guest_expect(li, "*** 伺服器五分鐘後重啟");
    ctl_ok(s, "mute", "李四");
    guest_say_in(li, "你好");
    guest_expect(li, "你被禁言了。");
    ctl_ok(s, "unmute", "李四");
    guest_expect(li, "你可以說話了。");
    ctl_ok(s, "kick", "李四", "太吵了");
    guest_expect(li, "*** 你被請出聊天室: 太吵了");
    guest_expect_end(li);
    ctl_ok(s, "ban", "127.0.0.1", "壞人");
    struct guest *again = guest_connect_as(s, .charset = "BIG5-HKSCS");
    guest_expect(again, "*** 你被禁止進入。");
    guest_expect_end(again);
    server_stop(s);
}

#define WENT_IN "????\?!" /* 进入聊天室! in KOI8-R, and 离开聊天室! */

/* What a line has before `behind`: a number. */
static void number_of(struct guest *g, const char *behind, char number[64]) {
    char end[256];
    snprintf(end, sizeof end, "%s", guest_next(g));
    char *at = strstr(end, behind);
    cr_assert(at && strcmp(at, behind) == 0 && strncmp(end, "\?\?\?#", 4) == 0, "%s", end);
    *at = '\0';
    snprintf(number, 64, "%.63s", end);
    cr_assert_eq(strspn(number + 4, "0123456789"), strlen(number + 4), "%s", number);
}

/* No character tells where the name ends in a sentence that has no blanks. */
Test(chinese, a_name_that_cannot_be_shown_is_its_number_in_every_sentence) {
    struct server *s = ctl_server(SERVER_QUIET(2) "language = zh\n");
    struct guest *eve = guest_connect(s);
    guest_until_begins(eve, "使用");
    guest_say(eve, "/encoding koi8-r");
    guest_until(eve, "*** ???????koi8-r?");
    eve->charset = "KOI8-R";
    guest_say_in(eve, "login Ева");
    guest_until(eve, "Ева" WENT_IN);
    struct guest *li = enter(s, "李四", "UTF-8");
    char number[64];
    number_of(eve, WENT_IN, number);
    guest_say(li, "привет");
    guest_expect(eve, "%s: привет", number);
    guest_say(li, "/nick 王五");
    guest_expect(eve, "%s???%s?", number, number);
    guest_say(li, "/nick Иван");
    guest_expect(eve, "%s???Иван?", number);
    guest_say(li, "/nick 李四");
    guest_expect(eve, "Иван???%s?", number);
    guest_say(eve, "/timestamps on");
    guest_until_begins(eve, "*** ");
    ctl_ok(s, "kick", number, "再见");
    guest_until(li, "*** 你被请出聊天室: 再见");
    guest_expect_earlier(eve, "%s???????", number);
    guest_say(eve, "/timestamps off");
    guest_until_begins(eve, "*** ");
    struct guest *wang = enter(s, "王五", "UTF-8");
    number_of(eve, WENT_IN, number);
    guest_close(wang);
    guest_expect(eve, "%s" WENT_IN, number);
    server_stop(s);
}

Test(chinese, the_new_name_as_well_in_english) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *eve = guest_enter(s, "eve");
    guest_say(eve, "/encoding windows-1252");
    guest_until_begins(eve, "***");
    struct guest *bob = guest_enter(s, "bob");
    guest_until(eve, "%s", told1(TOLD_COMES, "bob"));
    guest_say(bob, "/nick 王五");
    char number[64];
    guest_until_begins(eve, "bob is now known as ???#");
    cr_assert_eq(sscanf(eve->line, "bob is now known as %63[^.].", number), 1, "%s", eve->line);
    guest_say(bob, "/nick 李四");
    guest_expect(eve, "%s is now known as %s.", number, number);
    guest_say(bob, "/nick bob");
    guest_expect(eve, "%s is now known as bob.", number);
    server_stop(s);
}
