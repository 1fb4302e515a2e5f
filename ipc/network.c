/* network.c - see network.h. */
#include "ipc/network.h"

#include "ipc/address.h"
#include "ipc/decimal.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

enum { NETWORK_V4_BITS = 96 }; /* of the prefix ::ffff:0:0, before those of an IPv4 address */

static bool network_is_ipv4(const struct network *network) {
    return IN6_IS_ADDR_V4MAPPED(&network->addr) && network->bits >= NETWORK_V4_BITS;
}

bool network_parse(const char *text, struct network *out) {
    char host[INET6_ADDRSTRLEN] = "";
    bool ipv4;
    size_t len = strcspn(text, "/");
    if (len < sizeof host)
        memcpy(host, text, len);
    *out = (struct network){0};
    if (!address_parse(host, &out->addr, &ipv4))
        return false;
    uint32_t most = ipv4 ? 32 : 128, bits = most;
    if (text[len] == '/' && !decimal_parse(text + len + 1, most, &bits))
        return false;
    out->bits = (uint8_t)(ipv4 ? bits + NETWORK_V4_BITS : bits);
    return true;
}

const char *network_format(const struct network *network, char out[NETWORK_TEXT]) {
    char address[ADDRESS_TEXT];
    address_format(&network->addr, address);
    if (network->bits == 128)
        snprintf(out, NETWORK_TEXT, "%s", address);
    else
        snprintf(out, NETWORK_TEXT, "%s/%u", address,
                 network->bits - (network_is_ipv4(network) ? NETWORK_V4_BITS : 0u));
    return out;
}

bool network_same(const struct network *a, const struct network *b) {
    return a->bits == b->bits && memcmp(&a->addr, &b->addr, sizeof a->addr) == 0;
}

/* ---- looking ---- */

/* The first or second half of the address, as a number. */
static uint64_t network_half(const struct in6_addr *addr, int half) {
    uint64_t number;
    memcpy(&number, &addr->s6_addr[8 * half], sizeof number);
    return be64toh(number);
}

/* Whether two halves agree in their first `bits` bits. */
static bool network_agree(uint64_t a, uint64_t b, unsigned bits) {
    return bits == 0 || (a ^ b) >> (bits < 64 ? 64 - bits : 0) == 0;
}

/* A change of the bans looks at every client by every ban, so this is the loop that counts. */
bool network_holds(const struct network *network, const struct in6_addr *addr) {
    unsigned bits = network->bits;
    return network_agree(network_half(addr, 1), network_half(&network->addr, 1),
                         bits > 64 ? bits - 64 : 0) &&
           network_agree(network_half(addr, 0), network_half(&network->addr, 0), bits) &&
           network_is_ipv4(network) == (bool)IN6_IS_ADDR_V4MAPPED(addr);
}

bool network_any_holds(const struct network *networks, uint32_t count,
                       const struct in6_addr *addr) {
    for (uint32_t i = 0; i < count; i++) {
        if (network_holds(&networks[i], addr))
            return true;
    }
    return false;
}

struct in6_addr network_prefix(const struct network *network) {
    struct in6_addr prefix = network->addr;
    for (unsigned i = 0; i < 16; i++) {
        unsigned kept = network->bits > 8 * i ? network->bits - 8 * i : 0;
        prefix.s6_addr[i] &= (uint8_t)(kept >= 8 ? 0xff : 0xff00 >> kept);
    }
    return prefix;
}

bool network_is_everything(const struct network *network) {
    return network->bits == 0 ||
           (IN6_IS_ADDR_V4MAPPED(&network->addr) && network->bits <= NETWORK_V4_BITS);
}
