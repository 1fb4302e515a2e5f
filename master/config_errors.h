/* config_errors.h - what is wrong in files that an operator wrote: the configuration and the bans.
 *
 * All errors of a file are listed, not only the first; the caller prints or logs them and refuses
 * the file.  The caller is the master. */
#ifndef MASTER_CONFIG_ERRORS_H
#define MASTER_CONFIG_ERRORS_H

#include <stdint.h>
#include <stdio.h>

enum { CONFIG_ERRORS_MAX = 64, CONFIG_ERROR_LEN = 512 };

struct config_errors {
    uint32_t count; /* of all errors; the text of the first CONFIG_ERRORS_MAX is kept */
    char text[CONFIG_ERRORS_MAX][CONFIG_ERROR_LEN]; /* "FILE:LINE: reason" */
};

/* Adds "PATH:LINE: REASON", escaped; line 0: "PATH: REASON". */
void config_errors_add(struct config_errors *errors, const char *path, unsigned line,
                       const char *reason);

/* Every error as a line. */
void config_print_errors(const struct config_errors *errors, FILE *to);
void config_log_errors(const struct config_errors *errors);

#endif
