/* e2e_stalled.c - clients that never read: what the kernel keeps for them is bounded and given
 * back.
 */
#include "master/listen.h"
#include "tests/lib/guest.h"
#include "tests/lib/network.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(stalled, .timeout = 180);

enum {
    STALLED = 1000,
    WINDOW = 4096,
    LINES = 1200, /* that the others say: 1,000 bytes each, so twelve times what may wait */
    /* Of memory, beyond LISTEN_UNSENT: what was sent and not taken by the peer (its window), one
     * write, and the kernel's own of each piece. */
    SPARE = 96 * 1024,
    ESTABLISHED_STATES = 1 << TCP_ESTABLISHED | 1 << TCP_CLOSE_WAIT,
};

/* What the kernel keeps for the server's connections. */
struct kept {
    uint32_t count;
    uint64_t sum, most; /* bytes that wait to be sent */
};

static void kept_one(const struct inet_diag_msg *msg, size_t len, uint16_t port, struct kept *out) {
    const struct rtattr *at = (const struct rtattr *)(msg + 1);
    len -= sizeof *msg;
    if (ntohs(msg->id.idiag_sport) != port)
        return;
    out->count++;
    for (; RTA_OK(at, len); at = RTA_NEXT(at, len)) {
        const uint32_t *info = RTA_DATA(at);
        if (at->rta_type != INET_DIAG_SKMEMINFO)
            continue;
        uint64_t queued = info[SK_MEMINFO_WMEM_QUEUED];
        out->sum += queued;
        out->most = queued > out->most ? queued : out->most;
    }
}

/* sock_diag(7), of this network namespace. */
static struct kept kept_by(const struct server *s) {
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 req;
    } ask = {{.nlmsg_len = sizeof ask,
              .nlmsg_type = SOCK_DIAG_BY_FAMILY,
              .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
             {.sdiag_family = AF_INET,
              .sdiag_protocol = IPPROTO_TCP,
              .idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1),
              .idiag_states = ESTABLISHED_STATES}};
    static _Alignas(struct nlmsghdr) char answer[65536];
    struct kept out = {0};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    cr_assert(fd >= 0 && send(fd, &ask, sizeof ask, 0) == sizeof ask, "%s", strerror(errno));
    for (bool done = false; !done;) {
        ssize_t n = recv(fd, answer, sizeof answer, 0);
        cr_assert_gt(n, 0, "%s", strerror(errno));
        size_t len = (size_t)n;
        for (struct nlmsghdr *m = (struct nlmsghdr *)answer; NLMSG_OK(m, len);
             m = NLMSG_NEXT(m, len)) {
            cr_assert_neq(m->nlmsg_type, NLMSG_ERROR);
            done |= m->nlmsg_type == NLMSG_DONE;
            if (m->nlmsg_type == SOCK_DIAG_BY_FAMILY)
                kept_one(NLMSG_DATA(m), NLMSG_PAYLOAD(m, 0), s->port, &out);
        }
    }
    close(fd);
    return out;
}

/* The kernel lists its sockets piece by piece, and may list one twice that is at a piece's end. */
static struct kept kept_exactly(const struct server *s, uint32_t count) {
    int64_t deadline = wait_deadline();
    struct kept now = kept_by(s);
    for (; now.count != count; now = kept_by(s)) {
        cr_assert_gt(wait_left_ms(deadline), 0, "%u connections", now.count);
        wait_breath();
    }
    return now;
}

/* Each has an address of its own, takes up to WINDOW bytes, and is in the room. */
static int stalled_one(const struct server *s, int i) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(s->port)}, own = to;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), window = WINDOW;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 0x100 + (uint32_t)i);
    own.sin_port = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, &window, sizeof window);
    cr_assert(bind(fd, (struct sockaddr *)&own, sizeof own) == 0 &&
                  connect(fd, (struct sockaddr *)&to, sizeof to) == 0,
              "%s", strerror(errno));
    return fd;
}

/* Both see every line, one after another. */
static void talk(struct guest *g[2]) {
    char line[1024];
    for (int i = 0; i < LINES; i++) {
        int n = snprintf(line, sizeof line, "%d ", i);
        memset(line + n, 'x', 1000 - (size_t)n);
        line[1000] = '\0';
        guest_say(g[i % 2], "%s", line);
        for (int k = 0; k < 2; k++)
            guest_until(g[k], "%s", line);
    }
}

Test(stalled, what_a_thousand_of_them_keep_in_the_kernel_is_bounded_and_given_back) {
    static int fd[STALLED];
    struct rlimit files = {2 * STALLED, 2 * STALLED};
    network_own(); /* what others' connections keep does not count */
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
    struct server *s = server_start(SERVER_QUIET(2) "login = no\nannounce_max = 1\n"
                                                    "max_clients = 1100\n");
    struct guest *g[2] = {guest_connect(s), guest_connect(s)};
    for (int i = 0; i < STALLED; i++)
        fd[i] = stalled_one(s, i);
    talk(g);
    struct kept full = kept_exactly(s, STALLED + 2);
    cr_assert_leq(full.most, LISTEN_UNSENT + SPARE, "%llu bytes for one",
                  (unsigned long long)full.most);
    cr_assert_geq(full.sum, (uint64_t)STALLED * LISTEN_UNSENT / 2, "they have not been full: %llu",
                  (unsigned long long)full.sum);
    for (int i = 0; i < STALLED; i++)
        close(fd[i]);
    for (int64_t deadline = wait_deadline(); kept_by(s).count > 2; wait_breath())
        cr_assert_gt(wait_left_ms(deadline), 0, "%u are left", kept_by(s).count - 2);
    guest_say(g[0], "still here");
    for (int k = 0; k < 2; k++)
        guest_until(g[k], "still here");
    cr_assert_leq(kept_by(s).sum, 2 * (LISTEN_UNSENT + SPARE));
    server_stop(s);
}
