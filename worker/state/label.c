/* label.c - see label.h. */
#include "worker/state/label.h"

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
