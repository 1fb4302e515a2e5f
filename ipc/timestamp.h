/* timestamp.h - times of the wall clock as text: RFC 3339 in UTC, 2026-12-31T23:59:59Z, or with
 * milliseconds, 2026-12-31T23:59:59.120Z.  Numbers are milliseconds since 1970.  Pure functions. */
#ifndef IPC_TIMESTAMP_H
#define IPC_TIMESTAMP_H

#include <stddef.h>
#include <stdint.h>

/* The form, and its length in bytes. */
enum timestamp { TIMESTAMP_SECONDS = 20, TIMESTAMP_MILLIS = 24 };

/* How many bytes at the start of text[0, len) fit the form and are those of a time that there is:
 * as many as the form has, if text begins with one. */
size_t timestamp_fits(const char *text, size_t len, enum timestamp form);

/* The time that a text of the form shows. */
int64_t timestamp_read(const char *text, enum timestamp form);

/* The NUL included.  A year of more than four digits is cut off at the form's length. */
enum { TIMESTAMP_TEXT = TIMESTAMP_MILLIS + 1 };
void timestamp_write(char out[TIMESTAMP_TEXT], int64_t ms, enum timestamp form);

#endif
