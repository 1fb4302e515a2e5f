/* unit_pidfile.c - the pidfile: locked, written, moved, removed; and moved by the successor of a
 * master that died during a move. */
#include "master/pidfile.h"
#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char dir[] = "/tmp/chatroom-pidfile-XXXXXX", path[2][64];
static struct config config[3]; /* the third: no pidfile */
static struct master_state state;
static char err[512];

static void set_up(void) {
    cr_assert(mkdtemp(dir));
    for (int i = 0; i < 2; i++) {
        snprintf(path[i], sizeof path[i], "%s/pid%d", dir, i);
        snprintf(config[i].pidfile, sizeof config[i].pidfile, "%s", path[i]);
    }
    state = (struct master_state){.pid_fd_file = -1, .pid_fd_next = -1};
}
static void tear_down(void) {
    for (int i = 0; i < 2; i++)
        unlink(path[i]);
    rmdir(dir);
}
TestSuite(pidfile, .init = set_up, .fini = tear_down, .timeout = 180);

static bool exists(int i) {
    return access(path[i], F_OK) == 0;
}

/* Whether the file is locked, tested through another open file description, as another server
 * would. */
static bool locked(int i) {
    int fd = open(path[i], O_RDWR);
    cr_assert_geq(fd, 0);
    bool held = flock(fd, LOCK_EX | LOCK_NB) != 0;
    close(fd);
    return held;
}

static void names_us(int i) {
    char text[64] = "", want[64];
    int fd = open(path[i], O_RDONLY);
    cr_assert_geq(fd, 0);
    cr_assert_geq(read(fd, text, sizeof text - 1), 0);
    close(fd);
    snprintf(want, sizeof want, "%d\n", (int)getpid());
    cr_assert_str_eq(text, want);
}

static bool is_open(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}

static void write_pid(const struct master_state *of) {
    cr_assert(pidfile_write(of, getpid(), err, sizeof err), "%s", err);
}

static void open_first(void) {
    cr_assert(pidfile_open(&state, &config[0], err, sizeof err), "%s", err);
    write_pid(&state);
}

static void move_to(int i) {
    cr_assert(pidfile_move(&state, &config[i], getpid(), err, sizeof err), "%s", err);
    cr_assert_str_eq(state.pidfile, config[i].pidfile);
    cr_assert_eq(state.pid_fd_next, -1);
}

Test(pidfile, is_locked_at_once_and_written_later) {
    struct stat is;
    cr_assert(pidfile_open(&state, &config[0], err, sizeof err));
    cr_assert(locked(0));
    cr_assert_eq(stat(path[0], &is) | (int)is.st_size, 0);
    write_pid(&state);
    names_us(0);
}

static void fill(int i, const char *bytes, size_t len) {
    FILE *file = fopen(path[i], "w");
    cr_assert(file);
    cr_assert_eq(fwrite(bytes, 1, len, file), len);
    fclose(file);
}

static void holds(int i, const char *bytes, size_t len) {
    char text[128];
    FILE *file = fopen(path[i], "r");
    cr_assert(file);
    cr_assert_eq(fread(text, 1, sizeof text, file), len);
    fclose(file);
    cr_assert_eq(memcmp(text, bytes, len), 0);
}

/* Also what a crash leaves: of this server while it overwrote a longer number, and of the system.
 */
Test(pidfile, what_an_older_server_left_is_replaced) {
    static const char *const left[] = {"", "1\n", "1", "1234567890\n", "12345\n7\n"};
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        fill(0, left[i], strlen(left[i]));
        open_first();
        names_us(0);
        pidfile_remove(&state);
    }
    fill(0, "\0\0\0\0\0", 5);
    open_first();
    names_us(0);
}

/* The path of another file, by mistake. */
Test(pidfile, what_is_no_pidfile_is_refused_and_left_alone) {
    static const char *const others[] = {"\n# the configuration\n",
                                         "welcome all\n",
                                         "2026-11-25 10:00:00.000 info [12] master: ready\n",
                                         "1 2\n",
                                         "-1\n",
                                         "12345x",
                                         "\n\xe4\xbd\xa0",
                                         "12345678901234567890123456789012\n"};
    char want[200];
    snprintf(want, sizeof want, "pidfile %s: holds something else than a process id", path[0]);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        fill(0, others[i], strlen(others[i]));
        cr_assert(!pidfile_open(&state, &config[0], err, sizeof err), "%s", others[i]);
        cr_assert_str_eq(err, want);
        cr_assert_eq(state.pid_fd_file, -1);
        cr_assert(!locked(0));
        holds(0, others[i], strlen(others[i]));
    }
}

Test(pidfile, does_not_move_onto_another_file) {
    fill(1, "welcome all\n", 12);
    open_first();
    cr_assert(!pidfile_move(&state, &config[1], getpid(), err, sizeof err));
    cr_assert(strstr(err, "holds something else"), "%s", err);
    cr_assert_eq(state.pid_fd_next, -1);
    holds(1, "welcome all\n", 12);
    names_us(0);
}

/* ---- no room ---- */

/* 0: none at all; 2: for half a number. */
static const rlim_t rooms[] = {0, 2};
static void room(rlim_t size) {
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void no_room_for(int i, bool done, rlim_t size) {
    room(RLIM_INFINITY);
    char want[200];
    snprintf(want, sizeof want, "pidfile %s: %s", path[i],
             strerror(size == 0 ? EFBIG : ENOSPC)); /* of a short write */
    cr_assert(!done);
    cr_assert_str_eq(err, want);
}

Test(pidfile, what_cannot_be_written_is_empty_and_written_by_the_next_reload) {
    for (int i = 0; i < 2; i++) {
        fill(0, i ? "123\n" : "", i ? 4 : 0); /* a dead master's */
        cr_assert(pidfile_open(&state, &config[0], err, sizeof err));
        room(rooms[i]);
        no_room_for(0, pidfile_write(&state, getpid(), err, sizeof err), rooms[i]);
        holds(0, "", 0);
        room(rooms[i]);
        no_room_for(0, pidfile_move(&state, &config[0], getpid(), err, sizeof err), rooms[i]);
        holds(0, "", 0);
        cr_assert(locked(0));
        move_to(0);
        names_us(0);
        pidfile_remove(&state);
    }
}

Test(pidfile, what_holds_the_pid_is_not_written_again) {
    open_first();
    room(0);
    cr_assert(pidfile_write(&state, getpid(), err, sizeof err), "%s", err);
    move_to(0);
    room(RLIM_INFINITY);
    names_us(0);
}

Test(pidfile, does_not_move_where_there_is_no_room) {
    open_first();
    for (int i = 0; i < 2; i++) {
        if (i == 1)
            fill(1, "12345\n", 6); /* a dead server's */
        room(rooms[i]);
        no_room_for(1, pidfile_move(&state, &config[1], getpid(), err, sizeof err), rooms[i]);
        cr_assert(!exists(1));
        cr_assert_str_eq(state.pidfile, path[0]);
        cr_assert_eq(state.pid_fd_next, -1);
        names_us(0);
        cr_assert(locked(0));
    }
    move_to(1);
    names_us(1);
    cr_assert(!exists(0));
}

/* It had removed the new file, but not closed it. */
Test(pidfile, master_died_where_there_is_no_room) {
    open_first();
    state.pid_fd_next = open(path[1], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    int next = state.pid_fd_next;
    cr_assert_eq(flock(next, LOCK_EX | LOCK_NB) | unlink(path[1]), 0);
    room(0);
    no_room_for(1, pidfile_move(&state, &config[1], getpid(), err, sizeof err), 0);
    cr_assert(!is_open(next) && !exists(1));
    names_us(0);
    move_to(1);
    names_us(1);
    cr_assert(!exists(0));
}

/* ---- the path ---- */

Test(pidfile, a_second_server_is_refused) {
    struct master_state second = {.pid_fd_file = -1, .pid_fd_next = -1};
    char want[200];
    open_first();
    cr_assert(!pidfile_open(&second, &config[0], err, sizeof err));
    snprintf(want, sizeof want, "pidfile %s: another server holds it", path[0]);
    cr_assert_str_eq(err, want);
    cr_assert_eq(second.pid_fd_file, -1);
    names_us(0);
}

Test(pidfile, a_folder_that_is_not_there_is_named) {
    snprintf(config[0].pidfile, sizeof config[0].pidfile, "%s/nowhere/pid", dir);
    cr_assert(!pidfile_open(&state, &config[0], err, sizeof err));
    cr_assert(strstr(err, "/nowhere/pid: No such file or directory"), "%s", err);
}

Test(pidfile, is_removed_and_unlocked) {
    open_first();
    int fd = state.pid_fd_file;
    pidfile_remove(&state);
    cr_assert(!exists(0) && !is_open(fd));
    cr_assert_eq(state.pid_fd_file, -1);
    pidfile_remove(&state); /* a second call has no effect */
}

/* As if the server may not write to the folder: the name cannot be removed. */
Test(pidfile, what_cannot_be_removed_is_emptied) {
    struct stat is;
    open_first();
    int fd = dup(state.pid_fd_file);
    cr_assert_eq(unlink(path[0]) | mkdir(path[0], 0700), 0);
    pidfile_remove(&state);
    cr_assert_eq(fstat(fd, &is), 0);
    cr_assert_eq(is.st_size, 0);
    cr_assert_eq(rmdir(path[0]), 0);
}

Test(pidfile, none_is_configured) {
    cr_assert(pidfile_open(&state, &config[2], err, sizeof err));
    write_pid(&state);
    pidfile_remove(&state);
    cr_assert_eq(state.pid_fd_file, -1);
}

Test(pidfile, moves_appears_and_is_removed) {
    open_first();
    int first = state.pid_fd_file;
    move_to(1);
    names_us(1);
    cr_assert(locked(1) && !exists(0) && !is_open(first));
    move_to(1); /* the same path: no effect */
    names_us(1);
    int second = state.pid_fd_file;
    move_to(2);
    cr_assert(!exists(1) && !is_open(second));
    move_to(0);
    names_us(0);
    cr_assert(locked(0));
}

Test(pidfile, stays_where_it_is_if_it_cannot_move) {
    open_first();
    int held = open(path[1], O_RDWR | O_CREAT, 0600);
    cr_assert_eq(flock(held, LOCK_EX), 0);
    cr_assert(!pidfile_move(&state, &config[1], getpid(), err, sizeof err));
    cr_assert(strstr(err, "another server holds it"), "%s", err);
    cr_assert_str_eq(state.pidfile, path[0]);
    cr_assert_eq(state.pid_fd_next, -1);
    names_us(0);
    cr_assert(locked(0));
}

/* ---- a master died in the middle; its successor reloads again ---- */

static int half_open(int i) {
    int fd = open(path[i], O_RDWR | O_CREAT, 0644);
    cr_assert_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
    return fd;
}

Test(pidfile, master_died_with_the_next_file_locked) {
    open_first();
    int next = state.pid_fd_next = half_open(1);
    move_to(1);
    cr_assert(locked(1) && !exists(0));
    names_us(1);
    cr_assert(state.pid_fd_file == next || !is_open(next), "no lock is left behind");
}

Test(pidfile, master_died_with_the_next_file_in_place_but_not_stored) {
    open_first();
    int next = half_open(1), old = state.pid_fd_file;
    state.pid_fd_file = state.pid_fd_next = next;
    unlink(path[0]);
    close(old);
    move_to(1);
    cr_assert(is_open(next) && locked(1));
    cr_assert_eq(state.pid_fd_file, next);
}

Test(pidfile, master_died_with_the_next_file_stored) {
    open_first();
    move_to(1);
    state.pid_fd_next = state.pid_fd_file;
    move_to(1);
    cr_assert(is_open(state.pid_fd_file) && locked(1));
}

/* Meanwhile the configuration has changed again. */
Test(pidfile, master_died_and_the_path_has_changed_again) {
    open_first();
    state.pid_fd_next = half_open(1);
    int next = state.pid_fd_next;
    move_to(0);
    cr_assert(!is_open(next) && locked(0));
    names_us(0);
}

/* ---- the path and the file ---- */

static ino_t inode_at(int i) {
    struct stat is;
    return lstat(path[i], &is) == 0 ? is.st_ino : 0;
}
static ino_t inode_of(int fd) {
    struct stat is;
    cr_assert_eq(fstat(fd, &is), 0);
    return is.st_ino;
}

/* The file was removed by hand, and another server has made its own. */
Test(pidfile, another_servers_file_is_not_removed) {
    struct master_state second = {.pid_fd_file = -1, .pid_fd_next = -1};
    open_first();
    cr_assert_eq(unlink(path[0]), 0);
    cr_assert(pidfile_open(&second, &config[0], err, sizeof err), "%s", err);
    write_pid(&second);
    pidfile_remove(&state);
    cr_assert_eq(inode_at(0), inode_of(second.pid_fd_file));
    names_us(0);
    pidfile_remove(&second);
    cr_assert(!exists(0));
}

/* The same by a reload to another path. */
Test(pidfile, another_servers_file_is_not_removed_by_a_move) {
    struct master_state second = {.pid_fd_file = -1, .pid_fd_next = -1};
    open_first();
    cr_assert_eq(unlink(path[0]), 0);
    cr_assert(pidfile_open(&second, &config[0], err, sizeof err), "%s", err);
    write_pid(&second);
    move_to(1);
    names_us(0);
    cr_assert(locked(0));
}

/* What an administrator has put in place of the file is not the server's either. */
Test(pidfile, what_has_replaced_the_file_stays) {
    for (int link = 0; link < 2; link++) {
        open_first();
        cr_assert_eq(unlink(path[0]), 0);
        cr_assert_eq(link ? symlink("/dev/null", path[0]) : mkdir(path[0], 0700), 0);
        pidfile_remove(&state);
        cr_assert_neq(inode_at(0), 0);
        cr_assert_eq(remove(path[0]), 0);
    }
}

/* Starts and ends as a server does, again and again, until it is killed. */
static void come_and_go(void) {
    struct master_state other = {.pid_fd_file = -1, .pid_fd_next = -1};
    for (;;) {
        if (pidfile_open(&other, &config[0], err, sizeof err))
            pidfile_remove(&other);
    }
}

/* The other server removes its file after this one has opened it: a lock on a file without a name
 * keeps no third server from starting. */
Test(pidfile, the_locked_file_is_the_one_at_the_path) {
    pid_t other = fork();
    cr_assert_geq(other, 0);
    if (other == 0)
        come_and_go();
    for (int i = 0, won = 0; won < 2000 && i < 2000000; i++) {
        if (!pidfile_open(&state, &config[0], err, sizeof err)) {
            cr_assert(strstr(err, "another server holds it"), "%s", err);
            continue;
        }
        won++;
        cr_assert_eq(inode_at(0), inode_of(state.pid_fd_file), "after %d", won);
        pidfile_remove(&state);
    }
    kill(other, SIGKILL);
    cr_assert_eq(waitpid(other, NULL, 0), other);
}

Test(pidfile, what_is_no_file_of_its_own_is_refused) {
    cr_assert_eq(symlink(path[1], path[0]), 0);
    cr_assert(!pidfile_open(&state, &config[0], err, sizeof err));
    cr_assert(strstr(err, "it is a symbolic link, which is not followed"), "%s", err);
    cr_assert(!exists(1));
    cr_assert_eq(unlink(path[0]) | mkfifo(path[0], 0600), 0);
    cr_assert(!pidfile_open(&state, &config[0], err, sizeof err));
    cr_assert(strstr(err, "it is not a regular file"), "%s", err);
    cr_assert_eq(state.pid_fd_file, -1);
    open(path[1], O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    cr_assert_eq(unlink(path[0]) | link(path[1], path[0]), 0);
    cr_assert(!pidfile_open(&state, &config[0], err, sizeof err));
    cr_assert(strstr(err, "it has 2 names"), "%s", err);
}
