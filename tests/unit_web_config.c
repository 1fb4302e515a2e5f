/* unit_web_config.c - the keys `web` and `web_host`. */
#include "ipc/address.h"
#include "ipc/client.h"
#include "master/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

TestSuite(web_config, .timeout = 60);

static struct config config;
static struct config_errors errors;

static int parse(const char *text) {
    char path[32];
    int fd = memfd_create("chatroom.conf", 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    sprintf(path, "/proc/self/fd/%d", fd);
    int result = config_parse(path, &config, &errors);
    close(fd);
    return result;
}

static void bad(const char *text, const char *reason) {
    cr_assert_eq(parse(text), -1, "accepted: %s", text);
    cr_expect(strstr(errors.text[0], reason), "%s: %s", text, errors.text[0]);
}

Test(web_config, addresses_and_names) {
    cr_assert_eq(parse("web = 127.0.0.1:8080\nweb = [::]:8081\nweb_host = chat.example.org\n"
                       "web_host = \"xn--fiqs8s.example\"\nweb_host = intranet\n"),
                 0, "%s", errors.text[0]);
    cr_assert_eq(config.listen_count, 3, "the default of listen is there, too");
    cr_expect_eq(config.listen[0].kind, KIND_WEB);
    cr_expect_eq(config.listen[1].kind, KIND_WEB);
    cr_expect_eq(config.listen[1].port, 8081);
    cr_expect_eq(config.listen[2].kind, KIND_TELNET);
    cr_assert_eq(config.web_host_count, 3);
    cr_expect_str_eq(config.web_host[0], "chat.example.org");
    cr_expect_str_eq(config.web_host[2], "intranet");
    cr_assert_eq(parse("web =\nweb_host =\n"), 0);
    cr_expect_eq(config.listen_count, 1);
    cr_expect_eq(config.web_host_count, 0);
}

Test(web_config, what_is_none) {
    char text[WEB_HOST_LEN + 64], name[WEB_HOST_LEN + 1];
    bad("web = 8080\n", "web: \"8080\" is not address:port");
    bad("web = 127.0.0.1:6666\n", "web: port 6666 is that of listen (its default)");
    bad("web = *:7\nmetrics = *:7\n", "web: port 7 is that of metrics (line 2)");
    bad("web_host = https://chat.example.org\n", "without https:// or a path");
    bad("web_host = chat.example.org/\n", "without https:// or a path");
    bad("web_host = chat.example.org:8443\n", "the port does not matter");
    bad("web_host = 192.0.2.1\n", "an address needs no mention");
    bad("web_host = 2001:db8::1\n", "an address needs no mention");
    bad("web_host = [::1]\n", "an address needs no mention");
    bad("web_host = *.example.org\n", "not a name");
    bad("web_host = a b\n", "not a name");
    bad("web_host = \u4e2d\u56fd.example\n", "xn--");
    bad("web_host = .example.org\n", "a name neither begins nor ends with a dot");
    bad("web_host = example.org.\n", "a name neither begins nor ends with a dot");
    bad("web_host = a..b\n", "a name neither begins nor ends with a dot");
    memset(name, 'a', WEB_HOST_LEN);
    name[WEB_HOST_LEN] = '\0';
    snprintf(text, sizeof text, "web_host = %s\n", name);
    bad(text, "longer than 255 bytes");
    name[WEB_HOST_LEN - 1] = '\0';
    snprintf(text, sizeof text, "web_host = %s\n", name);
    cr_expect_eq(parse(text), 0);
}

Test(web_config, so_many_names) {
    char text[1024] = "";
    for (int i = 0; i < WEB_HOST_MAX; i++)
        sprintf(text + strlen(text), "web_host = n%d.example\n", i);
    cr_assert_eq(parse(text), 0);
    strcat(text, "web_host = one.more\n");
    bad(text, ":17: web_host: \"one.more\": more than 16 names");
}
