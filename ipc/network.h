/* network.h - networks of addresses, as the configuration and bans name them.
 *
 * A struct network (config.h) holds the addresses that agree with it in its first `bits` bits.  A
 * network of IPv6 holds no IPv4 address, as wide as it may be; ::ffff:10.0.0.0/104 is 10.0.0.0/8.
 * Pure functions; safe in any process. */
#ifndef IPC_NETWORK_H
#define IPC_NETWORK_H

#include "ipc/config.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum { NETWORK_TEXT = 72 }; /* ADDRESS/BITS, with the NUL */

/* ADDRESS or ADDRESS/BITS; bits beyond the prefix stay as they are.  False: the text is none. */
bool network_parse(const char *text, struct network *out);
/* "192.0.2.1", "10.0.0.0/8".  Returns out. */
const char *network_format(const struct network *network, char out[NETWORK_TEXT]);

bool network_same(const struct network *a, const struct network *b);
bool network_holds(const struct network *network, const struct in6_addr *addr);
/* Whether one of the `count` networks holds the address. */
bool network_any_holds(const struct network *networks, uint32_t count, const struct in6_addr *addr);

/* The network's first address: zeros beyond the prefix. */
struct in6_addr network_prefix(const struct network *network);
/* Whether it holds all addresses of IPv4, or of IPv6. */
bool network_is_everything(const struct network *network);

#endif
