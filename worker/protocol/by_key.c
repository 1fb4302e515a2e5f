/* by_key.c - see by_key.h. */
#include "worker/protocol/by_key.h"

#include "ipc/unicode.h"
#include "worker/protocol/keyseq.h"

enum { IAC = 0xFF };

/* One byte: a character or a control.  Ends of lines and telnet's own byte are neither. */
static bool by_key_byte(uint8_t byte) {
    return byte != 0 && byte != '\r' && byte != '\n' && byte != IAC;
}

static bool by_key_utf8(const uint8_t *read, size_t n) {
    size_t len;
    return unicode_decode((const char *)read, n, &len) >= 0 && len == n;
}

static bool by_key_lead(uint8_t byte) {
    return byte > 0x80 && byte < 0xFF;
}

/* GBK and Big5, whose pairs Shift_JIS and the EUC encodings share; four bytes of GB18030. */
static bool by_key_double_byte(const uint8_t *read, size_t n) {
    if (n == 2)
        return by_key_lead(read[0]) && read[1] >= 0x40 && read[1] != 0x7F && read[1] != 0xFF;
    return n == 4 && by_key_lead(read[0]) && read[1] >= '0' && read[1] <= '9' &&
           by_key_lead(read[2]) && read[3] >= '0' && read[3] <= '9';
}

enum by_key by_key(const uint8_t *read, size_t n) {
    if (keyseq_whole(read, n))
        return BY_KEY_SEQUENCE;
    bool one = n == 1 ? by_key_byte(*read) : by_key_utf8(read, n) || by_key_double_byte(read, n);
    return one ? BY_KEY_ONE : BY_KEY_NONE;
}

void by_key_count(struct telnet *t, const uint8_t *read, size_t n) {
    switch (by_key(read, n)) {
    case BY_KEY_NONE: break;
    case BY_KEY_ONE: t->flags += by_key_proven(t) ? 0 : TELNET_ONE_KEY; break;
    case BY_KEY_SEQUENCE: t->flags |= TELNET_THREE_KEYS; break;
    }
}

bool by_key_proven(const struct telnet *t) {
    return (t->flags & TELNET_THREE_KEYS) == TELNET_THREE_KEYS;
}
