/* invocation.h - an invocation of chatroom-ctl, and how its command ends.
 *
 * A command is a function that takes the invocation and returns the exit status: CTL_DONE, or
 * CTL_REFUSED with a sentence on standard error (with --json as {"ok":false,"error":"..."} on
 * standard output).  CTL_USAGE is given before a command runs, or by ctl_usage.  To add one: a
 * function, in a file of its own or beside its like; its line in commands.h; a row in ctl.c. */
#ifndef MASTER_CTL_INVOCATION_H
#define MASTER_CTL_INVOCATION_H

#include <stdbool.h>

enum { CTL_DONE = 0, CTL_REFUSED = 1, CTL_USAGE = 2 };

struct ctl {
    const char *socket; /* path */
    bool json;
    int argc; /* the command's arguments, without its name */
    char **argv;
    const struct ctl_command *command;
};

struct ctl_command {
    const char *name;
    const char *arguments; /* as the usage shows them: `NAME [REASON]` */
    int least, most;       /* how many; the last argument may go on: most -1 */
    const char *help;
    int (*run)(const struct ctl *ctl);
};

/* How a command that prints nothing else ends. */
int ctl_done(const struct ctl *ctl);
int ctl_refused(const struct ctl *ctl, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* An argument is none: the sentence, and how the command is used. */
int ctl_usage(const struct ctl *ctl, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* 0: the first argument may be a name; else the exit status, of ctl_usage. */
int ctl_name(const struct ctl *ctl);
/* How the command is used and what it does, for `COMMAND --help`. */
int ctl_use(const struct ctl *ctl);

/* The arguments from number `first` on, with blanks between them, in out[size].  False if they are
 * longer. */
bool ctl_join(const struct ctl *ctl, int first, char *out, unsigned size);

#endif
