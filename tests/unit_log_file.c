/* unit_log_file.c - opening the log, and opening it again on the same descriptor. */
#include "ipc/log.h"
#include "master/log_file.h"
#include "tests/lib/skip.h"
#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char dir[] = "/tmp/chatroom-log-XXXXXX", path[64], moved[64];
static struct config config = {.log_level = LOG_LEVEL_INFO};
static struct master_state state;
static char err[512];

static void set_up(void) {
    cr_assert(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/log", dir);
    snprintf(moved, sizeof moved, "%s/log.1", dir);
    snprintf(config.log, sizeof config.log, "%s", path);
    state = (struct master_state){.log_fd = -1};
}
static void tear_down(void) {
    unlink(path);
    unlink(moved);
    rmdir(dir);
}
TestSuite(log_file, .init = set_up, .fini = tear_down, .timeout = 180);

static bool has(const char *file, const char *line) {
    char text[4096] = "";
    FILE *f = fopen(file, "r");
    cr_assert(f, "%s", file);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return strstr(text, line) != NULL;
}

Test(log_file, is_opened_again_on_the_same_descriptor) {
    cr_assert(log_file_open(&state, &config, err, sizeof err), "%s", err);
    int fd = state.log_fd;
    log_info("the first");
    cr_assert_eq(rename(path, moved), 0);
    log_info("the second");
    log_file_reopen(&state, &config);
    log_info("the third");
    cr_assert_eq(state.log_fd, fd, "every process has this number");
    cr_assert(has(moved, "the first") && has(moved, "the second") && !has(moved, "the third"));
    cr_assert(has(path, "log reopened") && has(path, "the third"));
}

Test(log_file, stays_in_the_old_file_if_the_new_one_cannot_be_opened) {
    cr_assert(log_file_open(&state, &config, err, sizeof err), "%s", err);
    snprintf(config.log, sizeof config.log, "%s/nowhere/log", dir);
    log_file_reopen(&state, &config);
    cr_assert(has(path, "/nowhere/log: No such file or directory; logging goes on where it was"));
}

/* Otherwise the new file would be closed, and lines would be written to the old one. */
Test(log_file, a_descriptor_that_cannot_be_replaced_is_an_error) {
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    state.log_fd = (int)limit.rlim_cur;
    cr_assert(!log_file_open(&state, &config, err, sizeof err));
    cr_assert(strstr(err, "/log: Bad file descriptor"), "%s", err);
}

/* A server that died on a full disk has left the half of a line. */
Test(log_file, does_not_go_on_in_a_torn_line) {
    for (int torn = 0; torn < 2; torn++) {
        FILE *file = fopen(path, "w");
        cr_assert(file);
        fputs(torn ? "the half of a li" : "a whole line\n", file);
        fclose(file);
        cr_assert(log_file_open(&state, &config, err, sizeof err), "%s", err);
        log_info("the first");
        log_info("the second");
        cr_assert(has(path, torn ? "the half of a li\n2" : "a whole line\n2"));
        cr_assert(!has(path, "\n\n"));
    }
    cr_assert_eq(rename(path, moved), 0); /* the state is of the file that was left */
    log_file_reopen(&state, &config);
    cr_assert(!has(path, "\n\n"));
}

Test(log_file, standard_descriptors_are_not_opened_by_path) {
    static const struct {
        const char *name;
        int fd;
    } standard[] = {{"syslog", -1}, /* first: what is said of it goes to the log before */
                    {"stderr", STDERR_FILENO},
                    {"/dev/stderr", STDERR_FILENO},
                    {"/dev/stdout", STDOUT_FILENO},
                    {"/dev/null", -1}};
    for (size_t i = 0; i < sizeof standard / sizeof standard[0]; i++) {
        snprintf(config.log, sizeof config.log, "%s", standard[i].name);
        cr_assert_eq(log_file_standard(&config), standard[i].fd, "%s", standard[i].name);
        cr_assert(log_file_open(&state, &config, err, sizeof err), "%s", err);
    }
}

/* Another place may have been put where the log was. */
Test(log_file, stays_in_the_old_file_if_a_link_is_in_its_place) {
    cr_assert(log_file_open(&state, &config, err, sizeof err), "%s", err);
    for (int hard = 0; hard < 2; hard++) {
        cr_assert_eq(rename(path, moved), 0);
        cr_assert_eq(hard ? link(moved, path) : symlink(moved, path), 0);
        log_file_reopen(&state, &config);
        cr_assert(has(moved, hard ? "/log: it has 2 names (hard links), so it may be another "
                                    "file's; logging goes on where it was"
                                  : "/log: it is a symbolic link, which is not followed to a "
                                    "file; logging goes on where it was"));
        cr_assert_eq(unlink(path) | rename(moved, path), 0);
    }
}

/* ---- whose the log is ---- */

static const struct passwd *nobody(void) {
    const struct passwd *user = getpwnam("nobody");
    cr_assert(user);
    return user;
}

static void open_for_nobody(uid_t owner) {
    struct stat is;
    snprintf(config.user, sizeof config.user, "nobody");
    cr_assert(log_file_open(&state, &config, err, sizeof err), "%s", err);
    cr_assert_eq(stat(path, &is), 0);
    cr_assert_eq(is.st_uid, owner, "%u", (unsigned)is.st_uid);
}

Test(log_file, a_new_log_is_given_to_the_user) {
    skip_unless_root();
    open_for_nobody(nobody()->pw_uid);
    open_for_nobody(nobody()->pw_uid); /* and stays so */
}

/* The user owns the folder, and may have moved a file of root's to the log's path. */
Test(log_file, a_file_of_roots_is_not_given_away) {
    static const mode_t modes[] = {0600, 0640, 0666};
    skip_unless_root();
    cr_assert_eq(chown(dir, nobody()->pw_uid, nobody()->pw_gid), 0);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        int fd = open(moved, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
        cr_assert_eq(write(fd, "secret\n", i == 0 ? 0 : 7), i == 0 ? 0 : 7); /* also an empty one */
        cr_assert_eq(fchmod(fd, modes[i]) | close(fd) | rename(moved, path), 0);
        open_for_nobody(0);
        cr_assert_eq(unlink(path), 0);
    }
}

Test(log_file, which_logs_are_paths) {
    static const struct {
        const char *log;
        bool path;
    } logs[] = {{"stderr", false},  {"/dev/stdout", false}, {"syslog", false},
                {"./syslog", true}, {"/dev/null", true},    {"log", true}};
    for (size_t i = 0; i < sizeof logs / sizeof logs[0]; i++) {
        snprintf(config.log, sizeof config.log, "%s", logs[i].log);
        cr_assert_eq(log_file_is_path(&config), logs[i].path, "%s", logs[i].log);
    }
}
