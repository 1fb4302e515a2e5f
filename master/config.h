/* config.h - reading chatroom.conf.
 *
 * One table (config.c) has every key: type, range, default, prose.  The parser, -t, the shipped
 * chatroom.conf and the manual page are checked against it.  All errors of a file are listed, not
 * only the first.  Runs in the master only, before anything is shared. */
#ifndef MASTER_CONFIG_H
#define MASTER_CONFIG_H

#include "ipc/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { CONFIG_ERRORS_MAX = 64, CONFIG_ERROR_LEN = 512 };

struct config_errors {
    uint32_t count; /* of all; the first CONFIG_ERRORS_MAX are kept */
    char text[CONFIG_ERRORS_MAX][CONFIG_ERROR_LEN]; /* "FILE:LINE: reason" */
};

/* 0, or -1 with at least one error.  `out` holds the defaults where the file says nothing. */
int config_parse(const char *path, struct config *out, struct config_errors *errors);
void config_print_errors(const struct config_errors *errors, FILE *to);
void config_log_errors(const struct config_errors *errors);

/* Reload: keys that only a restart changes are named in the log and keep their old values. */
void config_keep(const struct config *old, struct config *next);

/* Keys that are set but have no effect in this version, one log line each. */
void config_log_inert(const struct config *config);

/* The table, for tests: NULL beyond its end. */
const char *config_key(size_t index);
const char *config_default(size_t index);

#endif
