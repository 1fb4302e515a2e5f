/* forwarded.h - where a request comes from that proxies have passed on: X-Forwarded-For.
 *
 *     X-Forwarded-For: CLIENT, PROXY 1, PROXY 2      to which each proxy adds its peer
 *
 * Anybody may begin such a list, so it is read from its end, and only as far as those who have
 * written it are trusted: what a hop has written counts if that hop is one of `trusted`.  What is
 * left of the first hop that is not is never looked at.
 *
 * Addresses as they are found in the wild: 192.0.2.1, 2001:db8::1, [2001:db8::1], and with a port
 * behind an IPv4 address or a bracket, which is dropped.  Empty items are skipped (RFC 9110 5.6.1).
 * Pure; safe anywhere. */
#ifndef WORKER_PROTOCOL_FORWARDED_H
#define WORKER_PROTOCOL_FORWARDED_H

#include "ipc/network.h"

#include <stdbool.h>
#include <stddef.h>

/* *addr: the hop that has written the last item; then the hop that is not trusted, or the first
 * item of all.  A list in several lines is walked line by line, the last one first.  False: an item
 * that was looked at is no address. */
bool forwarded_walk(const char *list, size_t len, const struct network *trusted, uint32_t count,
                    struct in6_addr *addr);

#endif
