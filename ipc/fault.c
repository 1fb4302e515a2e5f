/* fault.c - test builds only: counts the hits of fault points and dies at the armed one.
 *
 * The table is mapped when the program starts, so every process the master clones has it, and an
 * upgraded binary maps it again.  Without the variable, or without the file, nothing ever fires. */
#include "ipc/fault.h"

#ifdef CHATROOM_FAULTS

#include "ipc/fault_table.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct fault_table *fault_table;

__attribute__((constructor)) static void fault_map(void) {
    const char *path = getenv(FAULT_FILE_VARIABLE);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *at = mmap(NULL, sizeof *fault_table, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at == MAP_FAILED) {
        perror(path);
        exit(1);
    }
    fault_table = at;
}

static void fault_count(struct fault_table *table, uint64_t key, const char *name) {
    for (uint32_t tries = 0, i = key % FAULT_POINTS_MAX; tries < FAULT_POINTS_MAX; tries++) {
        struct fault_point *point = &table->at[i];
        uint64_t is = atomic_load_explicit(&point->key, memory_order_relaxed);
        if (is == 0 && atomic_compare_exchange_strong(&point->key, &is, key))
            is = key;
        if (is == key) {
            atomic_fetch_add_explicit(&point->hits, 1, memory_order_relaxed);
            if (point->name[0] == '\0')
                strncpy(point->name, name, sizeof point->name - 1);
            return;
        }
        i = (i + 1) % FAULT_POINTS_MAX;
    }
}

void fault_hit(const char *name) {
    struct fault_table *table = fault_table;
    if (!table)
        return;
    uint64_t key = fault_key(name);
    fault_count(table, key, name);
    if (atomic_load_explicit(&table->armed, memory_order_acquire) != key ||
        atomic_fetch_sub(&table->left, 1) != 1)
        return;
    uint64_t then = atomic_exchange(&table->then, 0);
    int32_t signo = atomic_load(&table->signal);
    atomic_store(&table->left, 1);
    if (then != 0)
        atomic_store(&table->signal, atomic_load(&table->then_signal));
    atomic_store(&table->armed, then);
    if (then == 0)
        atomic_store(&table->fired, getpid());
    kill(getpid(), signo);
}

#endif
