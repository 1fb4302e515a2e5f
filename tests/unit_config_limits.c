/* unit_config_limits.c - the limits of every key: the last accepted value, the first refused value
 * and its error; and paths that are no regular files. */
#include "master/config.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(config_limits, .timeout = 180);

static struct config config;
static struct config_errors errors;
static char path[] = "/tmp/chatroom-limits-XXXXXX";

static int parse(const char *text) {
    strcpy(path + sizeof path - 7, "XXXXXX");
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    int result = config_parse(path, &config, &errors);
    unlink(path);
    return result;
}

static const struct {
    const char *key;
    const char *in[3], *out[4];
    const char *range;
} limits[] = {
    {"workers", {"1", "64"}, {"0", "65"}, "1 to 64"},
    {"history", {"0", "1000"}, {"1001"}, "0 to 1000"},
    {"announce_max", {"0", "1000000"}, {"1000001"}, "0 to 1000000"},
    {"max_clients", {"1", "1000000"}, {"0", "1000001"}, "1 to 1000000"},
    {"max_clients_per_address", {"0", "1000000"}, {"1000001"}, "0 to 1000000"},
    {"line_max", {"64", "4096", "4K"}, {"63", "4097", "5K"}, "64 to 4K"},
    {"flood_rate", {"0", "1000"}, {"1001"}, "0 to 1000"},
    {"flood_burst", {"0", "100000"}, {"100001"}, "0 to 100000"},
    {"flood_wait", {"0", "1h"}, {"61m"}, "0 to 1h"},
    {"connect_rate", {"0", "1000000"}, {"1000001"}, "0 to 1000000"},
    {"connect_burst", {"1", "1000000"}, {"0", "1000001"}, "1 to 1000000"},
    {"login_timeout", {"0", "1ms", "576h"}, {"577h", "2073600001ms"}, "0 to 576h"},
    {"idle_timeout", {"0", "1ms", "576h"}, {"577h", "2073601"}, "0 to 576h"},
    {"worker_timeout", {"100ms", "1h", "3600"}, {"99ms", "0", "3601"}, "100ms to 1h"},
    {"ring_size", {"64K", "1G", "65536"}, {"32K", "65535", "2G"}, "64K to 1G"},
    {"transcript_sync", {"0", "1h"}, {"3601s"}, "0 to 1h"},
    {"relay_keep", {"1000", "100000000"}, {"0", "999", "100000001"}, "1000 to 100000000"},
};

static void refused(const char *key, const char *value, const char *range) {
    char text[200], want[CONFIG_ERROR_LEN];
    sprintf(text, "# fine\n%s = %s", key, value);
    cr_assert_eq(parse(text), -1, "accepted: %s = %s", key, value);
    snprintf(want, sizeof want, "%s:2: %s: %s is out of range; it goes from %s", path, key, value,
             range);
    cr_assert_str_eq(errors.text[0], want);
    cr_assert_eq(errors.count, 1);
}

Test(config_limits, each_number_has_a_first_and_a_last) {
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        char text[200];
        for (int k = 0; k < 3 && limits[i].in[k]; k++) {
            sprintf(text, "%s = %s\n", limits[i].key, limits[i].in[k]);
            cr_assert_eq(parse(text), 0, "%s", errors.text[0]);
        }
        for (int k = 0; k < 4 && limits[i].out[k]; k++)
            refused(limits[i].key, limits[i].out[k], limits[i].range);
        refused(limits[i].key, "18446744073709551616", limits[i].range); /* 2^64 */
        refused(limits[i].key, "99999999999999999999999999999999", limits[i].range);
    }
}

Test(config_limits, no_key_with_a_range_is_left_out_above) {
    char range[CONFIG_RANGE_LEN];
    for (size_t i = 0; config_key(i); i++) {
        bool found = !strstr(config_range(i, range), " to ");
        for (size_t k = 0; k < sizeof limits / sizeof limits[0]; k++)
            found = found || strcmp(limits[k].key, config_key(i)) == 0;
        cr_assert(found, "%s: %s", config_key(i), range);
    }
}

Test(config_limits, each_text_has_a_length) {
    static const struct {
        const char *key;
        int max;
    } texts[] = {{"room", 127},    {"log", 255},  {"pidfile", 255},
                 {"control", 107}, {"bans", 255}, {"transcript", 255}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[400], want[CONFIG_ERROR_LEN];
        int n = sprintf(text, "%s = ", texts[i].key);
        memset(text + n, 'x', sizeof text - (size_t)n);
        text[n + texts[i].max] = '\0';
        cr_assert_eq(parse(text), 0, "%s", errors.text[0]);
        text[n + texts[i].max] = 'x';
        text[n + texts[i].max + 1] = '\0';
        cr_assert_eq(parse(text), -1, "%s", texts[i].key);
        sprintf(want, "%s:1: %s: the value is longer than %d bytes", path, texts[i].key,
                texts[i].max);
        cr_assert_str_eq(errors.text[0], want);
    }
}

Test(config_limits, users_and_groups_are_looked_up) {
    cr_assert_eq(parse("user = root\ngroup = root\n"), 0, "%s", errors.text[0]);
    cr_assert_eq(parse("\nuser = nobody of that name\ngroup = nor a group\n"), -1);
    cr_assert_eq(errors.count, 2);
    cr_assert_str_eq(errors.text[0] + strlen(path),
                     ":2: user: there is no \"nobody of that name\" on this machine");
    cr_assert_str_eq(errors.text[1] + strlen(path),
                     ":3: group: there is no \"nor a group\" on this machine");
}

Test(config_limits, what_may_repeat_has_an_end) {
    static const struct {
        const char *line, *want;
    } repeats[] = {{"listen = *:1\n", ":17: listen: more than 16 addresses"},
                   {"proxy_from = ::1\n", ":17: proxy_from: more than 16 networks"}};
    for (int i = 0; i < 2; i++) {
        char text[1000] = "";
        for (int k = 0; k < 16; k++)
            strcat(text, repeats[i].line);
        cr_assert_eq(parse(text), 0, "%s", errors.text[0]);
        strcat(text, repeats[i].line);
        cr_assert_eq(parse(text), -1);
        cr_assert_str_eq(errors.text[0] + strlen(path), repeats[i].want);
    }
}

/* The pipe has no writer: neither opening nor reading it may block. */
Test(config_limits, only_files_are_read) {
    char dir[] = "/tmp/chatroom-limits-XXXXXX", pipe[64], big[64], text[100], want[200];
    cr_assert(mkdtemp(dir));
    sprintf(pipe, "%s/pipe", dir);
    sprintf(big, "%s/big", dir);
    cr_assert_eq(mkfifo(pipe, 0600), 0);
    int fd = open(big, O_CREAT | O_WRONLY, 0600);
    cr_assert_eq(ftruncate(fd, (off_t)1 << 40), 0);
    close(fd);
    const struct {
        const char *path, *wrong;
    } cases[] = {{pipe, "not a regular file"}, {"/dev/zero", "not a regular file"},
                 {dir, "Is a directory"},      {"/dev/null/x", "Not a directory"},
                 {big, "larger than 1M"},      {"", "No such file or directory"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(config_parse(cases[i].path, &config, &errors), -1, "%s", cases[i].path);
        sprintf(want, "%s: %s", cases[i].path, cases[i].wrong);
        cr_assert_str_eq(errors.text[0], want);
        sprintf(text, "motd = %s", cases[i].path);
        if (*cases[i].path == '\0')
            continue;
        cr_assert_eq(parse(text), -1);
        sprintf(want, ":1: motd: %s: %s", cases[i].path, cases[i].wrong);
        cr_assert_str_eq(errors.text[0] + strlen(path), want);
    }
    cr_assert_eq(config_parse("/dev/null", &config, &errors), 0, "all defaults");
    unlink(pipe);
    unlink(big);
    rmdir(dir);
}
