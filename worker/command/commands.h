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
    COMMAND_EARLY = 2,   /* works before login too */
    COMMAND_PLAIN = 4,   /* may join a batch behind other lines of the same client */
    COMMAND_NAMED = 8,   /* not in the open room, where no client has a name */
    COMMAND_TEXT = 16,   /* a classic one that needs a text: alone on a line it is speech */
};
/* clang-format on */

struct command {
    const char *name;
    enum line_outcome (*run)(struct invocation *inv);
    unsigned how; /* COMMAND_... */
    const char *help[LANG_COUNT];
};

/* NULL if there is none of that name. */
const struct command *command_find(const char *name, size_t len);

/* Whether its client leaves by it. */
bool command_leaves(const struct command *command);

/* Runs it on what follows the first `name_len` bytes of the line. */
enum line_outcome command_run(struct invocation *inv, const struct command *command,
                              size_t name_len);

/* `login NAME`, which is no command of the table because it works before login only. */
enum line_outcome command_login(struct invocation *inv, size_t name_len);

/* The same inside the room, where it has a name already. */
enum line_outcome command_logged_in(struct invocation *inv);

/* Whether the client is in the room without a name: the open room. */
bool command_in_open_room(const struct invocation *inv);

#endif
