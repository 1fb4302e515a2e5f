/* skip.h - skips a test that cannot run on this machine, and lists it.
 *
 *     if (!has_ipv6())
 *         skip_test("this machine has no IPv6");
 *
 * A test that is skipped, or runs only in part, appends one line "SUITE/NAME: REASON" to the file
 * named by $CHATROOM_SKIPS (nothing without that variable).  Criterion runs each test in its own
 * process, several at once, so a line is a single write to a file opened with O_APPEND.
 * scripts/skips prints the list; CI fails on a test in it that .ci/expected-skips does not name, or
 * .ci/expected-skips-sanitizers for a build with a sanitizer.
 *
 * Only the test's own process may call these functions, before it changes its user. */
#ifndef TESTS_LIB_SKIP_H
#define TESTS_LIB_SKIP_H

/* Ends the test as skipped. */
void skip_test(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* The test continues, but leaves out a part. */
void skip_part(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* End the test as skipped if the process is not root, if ::1 cannot be bound, or if this build's
 * sanitizer cannot do without /proc. */
void skip_unless_root(void);
void skip_unless_ipv6(void);
void skip_if_proc_is_needed(void);

#endif
