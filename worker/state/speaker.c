/* speaker.c - see speaker.h. */
#include "worker/state/speaker.h"

#include "worker/text/name.h"

#include <string.h>

uint64_t speaker_key(const struct worker *w, const char *name) {
    return name_key(name, strlen(name), w->seg->header->name_key);
}

uint64_t speaker_look(const struct worker *w, const char *name) {
    return name_look_key(name, strlen(name), w->seg->header->name_key);
}

uint32_t speaker_of_address(const struct in6_addr *addr, uint16_t port) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (int i = 0; i < 16; i++)
        hash = (hash ^ addr->s6_addr[i]) * 16777619u;
    return (hash ^ port) * 16777619u;
}

uint32_t speaker_of(struct worker *w, const struct client *c) {
    uint32_t *known = &w->members.speaker[client_index(w, c)];
    const struct facts *f = client_facts(c);
    if (*known != 0)
        return *known;
    if (f->flags & FACT_NAMED)
        *known =
            (uint32_t)name_key(f->name, strnlen(f->name, NAME_BYTES_MAX), w->seg->header->name_key);
    else
        *known = speaker_of_address(&c->addr, c->port);
    return *known;
}

void speaker_forget(struct worker *w, const struct client *c) {
    w->members.speaker[client_index(w, c)] = 0;
}
