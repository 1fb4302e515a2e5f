/* proxy.c - see proxy.h. */
#include "worker/protocol/proxy.h"

#include "ipc/address.h"
#include "ipc/decimal.h"

#include <stdbool.h>
#include <string.h>

static enum proxy_verdict proxy_wrong(struct proxy_header *out, const char *what) {
    out->wrong = what;
    return PROXY_WRONG;
}

/* ---- v1 ---- */

/* The next word, up to one blank or the end, as a string; false: it is empty or too long. */
static bool proxy_word(const char **at, const char *end, char *word, size_t size) {
    const char *blank = memchr(*at, ' ', (size_t)(end - *at));
    size_t len = (size_t)((blank ? blank : end) - *at);
    if (len == 0 || len >= size)
        return false;
    memcpy(word, *at, len);
    word[len] = '\0';
    *at = blank ? blank + 1 : end;
    return true;
}

/* Without zeros before it. */
static bool proxy_port(const char *word, uint16_t *port) {
    uint32_t number;
    bool good = decimal_parse(word, UINT16_MAX, &number) && (word[0] != '0' || word[1] == '\0');
    *port = (uint16_t)number;
    return good;
}

static bool proxy_address(bool v4, const char *word, struct in6_addr *addr) {
    bool is_v4;
    return address_parse(word, addr, &is_v4) && is_v4 == v4;
}

/* The words behind TCP4 or TCP6: two addresses, two ports. */
static enum proxy_verdict proxy_v1_words(bool v4, const char *at, const char *end,
                                         struct proxy_header *out) {
    char source[INET6_ADDRSTRLEN], target[INET6_ADDRSTRLEN], port[8], to[8];
    struct in6_addr unused;
    uint16_t unused_port;
    if (!proxy_word(&at, end, source, sizeof source) ||
        !proxy_word(&at, end, target, sizeof target) || !proxy_address(v4, source, &out->addr) ||
        !proxy_address(v4, target, &unused))
        return proxy_wrong(out, v4 ? "has no two IPv4 addresses" : "has no two IPv6 addresses");
    if (!proxy_word(&at, end, port, sizeof port) || !proxy_word(&at, end, to, sizeof to) ||
        end[-1] == ' ' || at != end || !proxy_port(port, &out->port) ||
        !proxy_port(to, &unused_port))
        return proxy_wrong(out, "has no two ports at its end");
    return PROXY_NAMED;
}

static bool proxy_begins(const char *at, const char *end, const char *text) {
    size_t len = strlen(text);
    return (size_t)(end - at) >= len && memcmp(at, text, len) == 0;
}

/* The line up to its CR LF, behind "PROXY ". */
static enum proxy_verdict proxy_v1_line(const char *at, const char *end, struct proxy_header *out) {
    static const char unknown[] = "UNKNOWN";
    if (proxy_begins(at, end, unknown) &&
        (at + sizeof unknown - 1 == end || at[sizeof unknown - 1] == ' '))
        return PROXY_NOBODY;
    if (proxy_begins(at, end, "TCP4 "))
        return proxy_v1_words(true, at + 5, end, out);
    if (proxy_begins(at, end, "TCP6 "))
        return proxy_v1_words(false, at + 5, end, out);
    return proxy_wrong(out, "is of no protocol that is known");
}

static const char proxy_v1_word[] = "PROXY ";
enum { PROXY_V1_WORD = sizeof proxy_v1_word - 1 };

static enum proxy_verdict proxy_v1(const char *text, size_t len, struct proxy_header *out) {
    size_t most = len < PROXY_V1_MAX ? len : PROXY_V1_MAX, at = PROXY_V1_WORD;
    while (at < most && text[at] >= ' ' && text[at] <= '~')
        at++;
    if (at == PROXY_V1_MAX)
        return proxy_wrong(out, "is too long for version 1");
    if (at == len || (at + 1 == len && text[at] == '\r' && len < PROXY_V1_MAX))
        return PROXY_MORE;
    if (text[at] != '\r' || at + 1 == most || text[at + 1] != '\n')
        return proxy_wrong(out, "does not end with CR LF");
    out->len = at + 2;
    return proxy_v1_line(text + PROXY_V1_WORD, text + at, out);
}

/* ---- v2 ---- */

enum {
    PROXY_V2_FIXED = 16, /* bytes before the addresses */
    PROXY_V2_INET = 12,
    PROXY_V2_INET6 = 36,
    PROXY_V2_UNIX = 216,
    PROXY_FIELD_CRC32C = 0x03,
};

static const uint8_t proxy_signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static uint16_t proxy_u16(const uint8_t *at) {
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* CRC-32C (RFC 3720, B.4) of the header, with the four bytes at `skip` as zeros. */
static uint32_t proxy_crc(const uint8_t *bytes, size_t len, size_t skip) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < len; i++) {
        crc ^= i >= skip && i < skip + 4 ? 0 : bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

/* The fields behind the addresses: type, length, value. */
static enum proxy_verdict proxy_v2_fields(const uint8_t *bytes, size_t at,
                                          enum proxy_verdict verdict, struct proxy_header *out) {
    while (at < out->len) {
        size_t left = out->len - at;
        if (left < 3 || (size_t)proxy_u16(bytes + at + 1) > left - 3)
            return proxy_wrong(out, "has a field that is cut off");
        size_t len = proxy_u16(bytes + at + 1), value = at + 3;
        if (bytes[at] == PROXY_FIELD_CRC32C) {
            const uint8_t *sum = bytes + value;
            if (len != 4 || proxy_crc(bytes, out->len, value) !=
                                ((uint32_t)proxy_u16(sum) << 16 | proxy_u16(sum + 2)))
                return proxy_wrong(out, "does not match its checksum");
        }
        at = value + len;
    }
    return verdict;
}

static enum proxy_verdict proxy_v2_complete(const uint8_t *bytes, struct proxy_header *out) {
    static const size_t lengths[] = {0, PROXY_V2_INET, PROXY_V2_INET6, PROXY_V2_UNIX};
    const uint8_t *source = bytes + PROXY_V2_FIXED;
    if ((bytes[12] & 0xF) == 0) /* LOCAL: nothing else counts */
        return PROXY_NOBODY;
    size_t addresses = lengths[bytes[13] >> 4]; /* families that are not known are refused before */
    if (out->len - PROXY_V2_FIXED < addresses)
        return proxy_wrong(out, "is too short for its addresses");
    enum proxy_verdict verdict = PROXY_NOBODY;
    if (addresses == PROXY_V2_INET) {
        out->addr = address_mapped(source);
        out->port = proxy_u16(source + 8);
        verdict = PROXY_NAMED;
    } else if (addresses == PROXY_V2_INET6) {
        memcpy(&out->addr, source, sizeof out->addr);
        out->port = proxy_u16(source + 32);
        verdict = PROXY_NAMED;
    }
    return proxy_v2_fields(bytes, PROXY_V2_FIXED + addresses, verdict, out);
}

static enum proxy_verdict proxy_v2(const uint8_t *bytes, size_t len, struct proxy_header *out) {
    if (len > 12 && (bytes[12] >> 4 != 2 || (bytes[12] & 0xF) > 1))
        return proxy_wrong(out, "is of no version and command that are known");
    if (len > 13 && (bytes[12] & 0xF) == 1 && (bytes[13] >> 4 > 3 || (bytes[13] & 0xF) > 2))
        return proxy_wrong(out, "is of no family and transport that are known");
    if (len < PROXY_V2_FIXED)
        return PROXY_MORE;
    out->len = PROXY_V2_FIXED + (size_t)proxy_u16(bytes + 14);
    if (out->len > PROXY_HEADER_MAX)
        return proxy_wrong(out, "is longer than 1024 bytes");
    return len < out->len ? PROXY_MORE : proxy_v2_complete(bytes, out);
}

enum proxy_verdict proxy_read(const uint8_t *bytes, size_t len, struct proxy_header *out) {
    size_t signature = len < sizeof proxy_signature ? len : sizeof proxy_signature;
    size_t word = len < PROXY_V1_WORD ? len : PROXY_V1_WORD;
    *out = (struct proxy_header){0};
    if (memcmp(bytes, proxy_signature, signature) == 0)
        return proxy_v2(bytes, len, out);
    if (memcmp(bytes, proxy_v1_word, word) == 0)
        return word < PROXY_V1_WORD ? PROXY_MORE : proxy_v1((const char *)bytes, len, out);
    return proxy_wrong(out, "is missing");
}
