/* e2e_transcript_room.c - a disk with room for a part of what is to be written: it gets that part,
 * in whole lines, and the log one line about the rest. */
#include "tests/lib/guest.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(transcript_room, .timeout = 120);

enum { ROOM = 16384, LINE = 64, LINES = 800 }; /* a line of the file is shorter than LINE */

static const char *file_of(const struct server *s) {
    static char path[400];
    snprintf(path, sizeof path, "%s/disk/room.txt", s->dir);
    return path;
}

/* All lines at once: the transcript stands still meanwhile. */
static void say_all(struct server *s) {
    struct guest *ann = guest_enter(s, "ann");
    pid_t pid = (pid_t)atoi(strstr(server_logged(s, "transcript: pid "), "pid ") + 4);
    server_logged(s, "writing to ");
    cr_assert_eq(kill(pid, SIGSTOP), 0);
    for (int i = 0; i < LINES; i++) {
        guest_say(ann, "%d", i);
        guest_until(ann, "ann: %d", i);
    }
    cr_assert_eq(kill(pid, SIGCONT), 0);
    guest_close(ann);
}

static off_t size_of(const char *path) {
    struct stat is;
    return stat(path, &is) == 0 ? is.st_size : 0;
}

static void fills(struct server *s) {
    say_all(s);
    server_logged(s, "the room goes on");
    off_t size = size_of(file_of(s));
    cr_assert(size <= ROOM && size > ROOM - LINE, "%lld bytes", (long long)size);
    char *text = run_read_file(file_of(s)), *at = strstr(text, "say ann: 0\n");
    cr_assert(at);
    for (int i = 0; at; i++, at = strstr(at + 1, "say ann: "))
        cr_assert_eq(atoi(at + strlen("say ann: ")), i);
    cr_assert_eq(text[strlen(text) - 1], '\n');
    free(text);
    cr_assert_eq(server_log_count(s, "the room goes on"), 1);
    cr_assert_eq(server_log_count(s, "the transcript goes on"), 0);
}

static void has_at_last(const char *path, int line) {
    char last[40];
    int64_t deadline = wait_deadline();
    snprintf(last, sizeof last, "say ann: %d\n", line);
    for (bool there = false; !there;) {
        char *text = run_read_file(path);
        there = text && strstr(text, last);
        free(text);
        cr_assert(there || wait_left_ms(deadline) > 0);
        wait_breath();
    }
}

static void limit_files(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = ROOM;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static struct server *prepare(void) {
    struct server *s = server_prepare();
    char folder[400];
    snprintf(folder, sizeof folder, "%s/disk", s->dir);
    cr_assert_eq(mkdir(folder, 0755), 0);
    return s;
}

#define CONF SERVER_QUIET(2) "transcript = %s\n"

Test(transcript_room, a_file_gets_what_its_limit_lets_in) {
    struct server *s = prepare();
    run_before_exec = limit_files;
    server_launch(s, CONF, file_of(s));
    fills(s);
    server_stop(s);
}

Test(transcript_room, and_where_each_write_is_synced) {
    struct server *s = prepare();
    run_before_exec = limit_files;
    server_launch(s, CONF "transcript_sync = 0\n", file_of(s));
    fills(s);
    server_stop(s);
}

Test(transcript_room, a_disk_gets_what_it_has_room_for) {
    skip_unless_root();
    struct server *s = prepare();
    char folder[400];
    snprintf(folder, sizeof folder, "%s/disk", s->dir);
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", folder, "tmpfs", 0, "size=16k,mode=0755") != 0)
        skip_test("no file system can be mounted: %s", strerror(errno));
    server_launch(s, CONF, file_of(s));
    fills(s);
    cr_assert_eq(mount("none", folder, "tmpfs", MS_REMOUNT, "size=1m,mode=0755"), 0);
    server_logged(s, "the transcript goes on in ");
    has_at_last(file_of(s), LINES - 1);
    server_stop(s);
    umount2(folder, MNT_DETACH);
}
