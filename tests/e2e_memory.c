/* e2e_memory.c - places with little shared memory: a small /dev/shm, one that fills up, none. */
#include "tests/lib/guest.h"
#include "tests/lib/sandbox.h"
#include "tests/lib/skip.h"
#include "tests/lib/swarm.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

TestSuite(memory, .timeout = 180);

/* Many clients may come, so that records are reserved in steps. */
static const char roomy[] = SERVER_QUIET(2) "ring_size = 64K\nmax_clients = 4000\n"
                                            "announce_max = 1\nlogin_timeout = 0\n";

/* ---- mounts of the test's own ---- */

static void mounts_own(void) {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        skip_test("no mount namespace: %s", strerror(errno));
}

static void shm_of(const char *size) {
    char options[64];
    mounts_own();
    snprintf(options, sizeof options, "size=%s,mode=1777", size);
    if (mount("none", "/dev/shm", "tmpfs", 0, options) != 0)
        skip_test("no tmpfs can be mounted: %s", strerror(errno));
}

/* A /dev with nothing but what every program needs. */
static void shm_none(void) {
    mounts_own();
    if (mount("none", "/dev", "tmpfs", 0, "size=1m,mode=755") != 0 ||
        mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3)) != 0)
        skip_test("no tmpfs can be mounted: %s", strerror(errno));
}

static void shm_read_only(void) {
    shm_of("64m");
    if (mount("none", "/dev/shm", NULL, MS_REMOUNT | MS_RDONLY, NULL) != 0)
        skip_test("no tmpfs can be mounted: %s", strerror(errno));
}

static size_t shm_left(void) {
    struct statvfs fs;
    cr_assert_eq(statvfs("/dev/shm", &fs), 0);
    return fs.f_bavail * fs.f_bsize;
}

static const char filler[] = "/dev/shm/filler";

static void shm_fill(size_t left) {
    int fd = open(filler, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(posix_fallocate(fd, 0, (off_t)(shm_left() - left)), 0);
    close(fd);
}

/* ---- a crowd that comes ---- */

struct crowd {
    struct swarm *swarm;
    int greeted, refused;
};

static void crowd_heard(void *state, int member, const char *line) {
    struct crowd *c = state;
    (void)member;
    c->greeted += strstr(line, "login <nick>") != NULL;
    c->refused += strcmp(line, "The room is full.") == 0;
}

static bool crowd_answered(void *state) {
    struct crowd *c = state;
    return c->greeted + c->refused == c->swarm->count;
}

static void crowd_come(struct crowd *c, struct server *s, int count) {
    if (c->swarm)
        swarm_add(c->swarm, s, count);
    else
        c->swarm = swarm_connect(s, count, crowd_heard, c);
    swarm_pump(c->swarm, crowd_answered, c);
}

static void talk(struct guest *g[2], const char *text) {
    guest_say(g[0], "%s", text);
    for (int i = 0; i < 2; i++)
        guest_until(g[i], "%s", told2(TOLD_SPEECH, "ann", text));
}

/* ---- tests ---- */

Test(memory, where_a_step_finds_none_the_room_is_full_for_those_who_come) {
    enum { COME = 400, STEP = 256 };
    shm_of("128m");
    struct crowd c = {0};
    struct server *s = server_start("%s", roomy);
    s->workers_may_die = true;
    struct guest *g[2] = {guest_enter(s, "ann"), guest_enter(s, "bob")};
    shm_fill(100000);
    crowd_come(&c, s, COME);
    cr_assert_gt(c.refused, 0, "%d came", c.greeted);
    cr_assert_lt(c.greeted, STEP);
    server_logged(s, "refused: no shared memory for more clients: No space left on device");
    talk(g, "one");
    for (int k = 0; k < 2; k++) {
        kill(server_worker_pid(s, k), SIGKILL);
        server_logged(s, "worker %d was killed by signal 9", k);
        talk(g, k ? "three" : "two");
    }
    int refused = c.refused;
    crowd_come(&c, s, 20); /* a descriptor or two may have become free below */
    cr_assert_gt(c.refused, refused);
    refused = c.refused;
    cr_assert_eq(unlink(filler), 0);
    crowd_come(&c, s, COME);
    cr_assert_eq(c.refused, refused, "there is memory again");
    talk(g, "four");
    cr_assert_eq(server_log_count(s, "killed by signal"), 2, "no SIGBUS");
    server_stop(s);
}

/* Lists, numbers of people who are not there, kicks of full tables: nothing looks at records that
 * have no memory yet, which would take some or end a worker. */
Test(memory, looking_for_people_takes_none) {
    shm_of("128m");
    struct server *s = server_start("%s", roomy);
    struct guest *ann = guest_enter(s, "ann");
    size_t left = shm_left();
    for (int n = 0; n < 4500; n += 50) {
        guest_say(ann, "/msg #%d hello", n);
        guest_say(ann, "/ignore ???#%d", n);
    }
    guest_say(ann, "who");
    guest_say(ann, "/msg #4294967295 hello");
    guest_until(ann, "The following are logged in:");
    guest_until(ann, "There is no \"#4294967295\" here.");
    cr_assert_leq(left - shm_left(), 65536, "%zu bytes", left - shm_left());
    server_stop(s);
}

Test(memory, an_empty_room_takes_its_rings_and_little_more) {
    shm_of("512m");
    size_t before = shm_left();
    struct server *s = server_start(SERVER_QUIET(2)); /* ring_size 4M: 33 MB of rings and ledger */
    cr_assert_gt(before - shm_left(), 33u << 20);
    cr_assert_lt(before - shm_left(), 39u << 20, "%zu bytes", before - shm_left());
    server_stop(s);
}

static void serves(struct server *s) {
    s->workers_may_die = true;
    struct crowd c = {0};
    struct guest *g[2] = {guest_enter(s, "ann"), guest_enter(s, "bob")};
    crowd_come(&c, s, 300);
    cr_assert_eq(c.refused, 0);
    server_signal(s, SIGUSR2);
    server_logged(s, "upgraded: ");
    talk(g, "after the upgrade");
    kill(server_worker_pid(s, 0), SIGKILL);
    server_logged(s, "worker 0 was killed by signal 9");
    talk(g, "after a death");
    crowd_come(&c, s, 300);
    cr_assert_eq(c.refused, 0);
    server_stop(s);
}

/* Where /dev/shm will not do, everything is as ever. */
/* As in a container of Docker's. */
Test(memory, of_64_MB_is_not_plenty_for_dev_shm_and_the_server_runs) {
    shm_of("64m");
    struct server *s = server_start(SERVER_QUIET(2) "announce_max = 1\nlog_level = debug\n");
    server_logged(s, "MB may be needed: the shared memory is a memfd");
    cr_assert_eq(shm_left(), 64u << 20);
    serves(s);
}

Test(memory, of_1_MB_is_too_little_for_dev_shm_and_the_server_runs) {
    shm_of("1m");
    struct server *s = server_start("%slog_level = debug\n", roomy);
    server_logged(s, "/dev/shm has 1 MB free, and ");
    serves(s);
}

Test(memory, no_dev_shm_and_the_server_runs) {
    shm_none();
    struct server *s = server_start("%slog_level = debug\n", roomy);
    server_logged(s, "/dev/shm is missing: the shared memory is a memfd");
    serves(s);
}

Test(memory, a_dev_shm_that_is_read_only_and_the_server_runs) {
    shm_read_only();
    struct server *s = server_start("%slog_level = debug\n", roomy);
    server_logged(s, "the shared memory is a memfd");
    serves(s);
}

static void deny_memfd(void) {
    static const struct sandbox_rule rule = {.call = SYS_memfd_create, .error = ENOSYS};
    sandbox_deny(&rule);
}

/* Without memfds a /dev/shm of any size will do that holds it. */
Test(memory, of_64_MB_serves_where_no_memfd_can_be_made) {
    if (!sandbox_works())
        skip_test("no seccomp");
    shm_of("64m");
    run_before_exec = deny_memfd;
    struct server *s = server_start(SERVER_QUIET(2) "announce_max = 1\n");
    run_before_exec = NULL;
    cr_assert_lt(shm_left(), 47u << 20);
    serves(s);
}

/* The sentence says how much is wanted, how much there is, and what to do. */
Test(memory, that_cannot_be_had_is_named) {
    static struct ran ran;
    if (!sandbox_works())
        skip_test("no seccomp");
    shm_of("1m");
    struct server *s = server_prepare();
    server_configure(s, "%s", roomy);
    run_before_exec = deny_memfd;
    run(&ran, run_server_path(), "-c", s->conf);
    run_before_exec = NULL;
    cr_assert_eq(ran.status, 1);
    cr_assert(strstr(ran.err, "shared memory: cannot reserve "), "%s", ran.err);
    cr_assert(strstr(ran.err, "/dev/shm has 1 MB free, and "), "%s", ran.err);
    cr_assert(strstr(ran.err, "ring_size"), "%s", ran.err);
}
