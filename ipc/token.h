/* token.h - the secret by which a browser that comes back claims its own place.
 *
 * A token is a keyed hash of the client's number and generation, which no other client ever has
 * together: so it needs no memory, and stays the same as long as the client is in the room, over
 * connections, names and deaths.  The key is the segment's (header.h).  The token is shown to the
 * client alone, by the answer to its login (worker/protocol/event.h).  Pure; safe anywhere. */
#ifndef IPC_TOKEN_H
#define IPC_TOKEN_H

#include "ipc/siphash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TOKEN_BYTES = 16, TOKEN_DIGITS = 2 * TOKEN_BYTES };

void token_of(const uint8_t key[SIPHASH_KEY], uint32_t client, uint32_t generation,
              uint8_t bytes[TOKEN_BYTES]);

/* Whether the bytes are that client's token.  Takes as long for every answer. */
bool token_is(const uint8_t key[SIPHASH_KEY], uint32_t client, uint32_t generation,
              const uint8_t bytes[TOKEN_BYTES]);

/* From TOKEN_DIGITS hexadecimal digits.  False: the text is no token. */
bool token_read(const char *text, size_t len, uint8_t bytes[TOKEN_BYTES]);

#endif
