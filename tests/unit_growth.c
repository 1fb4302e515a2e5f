/* unit_growth.c - the segment's memory is reserved in steps, as descriptors come into use. */
#include "ipc/shared_object.h"
#include "tests/lib/skip.h"
#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

TestSuite(growth, .timeout = 60);

enum { MANY = 3000 }; /* descriptors: twelve steps */

static struct segment seg;

static void grow_make(uint32_t max_clients, uint32_t descriptors) {
    struct config config = unit_config(65536);
    struct geometry geometry;
    char err[512] = "";
    config.max_clients = max_clients;
    segment_geometry(&geometry, &config, descriptors);
    cr_assert_eq(segment_create(&seg, &geometry, &config, err, sizeof err), 0, "%s", err);
}

/* Bytes of memory that the object has. */
static size_t grow_held(void) {
    struct stat st;
    cr_assert_eq(fstat(seg.fd, &st), 0);
    return (size_t)st.st_blocks * 512;
}

/* Writes to all that lies beside record `fd`, and to the last buffers: without memory behind them
 * this would ask the kernel for more. */
static void grow_touch(uint32_t fd) {
    memset(&seg.clients.at[fd], 1, sizeof seg.clients.at[fd]);
    for (int row = 0; row < 2; row++)
        memset(&seg.clients.name[row][fd], 1, sizeof seg.clients.name[row][fd]);
    memset(&seg.correspondents[fd], 1, sizeof seg.correspondents[fd]);
    memset(&seg.ignore_lists[fd], 1, sizeof seg.ignore_lists[fd]);
    struct buffer_pool *pools[] = {&seg.rx_buffers, &seg.tx_buffers, &seg.ignore_more};
    for (int i = 0; i < 3; i++) {
        uint32_t count = buffer_count(pools[i]);
        memset(buffer_at(pools[i], count), 1, pools[i]->size);
        atomic_store(&pools[i]->owner[count], 1);
    }
}

Test(growth, what_is_used_is_reserved_before_and_nothing_else) {
    grow_make(MANY, MANY + 100);
    cr_assert_eq(grow_held(), segment_reserved(&seg));
    for (uint32_t fd = 0; fd < seg.clients.len; fd++) {
        bool had = segment_has_client(&seg, fd);
        cr_assert_eq(had, fd % GROWTH_CLIENTS != 0 || fd == 0, "%u", fd);
        size_t before = grow_held();
        cr_assert_eq(segment_grow(&seg, fd), 0);
        cr_assert(segment_has_client(&seg, fd));
        cr_assert(had == (grow_held() == before), "%u", fd);
        if (had && fd % GROWTH_CLIENTS != GROWTH_CLIENTS - 1)
            continue;
        size_t held = grow_held();
        grow_touch(fd);
        cr_assert_eq(grow_held(), held, "descriptor %u: it was not all reserved", fd);
        cr_assert_eq(held, segment_reserved(&seg));
    }
    cr_assert_not(segment_has_client(&seg, seg.clients.len));
}

/* As many rx buffers as clients, whatever the number of steps; in the end all of every pool. */
Test(growth, buffers_suffice_at_each_step) {
    grow_make(MANY, MANY + 100);
    for (uint32_t fd = 0; fd < MANY + 100; fd += 50) {
        cr_assert_eq(segment_grow(&seg, fd), 0);
        uint32_t clients = fd < MANY ? fd : MANY;
        cr_assert_geq(buffer_count(&seg.rx_buffers), clients);
        cr_assert_geq(buffer_count(&seg.tx_buffers), 256 + clients / 8);
        cr_assert_geq(buffer_count(&seg.ignore_more), 64 + clients / 16);
    }
    cr_assert_eq(buffer_count(&seg.rx_buffers), seg.rx_buffers.count);
    cr_assert_eq(buffer_count(&seg.tx_buffers), seg.tx_buffers.count);
    cr_assert_eq(buffer_count(&seg.ignore_more), seg.ignore_more.count);
}

Test(growth, a_buffer_beyond_the_steps_is_neither_taken_nor_owned) {
    grow_make(MANY, MANY + 100);
    struct buffer_pool *pool = &seg.rx_buffers;
    uint32_t count = buffer_count(pool), taken = 0;
    while (buffer_take(pool, buffer_tag(1, 1)) != NO_BUFFER)
        taken++;
    cr_assert_eq(taken, count);
    cr_assert_lt(count, pool->count);
    size_t held = grow_held();
    cr_assert_not(buffer_owned(pool, count + 1, buffer_tag(1, 1)));
    buffer_give(pool, count + 1, buffer_tag(1, 1));
    cr_assert_eq(buffer_used(pool), count);
    cr_assert_eq(grow_held(), held, "nothing beyond was looked at");
    cr_assert_eq(segment_grow(&seg, GROWTH_CLIENTS), 0);
    cr_assert_neq(buffer_take(pool, buffer_tag(1, 1)), NO_BUFFER, "there are more now");
}

/* ---- people of other machines ---- */

static void grow_touch_remote(uint32_t at) {
    memset(&seg.clients.at[at], 1, sizeof seg.clients.at[at]);
    for (int row = 0; row < 2; row++)
        memset(&seg.clients.remote_name[row][at - seg.clients.len], 1, sizeof(struct remote_name));
}

Test(growth, remote_records_are_reserved_apart) {
    grow_make(MANY, MANY + 100);
    for (uint32_t row = 0; row < MANY; row++) {
        uint32_t at = seg.clients.len + row;
        bool had = segment_has_client(&seg, at);
        cr_assert_eq(had, row % GROWTH_CLIENTS != 0, "%u", row);
        cr_assert_eq(segment_grow_remote(&seg, at), 0);
        cr_assert(segment_has_client(&seg, at));
        if (had && row % GROWTH_CLIENTS != GROWTH_CLIENTS - 1)
            continue;
        size_t held = grow_held();
        grow_touch_remote(at);
        cr_assert_eq(grow_held(), held, "row %u: it was not all reserved", row);
        cr_assert_eq(held, segment_reserved(&seg));
    }
    cr_assert_not(segment_has_client(&seg, seg.clients.rows));
    cr_assert_eq(atomic_load(&seg.header->steps), 1);
    cr_assert_not(segment_has_client(&seg, GROWTH_CLIENTS),
                  "no descriptor's record came with them");
}

/* Both kinds at once: no page is counted twice, and none is missing between them. */
Test(growth, the_last_record_and_the_first_remote_one_are_neighbours) {
    grow_make(MANY, MANY + 100);
    cr_assert_eq(segment_grow(&seg, seg.clients.len - 1), 0);
    cr_assert_eq(segment_grow_remote(&seg, seg.clients.len), 0);
    size_t held = grow_held();
    cr_assert_eq(held, segment_reserved(&seg));
    grow_touch(seg.clients.len - 1);
    grow_touch_remote(seg.clients.len);
    cr_assert_eq(grow_held(), held);
}

/* A million clients that may come cost no more than their tables of hashes. */
Test(growth, an_empty_room_is_small_whatever_max_clients_is) {
    grow_make(100, 1000);
    size_t small = segment_reserved(&seg);
    segment_close(&seg);
    grow_make(20000, 22000);
    cr_assert_lt(segment_reserved(&seg), small + (3u << 20));
    cr_assert_gt(segment_size(&seg.header->geometry), small + (50u << 20));
}

/* ---- where memory ends ---- */

/* A /dev/shm of `size`, in a mount namespace of the test's own; NULL: none at all. */
static void shm_mount(const char *size) {
    char options[64];
    snprintf(options, sizeof options, "size=%s,mode=1777", size ? size : "4k");
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", size ? "/dev/shm" : "/dev", "tmpfs", 0, options) != 0)
        skip_test("no file system can be mounted: %s", strerror(errno));
}

static bool shm_used(void) {
    struct stat object, shm;
    cr_assert_eq(fstat(seg.fd, &object), 0);
    return stat("/dev/shm", &shm) == 0 && object.st_dev == shm.st_dev;
}

Test(growth, dev_shm_is_used_where_it_has_plenty) {
    shm_mount("64m");
    grow_make(MANY, MANY + 100);
    cr_assert(shm_used());
}

Test(growth, a_memfd_is_used_where_dev_shm_is_too_small) {
    shm_mount("4m");
    grow_make(MANY, MANY + 100);
    cr_assert_not(shm_used());
    cr_assert_eq(segment_grow(&seg, MANY), 0);
    grow_touch(MANY);
}

Test(growth, a_memfd_is_used_where_there_is_no_dev_shm) {
    shm_mount(NULL);
    grow_make(MANY, MANY + 100);
    cr_assert_not(shm_used());
}

Test(growth, a_memfd_is_used_where_dev_shm_is_no_tmpfs) {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("/proc", "/dev/shm", NULL, MS_BIND, NULL) != 0)
        skip_test("no file system can be mounted: %s", strerror(errno));
    grow_make(MANY, MANY + 100);
    cr_assert_not(shm_used());
}

/* The rest of /dev/shm is taken after the start. */
static void shm_fill(size_t left) {
    struct stat st;
    int fd = open("/dev/shm/filler", O_RDWR | O_CREAT, 0600);
    cr_assert_geq(fd, 0);
    size_t held = grow_held(), size = (64u << 20) - held - left;
    cr_assert_eq(posix_fallocate(fd, 0, (off_t)size), 0);
    cr_assert_eq(fstat(fd, &st), 0);
    close(fd);
}

Test(growth, a_step_that_fails_changes_nothing_and_is_tried_again) {
    shm_mount("64m");
    grow_make(MANY, MANY + 100);
    shm_fill(300000); /* enough for the records of a step, not for its buffers */
    uint32_t rx = buffer_count(&seg.rx_buffers);
    for (int tries = 0; tries < 3; tries++)
        cr_assert_eq(segment_grow(&seg, GROWTH_CLIENTS), ENOSPC);
    cr_assert_not(segment_has_client(&seg, GROWTH_CLIENTS));
    cr_assert_eq(buffer_count(&seg.rx_buffers), rx);
    grow_touch(GROWTH_CLIENTS - 1);
    cr_assert_eq(unlink("/dev/shm/filler"), 0);
    cr_assert_eq(segment_grow(&seg, GROWTH_CLIENTS), 0);
    grow_touch(2 * GROWTH_CLIENTS - 1);
    cr_assert_eq(grow_held(), segment_reserved(&seg));
}

Test(growth, a_remote_step_that_fails_changes_nothing_and_is_tried_again) {
    shm_mount("64m");
    grow_make(MANY, MANY + 100);
    shm_fill(130000); /* enough for the records of a step, not for both rows of names */
    for (int tries = 0; tries < 3; tries++)
        cr_assert_eq(segment_grow_remote(&seg, seg.clients.len), ENOSPC);
    cr_assert_not(segment_has_client(&seg, seg.clients.len));
    cr_assert_eq(unlink("/dev/shm/filler"), 0);
    cr_assert_eq(segment_grow_remote(&seg, seg.clients.len), 0);
    grow_touch_remote(seg.clients.len + GROWTH_CLIENTS - 1);
    cr_assert_eq(grow_held(), segment_reserved(&seg));
}

/* The limit is for files on a disk. */
Test(growth, steps_go_on_under_a_limit_of_file_sizes) {
    for (int memfd = 0; memfd < 2; memfd++) {
        struct rlimit limit;
        shm_mount(memfd ? "4m" : "64m");
        cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
        limit.rlim_cur = 4096;
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        grow_make(MANY, MANY + 100);
        cr_assert_eq(shm_used(), !memfd);
        cr_assert_eq(segment_grow(&seg, MANY), 0);
        segment_close(&seg);
    }
}

Test(growth, of_several_steps_those_that_succeed_stay) {
    shm_mount("64m");
    grow_make(MANY, MANY + 100);
    shm_fill(2500000);
    cr_assert_eq(segment_grow(&seg, MANY), ENOSPC);
    cr_assert(segment_has_client(&seg, GROWTH_CLIENTS));
    cr_assert_not(segment_has_client(&seg, MANY));
    uint32_t steps = atomic_load(&seg.header->steps);
    grow_touch(steps * GROWTH_CLIENTS - 1);
}

/* A death between the reservation and the step's count. */
static bool grow_for_ever(struct segment *s, int fd) {
    for (;;) {
        atomic_store(&s->header->steps, 1);
        if (segment_grow(s, (uint32_t)fd) != 0)
            return false;
    }
    return true;
}

Test(growth, a_step_is_whole_whenever_its_process_dies) {
    shm_mount("64m");
    for (int tries = 0; tries < 50; tries++) {
        grow_make(MANY, MANY + 100);
        pid_t pid = unit_child(grow_for_ever, &seg, MANY);
        while (!segment_has_client(&seg, GROWTH_CLIENTS * (uint32_t)(1 + tries % 8)))
            sched_yield();
        kill(pid, SIGKILL);
        cr_assert(WIFSIGNALED(unit_join(pid)));
        atomic_store(&seg.header->steps, 1);
        cr_assert_eq(segment_grow(&seg, MANY), 0);
        cr_assert_eq(grow_held(), segment_reserved(&seg));
        segment_close(&seg);
    }
}
