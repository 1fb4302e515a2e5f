/* unit_trusted_file.c - what is opened for writing, and what another user may have put there. */
#include "master/trusted_file.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/chatroom-trusted-XXXXXX", err[1024];

static void set_up(void) {
    cr_assert(mkdtemp(dir));
    cr_assert_eq(chmod(dir, 0755), 0);
    umask(0022);
}
static int remove_one(const char *path, const struct stat *is, int kind, struct FTW *ftw) {
    (void)is, (void)kind, (void)ftw;
    return remove(path);
}
static void tear_down(void) {
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
TestSuite(trusted_file, .init = set_up, .fini = tear_down, .timeout = 180);

/* DIR/name, valid until the eighth call after this one. */
static const char *in_dir(const char *name) {
    static char path[8][512];
    static int next;
    next = (next + 1) % 8;
    snprintf(path[next], sizeof path[next], "%s/%s", dir, name);
    return path[next];
}

static void make_file(const char *name, const char *text) {
    FILE *file = fopen(in_dir(name), "w");
    cr_assert(file);
    fputs(text, file);
    fclose(file);
}

static uid_t nobody(void) {
    const struct passwd *user = getpwnam("nobody");
    cr_assert(user);
    return user->pw_uid;
}

static void give(const char *name) {
    cr_assert_eq(lchown(in_dir(name), nobody(), (gid_t)-1), 0);
}

static int descriptors(void) {
    int n = 0;
    DIR *all = opendir("/proc/self/fd");
    cr_assert(all);
    while (readdir(all))
        n++;
    closedir(all);
    return n;
}

static int open_as(const char *path, const char *user, bool any_kind) {
    const struct trusted_file file = {.what = "log",
                                      .path = path,
                                      .user = user,
                                      .flags = O_RDWR | O_APPEND | O_NONBLOCK | O_NOCTTY,
                                      .mode = 0640,
                                      .any_kind = any_kind};
    err[0] = '\0';
    return trusted_file_open(&file, err, sizeof err);
}

static void opens_for(const char *name, const char *user, bool any_kind) {
    int before = descriptors(), fd = open_as(in_dir(name), user, any_kind);
    cr_assert_geq(fd, 0, "%s: %s", name, err);
    cr_assert_eq(fcntl(fd, F_GETFD), 0, "an upgrade keeps it");
    close(fd);
    cr_assert_eq(descriptors(), before, "%s", name);
}
static void opens(const char *name) {
    opens_for(name, "", false);
    opens_for(name, "", true);
}

static void refuses_for(const char *name, const char *user, bool any_kind, const char *reason) {
    char begin[600];
    int before = descriptors();
    snprintf(begin, sizeof begin, "log %s: ", in_dir(name));
    cr_assert_eq(open_as(in_dir(name), user, any_kind), -1, "%s", name);
    cr_assert_eq(strncmp(err, begin, strlen(begin)), 0, "%s", err);
    cr_assert(strstr(err, reason), "no \"%s\" in: %s", reason, err);
    cr_assert_eq(descriptors(), before, "%s", name);
}
static void refuses(const char *name, const char *reason) {
    refuses_for(name, "", false, reason);
    refuses_for(name, "", true, reason);
}

Test(trusted_file, a_missing_file_is_made_with_its_mode) {
    struct stat is;
    opens("new");
    cr_assert_eq(stat(in_dir("new"), &is), 0);
    cr_assert_eq(is.st_mode & 07777, 0640);
    opens("new"); /* and opened when it is there */
    cr_assert_eq(mkdir(in_dir("folder"), 0755), 0);
    opens("folder/new");
    opens("folder//./../folder/new");
    refuses("nowhere/new", "No such file or directory");
    refuses("new/new", "Not a directory");
    refuses("folder", "Is a directory");
}

Test(trusted_file, a_relative_path_begins_where_the_process_is) {
    cr_assert_eq(chdir(dir), 0);
    int fd = open_as("new", "", false);
    cr_assert_geq(fd, 0, "%s", err);
    close(fd);
    cr_assert_eq(access(in_dir("new"), F_OK), 0);
}

Test(trusted_file, a_link_to_a_file_is_not_followed) {
    static const char *const targets[] = {"file", "missing", "link", "folder/link", "./file"};
    make_file("file", "precious");
    cr_assert_eq(mkdir(in_dir("folder"), 0755), 0);
    cr_assert_eq(symlink("../file", in_dir("folder/link")), 0);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        cr_assert_eq(symlink(targets[i], in_dir("link")), 0); /* the third: to itself */
        refuses("link", "it is a symbolic link, which is not followed to a file");
        cr_assert_eq(unlink(in_dir("link")), 0);
    }
    cr_assert_neq(access(in_dir("missing"), F_OK), 0);
}

Test(trusted_file, a_file_with_two_names_is_refused) {
    make_file("file", "precious");
    cr_assert_eq(link(in_dir("file"), in_dir("hard")), 0);
    refuses("hard", "it has 2 names (hard links), so it may be another file's");
    refuses("file", "it has 2 names");
    cr_assert_eq(unlink(in_dir("file")), 0);
    opens("hard");
}

Test(trusted_file, only_a_log_may_be_a_pipe_or_a_device) {
    cr_assert_eq(mkfifo(in_dir("pipe"), 0600) | symlink("/dev/null", in_dir("null")), 0);
    cr_assert_eq(symlink("pipe", in_dir("to-pipe")), 0);
    opens_for("pipe", "", true);
    opens_for("null", "", true);
    opens_for("to-pipe", "", true);
    opens_for("../../dev/null", "", true);
    refuses_for("pipe", "", false, "it is not a regular file");
    refuses_for("../../dev/null", "", false, "it is not a regular file");
    refuses_for("null", "", false, "it is a symbolic link");
    refuses_for("to-pipe", "", false, "it is a symbolic link");
}

Test(trusted_file, a_link_to_a_folder_is_followed) {
    char long_way[400] = "";
    cr_assert_eq(mkdir(in_dir("real"), 0755) | mkdir(in_dir("real/inner"), 0755), 0);
    cr_assert_eq(symlink("real", in_dir("relative")) | symlink(in_dir("real"), in_dir("full")), 0);
    cr_assert_eq(symlink("../full/inner", in_dir("real/again")), 0);
    cr_assert_eq(symlink("loop", in_dir("loop")), 0);
    opens("relative/a");
    opens("full/b");
    opens("relative/again/c");
    cr_assert_eq(access(in_dir("real/a"), F_OK) | access(in_dir("real/b"), F_OK) |
                     access(in_dir("real/inner/c"), F_OK),
                 0);
    refuses("loop/x", "Too many levels of symbolic links");
    for (int i = 0; i < 40; i++)
        strcat(long_way, "full/../");
    opens(strcat(long_way, "d"));
    long_way[strlen(long_way) - 1] = '\0';
    refuses(strcat(long_way, "full/d"), "Too many levels of symbolic links");
}

/* ---- as root ---- */

Test(trusted_file, another_users_file_is_refused) {
    skip_unless_root();
    make_file("file", "");
    cr_assert_eq(mkfifo(in_dir("pipe"), 0600), 0);
    give("file");
    give("pipe");
    refuses("file", "who may have put it there");
    refuses_for("pipe", "", true, "who may have put it there");
    opens_for("file", "nobody", false);
    opens_for("pipe", "nobody", true);
}

Test(trusted_file, another_users_folder_is_refused) {
    skip_unless_root();
    char want[600];
    cr_assert_eq(mkdir(in_dir("theirs"), 0755) | mkdir(in_dir("theirs/mine"), 0755), 0);
    give("theirs");
    snprintf(want, sizeof want, "the folder %s belongs to user %u, who could put any file there",
             in_dir("theirs"), (unsigned)nobody());
    refuses("theirs/new", want);
    refuses("theirs/mine/new", want);
    cr_assert_eq(symlink("theirs/mine", in_dir("link")), 0);
    refuses("link/new", want);
    cr_assert_neq(access(in_dir("theirs/new"), F_OK), 0);
    opens_for("theirs/new", "nobody", false);
    opens_for("theirs/mine/new", "nobody", false);
}

/* The server's user must not lead root to another folder either. */
Test(trusted_file, another_users_link_to_a_folder_is_refused) {
    skip_unless_root();
    cr_assert_eq(mkdir(in_dir("theirs"), 0755) | mkdir(in_dir("precious"), 0755), 0);
    give("theirs");
    cr_assert_eq(symlink("../precious", in_dir("theirs/link")), 0);
    opens_for("theirs/link/new", "nobody", false); /* root's own */
    give("theirs/link");
    refuses_for("theirs/link/new2", "nobody", false, "theirs/link belongs to user");
    cr_assert_eq(symlink("/dev/null", in_dir("null")), 0);
    give("null");
    refuses_for("null", "nobody", true, "it is a symbolic link");
    cr_assert_neq(access(in_dir("precious/new2"), F_OK), 0);
}

Test(trusted_file, in_a_folder_of_everybody_only_what_is_ones_own) {
    skip_unless_root();
    cr_assert_eq(mkdir(in_dir("tmp"), 0700) | chmod(in_dir("tmp"), 01777), 0);
    cr_assert_eq(mkdir(in_dir("tmp/sub"), 0755), 0);
    opens("tmp/new");
    opens("tmp/sub/new");
    give("tmp/new");
    give("tmp/sub");
    refuses("tmp/new", "who may have put it there");
    refuses("tmp/sub/new", "who could put any file there");
    cr_assert_eq(symlink("/etc", in_dir("tmp/link")), 0);
    give("tmp/link");
    refuses("tmp/link/new", "tmp/link belongs to user");
    cr_assert_eq(chmod(in_dir("tmp"), 0777), 0);
    refuses("tmp/new2", "every user could put any file into the folder");
    cr_assert_eq(chmod(in_dir("tmp"), 0775), 0); /* as /var/log */
    opens("tmp/new2");
}

/* ---- as another user ---- */

/* Folders of other users are that user's own affair; files and links are not. */
Test(trusted_file, without_root_a_file_of_another_user_is_refused) {
    skip_unless_root();
    cr_assert_eq(mkdir(in_dir("tmp"), 0700) | chmod(in_dir("tmp"), 01777), 0);
    cr_assert_eq(mkdir(in_dir("daemons"), 0777) | chmod(in_dir("daemons"), 0777), 0);
    cr_assert_eq(chown(in_dir("daemons"), 1, 1), 0);
    make_file("tmp/daemons", "");
    make_file("tmp/roots", "");
    cr_assert_eq(chmod(in_dir("tmp/daemons"), 0666) | chmod(in_dir("tmp/roots"), 0666), 0);
    cr_assert_eq(chown(in_dir("tmp/daemons"), 1, 1), 0);
    cr_assert_eq(symlink("../daemons", in_dir("tmp/link")), 0);
    cr_assert_eq(lchown(in_dir("tmp/link"), 1, 1) | seteuid(nobody()), 0);
    opens("tmp/new");
    opens("tmp/roots");
    opens("daemons/new");
    refuses("tmp/daemons", "it belongs to user 1, who may have put it there");
    refuses("tmp/link/new", "tmp/link belongs to user 1");
    cr_assert_eq(symlink("roots", in_dir("tmp/own")), 0);
    refuses("tmp/own", "it is a symbolic link");
    cr_assert_eq(seteuid(0), 0);
}

/* Whatever it is and however the path leads there, the caller learns whether this call made it. */
Test(trusted_file, what_was_there_is_not_created) {
    static const struct {
        const char *name;
        bool created, opened;
    } cases[] = {{"new", true, true},       {"old", false, true},       {"pipe", false, true},
                 {"to_pipe", false, true},  {"to_null", false, true},   {"to_old", false, false},
                 {"to_none", false, false}, {"none/file", false, false}};
    make_file("old", "");
    cr_assert_eq(mkfifo(in_dir("pipe"), 0600), 0);
    int reader = open(in_dir("pipe"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    cr_assert_geq(reader, 0);
    cr_assert_eq(symlink("pipe", in_dir("to_pipe")), 0);
    cr_assert_eq(symlink("/dev/null", in_dir("to_null")), 0);
    cr_assert_eq(symlink("old", in_dir("to_old")), 0);
    cr_assert_eq(symlink("missing", in_dir("to_none")), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool created = !cases[i].created;
        const struct trusted_file file = {.what = "log",
                                          .path = in_dir(cases[i].name),
                                          .user = "",
                                          .flags = O_WRONLY | O_APPEND | O_NONBLOCK,
                                          .mode = 0640,
                                          .any_kind = true,
                                          .created = &created};
        int fd = trusted_file_open(&file, err, sizeof err);
        cr_expect_eq(fd >= 0, cases[i].opened, "%s: %s", cases[i].name, err);
        cr_expect_eq(created, cases[i].created, "%s", cases[i].name);
        if (fd >= 0)
            close(fd);
    }
    close(reader);
}
