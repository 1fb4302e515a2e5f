/* address.c - see address.h. */
#include "ipc/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

struct in6_addr address_mapped(const void *v4) {
    struct in6_addr addr = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(&addr.s6_addr[12], v4, 4);
    return addr;
}

void address_split(const union address_any *from, struct in6_addr *addr, uint16_t *port) {
    if (from->any.sa_family == AF_INET) {
        *addr = address_mapped(&from->in.sin_addr);
        *port = ntohs(from->in.sin_port);
    } else {
        *addr = from->in6.sin6_addr;
        *port = ntohs(from->in6.sin6_port);
    }
}

const char *address_format(const struct in6_addr *addr, char out[ADDRESS_TEXT]) {
    if (IN6_IS_ADDR_V4MAPPED(addr))
        inet_ntop(AF_INET, &addr->s6_addr[12], out, ADDRESS_TEXT);
    else
        inet_ntop(AF_INET6, addr, out, ADDRESS_TEXT);
    return out;
}

const char *endpoint_format(const struct in6_addr *addr, uint16_t port, char out[ENDPOINT_TEXT]) {
    char text[ADDRESS_TEXT];
    address_format(addr, text);
    snprintf(out, ENDPOINT_TEXT, IN6_IS_ADDR_V4MAPPED(addr) ? "%s:%u" : "[%s]:%u", text, port);
    return out;
}

static bool address_in_network(const struct in6_addr *addr, const struct network *network) {
    unsigned bytes = network->bits / 8, rest = network->bits % 8;
    if (memcmp(addr, &network->addr, bytes) != 0)
        return false;
    uint8_t differ = rest ? addr->s6_addr[bytes] ^ network->addr.s6_addr[bytes] : 0;
    return differ >> (8 - rest) == 0;
}

bool address_within(const struct in6_addr *addr, const struct network *networks, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (address_in_network(addr, &networks[i]))
            return true;
    }
    return false;
}

/* The whole text is a port in decimal. */
static bool endpoint_port(const char *text, uint16_t *port) {
    uint32_t value = 0;
    size_t len = strspn(text, "0123456789");
    if (len == 0 || len > 5 || text[len] != '\0')
        return false;
    for (size_t i = 0; i < len; i++)
        value = value * 10 + (uint32_t)(text[i] - '0');
    *port = (uint16_t)value;
    return value <= UINT16_MAX;
}

bool endpoint_parse(const char *text, struct in6_addr *addr, uint16_t *port) {
    char host[ADDRESS_TEXT];
    struct in_addr v4;
    bool bracket = *text == '[';
    const char *from = text + bracket, *end = strrchr(text, ':');
    size_t len = end && end > from ? (size_t)(end - from) : 0;
    if (bracket && (len == 0 || from[--len] != ']'))
        return false;
    if (len == 0 || len >= sizeof host || !endpoint_port(end + 1, port))
        return false;
    memcpy(host, from, len);
    host[len] = '\0';
    if (bracket)
        return inet_pton(AF_INET6, host, addr) == 1;
    if (inet_pton(AF_INET, host, &v4) != 1)
        return false;
    *addr = address_mapped(&v4);
    return true;
}
