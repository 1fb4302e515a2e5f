/* sha1.h - the hash that WebSocket's opening handshake is made of (RFC 6455 4.2.2), and no other
 * use of it: SHA-1 withstands no attacker today.
 *
 * Source: FIPS 180-4 (RFC 3174).  Pure; safe anywhere. */
#ifndef WORKER_PROTOCOL_SHA1_H
#define WORKER_PROTOCOL_SHA1_H

#include <stddef.h>
#include <stdint.h>

enum { SHA1_BYTES = 20 };

/* The hash of in[0, n). */
void sha1(const void *in, size_t n, uint8_t out[SHA1_BYTES]);

#endif
