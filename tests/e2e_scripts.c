/* e2e_scripts.c - what scripts/install-deps says, on systems where it can install and where it
 * cannot; and scripts/run from another folder.
 *
 * The system is a folder of commands that stands first in PATH: an apt-get, a sudo and an id of the
 * test's own. */
#include "tests/lib/server.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

TestSuite(scripts, .timeout = 180);

static char dir[256];
static struct ran ran;

static void set_up(void) {
    run_make_dir(HERE, dir, sizeof dir);
    run_cleaner(HERE, 0, dir);
}

/* A command of the system. */
static void command(const char *name, const char *body) {
    char path[512], text[1024];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    snprintf(text, sizeof text, "#!/bin/sh\n%s\n", body);
    run_write_file(HERE, path, text);
    cr_assert_eq(chmod(path, 0755), 0);
}

/* What the scripts themselves use. */
static void has_only_the_shell(void) {
    char shell[1024];
    snprintf(shell, sizeof shell,
             "for c in env grep id mktemp rm sed sort tail; do ln -s \"$(command -v $c)\" "
             "'%s'; done",
             dir);
    run(&ran, "/bin/sh", "-c", shell);
    cr_assert_eq(ran.status, 0, "%s", ran.err);
}

/* Asks for two packages of which the system has no command. */
static void install(void) {
    char shell[1024];
    snprintf(
        shell, sizeof shell,
        "PATH='%s'; export PATH; exec /bin/sh scripts/install-deps sh:no nosuch:one nosuch2:two",
        dir);
    command("sh", "");
    run(&ran, "/bin/sh", "-c", shell);
}

static void says(const char *text) {
    cr_assert(strstr(ran.err, text), "not said: %s\nbut: %s", text, ran.err);
}

static void fails_and_says(const char *text) {
    cr_assert_eq(ran.status, 1);
    says(text);
}

Test(scripts, what_is_installed_is_said, .init = set_up) {
    has_only_the_shell();
    command("apt-get", "echo \"$*\" >>\"${0%/*}/asked\"");
    install();
    cr_assert_eq(ran.status, 0, "%s", ran.err);
    cr_assert_str_eq(ran.err, "Installing one two (apt-get).\n");
    char path[512];
    snprintf(path, sizeof path, "%s/asked", dir);
    char *asked = run_read_file(path);
    cr_assert(asked && strstr(asked, "install -y --no-install-recommends one two\n"), "%s", asked);
    cr_assert_not(strstr(asked, "update"));
    free(asked);
}

Test(scripts, old_lists_of_packages_are_fetched_first, .init = set_up) {
    has_only_the_shell();
    command("apt-get",
            "case $* in *update) : >\"${0%/*}/lists\" ;; esac\n"
            "[ -e \"${0%/*}/lists\" ] || { echo 'E: Unable to locate package one'; exit 100; }");
    install();
    cr_assert_eq(ran.status, 0, "%s", ran.err);
    cr_assert_str_eq(ran.err, "Installing one two (apt-get).\n");
}

/* The reason is apt's, whatever it is, and each is shown once. */
Test(scripts, apts_reason_is_shown, .init = set_up) {
    static const char *const reasons[] = {
        "E: Unable to locate package one",
        "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 77 (apt-get)",
        "W: Failed to fetch http://deb.debian.org/debian/InRelease  Temporary failure resolving",
        "E: dpkg was interrupted, you must manually run 'dpkg --configure -a'",
        "no word of apt's own",
    };
    has_only_the_shell();
    for (int i = 0; i < 5; i++) {
        char body[512];
        snprintf(body, sizeof body, "echo 'Reading package lists...'\necho \"%s\" >&2\nexit 100",
                 reasons[i]);
        command("apt-get", body);
        install();
        fails_and_says(reasons[i]);
        says("Cannot install one two: apt-get says so above.\n");
        says("Please type: apt-get install one two\n");
    }
}

Test(scripts, without_root_and_sudo_the_command_to_type_is_said, .init = set_up) {
    has_only_the_shell();
    command("apt-get", "echo asked; exit 0");
    command("id", "echo 1000");
    install();
    fails_and_says("Cannot install one two: this is not root, and there is no sudo.\n");
    says("Please type: su -c 'apt-get update; apt-get install one two'\n");
}

/* What has no command of its own is known by a path. */
Test(scripts, a_path_that_is_there_is_not_installed, .init = set_up) {
    has_only_the_shell();
    command("apt-get", "echo asked; exit 0");
    char shell[2048];
    snprintf(shell, sizeof shell,
             "PATH='%s'; export PATH; exec /bin/sh scripts/install-deps '%s:no' '%s/apt-get:no2' "
             "'%s/nosuch:one'",
             dir, dir, dir, dir);
    run(&ran, "/bin/sh", "-c", shell);
    cr_assert_eq(ran.status, 0, "%s", ran.err);
    cr_assert_str_eq(ran.err, "Installing one (apt-get).\n");
}

/* Nothing is asked: there may be no terminal. */
Test(scripts, a_sudo_that_asks_for_a_password_is_not_waited_for, .init = set_up) {
    has_only_the_shell();
    command("apt-get", "exit 0");
    command("id", "echo 1000");
    command("sudo",
            "[ \"$1\" = -n ] && { echo 'sudo: a password is required' >&2; exit 1; }; read x");
    install();
    fails_and_says("Cannot install one two: sudo asks for a password.\n");
    says("Please type: sudo apt-get update; sudo apt-get install one two\n");
}

Test(scripts, a_sudo_that_asks_nothing_is_used, .init = set_up) {
    has_only_the_shell();
    command("apt-get", "[ -n \"$BY_SUDO\" ]");
    command("id", "echo 1000");
    command("true", "");
    command("sudo", "shift; BY_SUDO=1; export BY_SUDO; exec \"$@\"");
    install();
    cr_assert_eq(ran.status, 0, "%s", ran.err);
}

Test(scripts, without_apt_what_is_missing_is_said, .init = set_up) {
    has_only_the_shell();
    install();
    fails_and_says(
        "Cannot install one two: there is no apt-get here. What is missing: nosuch nosuch2.\n");
}

/* ---- run ---- */

/* A relative -c FILE is the caller's.  The project is a copy that is built already. */
Test(scripts, run_takes_a_configuration_of_the_callers_folder, .init = set_up) {
    char shell[2048];
    command("make", "");
    snprintf(shell, sizeof shell,
             "PATH='%s':$PATH; export PATH; mkdir '%s/p' '%s/caller' && "
             "cp -R scripts chatroom.conf '%s/p' && cp '%s' '%s/p/chatroom-master' && "
             "cd '%s/caller' && echo 'room = Own' >own.conf && sh ../p/scripts/run -t && "
             "sh ../p/scripts/run -t -c own.conf && echo 'rooom = Own' >own.conf && "
             "exec sh ../p/scripts/run -t -c own.conf 2>&1",
             dir, dir, dir, dir, run_server_path(), dir, dir);
    run(&ran, "/bin/sh", "-c", shell);
    cr_assert_eq(ran.status, 1, "%s", ran.err);
    cr_assert(strstr(ran.out, "p/chatroom.conf: ok\nown.conf: ok\nown.conf:1: "), "%s", ran.out);
}
