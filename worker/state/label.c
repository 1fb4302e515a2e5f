/* label.c - see label.h. */
#include "worker/state/label.h"

#include "worker/text/charset.h"

#include <stdio.h>
#include <string.h>

static const char *label_of_name(const char *name, char out[LABEL_TEXT]) {
    size_t len = strnlen(name, NAME_BYTES_MAX);
    memcpy(out, name, len);
    out[len] = '\0';
    return out;
}

const char *label_name(const char *name, const struct in6_addr *addr, char out[LABEL_TEXT]) {
    return name ? label_of_name(name, out) : address_format(addr, out);
}

const char *label_unique(const char *name, const struct in6_addr *addr, uint16_t port,
                         char out[LABEL_TEXT]) {
    return name ? label_of_name(name, out) : endpoint_format(addr, port, out);
}

const char *label_shown(enum encoding enc, const char *label, uint64_t number,
                        char out[LABEL_TEXT]) {
    if (charset_shows(enc, label, strlen(label)))
        return label;
    snprintf(out, LABEL_TEXT, "\?\?\?#%llu", (unsigned long long)number);
    return out;
}

bool label_typed(const char *typed, uint64_t *number) {
    uint64_t n = 0;
    typed += strncmp(typed, "\?\?\?", 3) == 0 ? 3 : 0;
    if (*typed++ != '#' || *typed == '\0')
        return false;
    for (; *typed >= '0' && *typed <= '9' && n <= LABEL_NUMBER_MAX; typed++)
        n = n * 10 + (uint64_t)(*typed - '0');
    *number = n;
    return *typed == '\0' && n <= LABEL_NUMBER_MAX;
}
