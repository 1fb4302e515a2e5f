/* units.h - numbers as people read them.  Each returns out. */
#ifndef MASTER_CTL_UNITS_H
#define MASTER_CTL_UNITS_H

#include <stdint.h>

enum { UNITS_TEXT = 32 };

/* "1,234,567" */
const char *units_count(char out[UNITS_TEXT], uint64_t n);
/* "0", "7.4", "12,345": of something a second */
const char *units_rate(char out[UNITS_TEXT], double n);
/* "512 B", "1.2 kB", "34.5 MB": powers of 1000 */
const char *units_bytes(char out[UNITS_TEXT], double bytes);
/* "12s", "5m", "3h", "2d": as `who` in the room shows idle time, and below a minute too */
const char *units_short(char out[UNITS_TEXT], uint64_t seconds);
/* "12 seconds", "7 minutes", "4:07" hours, "3 days 4:07" */
const char *units_long(char out[UNITS_TEXT], uint64_t seconds);

#endif
