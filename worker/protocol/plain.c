/* plain.c - see plain.h. */
#include "worker/protocol/plain.h"

#include <string.h>

size_t plain_next(const uint8_t *in, size_t n, struct telnet_event *ev) {
    const uint8_t *end = memchr(in, '\n', n);
    ev->answer_len = ev->on = 0;
    if (end == in) {
        ev->kind = TELNET_END_OF_LINE;
        return 1;
    }
    ev->kind = TELNET_TEXT;
    ev->bytes = in;
    ev->len = end ? (size_t)(end - in) : n;
    return ev->len;
}
