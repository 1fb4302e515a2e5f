/* config.h - reads chatroom.conf.
 *
 * One table (config.c) has every key: its type, range and default, and whether a reload applies it.
 * A test compares the shipped chatroom.conf, from which the manual page is made, with the table.
 * All errors of a file are listed, not only the first.  The caller is the master; a file with an
 * error changes nothing but `out`.
 *
 * A line is `key = value`.  `#` begins a comment at a line's start and after a space, but not
 * within quotes; "..." may contain spaces and #, and \" and \\ mean themselves.  CR LF line ends
 * and a byte order mark are accepted.  A key without a default may have an empty value, which is
 * the same as no line. */
#ifndef MASTER_CONFIG_H
#define MASTER_CONFIG_H

#include "ipc/config.h"
#include "ipc/segment.h"
#include "master/config_errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONFIG_RANGE_LEN = 64 };

/* 0, or -1 with at least one error.  Keys that the file does not have receive their defaults. */
int config_parse(const char *path, struct config *out, struct config_errors *errors);

/* For -t: the same, and whether a start would open the log and the pidfile and read the bans, as
 * far as the calling user can see. */
int config_check(const char *path, struct config *out, struct config_errors *errors);

/* A reload: keys that only a restart changes keep their old values; the log names each that
 * differs. */
void config_keep(const struct config *old, struct config *next);

/* The first key that only a restart changes and that differs; NULL: none does. */
const char *config_restart_key(const struct config *old, const struct config *next);

/* Sets one key to what a file would say.  False with a sentence: `config` is as it was. */
bool config_set(struct config *config, const char *key, const char *value, char *err,
                size_t err_size);

/* The table, row by row, for the tests that compare documentation with it; NULL beyond its end.
 * config_range: as value_range (config_value.h). */
const char *config_key(size_t index);
const char *config_default(size_t index); /* as in a file; empty: none */
const char *config_range(size_t index, char out[CONFIG_RANGE_LEN]);
bool config_waits_for_restart(size_t index);

#endif
