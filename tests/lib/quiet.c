/* quiet.c - what code under test logs in the tests' own processes goes to the file named by
 * CHATROOM_TEST_LOG, not among Criterion's lines.  Servers have files of their own (server.h). */
#include "ipc/log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { QUIET_FD = 100 }; /* at least: tests know the numbers of their own descriptors */

__attribute__((constructor)) static void quiet_begin(void) {
    const char *path = getenv("CHATROOM_TEST_LOG");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
    if (fd < 0)
        return;
    log_to(fcntl(fd, F_DUPFD_CLOEXEC, QUIET_FD), NULL);
    close(fd);
}
