/* counters.h - what the kernel knows about a connection, exactly.
 *
 *     sent  = tcpi_bytes_acked + SIOCOUTQ          every byte send() ever accepted
 *     taken = tcpi_bytes_received - SIOCINQ        every byte recv() ever handed out
 * read until two readings of tcp_info agree.  The peer's FIN adds one to bytes_received: subtracted
 * in the states that show it.  In TCP_CLOSE it cannot be seen: `taken` may be one too many, which
 * adopt_client compares with what was written down; if that tells nothing, the phantom byte reads
 * as the NUL that the inbox holds there (box.h).  Urgent data would shift `taken`; listeners set
 * SO_OOBINLINE, which is inherited. */
#ifndef WORKER_COUNTERS_H
#define WORKER_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct counters {
    uint64_t sent, received;
    uint8_t state; /* enum of <linux/tcp.h>: TCP_ESTABLISHED ... */
};

bool counters_read(int fd, struct counters *out);

/* Proves on a loopback pair that this kernel keeps the counts; false with a sentence if it does not
 * (the server then runs without adoption). */
bool counters_self_test(char *err, size_t err_size);

#endif
