/* unit_gate_refused.c - on a system without process-shared semaphores the segment is not created,
 * and the error names the reason. */
#include "ipc/gate.h"
#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

TestSuite(gate_refused, .timeout = 180);

static bool sem_init_refuses;

/* Replaces libc's function in the whole test program. */
int sem_init(sem_t *sem, int shared, unsigned value) {
    if (sem_init_refuses) {
        errno = ENOSYS;
        return -1;
    }
    int (*real)(sem_t *, int, unsigned);
    *(void **)&real = dlsym(RTLD_NEXT, "sem_init");
    return real(sem, shared, value);
}

Test(gate_refused, the_gate_is_not_made) {
    static struct gate gate;
    cr_assert(gate_init(&gate));
    sem_init_refuses = true;
    errno = 0;
    cr_assert(!gate_init(&gate));
    cr_assert_eq(errno, ENOSYS);
}

Test(gate_refused, the_segment_is_not_made) {
    struct config config = unit_config(65536);
    struct geometry geometry;
    struct segment seg;
    char err[256] = "";
    segment_geometry(&geometry, &config, UNIT_CLIENTS);
    sem_init_refuses = true;
    cr_assert_eq(segment_create(&seg, &geometry, &config, err, sizeof err), -1);
    cr_assert_str_eq(err, "shared memory: sem_init: Function not implemented");
    cr_assert_eq(seg.fd, -1, "nothing is left open");
}
