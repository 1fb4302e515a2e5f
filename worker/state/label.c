/* label.c - see label.h. */
#include "worker/state/label.h"

#include "ipc/room.h"
#include "worker/text/charset.h"

#include <stdio.h>
#include <string.h>

static const char *label_of_name(const struct facts *f, char out[LABEL_TEXT]) {
    memcpy(out, f->name, NAME_BYTES_MAX);
    out[NAME_BYTES_MAX] = '\0';
    return out;
}

const char *label_name(const struct facts *f, const struct in6_addr *addr, char out[LABEL_TEXT]) {
    return f->flags & FACT_NAMED ? label_of_name(f, out) : address_format(addr, out);
}

const char *label_unique(const struct facts *f, const struct in6_addr *addr, uint16_t port,
                         char out[LABEL_TEXT]) {
    return f->flags & FACT_NAMED ? label_of_name(f, out) : endpoint_format(addr, port, out);
}

const char *label_shown(enum encoding enc, const char *label, uint32_t client,
                        char out[LABEL_TEXT]) {
    if (charset_shows(enc, label, strlen(label)))
        return label;
    snprintf(out, LABEL_TEXT, "\?\?\?#%u", client);
    return out;
}

bool label_number(const char *typed, uint32_t *client) {
    uint64_t number = 0;
    typed += strncmp(typed, "\?\?\?", 3) == 0 ? 3 : 0;
    if (*typed++ != '#' || *typed == '\0')
        return false;
    for (; *typed >= '0' && *typed <= '9' && number < NO_CLIENT; typed++)
        number = number * 10 + (uint64_t)(*typed - '0');
    *client = number < NO_CLIENT ? (uint32_t)number : NO_CLIENT;
    return *typed == '\0';
}
