/* table.c - see table.h. */
#include "tests/crash/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct fault_table *table_make(void) {
    struct fault_table *table = MAP_FAILED;
    char name[64];
    int fd = memfd_create("faults", 0);
    if (fd >= 0 && ftruncate(fd, sizeof *table) == 0)
        table = mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (table == MAP_FAILED) {
        perror("the table of fault points");
        exit(2);
    }
    snprintf(name, sizeof name, "/proc/%d/fd/%d", (int)getpid(), fd);
    setenv(FAULT_FILE_VARIABLE, name, 1);
    return table;
}
