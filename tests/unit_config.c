/* unit_config.c - the configuration file: what it may contain, the error for each mistake, and what
 * a reload keeps. */
#include "ipc/log.h"
#include "master/config.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(config, .timeout = 180);

static struct config config;
static struct config_errors errors;
static char path[] = "/tmp/chatroom-unit-XXXXXX";

/* Parses a file with these bytes, and removes it. */
static int parse_bytes(const char *bytes, size_t len) {
    strcpy(path + sizeof path - 7, "XXXXXX");
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
    close(fd);
    int result = config_parse(path, &config, &errors);
    unlink(path);
    return result;
}

static void good(const char *text) {
    cr_assert_eq(parse_bytes(text, strlen(text)), 0, "%s: %s", text, errors.text[0]);
    cr_assert_eq(errors.count, 0);
}

/* Parsing gives exactly one error, with this line and reason. */
static void bad_bytes(const char *bytes, size_t len, unsigned line, const char *reason) {
    char want[CONFIG_ERROR_LEN];
    cr_assert_eq(parse_bytes(bytes, len), -1, "accepted: %s", bytes);
    snprintf(want, sizeof want, "%s:%u: %s", path, line, reason);
    cr_assert_eq(errors.count, 1, "%s: %u errors", bytes, errors.count);
    cr_assert_str_eq(errors.text[0], want);
}

static void bad(const char *text, const char *reason) {
    bad_bytes(text, strlen(text), 1, reason);
}

Test(config, an_empty_file_is_the_defaults) {
    char text[INET6_ADDRSTRLEN];
    good("");
    cr_assert_eq(config.listen_count, 1);
    cr_assert(!config.listen[0].ipv4);
    cr_assert_str_eq(inet_ntop(AF_INET6, &config.listen[0].addr, text, sizeof text), "::");
    cr_assert_eq(config.listen[0].port, 6666);
    cr_assert_str_eq(config.room, "Chatroom");
    cpu_set_t cores;
    cr_assert_eq(sched_getaffinity(0, sizeof cores, &cores), 0);
    cr_assert_eq(config.workers, (uint32_t)(CPU_COUNT(&cores) < 64 ? CPU_COUNT(&cores) : 64));
    cr_assert(config.login);
    cr_assert_eq(config.language, LANG_EN);
    cr_assert_eq(config.encoding, ENC_UTF8);
    cr_assert_eq(config.history, 20);
    cr_assert_eq(config.announce_max, 1000);
    cr_assert_eq(config.max_clients, 10000);
    cr_assert_eq(config.max_clients_per_address, 0);
    cr_assert_eq(config.line_max, 1024);
    cr_assert_eq(config.flood_rate, 5);
    cr_assert_eq(config.flood_burst, 20);
    cr_assert_eq(config.flood_wait_ms, 10000);
    cr_assert_eq(config.connect_rate, 20);
    cr_assert_eq(config.connect_burst, 200);
    cr_assert_eq(config.login_timeout_ms, 60000);
    cr_assert_eq(config.idle_timeout_ms, 0);
    cr_assert_eq(config.slow_client, SLOW_SKIP);
    cr_assert_eq(config.worker_timeout_ms, 2000);
    cr_assert_eq(config.ring_size, 4 << 20);
    cr_assert_str_eq(config.log, "stderr");
    cr_assert_eq(config.log_level, LOG_LEVEL_INFO);
    cr_assert_eq(config.transcript_sync_ms, 100);
    cr_assert_eq(config.motd_len + config.proxy_from_count, 0);
    const char *none[] = {config.user,    config.group, config.pidfile,
                          config.control, config.bans,  config.transcript};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        cr_assert_str_empty(none[i]);
}

Test(config, quotes_and_comments) {
    static const struct {
        const char *text, *room;
    } cases[] = {
        {"room = The Room", "The Room"},
        {"  room=The Room  ", "The Room"},
        {"room = The Room # a comment", "The Room"},
        {"room = C#", "C#"},
        {"room = \"  kept  \" # a comment", "  kept  "},
        {"room = \"a # b\"", "a # b"},
        {"room = \"a \\\"b\\\" \\\\ \\n\"", "a \"b\" \\ \\n"},
        {"room = a=b", "a=b"},
        {"room = 聊天室", "聊天室"},
        {"\n\n# room = no\n\t\nroom = last", "last"},
        {"\xEF\xBB\xBFroom = dos\r\nhistory = 1\r\n", "dos"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        good(cases[i].text);
        cr_assert_str_eq(config.room, cases[i].room);
    }
}

Test(config, sizes_and_times) {
    good("ring_size = 64K\nline_max = 4K\nlogin_timeout = 1500ms\nidle_timeout = 2h\n"
         "worker_timeout = 100ms\ntranscript_sync = 0");
    cr_assert_eq(config.ring_size, 65536);
    cr_assert_eq(config.line_max, 4096);
    cr_assert_eq(config.login_timeout_ms, 1500);
    cr_assert_eq(config.idle_timeout_ms, 7200000);
    cr_assert_eq(config.worker_timeout_ms, 100);
    cr_assert_eq(config.transcript_sync_ms, 0);
    good("ring_size = 1G\nlogin_timeout = 0s\nidle_timeout = 5m\nworker_timeout = 3");
    cr_assert_eq(config.ring_size, 1u << 30);
    cr_assert_eq(config.login_timeout_ms, 0);
    cr_assert_eq(config.idle_timeout_ms, 300000);
    cr_assert_eq(config.worker_timeout_ms, 3000, "a bare time is seconds");
    good("ring_size = 131072\nline_max = 64");
    cr_assert_eq(config.ring_size, 131072);
}

Test(config, addresses) {
    static const struct {
        const char *text, *address;
        uint16_t port;
        bool ipv4;
    } cases[] = {
        {"[::]:6666", "::", 6666, false},
        {"*:7777", "::", 7777, false},
        {"127.0.0.1:23", "::ffff:127.0.0.1", 23, true},
        {"[::1]:0", "::1", 0, false},
        {"0.0.0.0:65535", "::ffff:0.0.0.0", 65535, true},
        {"[::ffff:127.0.0.2]:23", "::ffff:127.0.0.2", 23, true},
        {"[::ffff:0.0.0.0]:23", "::ffff:0.0.0.0", 23, true},
        {"[::ffff:7f00:3]:23", "::ffff:127.0.0.3", 23, true},
    };
    char text[1024] = "", address[INET6_ADDRSTRLEN];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        sprintf(text + strlen(text), "listen = %s\n", cases[i].text);
    good(text);
    cr_assert_eq(config.listen_count, sizeof cases / sizeof cases[0]);
    for (size_t i = 0; i < config.listen_count; i++) {
        const struct listen_address *a = &config.listen[i];
        cr_assert_str_eq(inet_ntop(AF_INET6, &a->addr, address, sizeof address), cases[i].address);
        cr_assert_eq(a->port, cases[i].port);
        cr_assert_eq(a->ipv4, cases[i].ipv4);
    }
    good("proxy_from = 10.0.0.0/8\nproxy_from = ::1\nproxy_from = fd00::/8\nproxy_from=1.2.3.4");
    cr_assert_eq(config.proxy_from_count, 4);
    static const uint8_t bits[] = {104, 128, 8, 128};
    for (int i = 0; i < 4; i++)
        cr_assert_eq(config.proxy_from[i].bits, bits[i]);
}

Test(config, what_is_no_address) {
    static const char *const listens[] = {
        "6666",          "127.0.0.1",  "127.0.0.1:",       "127.0.0.1:65536",
        ":6666",         "[::]",       "[127.0.0.1]:6666", "[*]:6666",
        "127.0.0.1:12x", "[::1:6666",  "127.0.0.1: 666",   "*:99999999999",
        "127.0.0.1:-1",  "127.1:6666", "127.0.0.256:6666", "010.0.0.1:6666",
    };
    static const char *const networks[] = {"10.0.0.0/33", "::/129",      "10.0.0.0/",  "10/8",
                                           "/8",          "10.0.0.0/8x", "10.0.0.0/-1"};
    char text[200], want[200];
    for (size_t i = 0; i < sizeof listens / sizeof listens[0]; i++) {
        sprintf(text, "listen = %s", listens[i]);
        sprintf(want,
                "listen: \"%s\" is not address:port (such as [::]:6666, 127.0.0.1:6666, *:6666)",
                listens[i]);
        bad(text, want);
    }
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++) {
        sprintf(text, "proxy_from = %s", networks[i]);
        sprintf(want, "proxy_from: \"%s\" is not an address or address/bits (such as 10.0.0.0/8)",
                networks[i]);
        bad(text, want);
    }
}

/* What might be meant is said. */
Test(config, what_looks_like_an_address) {
    static const char brackets[] = "an IPv6 address stands in brackets, as in [::1]:6666",
                      name[] = "a name is not looked up: give its address, as in 127.0.0.1:6666 or "
                               "[::1]:6666",
                      scope[] = "an address of one interface (%) cannot be listened on alone; [::] "
                                "has all of them";
    static const struct {
        const char *listen, *hint;
    } cases[] = {{"::1:6666", brackets},
                 {":::6666", brackets},
                 {"fe80::1:6666", brackets},
                 {"localhost:6666", name},
                 {"nowhere", name},
                 {"chat.example:6666", name},
                 {"eth0:6666", name},
                 {"[fe80::1%eth0]:6666", scope},
                 {"fe80::1%2:6666", scope},
                 {"127.0.0.1%lo:6666", scope},
                 {"[::ffff:1.2.3.4%lo]:6", scope},
                 {"[ff02::1%eth0]:1", scope}};
    char text[200], want[400];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sprintf(text, "room = a\nlisten = %s", cases[i].listen);
        sprintf(
            want,
            "listen: \"%s\" is not address:port (such as [::]:6666, 127.0.0.1:6666, *:6666); %s",
            cases[i].listen, cases[i].hint);
        bad_bytes(text, strlen(text), 2, want);
    }
}

Test(config, an_address_that_no_socket_can_have) {
    static const char link[] = "a link-local address belongs to one interface; listen on [::], "
                               "which has all of them",
                      many[] = "a multicast or broadcast address cannot be listened on";
    static const struct {
        const char *listen, *reason;
    } cases[] = {{"[fe80::1]:6666", link},
                 {"[febf::]:0", link},
                 {"224.0.0.1:6666", many},
                 {"[ff02::1]:6666", many},
                 {"255.255.255.255:1", many}};
    char text[200], want[300];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sprintf(text, "listen = %s", cases[i].listen);
        sprintf(want, "listen: %s: %s", cases[i].listen, cases[i].reason);
        bad(text, want);
    }
}

static const struct {
    const char *text, *reason;
} mistakes[] = {
    {"bogus = 1", "unknown key \"bogus\""},
    {"rooms = a", "unknown key \"rooms\"; did you mean \"room\"?"},
    {"floodrate = 1", "unknown key \"floodrate\"; did you mean \"flood_rate\"?"},
    {"Room = a", "unknown key \"Room\"; did you mean \"room\"?"},
    {"\033[2J = 1", "unknown key \"\\x1B[2J\""},
    {"just some words", "expected \"key = value\""},
    {"= 5", "expected \"key = value\""},
    {"room =", "room: the value is empty"},
    {"room = \"\"", "room: the value is empty"},
    {"log = # nowhere", "log: the value is empty"},
    {"room = \"open", "room: the quotes do not match"},
    {"room = \"a\" b", "room: the quotes do not match"},
    {"room = a\tb", "room: not printable UTF-8"},
    {"room = \xD6\xD0", "room: not printable UTF-8"},
    {"room = a\xC2\x9B"
     "b",
     "room: not printable UTF-8"},
    {"workers = 0", "workers: 0 is out of range; it goes from 1 to 64"},
    {"workers = 65", "workers: 65 is out of range; it goes from 1 to 64"},
    {"workers = all", "workers: \"all\" is neither a number nor auto"},
    {"history = 1001", "history: 1001 is out of range; it goes from 0 to 1000"},
    {"history = lots", "history: \"lots\" is not a number"},
    {"history = -1", "history: \"-1\" is not a number"},
    {"history = 1.5", "history: \"1.5\" is not a number"},
    {"history = 1K", "history: \"1K\" is not a number"},
    {"history = 99999999999999999999",
     "history: 99999999999999999999 is out of range; it goes from 0 to 1000"},
    {"max_clients = 0", "max_clients: 0 is out of range; it goes from 1 to 1000000"},
    {"max_clients = 1000001", "max_clients: 1000001 is out of range; it goes from 1 to 1000000"},
    {"line_max = 63", "line_max: 63 is out of range; it goes from 64 to 4K"},
    {"line_max = 4097", "line_max: 4097 is out of range; it goes from 64 to 4K"},
    {"ring_size = 17179869185G", /* 2^64 + 1G, which wraps into the range */
     "ring_size: 17179869185G is out of range; it goes from 64K to 1G"},
    {"ring_size = 32K", "ring_size: 32K is out of range; it goes from 64K to 1G"},
    {"ring_size = 2G", "ring_size: 2G is out of range; it goes from 64K to 1G"},
    {"ring_size = 100000", "ring_size: 100000 is not a power of two"},
    {"ring_size = 4m", "ring_size: \"4m\" is not a size (such as 512, 64K, 4M, 1G)"},
    {"worker_timeout = 99ms", "worker_timeout: 99ms is out of range; it goes from 100ms to 1h"},
    {"worker_timeout = 61m", "worker_timeout: 61m is out of range; it goes from 100ms to 1h"},
    {"idle_timeout = 5x", "idle_timeout: \"5x\" is not a time (such as 100ms, 60s, 5m, 1h)"},
    {"login = maybe", "login: \"maybe\" is not one of: no, yes"},
    {"language = fr", "language: \"fr\" is not one of: en, zh"},
    {"encoding = latin1", "encoding: \"latin1\" is not one of: utf-8, gbk, big5"},
    {"slow_client = hurry", "slow_client: \"hurry\" is not one of: skip, disconnect"},
    {"log_level = loud", "log_level: \"loud\" is not one of: error, warn, info, debug"},
    {"motd = /nowhere/motd", "motd: /nowhere/motd: No such file or directory"},
    {"motd = /", "motd: /: Is a directory"},
    {"log = /nowhere/log", "log: /nowhere/: No such file or directory"},
    {"log = /dev/null/log", "log: /dev/null/: Not a directory"},
    {"log = /tmp", "log: /tmp: Is a directory"},
    {"pidfile = /nowhere/at/all/pid", "pidfile: /nowhere/at/all/: No such file or directory"},
};

Test(config, each_mistake_says_what_is_wrong) {
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++)
        bad(mistakes[i].text, mistakes[i].reason);
}

Test(config, bounds_are_within) {
    good("workers = 64\nhistory = 1000\nmax_clients = 1000000\nline_max = 4096\n"
         "worker_timeout = 1h\nring_size = 1G");
    good("workers = 1\nhistory = 0\nmax_clients = 1\nline_max = 64\nworker_timeout = 100ms\n"
         "ring_size = 64K\nannounce_max = 0\nflood_rate = 0\nflood_burst = 0");
}

Test(config, values_too_long) {
    char text[5000], value[4200];
    memset(value, 'x', sizeof value);
    value[127] = '\0';
    sprintf(text, "room = %s", value);
    good(text);
    value[127] = 'x';
    value[128] = '\0';
    sprintf(text, "room = %s", value);
    bad(text, "room: the value is longer than 127 bytes");
    value[128] = 'x';
    value[108] = '\0';
    sprintf(text, "control = %s", value);
    bad(text, "control: the value is longer than 107 bytes");
    value[108] = 'x';
    value[4100] = '\0';
    sprintf(text, "# fine\nroom = %s\n", value);
    bad_bytes(text, strlen(text), 2, "the line is longer than 4096 bytes");
}

Test(config, nul_bytes_are_named) {
    static const char *const texts[] = {"a\0b = 1\n", "\0\n", "room = x\0", "# a comment\0\n"};
    static const size_t lengths[] = {8, 2, 9, 13};
    for (int i = 0; i < 4; i++)
        bad_bytes(texts[i], lengths[i], 1, "the line has a NUL byte");
}

Test(config, twice_is_an_error_unless_it_may_repeat) {
    static const char twice[] = "room = a\nlisten = *:1\nlisten = *:2\nproxy_from = ::1\n"
                                "proxy_from = ::2\n\nroom = b\n";
    bad_bytes(twice, sizeof twice - 1, 7, "room: given twice; first in line 1");
    cr_assert_str_eq(config.room, "a");
}

static void rest_is_counted(int more, const char *rest) {
    char text[8 * (CONFIG_ERRORS_MAX + 10)] = "", line[64], *printed;
    size_t size;
    for (int i = 0; i < CONFIG_ERRORS_MAX + more; i++)
        strcat(text, "x = 1\n");
    cr_assert_eq(parse_bytes(text, strlen(text)), -1);
    cr_assert_eq(errors.count, (uint32_t)(CONFIG_ERRORS_MAX + more));
    FILE *to = open_memstream(&printed, &size);
    config_print_errors(&errors, to);
    fclose(to);
    for (int i = 1; i <= CONFIG_ERRORS_MAX; i++) {
        sprintf(line, "%s:%d: unknown key \"x\"\n", path, i);
        cr_assert(strstr(printed, line), "line %d", i);
    }
    cr_assert(strstr(printed, rest), "%s", printed);
    free(printed);
}

Test(config, all_errors_are_listed_and_the_rest_counted) {
    rest_is_counted(10, "\nand 10 more errors\n");
    rest_is_counted(1, "\nand 1 more error\n");
}

Test(config, a_file_that_cannot_be_read_is_named) {
    cr_assert_eq(config_parse("/nowhere/chatroom.conf", &config, &errors), -1);
    cr_assert_str_eq(errors.text[0], "/nowhere/chatroom.conf: No such file or directory");
    cr_assert_eq(config_parse("/", &config, &errors), -1);
    cr_assert_str_eq(errors.text[0], "/: Is a directory");
}

/* ---- the message of the day ---- */

static int parse_motd(const char *bytes, size_t len) {
    char motd[] = "/tmp/chatroom-motd-XXXXXX", text[100];
    int fd = mkstemp(motd);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
    close(fd);
    sprintf(text, "# first\nmotd = %s\n", motd);
    int result = parse_bytes(text, strlen(text));
    unlink(motd);
    return result;
}

static void motd_is(const char *file, const char *want) {
    cr_assert_eq(parse_motd(file, strlen(file)), 0, "%s", errors.text[0]);
    cr_assert_eq(config.motd_len, strlen(want));
    cr_assert_eq(memcmp(config.motd, want, config.motd_len), 0);
}

static void motd_refused(const char *bytes, size_t len, const char *why) {
    char place[64];
    cr_assert_eq(parse_motd(bytes, len), -1);
    sprintf(place, "%s:2: motd: /tmp/chatroom-motd-", path);
    cr_assert_eq(errors.count, 1);
    cr_assert(strstr(errors.text[0], place) == errors.text[0] && strstr(errors.text[0], why), "%s",
              errors.text[0]);
}

Test(config, the_motd_is_read_with_the_file) {
    static char big[MOTD_MAX + 1];
    motd_is("欢迎\nsecond\n", "欢迎\r\nsecond\r\n");
    motd_is("dos\r\nfile\r\n", "dos\r\nfile\r\n");
    motd_is("\xEF\xBB\xBFmarked", "marked");
    motd_is("", "");
    memset(big, 'm', sizeof big);
    cr_assert_eq(parse_motd(big, MOTD_MAX), 0);
    cr_assert_eq(config.motd_len, MOTD_MAX);
    motd_refused(big, MOTD_MAX + 1, ": longer than 8192 bytes");
    memset(big, '\n', MOTD_MAX / 2 + 1);
    motd_refused(big, MOTD_MAX / 2 + 1, ": longer than 8192 bytes");
    motd_refused("\xBB\xB6\xD3\xAD", 4, ": not UTF-8 text"); /* GBK */
    motd_refused("cut \xE6\xAC", 6, ": not UTF-8 text");
    motd_refused("a\0b", 3, ": not UTF-8 text");
}

/* ---- reload ---- */

Test(config, a_reload_keeps_what_waits_for_a_restart) {
    static const char old_text[] = "ring_size = 64K\nmax_clients = 7\nuser = root\ngroup = root\n";
    static struct config old;
    int ends[2];
    char said[4096];
    good(old_text);
    old = config;
    good("ring_size = 128K\nmax_clients = 8\nuser = daemon\nroom = New\nworkers = 3\ngroup = "
         "root\n");
    cr_assert_eq(pipe(ends), 0);
    log_to(ends[1], NULL);
    config_keep(&old, &config);
    ssize_t n = read(ends[0], said, sizeof said - 1);
    said[n > 0 ? n : 0] = '\0';
    cr_assert_eq(config.ring_size, 65536);
    cr_assert_eq(config.max_clients, 7);
    cr_assert_str_eq(config.user, "root");
    cr_assert_str_eq(config.room, "New");
    cr_assert_eq(config.workers, 3);
    static const char *const named[] = {"ring_size", "max_clients", "user"};
    for (int i = 0; i < 3; i++) {
        char want[100];
        sprintf(want, "%s: changed in the file; waits for a restart\n", named[i]);
        cr_assert(strstr(said, want), "%s", said);
    }
    cr_assert_not(strstr(said, "group") || strstr(said, "room"), "%s", said);
}
