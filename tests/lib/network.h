/* network.h - a network namespace for one test, whose servers and ports nobody else sees.
 *
 * The server and the guests of the test must be started afterwards. */
#ifndef TESTS_LIB_NETWORK_H
#define TESTS_LIB_NETWORK_H

/* The test's process enters a new namespace with nothing but a loopback interface; ends the test as
 * skipped if it may not. */
void network_own(void);

/* For a server that takes another address of a port that the kernel has picked: another process may
 * use that.  The same, but where the process may not, the test goes on with a small risk. */
void network_own_ports(void);

/* Takes the lock by which servers of one network exclude each other while they bind
 * (master/listen_lock.h), and so holds every start in this namespace, for at most 5 s, and every
 * reload that adds an address, for at most 1 s.  Returns a descriptor whose close releases it. */
int network_hold(void);

#endif
