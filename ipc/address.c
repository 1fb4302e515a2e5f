/* address.c - see address.h. */
#include "ipc/address.h"

#include "ipc/decimal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

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

bool address_parse(const char *text, struct in6_addr *out, bool *ipv4) {
    struct in_addr v4;
    *ipv4 = inet_pton(AF_INET, text, &v4) == 1;
    if (*ipv4)
        *out = address_mapped(&v4);
    return *ipv4 || inet_pton(AF_INET6, text, out) == 1;
}

bool endpoint_parse(const char *text, struct in6_addr *addr, uint16_t *port) {
    char host[ADDRESS_TEXT];
    uint32_t number;
    bool ipv4, bracket = *text == '[';
    const char *from = text + bracket, *end = strrchr(text, ':');
    size_t len = end && end > from ? (size_t)(end - from) : 0;
    if (bracket && (len == 0 || from[--len] != ']'))
        return false;
    if (len == 0 || len >= sizeof host || !decimal_parse(end + 1, UINT16_MAX, &number))
        return false;
    memcpy(host, from, len);
    host[len] = '\0';
    *port = (uint16_t)number;
    return address_parse(host, addr, &ipv4) && ipv4 != bracket;
}

uint64_t socket_cookie(int fd) {
    uint64_t cookie = 0;
    socklen_t len = sizeof cookie;
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0 ? cookie : 0;
}
