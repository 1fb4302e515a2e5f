/* unit_config_relay.c - the keys `node`, `relay` and `relay_keep`: what each spelling means, and
 * the error for each mistake, in which no password ever stands. */
#include "ipc/relay.h"
#include "master/config.h"
#include "master/relay_url.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

TestSuite(config_relay, .timeout = 180);

static struct config config;
static struct config_errors errors;
static char path[32];

static int parse(const char *text) {
    int fd = memfd_create("chatroom.conf", 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    sprintf(path, "/proc/self/fd/%d", fd);
    int result = config_parse(path, &config, &errors);
    close(fd);
    return result;
}

static void good(const char *url) {
    char text[4096];
    snprintf(text, sizeof text, "node = paris\nrelay = %s\n", url);
    cr_assert_eq(parse(text), 0, "%s: %s", url, errors.text[0]);
}

static void bad(const char *url, const char *reason) {
    char text[4096], want[CONFIG_ERROR_LEN];
    snprintf(text, sizeof text, "node = paris\nrelay = %s\n", url);
    cr_assert_eq(parse(text), -1, "accepted: %s", url);
    snprintf(want, sizeof want, "%s:2: relay: %s", path, reason);
    cr_assert_eq(errors.count, 1);
    cr_assert_str_eq(errors.text[0], want, "%s: %s instead of %s", url, errors.text[0], want);
    cr_assert_eq(config.relay_count, 0);
    cr_assert_str_empty(config.relay_password);
}

static void address_is(uint32_t i, const char *host, uint16_t port) {
    cr_assert_lt(i, config.relay_count);
    cr_assert_str_eq(config.relay[i].host, host);
    cr_assert_eq(config.relay[i].port, port);
}

static void account_is(const char *user, const char *password) {
    cr_assert_str_eq(config.relay_user, user);
    cr_assert_str_eq(config.relay_password, password);
}

Test(config_relay, without_it_there_is_none) {
    cr_assert_eq(parse(""), 0);
    cr_assert_not(relay_configured(&config));
    cr_assert_str_empty(config.node);
    cr_assert_eq(config.relay_keep, 100000);
    cr_assert_eq(parse("node =\nrelay =\n"), 0, "%s", errors.text[0]);
    cr_assert_not(relay_configured(&config));
}

Test(config_relay, addresses) {
    good("redis://10.0.0.7:6380");
    cr_assert_eq(config.relay_count, 1);
    address_is(0, "10.0.0.7", 6380);
    account_is("", "");
    cr_assert_eq(config.relay_db, 0);
    good("redis://redis-1.example_net.org");
    address_is(0, "redis-1.example_net.org", RELAY_PORT);
    good("redis://[2001:db8::1]:7000,[::1],a:1,b");
    cr_assert_eq(config.relay_count, 4);
    address_is(0, "2001:db8::1", 7000);
    address_is(1, "::1", 6379);
    address_is(2, "a", 1);
    address_is(3, "b", 6379);
    good("redis://a,b,c,d,e,f,g,h:65535");
    address_is(7, "h", 65535);
}

Test(config_relay, database) {
    good("redis://a/3");
    cr_assert_eq(config.relay_db, 3);
    good("redis://a:1,b:2/65535");
    cr_assert_eq(config.relay_db, 65535);
    good("redis://a/");
    cr_assert_eq(config.relay_db, 0);
}

Test(config_relay, user_and_password) {
    good("redis://ann:secret@a");
    account_is("ann", "secret");
    good("redis://:secret@a:1,b:2/4");
    account_is("", "secret");
    address_is(1, "b", 2);
    cr_assert_eq(config.relay_db, 4);
    good("redis://a%40b:%25%3a%c3%A9@h");
    account_is("a@b", "%:\xc3\xa9");
    good("redis://u:p@ss/w:rd,x@h/1"); /* without %XX, too */
    account_is("u", "p@ss/w:rd,x");
    address_is(0, "h", 6379);
    cr_assert_eq(config.relay_db, 1);
    good("\"redis://u:a b # c@h\"");
    account_is("u", "a b # c");
}

Test(config_relay, a_word_has_255_bytes) {
    char url[1200] = "redis://:", *at = url + strlen(url), want[256];
    for (int i = 0; i < 255; i++)
        at += sprintf(at, "%%61");
    strcpy(at, "@h");
    good(url);
    cr_assert_eq(strlen(config.relay_password), 255);
    strcpy(at, "x@h");
    bad(url, "the password is longer than 255 bytes");
    memset(want, 'u', 255);
    want[255] = '\0';
    sprintf(url, "redis://%s:p@h", want);
    good(url);
    sprintf(url, "redis://%su:p@h", want);
    bad(url, "the user is longer than 255 bytes");
    sprintf(url, "redis://%s", want);
    good(url);
    sprintf(url, "redis://%su", want);
    bad(url, "address 1: its host is longer than 255 bytes");
}

Test(config_relay, mistakes) {
    static const char form[] =
        "the value is not redis://[USER:PASSWORD@]HOST:PORT[,HOST:PORT...][/DB]";
    bad("10.0.0.7:6379", form);
    bad("redis:/a", form);
    bad("http://a", form);
    bad("rediss://a", "TLS is not spoken: put stunnel or a tunnel in between, and give its end as "
                      "redis://...");
    bad("redis://", "address 1: it has no host");
    bad("redis://:6379", "address 1: it has no host");
    bad("redis://a,", "address 2: it has no host");
    bad("redis://a,,b", "address 2: it has no host");
    bad("redis://a:0", "address 1: its port is not a number from 1 to 65535");
    bad("redis://b,a:65536", "address 2: its port is not a number from 1 to 65535");
    bad("redis://a:", "address 1: its port is not a number from 1 to 65535");
    bad("redis://a:6379x", "address 1: its port is not a number from 1 to 65535");
    bad("redis://a:00000006379", "address 1: its port is not a number from 1 to 65535");
    bad("redis://::1", "address 1: an IPv6 address stands in brackets, as in [::1]:6379");
    bad("redis://[::1", "address 1: a bracket is not closed");
    bad("redis://[::1]6379", "address 1: behind the bracket stands :PORT");
    bad("redis://[]:1", "address 1: it has no host");
    bad("redis://[10.0.0.7]:1", "address 1: in the brackets is no IPv6 address");
    bad("redis://[redis]:1", "address 1: in the brackets is no IPv6 address");
    bad("redis://a b", "address 1: its host is no name of letters, digits, -, _ and .");
    bad("redis://a?x", "address 1: its host is no name of letters, digits, -, _ and .");
    bad("redis://a,b,c,d,e,f,g,h,i", "more than 8 addresses");
    bad("redis://a/x", "behind the / stands the number of a database, 0 to 65535");
    bad("redis://a/65536", "behind the / stands the number of a database, 0 to 65535");
    bad("redis://a/1/2", "behind the / stands the number of a database, 0 to 65535");
    bad("redis://a/-1", "behind the / stands the number of a database, 0 to 65535");
    bad("redis://@a", "before the @ stands USER:PASSWORD, or :PASSWORD");
    bad("redis://u:@a", "the password is empty");
}

/* Where a part is missing, the password may be taken for another part. */
Test(config_relay, no_error_shows_a_password) {
    static const char *const url[] = {"redis://secret@a",      "redis://u:secret%4@a",
                                      "redis://u:secret%zz@a", "redis://u:secret%00@a",
                                      "redis://u:secret@",     "redis://u:secret@a:secret",
                                      "redis://u:secret",      "u:secret@a",
                                      "redis://u:x@a/secret",  "redis://[secret]@u:x@[a",
                                      "rediss://u:secret@a:1", "redis:u:secret@a"};
    for (size_t i = 0; i < sizeof url / sizeof url[0]; i++) {
        char text[200];
        sprintf(text, "node = paris\nrelay = %s\n", url[i]);
        cr_assert_eq(parse(text), -1, "accepted: %s", url[i]);
        cr_assert_null(strstr(errors.text[0], "secret"), "%s", errors.text[0]);
        cr_assert_eq(strncmp(errors.text[0] + strlen(path), ":2: relay: ", 11), 0);
    }
}

Test(config_relay, percent_signs) {
    static const char reason[] = "a % in the password is not followed by two hexadecimal digits (% "
                                 "itself is %25)";
    bad("redis://u:a%@h", reason);
    bad("redis://u:a%4@h", reason);
    bad("redis://u:a%4g@h", reason);
    bad("redis://u:%%25@h", reason);
    bad("redis://u:a%00@h", "the password contains a NUL byte");
    bad("redis://%zz:p@h", "a % in the user is not followed by two hexadecimal digits (% itself is "
                           "%25)");
}

Test(config_relay, a_machine_has_a_name) {
    static const char *const names[] = {
        "a", "paris", "paris-2", "7", "0-", "a--b", "abcdefghijklmnopqrstuvwxyz01234"};
    static const char *const wrong[] = {
        "Paris", "-a",           "a.b", "a_b",
        "a b",   "p\xc3\xa4ris", "a@b", "abcdefghijklmnopqrstuvwxyz012345"};
    char text[200], want[CONFIG_ERROR_LEN];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        sprintf(text, "node = %s\n", names[i]);
        cr_assert_eq(parse(text), 0, "%s", errors.text[0]);
        cr_assert_str_eq(config.node, names[i]);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        sprintf(text, "\nnode = %s\n", wrong[i]);
        cr_assert_eq(parse(text), -1, "%s", wrong[i]);
        snprintf(want, sizeof want,
                 "%s:2: node: \"%s\" is no machine's name: 1 to 31 small letters, digits and -, "
                 "and it begins with no -",
                 path, wrong[i]);
        if (!strstr(wrong[i], "\xc3")) /* shown escaped */
            cr_assert_str_eq(errors.text[0], want);
    }
}

Test(config_relay, a_relay_needs_a_name) {
    static const char reason[] = "relay: this machine needs a name among the others: node = NAME";
    char want[CONFIG_ERROR_LEN];
    cr_assert_eq(parse("room = X\nrelay = redis://a\n"), -1);
    snprintf(want, sizeof want, "%s:2: %s", path, reason);
    cr_assert_str_eq(errors.text[0], want);
    cr_assert_eq(parse("relay = redis://a\nnode =\n"), -1);
    snprintf(want, sizeof want, "%s:1: %s", path, reason);
    cr_assert_str_eq(errors.text[0], want);
    cr_assert_eq(parse("relay = redis://a\nnode = a\n"), 0, "%s", errors.text[0]);
    cr_assert_eq(parse("node = a\n"), 0, "a name alone does no harm");
    static const char *const wrong[] = {"Paris", "a b", "\"a", "-a"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[64];
        snprintf(text, sizeof text, "node = %s\nrelay = redis://a\n", wrong[i]);
        cr_assert_eq(parse(text), -1);
        cr_assert_eq(errors.count, 1, "a name that is wrong is not missing: %s, %s", wrong[i],
                     errors.text[1]);
    }
}

/* What a running relay need not begin anew for, and what it must. */
Test(config_relay, what_is_the_same) {
    static struct config a, b;
    static const char *const other[] = {
        "node = b\nrelay = redis://u:p@h:1,i/2\n",   "node = a\nrelay = redis://v:p@h:1,i/2\n",
        "node = a\nrelay = redis://u:q@h:1,i/2\n",   "node = a\nrelay = redis://u:p@k:1,i/2\n",
        "node = a\nrelay = redis://u:p@h:2,i/2\n",   "node = a\nrelay = redis://u:p@h:1,k/2\n",
        "node = a\nrelay = redis://u:p@h:1/2\n",     "node = a\nrelay = redis://u:p@h:1,i/3\n",
        "node = a\nrelay = redis://u:p@h:1,i,j/2\n", "node = a\n"};
    cr_assert_eq(parse("node = a\nrelay = redis://u:p@h:1,i/2\n"), 0);
    a = config;
    cr_assert_eq(parse("node = a\nrelay = redis://u:%70@h:1,i:6379/2\nrelay_keep = 5000\n"), 0);
    b = config;
    cr_assert(relay_same(&a, &b));
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        cr_assert_eq(parse(other[i]), 0, "%s", errors.text[0]);
        cr_assert_not(relay_same(&a, &config), "%s", other[i]);
        cr_assert_not(relay_same(&config, &a), "%s", other[i]);
    }
}
