/* unit_bans_editor.c - an editor saves the file of bans between the server's reading and writing.
 */
#include "ipc/clock.h"
#include "master/bans.h"
#include "tests/lib/run.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[200], path[240], aside[240];
static struct config config;
static struct ban_list list;
static struct config_errors errors;

static void begin(void) {
    run_make_dir(HERE, dir, sizeof dir);
    run_cleaner(HERE, 0, dir);
    snprintf(path, sizeof path, "%s/bans", dir);
    snprintf(aside, sizeof aside, "%s/edited", dir);
    snprintf(config.bans, sizeof config.bans, "%s/bans", dir);
}
TestSuite(bans_editor, .init = begin);

static void read_it(void) {
    cr_assert(bans_read(path, clock_wall_ms(), &list, &errors));
}

static void file_is(const char *text) {
    char *is = run_read_file(path);
    cr_assert(is && strcmp(is, text) == 0, "\"%s\" instead of \"%s\"", is ? is : "(none)", text);
    free(is);
}

/* The server's ban is not written, and what the editor saved is as it saved it. */
static void is_refused(void) {
    char err[512] = "", temporary[310];
    char *before = run_read_file(path);
    snprintf(list.ban[list.count].reason, BAN_REASON_MAX, "the server's");
    cr_assert(restriction_parse_network("10.0.0.1", &list.ban[list.count++].network, err, 512));
    cr_assert_not(bans_write(&config, &list, err, sizeof err));
    cr_assert(strstr(err, "another program has changed it just now; ask again"), "%s", err);
    if (before)
        file_is(before);
    else
        cr_assert_neq(access(path, F_OK), 0);
    snprintf(temporary, sizeof temporary, "%s.new", path);
    cr_assert_neq(access(temporary, F_OK), 0);
    free(before);
}

static void is_written_when_asked_again(void) {
    char err[512] = "";
    read_it();
    cr_assert(bans_write(&config, &list, err, sizeof err), "%s", err);
}

Test(bans_editor, puts_another_file_there) {
    run_write_file(HERE, path, "192.0.2.1 - old\n");
    read_it();
    run_write_file(HERE, aside, "192.0.2.2 - new\n");
    cr_assert_eq(rename(aside, path), 0);
    is_refused();
    is_written_when_asked_again();
    file_is("192.0.2.2 - new\n");
}

Test(bans_editor, appends_a_line) {
    run_write_file(HERE, path, "192.0.2.1 - old\n");
    read_it();
    run_write_file(HERE, path, "192.0.2.1 - old\n192.0.2.2 - new\n");
    is_refused();
    is_written_when_asked_again();
    file_is("192.0.2.1 - old\n192.0.2.2 - new\n");
}

/* As many bytes as before. */
Test(bans_editor, changes_one_letter) {
    run_write_file(HERE, path, "192.0.2.1 - old\n");
    struct timespec past[2] = {{1000000000, 0}, {1000000000, 0}};
    cr_assert_eq(utimensat(AT_FDCWD, path, past, 0), 0);
    read_it();
    run_write_file(HERE, path, "192.0.2.2 - old\n");
    is_refused();
}

Test(bans_editor, takes_it_away) {
    run_write_file(HERE, path, "192.0.2.1 - old\n");
    read_it();
    cr_assert_eq(unlink(path), 0);
    is_refused();
}

Test(bans_editor, makes_the_first_one) {
    read_it();
    run_write_file(HERE, path, "192.0.2.1 - first\n");
    is_refused();
    is_written_when_asked_again();
    file_is("192.0.2.1 - first\n");
}

Test(bans_editor, gives_it_another_mode_which_is_kept) {
    struct stat is;
    run_write_file(HERE, path, "192.0.2.1 - old\n");
    read_it();
    cr_assert_eq(chmod(path, 0640), 0);
    char err[512] = "";
    cr_assert(bans_write(&config, &list, err, sizeof err), "%s", err);
    cr_assert_eq(stat(path, &is), 0);
    cr_assert_eq(is.st_mode & 07777, 0640);
}
