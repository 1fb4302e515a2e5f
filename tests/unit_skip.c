/* unit_skip.c - the list of skipped tests: how a test is added, and how scripts/skips prints and
 * checks the list.  Runs in the project's root, where the script is. */
#include "tests/lib/run.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char dir[256], list[300], expected[300];
static int cleaner;

static void skip_set_up(void) {
    run_make_dir(HERE, dir, sizeof dir);
    cleaner = run_cleaner(HERE, 0, dir);
    snprintf(list, sizeof list, "%s/list", dir);
    snprintf(expected, sizeof expected, "%s/expected", dir);
}

static void skip_tear_down(void) {
    close(cleaner);
}

TestSuite(skip, .init = skip_set_up, .fini = skip_tear_down, .timeout = 180);

Test(skip, what_runs_in_part_is_appended_to_the_list) {
    run_write_file(HERE, list, "room/before: no reason\n");
    setenv("CHATROOM_SKIPS", list, 1);
    skip_part("%d of %d", 3, 4);
    char *text = run_read_file(list);
    cr_assert_str_eq(text, "room/before: no reason\n"
                           "skip/what_runs_in_part_is_appended_to_the_list: in part: 3 of 4\n");
    free(text);
}

Test(skip, an_empty_list_is_reported) {
    static struct ran ran;
    run_write_file(HERE, list, "");
    run_write_file(HERE, expected, "");
    run(&ran, "sh", "scripts/skips", list, expected);
    cr_assert_eq(ran.status, 0, "%s", ran.err);
    cr_assert_str_eq(ran.out, "skipped: 0\n");
}

Test(skip, each_test_is_printed_once_and_expected_ones_are_accepted) {
    static struct ran ran;
    run_write_file(HERE, list, "b/two: in part: 3: 4\na/one: why\nb/two: in part: 3: 4\n");
    run_write_file(HERE, expected, "# names\n\na/one\nb/two\n");
    run(&ran, "sh", "scripts/skips", list, expected);
    cr_assert_eq(ran.status, 0, "%s", ran.err);
    cr_assert_str_eq(ran.out, "skipped: 2\n    a/one: why\n    b/two: in part: 3: 4\n");
}

Test(skip, an_unexpected_test_is_an_error) {
    static struct ran ran;
    char want[400];
    run_write_file(HERE, list, "a/one: why\nb/two: why\n");
    run_write_file(HERE, expected, "a/one\n");
    run(&ran, "sh", "scripts/skips", list, expected);
    snprintf(want, sizeof want, "b/two: skipped, and not in %s\n", expected);
    cr_assert_eq(ran.status, 1);
    cr_assert_str_eq(ran.err, want);
    run(&ran, "sh", "scripts/skips", list);
    cr_assert_eq(ran.status, 0, "without a list of expected ones all are accepted");
}
