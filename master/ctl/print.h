/* print.h - what chatroom-ctl writes: text that is safe on a terminal, and JSON (RFC 8259).
 *
 * Text comes from the server's memory and from its workers, and neither is believed: a character
 * that steers a terminal, or that a person would not see, is not written as it is. */
#ifndef MASTER_CTL_PRINT_H
#define MASTER_CTL_PRINT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* False: a control character, one that is invisible or reorders others, or UNICODE_BAD. */
bool print_shows(int32_t cp);

/* The text; what is not shown as `?`. */
void print_clean(FILE *out, const char *text);

/* To standard output, with its quotes; what is not shown as \u and its UTF-16, and a byte that is
 * not UTF-8 as U+FFFD. */
void print_json_string(const char *text);

#endif
