/* counters.c - see counters.h. */
#include "worker/ledger/counters.h"

#include "ipc/clock.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* <linux/tcp.h> has the struct, <netinet/tcp.h> the states; the two cannot be included together. */
enum { CLOSE_WAIT = 8, TIME_WAIT = 6, LAST_ACK = 9, CLOSING = 11 };

static bool counters_info(int fd, struct tcp_info *info) {
    socklen_t len = sizeof *info;
    memset(info, 0, sizeof *info);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len) == 0 &&
           len >= offsetof(struct tcp_info, tcpi_bytes_received) + 8;
}

bool counters_read(int fd, struct counters *out) {
    for (int tries = 0; tries < 1000; tries++) {
        struct tcp_info before, after;
        int outq = 0, inq = 0;
        if (!counters_info(fd, &before) || ioctl(fd, SIOCOUTQ, &outq) != 0 ||
            ioctl(fd, SIOCINQ, &inq) != 0 || !counters_info(fd, &after))
            return false;
        if (before.tcpi_bytes_acked != after.tcpi_bytes_acked ||
            before.tcpi_bytes_received != after.tcpi_bytes_received ||
            before.tcpi_state != after.tcpi_state)
            continue;
        out->state = after.tcpi_state;
        out->sent = after.tcpi_bytes_acked + (uint64_t)outq;
        out->received = after.tcpi_bytes_received - (uint64_t)inq;
        if (out->state == CLOSE_WAIT || out->state == LAST_ACK || out->state == CLOSING ||
            out->state == TIME_WAIT)
            out->received -= 1;
        return true;
    }
    return false;
}

static bool counters_pair(int pair[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    pair[0] = socket(AF_INET, SOCK_STREAM, 0);
    pair[1] = -1;
    if (listener >= 0 && pair[0] >= 0 &&
        bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
        listen(listener, 1) == 0 && getsockname(listener, (struct sockaddr *)&address, &len) == 0 &&
        connect(pair[0], (struct sockaddr *)&address, sizeof address) == 0)
        pair[1] = accept(listener, NULL, NULL);
    if (listener >= 0)
        close(listener);
    return pair[1] >= 0;
}

/* Reads until the counts are as expected: acknowledgements travel, even on loopback. */
static bool counters_become(int fd, uint64_t sent, uint64_t received) {
    uint64_t until = clock_ms() + 1000;
    struct counters now = {0};
    do {
        if (!counters_read(fd, &now))
            return false;
        if (now.sent == sent && now.received == received)
            return true;
        poll(NULL, 0, 1);
    } while (clock_ms() < until);
    return false;
}

static bool counters_try(int pair[2]) {
    char bytes[300];
    memset(bytes, 'x', sizeof bytes);
    struct pollfd readable = {.fd = pair[1], .events = POLLIN};
    if (!counters_become(pair[1], 0, 0) || send(pair[1], bytes, 300, MSG_NOSIGNAL) != 300 ||
        send(pair[0], bytes, 200, MSG_NOSIGNAL) != 200 || poll(&readable, 1, 1000) != 1)
        return false;
    if (recv(pair[1], bytes, 50, 0) != 50 || !counters_become(pair[1], 300, 50))
        return false;
    shutdown(pair[0], SHUT_WR); /* the FIN must not count */
    return counters_become(pair[1], 300, 50) && recv(pair[1], bytes, sizeof bytes, 0) == 150 &&
           counters_become(pair[1], 300, 200);
}

bool counters_self_test(char *err, size_t err_size) {
    int pair[2] = {-1, -1};
    bool made = counters_pair(pair);
    bool exact = made && counters_try(pair);
    if (!exact)
        snprintf(err, err_size, "%s",
                 made ? "this kernel does not count a connection's bytes exactly"
                      : "no loopback connection to try the kernel's counters on");
    for (int i = 0; i < 2; i++) {
        if (pair[i] >= 0)
            close(pair[i]);
    }
    return exact;
}
