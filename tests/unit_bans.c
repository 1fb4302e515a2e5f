/* unit_bans.c - the file of bans: what it may say, and how it is written. */
#include "ipc/clock.h"
#include "master/bans.h"
#include "tests/lib/run.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[200], path[220];
static struct ban_list list;
static struct config_errors errors;
static struct config config;

static void begin(void) {
    run_make_dir(HERE, dir, sizeof dir);
    run_cleaner(HERE, 0, dir);
    snprintf(path, sizeof path, "%s/bans", dir);
    memset(&config, 0, sizeof config);
    snprintf(config.bans, sizeof config.bans, "%s", path);
}

static void file(const char *bytes, size_t len) {
    FILE *f = fopen(path, "w");
    cr_assert(f && fwrite(bytes, 1, len, f) == len && fclose(f) == 0);
}

static bool reads(void) {
    errors.count = 0;
    return bans_read(path, clock_wall_ms(), &list, &errors);
}

static void has(uint32_t i, const char *network, const char *until, const char *reason) {
    char text[NETWORK_TEXT], time[RESTRICTION_TIME];
    cr_assert_lt(i, list.count);
    cr_expect_str_eq(network_format(&list.ban[i].network, text), network);
    cr_expect_str_eq(restriction_format_time(list.ban[i].until_ms, time), until);
    cr_expect_str_eq(list.ban[i].reason, reason);
}

#define FILE_IS(literal) file(literal, sizeof(literal) - 1)

Test(bans, a_file_as_a_person_writes_it, .init = begin) {
    FILE_IS("\xEF\xBB\xBF# ours\r\n\r\n"
            "192.0.2.1 -\r\n"
            "\t10.0.0.0/8   2999-12-31T23:59:59Z   floods #1, twice \r\n"
            "  # indented\n"
            "::ffff:198.51.100.0/120 - v4-mapped\n"
            "2001:db8::/32 - \xe5\x88\xb7\xe5\xb1\x8f\n"
            "203.0.113.9 2001-01-01T00:00:00Z long ago\n"
            "192.0.2.2 - bell\x07 and \x1b[2J escape");
    cr_assert(reads(), "%s", errors.text[0]);
    cr_assert_eq(list.count, 5, "the one that has ended is none");
    has(0, "192.0.2.1", "-", "");
    has(1, "10.0.0.0/8", "2999-12-31T23:59:59Z", "floods #1, twice");
    has(2, "198.51.100.0/24", "-", "v4-mapped");
    has(3, "2001:db8::/32", "-", "\xe5\x88\xb7\xe5\xb1\x8f");
    has(4, "192.0.2.2", "-", "bell and [2J escape");
}

Test(bans, a_missing_file_and_an_empty_one_are_no_bans, .init = begin) {
    cr_assert(reads());
    cr_assert(list.missing && list.count == 0);
    FILE_IS("");
    cr_assert(reads());
    cr_assert(!list.missing && list.count == 0);
}

#define DAMAGED(bytes, reason)                                                                     \
    { bytes, sizeof(bytes) - 1, reason }
#define LONG_64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* The reason is that of the last line. */
Test(bans, each_damage_is_named_by_its_line, .init = begin) {
    static const struct {
        const char *bytes;
        size_t len;
        const char *says;
    } rows[] = {
        DAMAGED("nonsense\n", "1: \"nonsense\" is not an address or address/bits"),
        DAMAGED("# c\n\n192.0.2.1\n", "3: the end of the ban is missing: a time in UTC"),
        DAMAGED("192.0.2.1 soon\n", "1: \"soon\" is not the end of a ban"),
        DAMAGED("192.0.2.1 2026-02-30T00:00:00Z x\n", "1: \"2026-02-30T00:00:00Z\" is not"),
        DAMAGED("192.0.2.1 1767225599 x\n", "1: \"1767225599\" is not the end"),
        DAMAGED("192.0.2.1 -\n192.0.2.1/32 - again\n", "2: 192.0.2.1 is banned in line 1 already"),
        DAMAGED("::ffff:10.0.0.1 -\n10.0.0.1 -\n", "2: 10.0.0.1 is banned in line 1 already"),
        DAMAGED("10.1.2.3/8 -\n", "1: 10.1.2.3/8 has bits beyond its prefix: is 10.0.0.0/8 meant?"),
        DAMAGED("2001:db8::1/64 -\n", "1: 2001:db8::1/64 has bits beyond its prefix"),
        DAMAGED("0.0.0.0/0 - all\n", "1: 0.0.0.0/0 is everybody"),
        DAMAGED("::/0 - all\n", "1: ::/0 is everybody"),
        DAMAGED("10.0.0.0/33 -\n", "1: \"10.0.0.0/33\" is not"),
        DAMAGED("10.0.0.0/ -\n", "1: \"10.0.0.0/\" is not"),
        DAMAGED("10.0.0.0 / 8 -\n", "1: \"/\" is not the end"),
        DAMAGED("- 192.0.2.1\n", "1: \"-\" is not an address"),
        DAMAGED("192.0.2.1 -\n192.0.2.2 -\0 x\n", "2: the line has a NUL byte"),
        DAMAGED("\xff\xfe\x31\n", "1: \"\\xFF\\xFE1\" is not an address"),
        DAMAGED("\x1b[2J\n", "1: \"\\x1B[2J\" is not an address"),
        DAMAGED("192.0.2.1 - " LONG_64 LONG_64 LONG_64 "\n", "1: the reason is longer than 135"),
        DAMAGED("192.0.2.1 -\rx\n192.0.2.2 - half of a li\n192.0.", "3: \"192.0.\" is not"),
        DAMAGED("fe80::1%eth0 -\n", "1: \"fe80::1%eth0\" is not"),
    };
    char want[400];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        file(rows[i].bytes, rows[i].len);
        cr_expect_not(reads(), "row %zu", i);
        uint32_t last = errors.count ? errors.count - 1 : 0;
        snprintf(want, sizeof want, "%s:%s", path, rows[i].says);
        cr_expect(strncmp(errors.text[last], want, strlen(want)) == 0, "row %zu: %s, not %s", i,
                  errors.text[last], want);
    }
}

Test(bans, all_damages_are_listed, .init = begin) {
    FILE_IS("a -\n192.0.2.1 -\nb -\n192.0.2.1 -\n");
    cr_assert_not(reads());
    cr_assert_eq(errors.count, 3);
}

Test(bans, a_line_without_end_is_bounded, .init = begin) {
    static char bytes[100000];
    memset(bytes, '1', sizeof bytes);
    file(bytes, sizeof bytes);
    cr_assert_not(reads());
    cr_assert(strstr(errors.text[0], ":1: the line is longer than 1024 bytes"));
}

Test(bans, the_1025th_is_too_many, .init = begin) {
    for (int extra = 0; extra <= 1; extra++) {
        FILE *f = fopen(path, "w");
        for (int i = 0; i < BANS_MAX + extra; i++)
            fprintf(f, "10.0.%d.%d -\n", i / 256, i % 256);
        fprintf(f, "192.0.2.1 2001-01-01T00:00:00Z\n"); /* ended: no ban */
        fclose(f);
        cr_assert_eq(reads(), extra == 0);
        cr_assert_eq(list.count, BANS_MAX);
    }
    cr_assert(strstr(errors.text[0], ":1025: more than 1024 bans"), "%s", errors.text[0]);
}

Test(bans, what_is_no_file_is_named, .init = begin) {
    snprintf(config.bans, sizeof config.bans, "%s", dir);
    errors.count = 0;
    cr_assert_not(bans_read(dir, 0, &list, &errors));
    cr_assert(strstr(errors.text[0], "Is a directory"), "%s", errors.text[0]);
}

/* ---- writing ---- */

static char *content(void) {
    return run_read_file(path);
}

static void writes(void) {
    char err[512] = "";
    cr_assert(bans_write(&config, &list, err, sizeof err), "%s", err);
}

static struct ban *add(const char *network, const char *until, const char *reason) {
    char err[256];
    struct ban *ban = &list.ban[list.count++];
    memset(ban, 0, sizeof *ban);
    cr_assert(restriction_parse_network(network, &ban->network, err, sizeof err), "%s", err);
    cr_assert(restriction_parse_time(until, &ban->until_ms));
    snprintf(ban->reason, sizeof ban->reason, "%s", reason);
    return ban;
}

Test(bans, a_new_file_says_what_it_is_and_is_private, .init = begin) {
    struct stat is;
    list.count = 0;
    add("10.0.0.0/8", "2999-12-31T23:59:59Z", "floods");
    add("192.0.2.1", "-", "");
    writes();
    char *text = content();
    cr_assert(text && strncmp(text, "# Bans: ADDRESS[/BITS] UNTIL REASON", 35) == 0);
    cr_assert(strstr(text, "\n10.0.0.0/8 2999-12-31T23:59:59Z floods\n192.0.2.1 -\n"));
    cr_assert_eq(stat(path, &is), 0);
    cr_assert_eq(is.st_mode & 07777, 0600);
    cr_assert(reads());
    has(0, "10.0.0.0/8", "2999-12-31T23:59:59Z", "floods");
    has(1, "192.0.2.1", "-", "");
    free(text);
}

Test(bans, comments_order_mode_and_owner_are_kept, .init = begin) {
    struct stat is;
    FILE_IS("# spammers\r\n\n192.0.2.1 - first\n# for a while\n192.0.2.2 - taken back\n"
            "192.0.2.3 2001-01-01T00:00:00Z ended\n  192.0.2.4   -   as a person writes\n");
    cr_assert_eq(chmod(path, 0640), 0);
    bool root = geteuid() == 0 && chown(path, 1234, 4321) == 0;
    cr_assert(reads());
    list.ban[0].until_ms = 0;
    snprintf(list.ban[0].reason, sizeof list.ban[0].reason, "changed");
    list.ban[1] = list.ban[2];
    list.count = 2;
    add("192.0.2.5", "-", "new");
    config.user[0] = '\0';
    if (root) { /* else the file is not trusted */
        cr_assert_eq(chown(path, 0, 4321), 0);
    }
    writes();
    char *text = content();
    cr_assert_str_eq(text, "# spammers\n\n192.0.2.1 - changed\n# for a while\n"
                           "192.0.2.4 - as a person writes\n192.0.2.5 - new\n");
    cr_assert_eq(stat(path, &is), 0);
    cr_assert_eq(is.st_mode & 07777, 0640);
    if (root)
        cr_assert_eq(is.st_gid, 4321);
    free(text);
}

Test(bans, what_a_dead_master_left_is_replaced, .init = begin) {
    char temporary[320];
    snprintf(temporary, sizeof temporary, "%s.new", path);
    run_write_file(HERE, temporary, "half of");
    list.count = 0;
    add("192.0.2.1", "-", "");
    writes();
    cr_assert_neq(access(temporary, F_OK), 0);
    cr_assert(reads() && list.count == 1);
}

/* /dev/full is a full disk for whoever opens it, but the new file is made in the folder: a limit on
 * the size of files is the same to it. */
Test(bans, a_file_that_cannot_be_written_whole_leaves_the_old_one, .init = begin) {
    char err[512] = "", temporary[320];
    struct rlimit small = {64, RLIM_INFINITY};
    FILE_IS("192.0.2.1 - kept\n");
    cr_assert(reads());
    for (int i = 0; i < 30; i++) {
        char network[32];
        sprintf(network, "10.0.0.%d", i);
        add(network, "-", "more");
    }
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    cr_assert_not(bans_write(&config, &list, err, sizeof err));
    small.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &small);
    cr_assert(strstr(err, "File too large"), "%s", err);
    snprintf(temporary, sizeof temporary, "%s.new", path);
    cr_assert_neq(access(temporary, F_OK), 0);
    char *text = content();
    cr_assert_str_eq(text, "192.0.2.1 - kept\n");
    free(text);
}

Test(bans, a_link_is_not_followed_to_a_file, .init = begin) {
    char other[320], err[512] = "";
    snprintf(other, sizeof other, "%s/other", dir);
    run_write_file(HERE, other, "precious\n");
    cr_assert_eq(symlink(other, path), 0);
    list.count = 0;
    add("192.0.2.1", "-", "");
    cr_assert_not(bans_check(&config, err, sizeof err));
    cr_assert_not(bans_write(&config, &list, err, sizeof err));
    cr_assert(strstr(err, "symbolic link"), "%s", err);
    char *text = run_read_file(other);
    cr_assert_str_eq(text, "precious\n");
    free(text);
}

Test(bans, a_folder_that_is_missing_is_named, .init = begin) {
    char err[512] = "";
    snprintf(config.bans, sizeof config.bans, "%s/none/bans", dir);
    cr_assert_not(bans_check(&config, err, sizeof err));
    cr_assert(strstr(err, "bans ") && strstr(err, "No such file or directory"), "%s", err);
}
