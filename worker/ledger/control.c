/* control.c - see control.h. */
#include "worker/ledger/control.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "worker/ledger/last_words.h"
#include "worker/record/leave.h"
#include "worker/state/epoll_interest.h"
#include "worker/state/tools.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* No peer of a TCP connection has it (RFC 4291, 2.7), so nothing that is counted by addresses
 * counts these connections with another. */
static const struct in6_addr control_address = {{{0xff}}};

void control_refuse(int fd, const char *no) {
    char line[128];
    int len = snprintf(line, sizeof line, "no %s\n", no);
    last_words(fd, line, (size_t)len);
}

/* Root and the server's user: also where the file's mode was changed since.  One line a second is
 * logged. */
static bool control_may(const struct worker *w, int fd) {
    static uint32_t logged;
    struct ucred peer = {0};
    socklen_t len = sizeof peer;
    bool known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0;
    if (known && (peer.uid == 0 || peer.uid == geteuid()))
        return true;
    if (logged == 0 || w->now - logged >= 1000)
        log_warn("control: refused user %u, process %d", (unsigned)peer.uid, (int)peer.pid);
    logged = w->now | 1;
    return false;
}

bool control_open(struct worker *w, int fd, struct client *c, uint64_t cookie) {
    if (!control_may(w, fd)) {
        control_refuse(fd, "only root and the server's user may use this socket");
        return false;
    }
    if (!tool_open(w, c, KIND_CONTROL, cookie, &control_address, 0)) {
        control_refuse(fd, CONTROL_FULL);
        return false;
    }
    return true;
}

/* Sends the text, with descriptor `view` unless it is below 0. */
static bool control_send(int fd, char *text, size_t len, int view) {
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } attached = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)),
                           .cmsg_level = SOL_SOCKET,
                           .cmsg_type = SCM_RIGHTS}};
    struct iovec span = {text, len};
    struct msghdr message = {.msg_iov = &span, .msg_iovlen = 1};
    if (view >= 0) {
        message.msg_control = &attached;
        message.msg_controllen = sizeof attached.space;
        memcpy(CMSG_DATA(&attached.head), &view, sizeof view);
    }
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;
}

/* At once, and not by the record: the socket is new, so it takes it, and a successor does not go on
 * with the connection. */
void control_greet(struct worker *w, struct client *c) {
    const struct segment_header *h = w->seg->header;
    char text[96];
    int len = snprintf(text, sizeof text, "chatroom-control %d %x %llu\n", CONTROL_VERSION,
                       h->layout, (unsigned long long)h->epoch_ms);
    FAULT("control.greet.before");
    if (!control_send((int)client_index(w, c), text, (size_t)len, h->view_fd))
        leave_broken(w, c, errno);
    FAULT("control.greet.after");
    interest_arm(w, c);
}
