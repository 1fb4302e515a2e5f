/* counters.h - what the kernel knows about a connection, exactly.
 *
 *     sent     = tcpi_bytes_acked + SIOCOUTQ          every byte that send() ever accepted
 *     received = tcpi_bytes_received - SIOCINQ        every byte that recv() ever handed out
 *
 * read until two readings of tcp_info agree.  The peer's FIN adds one to bytes_received; it is
 * subtracted in the states that show it.  In TCP_CLOSE it cannot be seen, so `received` may be one
 * too many: nothing that such a connection has sent is processed by a successor.  Urgent data would
 * shift `received`; listeners set SO_OOBINLINE, which is inherited. */
#ifndef WORKER_LEDGER_COUNTERS_H
#define WORKER_LEDGER_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct counters {
    uint64_t sent, received;
    uint8_t state; /* enum of <netinet/tcp.h>: TCP_ESTABLISHED ... */
};

/* False: `fd` is no TCP socket, or the kernel does not keep the counts. */
bool counters_read(int fd, struct counters *out);

/* Proves on a loopback pair that this kernel keeps the counts; false with a sentence if it does not
 * (the server then runs without adoption). */
bool counters_self_test(char *err, size_t err_size);

#endif
