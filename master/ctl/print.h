/* print.h - text from elsewhere, made safe for a terminal.
 *
 * It comes from the server's memory and from its workers, and neither is believed: a character that
 * steers a terminal, or that a person would not see, is not written as it is. */
#ifndef MASTER_CTL_PRINT_H
#define MASTER_CTL_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False: a control character, one that is invisible or reorders others, or UNICODE_BAD. */
bool print_shows(int32_t cp);

/* The text in out[size], cut to fit; what is not shown is `?`.  Returns out. */
const char *print_clean(char *out, size_t size, const char *text);

#endif
