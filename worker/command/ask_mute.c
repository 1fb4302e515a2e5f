/* ask_mute.c - see ask_mute.h. */
#include "worker/command/ask_mute.h"

#include "ipc/address.h"
#include "worker/command/whom.h"
#include "worker/state/speaker.h"

#include <stdio.h>
#include <string.h>

static bool ask_mute_shares(struct worker *w, uint32_t fd, const struct in6_addr *addr) {
    struct client_view other;
    struct in6_addr its;
    return client_peek_address(worker_client(w, fd), &its) && origin_same(&its, addr) &&
           client_peek(&w->seg->clients, fd, &other) && other.facts.flags & FACT_IN_ROOM;
}

/* Whether no other client in the room is of the address.  A proxy's is that of every client whom it
 * does not name; that of a person of another machine is not known here. */
static bool ask_mute_alone(struct worker *w, uint32_t client, const struct client_view *view) {
    const struct in6_addr *addr = &view->addr;
    uint32_t high = atomic_load(&w->seg->header->fd_high);
    if (view->facts.flags & FACT_PROXY || client_is_remote(&w->seg->clients, client))
        return false;
    for (uint32_t fd = 0; fd <= high && segment_has_client(w->seg, fd); fd++)
        if (fd != client && ask_mute_shares(w, fd, addr))
            return false;
    return true;
}

/* The first argument.  False with a sentence. */
static bool ask_mute_name(struct invocation *inv, const char **name, char no[ASK_MUTE_NO]) {
    *name = invocation_word(&inv->text);
    if (**name == '\0')
        snprintf(no, ASK_MUTE_NO, "a name is missing");
    return **name != '\0';
}

bool ask_mute(struct invocation *inv, char out[REQUEST_TEXT_LEN], char no[ASK_MUTE_NO]) {
    struct worker *w = inv->w;
    struct whom whom;
    struct client_view view;
    const char *name;
    char endpoint[ENDPOINT_TEXT];
    if (!ask_mute_name(inv, &name, no))
        return false;
    if (!whom_any(w, name, &whom) || !client_peek(&w->seg->clients, whom.client, &view) ||
        view.generation != whom.generation) {
        char nobody[WHOM_NOBODY];
        snprintf(no, ASK_MUTE_NO, "%s", whom_nobody(w, name, nobody));
        return false;
    }
    bool named = view.facts.flags & FACT_NAMED || whom.key != 0; /* a join may not be applied yet */
    const char *term = *inv->text ? inv->text : "-";
    snprintf(out, REQUEST_TEXT_LEN, "%llx %s %s %s %s",
             named ? (unsigned long long)speaker_key(w, whom.label) : 0,
             endpoint_format(&view.addr, view.port, endpoint),
             ask_mute_alone(w, whom.client, &view) ? "alone" : "shared", term, whom.label);
    return true;
}

/* The name need not be in the room. */
bool ask_unmute(struct invocation *inv, char out[REQUEST_TEXT_LEN], char no[ASK_MUTE_NO]) {
    struct whom whom;
    struct in6_addr addr;
    uint16_t port;
    const char *name;
    if (!ask_mute_name(inv, &name, no))
        return false;
    if (whom_numbered(inv->w, name, &whom))
        name = whom.label;
    bool guest = endpoint_parse(name, &addr, &port);
    snprintf(out, REQUEST_TEXT_LEN, "%llx %s",
             guest ? 0 : (unsigned long long)speaker_key(inv->w, name), name);
    return true;
}
