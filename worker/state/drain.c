/* drain.c - see drain.h. */
#include "worker/state/drain.h"

#include <sys/socket.h>

/* TCP discards without copying (tcp(7), MSG_TRUNC).  4 MB are most of what a receive buffer holds,
 * and cost less than 1 ms. */
void drain(int fd) {
    static char scratch[65536];
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < 64 && recv(fd, scratch, sizeof scratch, MSG_DONTWAIT | MSG_TRUNC) > 0; i++)
        ;
    shutdown(fd, SHUT_RD);
}
