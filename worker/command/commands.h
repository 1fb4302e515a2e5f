/* commands.h - the table of commands: name, function, where it works, its help.  One row a command.
 *
 * A command answers privately, which commits with the record, or stages a line, which commits with
 * the ledger.  To add one: a function, a row in commands.c, a test. */
#ifndef WORKER_COMMAND_COMMANDS_H
#define WORKER_COMMAND_COMMANDS_H

#include "worker/command/invocation.h"

/* clang-format off */
enum {
    COMMAND_CLASSIC = 1, /* works without a slash too: `say` before a text, others alone on a line */
    COMMAND_TEXT = 2,    /* a classic one that needs a text: alone on a line it is speech */
    COMMAND_EARLY = 4,   /* works before login too */
    COMMAND_FIRST = 8,   /* before login, works without a slash, alone on a line */
    COMMAND_LOGIN = 16,  /* the one that lets a client in */
    COMMAND_PLAIN = 32,  /* may join a batch behind other lines of the same client */
    COMMAND_NAMED = 64,  /* not in the open room, where no client has a name */
    COMMAND_ALOUD = 128, /* other people would see it: refused to a muted client */
    COMMAND_TERMINAL = 256, /* of what a terminal shows: no browser's */
};
/* clang-format on */

struct command {
    const char *name;
    enum line_outcome (*run)(struct invocation *inv);
    unsigned how; /* COMMAND_... */
    const char *help[LANG_COUNT];
};

/* NULL if there is none of that name, which is in small letters. */
const struct command *command_find(const char *name);

/* Whether a person of that name, UTF-8, would be called like a command, or look so. */
bool command_is_called(const char *name);

/* Whether its client leaves by it. */
bool command_leaves(const struct command *command);

enum line_outcome command_run(struct invocation *inv, const struct command *command);

/* Whether the client is muted, so that what others would see of it is refused. */
static inline bool command_muted(const struct invocation *inv) {
    return client_facts(inv->c)->flags & FACT_MUTED;
}

/* Whether the client is in the room without a name: the open room. */
bool command_in_open_room(const struct invocation *inv);

#endif
