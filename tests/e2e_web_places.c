/* e2e_web_places.c - places that are kept for browsers count as clients of their address. */
#include "tests/lib/browser.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

TestSuite(web_places, .timeout = 180);

#define WEB(workers) SERVER_QUIET(workers) "web = 127.0.0.1:0\n"

/* Logs in, and its network is gone.  `token`: its place's. */
static void leave_a_place(struct server *s, const char *name, char token[40]) {
    struct browser *b = browser_connect(s);
    struct linger at_once = {.l_onoff = 1};
    browser_say(b, "{'do':'login','name':'%s','re':1}", name);
    browser_until(b, "{'ev':'ok','re':1,'name':'%s','last':0}", name);
    snprintf(token, 40, "%s", b->token);
    setsockopt(b->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    browser_close(b);
    server_logged(s, "client %s disconnected; its place is kept", b->endpoint);
}

static struct browser *ask(struct server *s, const char *from, const char *name,
                           const char *token) {
    struct browser *b = browser_connect_as(s, .from = from);
    browser_read(b); /* hello */
    browser_say(b, "{'do':'login','name':'%s','token':'%s','re':1}", name, token);
    browser_read(b);
    return b;
}

static void refused(struct server *s, const char *name) {
    struct browser *b = ask(s, NULL, name, "");
    cr_expect(strstr(b->event, "'code':'address'"), "%s: %s", name, b->event);
    browser_expect_end(b, 1013);
}

static void limit_holds(int workers) {
    char config[256], tokens[2][40];
    snprintf(config, sizeof config, "%smax_clients_per_address = 2\n",
             workers > 1 ? WEB(3) : WEB(1));
    struct server *s = server_start("%s", config);
    leave_a_place(s, "ann", tokens[0]);
    leave_a_place(s, "bob", tokens[1]);
    refused(s, "eve");
    refused(s, "joe");
    struct browser *other = ask(s, "127.0.0.2", "kim", "");
    cr_expect(strstr(other->event, "'ok'"), "another address: %s", other->event);
    struct browser *ann = ask(s, NULL, "ann", tokens[0]);
    cr_expect(strstr(ann->event, "'ok'"), "back in its place: %s", ann->event);
    refused(s, "eve");
    browser_say(ann, "{'do':'quit'}");
    browser_until(other, "{'ev':'leave','who':'ann'}");
    struct browser *eve = ask(s, NULL, "eve", "");
    cr_expect(strstr(eve->event, "'ok'"), "one place is free: %s", eve->event);
    server_stop(s);
}

Test(web_places, one_address_has_no_more_of_them_than_clients) {
    limit_holds(1);
}

Test(web_places, on_whichever_worker) {
    limit_holds(3);
}
