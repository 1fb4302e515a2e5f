/* siphash.h - SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012): a hash
 * that cannot be foretold without its key.  Pure; safe anywhere. */
#ifndef IPC_SIPHASH_H
#define IPC_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

enum { SIPHASH_KEY = 16 }; /* bytes */

uint64_t siphash(const void *bytes, size_t n, const uint8_t key[SIPHASH_KEY]);

#endif
