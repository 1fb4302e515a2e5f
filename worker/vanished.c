/* vanished.c - see vanished.h. */
#include "worker/vanished.h"

#include "worker/record/leave.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

bool vanished_unanswered(const struct tcp_info *info) {
    return info->tcpi_unacked > 0 || info->tcpi_notsent_bytes > 0;
}

bool vanished_peer(const struct tcp_info *info) {
    return (info->tcpi_retransmits > 0 || info->tcpi_probes >= VANISHED_PROBES) &&
           info->tcpi_last_ack_recv >= VANISHED_MS;
}

static void vanished_member(struct worker *w, struct vanished *v, uint32_t fd) {
    struct tcp_info info;
    socklen_t len = sizeof info;
    if (client_away(client_facts(worker_client(w, fd))))
        return;
    memset(&info, 0, sizeof info); /* an older kernel fills less */
    if (getsockopt((int)fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return;
    v->unanswered |= vanished_unanswered(&info);
    if (vanished_peer(&info))
        leave_lost(w, worker_client(w, fd), LEAVE_NETWORK);
}

static uint64_t vanished_sends(const struct worker *w) {
    return atomic_load_explicit(&w->slot->stats.sends, memory_order_relaxed);
}

/* True if a pass is under way. */
static bool vanished_begin(struct worker *w, struct vanished *v) {
    bool news = v->sends != vanished_sends(w) || v->members != w->members.count;
    if (!v->due && (news || v->unanswered)) {
        v->due = true;
        v->begin_at = w->now + VANISHED_PASS_MS;
    }
    if (!v->due || (int32_t)(v->begin_at - w->now) > 0)
        return false;
    v->due = v->unanswered = false;
    v->sends = vanished_sends(w);
    v->left = v->members = w->members.count;
    return true;
}

/* From the end of members[]: a member that is removed is replaced by the last one, which was looked
 * at already, so none is passed over. */
void vanished_look(struct worker *w, struct vanished *v) {
    if (v->left == 0 && !vanished_begin(w, v))
        return;
    if (v->left > w->members.count)
        v->left = w->members.count;
    for (int n = 0; n < VANISHED_SLICE && v->left > 0; n++)
        vanished_member(w, v, w->members.at[--v->left]);
    if (v->left == 0)
        (void)vanished_begin(w, v); /* the next pass, which no event may wake this worker for */
}

int vanished_timeout(const struct worker *w, const struct vanished *v) {
    int32_t left = (int32_t)(v->begin_at - w->now);
    if (v->left > 0)
        return VANISHED_SLICE_MS;
    if (!v->due)
        return -1;
    return left > 0 ? left : 1;
}
