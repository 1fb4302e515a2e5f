/* proxy.h - the header that a proxy puts before a client's own bytes: where the client comes from.
 *
 *     v1   "PROXY TCP4 192.0.2.1 198.51.100.1 56324 6666\r\n"; TCP6; or UNKNOWN and anything
 *     v2   a signature, a command, a family, a length, then addresses and fields of that length
 *
 * A header is complete or not at each byte, whatever the split.  It is wrong as soon as no further
 * byte can mend it.  Of the addresses the source alone is used.  Fields are skipped but for a
 * checksum, which must be right where there is one.  LOCAL (the proxy's own connection: a health
 * check), UNKNOWN, and families that are not the Internet's name no client.
 *
 * Source: haproxy's doc/proxy-protocol.txt, sections 2.1 and 2.2.  Pure; safe anywhere. */
#ifndef WORKER_PROTOCOL_PROXY_H
#define WORKER_PROTOCOL_PROXY_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROXY_V1_MAX = 107,     /* bytes of a v1 header, with its end */
    PROXY_HEADER_MAX = 1024 /* of any header: a rx buffer's raw area */
};

enum proxy_verdict {
    PROXY_MORE,   /* a header's beginning */
    PROXY_NAMED,  /* complete: it names a client */
    PROXY_NOBODY, /* complete: the connection is the proxy's own, or the client is not known */
    PROXY_WRONG,  /* no header */
};

struct proxy_header {
    size_t len;           /* PROXY_NAMED, PROXY_NOBODY: bytes of the header */
    struct in6_addr addr; /* PROXY_NAMED: as ipc/address.h has it */
    uint16_t port;
    const char *wrong; /* PROXY_WRONG: what; for the log, behind "its PROXY header " */
};

/* bytes[0, len) are the first of the connection. */
enum proxy_verdict proxy_read(const uint8_t *bytes, size_t len, struct proxy_header *out);

#endif
