/* config.h - reading chatroom.conf.
 *
 * One table (config.c) has every key: type, range, default, whether a reload applies it.  The
 * shipped chatroom.conf and its manual page are checked against the table by a test.  All errors of
 * a file are listed, not only the first.  Runs in the master; a file that is refused changes
 * nothing but `out`.
 *
 * A line is `key = value`.  `#` begins a comment at a line's start and after a space, but not
 * within quotes; "..." may hold spaces and #, and \" and \\ mean themselves.  CR LF line ends and a
 * byte order mark are accepted.  A key without a default may be empty, which is the same as not
 * given. */
#ifndef MASTER_CONFIG_H
#define MASTER_CONFIG_H

#include "ipc/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { CONFIG_ERRORS_MAX = 64, CONFIG_ERROR_LEN = 512, CONFIG_RANGE_LEN = 64 };

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

/* The table, row by row, for those who check the documentation against it; NULL beyond its end.
 * A range is as in config_value.h's value_range. */
const char *config_key(size_t index);
const char *config_default(size_t index); /* as it would be written; empty: none */
const char *config_range(size_t index, char out[CONFIG_RANGE_LEN]);
bool config_waits_for_restart(size_t index);

#endif
