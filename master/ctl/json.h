/* json.h - one JSON value (RFC 8259), written to standard output piece by piece.
 *
 *     json_open(NULL, '{');
 *     json_number("people", 3);
 *     json_close('}');
 *
 * `key` is NULL in an array and for the whole.  Commas come by themselves; the last close adds the
 * line's end.  What a person
 * would not see (print.h) is written as \u and its UTF-16, a byte that is not UTF-8 as U+FFFD. */
#ifndef MASTER_CTL_JSON_H
#define MASTER_CTL_JSON_H

#include <stdbool.h>
#include <stdint.h>

void json_open(const char *key, char bracket);
void json_close(char bracket);
void json_number(const char *key, uint64_t value);
void json_decimal(const char *key, double value); /* with one digit behind the point */
void json_text(const char *key, const char *text);
void json_bool(const char *key, bool value);
void json_null(const char *key);

#endif
