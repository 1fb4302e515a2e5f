/* options.h - the command line. */
#ifndef MASTER_OPTIONS_H
#define MASTER_OPTIONS_H

#include <stdbool.h>

struct options {
    const char *conf_path; /* given, or the first default that exists */
    bool detach, check;
};

/* -1: go on; else the exit status (help, version: 0; usage: 2, with its reason on standard error).
 */
int options_parse(int argc, char **argv, struct options *out);

#endif
