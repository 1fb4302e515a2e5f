/* frame.h - WebSocket frames (RFC 6455, 5.2) for programs that speak them from outside: heads only,
 * text and control frames, no fragments; a length beyond 65,535 bytes is taken for a damaged one.
 * Nothing here is shared with the server that is tested or measured. */
#ifndef TESTS_LIB_FRAME_H
#define TESTS_LIB_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { FRAME_MORE = 0, FRAME_TEXT = 1, FRAME_CLOSE = 8, FRAME_PING = 9, FRAME_PONG = 10 };
enum { FRAME_HEAD_MAX = 8, FRAME_MASK = 4, FRAME_SHORT = 125, FRAME_LONG = 126 };

struct frame {
    uint8_t opcode;
    bool masked, whole; /* whole: head and payload lie in the bytes given */
    size_t head, len;   /* bytes of the head with the mask, and of the payload */
};

/* False: there are too few bytes to say how long the frame is. */
static inline bool frame_read(struct frame *f, const char *at, size_t have) {
    const uint8_t *b = (const uint8_t *)at;
    if (have < 2)
        return false;
    *f = (struct frame){.opcode = b[0] & 15, .masked = b[1] & 128, .head = 2, .len = b[1] & 127};
    if (f->len >= FRAME_LONG) {
        if (have < 4)
            return false;
        f->len = f->len > FRAME_LONG ? SIZE_MAX / 2 : (size_t)b[2] << 8 | b[3];
        f->head = 4;
    }
    f->head += f->masked ? FRAME_MASK : 0;
    f->whole = have >= f->head + f->len;
    return true;
}

/* Writes a head in front of `payload`, so that both are contiguous; returns where it begins. */
static inline char *frame_before(char *payload, size_t len, uint8_t opcode, bool masked) {
    char *at = payload - (masked ? FRAME_MASK : 0) - (len > FRAME_SHORT ? 4 : 2);
    at[0] = (char)(0x80 | opcode);
    at[1] = (char)((masked ? 0x80 : 0) | (len > FRAME_SHORT ? FRAME_LONG : (uint8_t)len));
    if (len > FRAME_SHORT) {
        at[2] = (char)(len >> 8);
        at[3] = (char)len;
    }
    return at;
}

/* The same in both directions. */
static inline void frame_mask(char *payload, size_t len, const char *mask) {
    for (size_t i = 0; i < len; i++)
        payload[i] ^= mask[i & 3];
}

#endif
