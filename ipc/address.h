/* address.h - network addresses as the segment keeps them, and as text.
 *
 * Every address is a struct in6_addr; IPv4 is its mapped form, ::ffff:a.b.c.d (RFC 4291, 2.5.5.2).
 * Ports are in host order.  Safe in any process. */
#ifndef IPC_ADDRESS_H
#define IPC_ADDRESS_H

#include "ipc/config.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

/* Sizes of the texts, with the NUL. */
enum { ADDRESS_TEXT = 64, ENDPOINT_TEXT = 80 };

/* What the kernel fills in for a socket of either family. */
union address_any {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un; /* a connection of the control socket */
};

/* The mapped form of the four bytes at `v4`, in network order. */
struct in6_addr address_mapped(const void *v4);

/* Splits what accept, getpeername or getsockname filled in. */
void address_split(const union address_any *from, struct in6_addr *addr, uint16_t *port);

/* "192.0.2.1", then *ipv4, or "2001:db8::1".  False: the text is neither. */
bool address_parse(const char *text, struct in6_addr *out, bool *ipv4);

/* "192.0.2.1" for a mapped address, else "2001:db8::1".  Returns out. */
const char *address_format(const struct in6_addr *addr, char out[ADDRESS_TEXT]);

/* "192.0.2.1:6666" or "[2001:db8::1]:6666".  Returns out. */
const char *endpoint_format(const struct in6_addr *addr, uint16_t port, char out[ENDPOINT_TEXT]);

/* SO_COOKIE: which socket this descriptor is, as long as the machine runs; 0: none. */
uint64_t socket_cookie(int fd);

/* The address and port that endpoint_format prints so; false if the text is none. */
bool endpoint_parse(const char *text, struct in6_addr *addr, uint16_t *port);

#endif
