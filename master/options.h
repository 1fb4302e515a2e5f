/* options.h - the command line. */
#ifndef MASTER_OPTIONS_H
#define MASTER_OPTIONS_H

#include <stdbool.h>

struct options {
    const char *conf_path; /* given, else the installed one if it exists, else ./chatroom.conf */
    bool detach;           /* -d */
    bool check;            /* -t */
};

/* -1: start or check.  Else the program's exit status: 0 after help or version, 2 for wrong usage,
 * with the reason on standard error. */
int options_parse(int argc, char **argv, struct options *out);

#endif
