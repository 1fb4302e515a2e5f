/* skip.h - tests that cannot run here, and the list of them.
 *
 *     if (!has_ipv6())
 *         skip_test("this machine has no IPv6");
 *
 * A test that is skipped, or runs in part only, appends one line "SUITE/NAME: REASON" to the file
 * that $CHATROOM_SKIPS names (without that variable: to nothing).  Criterion runs each test in a
 * process of its own, several at once, so a line is one write to a file opened for appending.
 * scripts/skips prints the list; CI refuses a test in it that .ci/expected-skips does not name.
 *
 * Only a test's own process may call these, and not after it has become another user. */
#ifndef TESTS_LIB_SKIP_H
#define TESTS_LIB_SKIP_H

/* Ends the test as skipped. */
void skip_test(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* The test goes on with less than it is meant to try. */
void skip_part(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* End the test as skipped where the process is not root, or ::1 cannot be bound. */
void skip_unless_root(void);
void skip_unless_ipv6(void);

#endif
