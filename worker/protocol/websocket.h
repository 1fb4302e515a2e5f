/* websocket.h - WebSocket frames: a client's bytes in, pieces of text and control frames out; and
 * the heads of the frames that it is sent.
 *
 *     size_t used = websocket_read(&ws, frame_max, control, in, n, out, &event);
 *     ev.what is WEBSOCKET_MORE: all n are used, more input is wanted; else call again with the
 *     rest once the event is dealt with.
 *
 * Only text is taken.  Any split of the input gives the same text, in other pieces, and the same
 * events.  The connection fails at the first byte that makes its input wrong, with a close code:
 *     1002  a reserved opcode or bit, no mask, a length not in its shortest form, a control frame
 *           in fragments or of more than 125 bytes, a continuation of no message, a new message
 *           within one, a close with half a code or one that no peer may send
 *     1003  binary
 *     1007  text, or a close's reason, that is no UTF-8; the reason when it is complete
 *     1009  a message of more than frame_max bytes
 *
 * Replay.  `in` is only read: bytes are unmasked while they are copied out, so that after a death
 * the same bytes give the same text again.  `control` keeps the payload of a ping or a close while
 * it arrives, and is only appended to until that frame's event: so a committed struct websocket
 * stays true while later bytes are handled, if a caller commits each WEBSOCKET_PING before it reads
 * on.
 *
 * Sources: RFC 6455 (5.2 frames, 5.4 fragments, 5.5 control frames, 7.4 codes, 8.1 UTF-8), and
 * IANA's registry of close codes.  Pure functions; safe anywhere. */
#ifndef WORKER_PROTOCOL_WEBSOCKET_H
#define WORKER_PROTOCOL_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WEBSOCKET_FRAME_MAX = 65536, /* bytes: the largest frame_max */
    WEBSOCKET_CONTROL_MAX = 125, /* bytes of a control frame's payload */
    WEBSOCKET_ACCEPT_BYTES = 28, /* of Sec-WebSocket-Accept */
};

enum websocket_opcode {
    WEBSOCKET_CONTINUATION_FRAME,
    WEBSOCKET_TEXT_FRAME,
    WEBSOCKET_BINARY_FRAME,
    WEBSOCKET_CLOSE_FRAME = 8,
    WEBSOCKET_PING_FRAME,
    WEBSOCKET_PONG_FRAME,
};

/* Close codes: RFC 6455 7.4.1, and those of this server. */
enum websocket_code {
    WEBSOCKET_NORMAL = 1000,
    WEBSOCKET_GOING_AWAY = 1001,
    WEBSOCKET_PROTOCOL_ERROR = 1002,
    WEBSOCKET_UNSUPPORTED = 1003,
    WEBSOCKET_NO_CODE = 1005, /* in an event alone: the peer's close has none */
    WEBSOCKET_BAD_UTF8 = 1007,
    WEBSOCKET_POLICY = 1008,
    WEBSOCKET_TOO_BIG = 1009,
    WEBSOCKET_TRY_LATER = 1013,
    WEBSOCKET_TAKEN_OVER = 4001,
};

/* Twelve bytes of plain data, zero at the start, and again between messages, but for what is the
 * caller's.  It lives in the client's record and may be copied anywhere between two calls. */
struct websocket {
    uint8_t state;         /* the caller's: where struct http has its own */
    uint32_t message : 17; /* bytes of the message so far, with all of the frame under way */
    uint32_t step : 4;     /* of the reader: websocket.c */
    uint32_t utf8 : 3;     /* what the text's next byte must be: websocket.c */
    uint8_t mask[4];
    uint32_t left : 17;   /* bytes of the frame's payload to come; before: its length, as read */
    uint32_t got : 7;     /* bytes of it that came; of text modulo 128 */
    uint32_t kind : 2;    /* of the frame: websocket.c */
    uint32_t final : 1;   /* the frame is its message's last */
    uint32_t started : 1; /* a message is under way */
    uint32_t kept : 1;    /* the caller's: which copy of its reader of text is in effect */
    uint32_t spare : 3;   /* 0: there is no padding, so two can be compared as bytes */
};
_Static_assert(sizeof(struct websocket) == 12, "a client's record has twelve bytes for it");

enum websocket_what {
    WEBSOCKET_MORE,   /* no event: more input is wanted */
    WEBSOCKET_TEXT,   /* out[0, len) is the message's next piece, maybe empty; `end`: its last */
    WEBSOCKET_PING,   /* control[0, len) is to be sent back in a pong */
    WEBSOCKET_PONG,   /* its payload is not kept */
    WEBSOCKET_CLOSE,  /* with `code`: to be answered with it, or an empty close if it had none */
    WEBSOCKET_FAILED, /* to be closed with `code` */
};
struct websocket_event {
    enum websocket_what what;
    bool end;
    uint16_t code; /* enum websocket_code, or another that a peer may send */
    size_t len;
};

/* Reads at most in[0, n), up to the end of an event, and returns how many bytes that were.
 * frame_max <= WEBSOCKET_FRAME_MAX bounds a frame's and a message's bytes.  `out` has n bytes and
 * does not overlap `in`.  After WEBSOCKET_CLOSE and WEBSOCKET_FAILED input is used up unread. */
size_t websocket_read(struct websocket *ws, uint32_t frame_max,
                      uint8_t control[WEBSOCKET_CONTROL_MAX], const uint8_t *in, size_t n,
                      uint8_t *out, struct websocket_event *ev);

/* Writes the head of a frame, whole and unmasked, of len <= 65535 bytes; returns its length: 2 for
 * len <= 125, else 4. */
enum { WEBSOCKET_HEAD_MAX = 4 };
size_t websocket_head(size_t len, enum websocket_opcode opcode, uint8_t out[WEBSOCKET_HEAD_MAX]);

/* Writes a close frame with this code and no reason; returns its length. */
enum { WEBSOCKET_CLOSE_BYTES = 4 };
size_t websocket_close(uint16_t code, uint8_t out[WEBSOCKET_CLOSE_BYTES]);

/* The value of Sec-WebSocket-Accept for that of Sec-WebSocket-Key; false: the key is not 16 bytes
 * in base64. */
bool websocket_accept(const char *key, size_t key_len, char out[WEBSOCKET_ACCEPT_BYTES]);

#endif
