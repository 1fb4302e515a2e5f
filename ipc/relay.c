/* relay.c - see relay.h. */
#include "ipc/relay.h"

#include <string.h>

bool relay_is_node(const char *text) {
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return len > 0 && len < NODE_NAME_MAX && text[len] == '\0' && *text != '-';
}

bool relay_same(const struct config *a, const struct config *b) {
    bool same = a->relay_count == b->relay_count && a->relay_db == b->relay_db &&
                strcmp(a->node, b->node) == 0 && strcmp(a->relay_user, b->relay_user) == 0 &&
                strcmp(a->relay_password, b->relay_password) == 0;
    for (uint32_t i = 0; same && i < a->relay_count; i++)
        same =
            a->relay[i].port == b->relay[i].port && strcmp(a->relay[i].host, b->relay[i].host) == 0;
    return same;
}
