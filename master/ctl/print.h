/* print.h - what chatroom-ctl writes: text that is safe on a terminal, and JSON (RFC 8259). */
#ifndef MASTER_CTL_PRINT_H
#define MASTER_CTL_PRINT_H

#include <stdio.h>

/* The text; a control character, and a byte that is not UTF-8, as `?`. */
void print_clean(FILE *out, const char *text);

/* To standard output, with its quotes; a byte that is not UTF-8 as U+FFFD. */
void print_json_string(const char *text);

#endif
