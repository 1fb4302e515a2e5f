/* client_log.c - see client_log.h. */
#include "worker/state/client_log.h"

#include "ipc/address.h"
#include "ipc/fault.h"
#include "ipc/log.h"
#include "ipc/origin.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { CLIENT_LOG_SECOND = 1000000, CLIENT_LOG_STEP = CLIENT_LOG_SECOND / CLIENT_LOG_RATE };

/* ---- counting ---- */

/* The origin's row; row 0 if it has none and none is free.  The address is there before the row is
 * used, so that a death leaves no row without one. */
static struct tally_row *client_log_row(struct tally *tally, const struct in6_addr *addr) {
    for (uint32_t i = 1; i < TALLY_ROWS; i++) {
        struct tally_row *row = &tally->row[i];
        if (!atomic_load_explicit(&row->used, memory_order_relaxed)) {
            row->addr = *addr;
            FAULT("client_log.row.before");
            atomic_store_explicit(&row->used, 1, memory_order_release);
            FAULT("client_log.row.after");
            return row;
        }
        if (origin_same(&row->addr, addr))
            return row;
    }
    return &tally->row[0];
}

void client_log_count(struct worker *w, enum tally_kind kind, const struct in6_addr *addr) {
    struct tally *tally = &w->slot->tally;
    /* First: counts without it would wait for the next one.  0 stands for none, hence the 1. */
    if (atomic_load_explicit(&tally->since_us, memory_order_relaxed) == 0)
        atomic_store_explicit(&tally->since_us, segment_us(w->seg) | 1, memory_order_release);
    FAULT("client_log.count.before");
    atomic_fetch_add_explicit(&client_log_row(tally, addr)->count[kind], 1, memory_order_release);
    FAULT("client_log.count.after");
}

/* ---- the lines ---- */

/* Whether this line may be written; then it is charged to its worker and its origin. */
static bool client_log_may(struct worker *w, enum tally_kind kind, const struct in6_addr *addr) {
    uint64_t now = segment_us(w->seg);
    enum origin_account account =
        kind == TALLY_CONNECTED || kind == TALLY_REFUSED || kind == TALLY_ASKED
            ? ORIGIN_LOG_CONNECTED
            : ORIGIN_LOG_OTHERS;
    uint64_t tat = w->log_tat > now ? w->log_tat : now;
    if (tat - now > CLIENT_LOG_SECOND - CLIENT_LOG_STEP ||
        !origin_try(&w->seg->origins, addr, &w->config, account, now))
        return false;
    w->log_tat = tat + CLIENT_LOG_STEP;
    return true;
}

void client_log(struct worker *w, enum tally_kind kind, const struct in6_addr *addr, uint16_t port,
                const char *fmt, ...) {
    char endpoint[ENDPOINT_TEXT], text[512];
    va_list args;
    if (!client_log_may(w, kind, addr)) {
        client_log_count(w, kind, addr);
        return;
    }
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    endpoint_format(addr, port, endpoint);
    if (kind == TALLY_UNPOLLED)
        log_error("client %s %s", endpoint, text);
    else
        log_info("client %s %s", endpoint, text);
}

/* ---- the sums ---- */

static const char *const client_log_kinds[TALLY_KINDS] = {
    [TALLY_UNHEARD] = "closed unheard (connect_rate)",
    [TALLY_CONNECTED] = "more connected",
    [TALLY_NAMED] = "more named",
    [TALLY_DISCONNECTED] = "more disconnected",
    [TALLY_REFUSED] = "more refused",
    [TALLY_UNPOLLED] = "more that epoll refused",
    [TALLY_ASKED] = "more asked for the page",
};

/* "client 192.0.2.1" or "client 2001:db8::/64"; row 0 has no address. */
static void client_log_origin(const struct tally *tally, const struct tally_row *row, char *out,
                              size_t size) {
    struct in6_addr addr = row->addr;
    char text[ADDRESS_TEXT];
    if (row == &tally->row[0]) {
        snprintf(out, size, "clients of other addresses");
        return;
    }
    bool mapped = IN6_IS_ADDR_V4MAPPED(&addr);
    if (!mapped)
        memset(&addr.s6_addr[8], 0, 8);
    snprintf(out, size, "client %s%s", address_format(&addr, text), mapped ? "" : "/64");
}

/* Its counts go back to 0 after they were written: a death between says them twice, not never. */
static void client_log_sum(struct tally *tally, struct tally_row *row, uint64_t seconds) {
    char origin[ADDRESS_TEXT + 32], text[384] = "";
    size_t at = 0;
    for (uint32_t k = 0; k < TALLY_KINDS; k++) {
        uint32_t n = atomic_load_explicit(&row->count[k], memory_order_relaxed);
        if (n > 0)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%u %s", at > 0 ? ", " : "", n,
                                   client_log_kinds[k]);
    }
    client_log_origin(tally, row, origin, sizeof origin);
    if (at > 0)
        log_info("%s: %s in %llu s", origin, text, (unsigned long long)seconds);
    FAULT("client_log.said.before");
    for (uint32_t k = 0; k < TALLY_KINDS; k++)
        atomic_store_explicit(&row->count[k], 0, memory_order_relaxed);
    atomic_store_explicit(&row->used, 0, memory_order_release);
    FAULT("client_log.said.after");
}

void client_log_end(struct worker *w) {
    struct tally *tally = &w->slot->tally;
    uint64_t since = atomic_load_explicit(&tally->since_us, memory_order_relaxed);
    if (since == 0)
        return;
    uint64_t seconds = ((segment_us(w->seg) | 1) - since) / CLIENT_LOG_SECOND;
    for (uint32_t i = 0; i < TALLY_ROWS; i++)
        client_log_sum(tally, &tally->row[i], seconds > 0 ? seconds : 1);
    atomic_store_explicit(&tally->since_us, 0, memory_order_release);
    FAULT("client_log.end.after");
}

int client_log_timeout(const struct worker *w) {
    uint64_t since = atomic_load_explicit(&w->slot->tally.since_us, memory_order_relaxed);
    uint64_t now = segment_us(w->seg), due = since + TALLY_SECONDS * CLIENT_LOG_SECOND;
    if (since == 0)
        return -1;
    return due > now ? (int)((due - now) / 1000) : 0;
}

void client_log_look(struct worker *w) {
    if (client_log_timeout(w) == 0)
        client_log_end(w);
}
