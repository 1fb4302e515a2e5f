/* forwarded.c - see forwarded.h. */
#include "worker/protocol/forwarded.h"

#include "ipc/address.h"

#include <string.h>

/* Where the address of an item ends, and begins: without brackets and port. */
static size_t forwarded_bare(const char **item, size_t len) {
    const char *colon = memchr(*item, ':', len);
    if (len > 0 && **item == '[') {
        const char *close = memchr(*item, ']', len);
        ++*item;
        return close ? (size_t)(close - *item) : 0;
    }
    bool port = colon && !memchr(colon + 1, ':', len - (size_t)(colon + 1 - *item));
    return port ? (size_t)(colon - *item) : len;
}

static bool forwarded_address(const char *item, size_t len, struct in6_addr *addr) {
    char text[ADDRESS_TEXT];
    bool ipv4;
    len = forwarded_bare(&item, len);
    if (len == 0 || len >= sizeof text)
        return false;
    memcpy(text, item, len);
    text[len] = '\0';
    return address_parse(text, addr, &ipv4);
}

static bool forwarded_blank(char c) {
    return c == ' ' || c == '\t';
}

bool forwarded_walk(const char *list, size_t len, const struct network *trusted, uint32_t count,
                    struct in6_addr *addr) {
    const char *end = list + len;
    while (end > list && network_any_holds(trusted, count, addr)) {
        const char *stop = end, *item;
        while (end > list && end[-1] != ',')
            end--;
        for (item = end; item < stop && forwarded_blank(*item);)
            item++;
        while (stop > item && forwarded_blank(stop[-1]))
            stop--;
        if (item < stop && !forwarded_address(item, (size_t)(stop - item), addr))
            return false;
        end -= end > list; /* the comma */
    }
    return true;
}
