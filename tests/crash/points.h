/* points.h - the table in which a test build counts its fault points, and is told at which to die
 * (ipc/fault_table.h); for the programs that arm them. */
#ifndef TESTS_CRASH_POINTS_H
#define TESTS_CRASH_POINTS_H

#include "ipc/fault_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The same program with another layout of the segment lies beside it (Makefile, LAYOUT_TEST). */
static inline void points_other(const char *binary, char *out, size_t size) {
    const char *slash = strrchr(binary, '/');
    const char *name = slash ? slash + 1 : binary;
    snprintf(out, size, "%.*sother/%s", (int)(name - binary), binary, name);
}

/* Servers that are started from now on use it. */
static inline struct fault_table *points_table(void) {
    char path[] = "/tmp/chatroom-faults-XXXXXX";
    struct fault_table *table;
    int fd = mkstemp(path);
    if (fd < 0 || ftruncate(fd, sizeof *table) != 0) {
        perror(path);
        exit(2);
    }
    table = mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    /* An upgraded binary opens the table again, after its name is gone. */
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/fd/%d", (int)getpid(), fd);
    setenv(FAULT_FILE_VARIABLE, name, 1);
    unlink(path);
    return table;
}

#endif
