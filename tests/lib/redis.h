/* redis.h - a real redis-server for a test: the engine that machines share.
 *
 *     struct redis *r = redis_start("requirepass secret\n");
 *     redis_expect(r, "OK", "SET", "key", "value");
 *     redis_kill(r);
 *     redis_again(r);
 *
 * Each has a private directory, and listens at an address that no other process uses: a loopback
 * address made from the test's pid, so a restart finds its port free and a machine's own engine is
 * never touched.  It saves nothing unless it is configured to.  It ends with the test, however that
 * ends (run.h).  Where redis-server is not installed the test is skipped.
 *
 * A program without Criterion links its own skip_test, as it does fail_at (fail.h). */
#ifndef TESTS_LIB_REDIS_H
#define TESTS_LIB_REDIS_H

#include "tests/lib/run.h"

#include <stddef.h>
#include <stdint.h>

struct redis {
    struct redis *next; /* all of this process */
    char dir[256];
    char conf[300], log[300], binary[300];
    char address[32];       /* may be set before redis_launch */
    uint16_t port;          /* likewise; 0: chosen */
    char endpoint[48];      /* ADDRESS:PORT, once it is launched */
    const char *user;       /* as whom redis_do speaks; NULL: the default user */
    const char *password;   /* NULL: none.  Both are set before redis_launch */
    bool sentinel, stopped; /* stopped: not running, by the test's will */
    pid_t pid;
    int cleaner[2]; /* of the directory and of the process; see run_cleaner */
};

/* Starts it with these further lines of configuration, and waits until it answers. */
struct redis *redis_start_at(struct where where, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
#define redis_start(...) redis_start_at(HERE, __VA_ARGS__)
/* In two steps, where the configuration needs the directory's name. */
struct redis *redis_prepare_at(struct where where);
#define redis_prepare() redis_prepare_at(HERE)
void redis_launch_at(struct where where, struct redis *r, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define redis_launch(r, ...) redis_launch_at(HERE, r, __VA_ARGS__)
/* Copies what `primary` has, and is in step with it when this returns. */
struct redis *redis_replica_at(struct where where, const struct redis *primary);
#define redis_replica(primary) redis_replica_at(HERE, primary)
/* A Sentinel that watches `primary` under that name, alone, and declares it dead after a second. */
struct redis *redis_sentinel_at(struct where where, const struct redis *primary, const char *name);
#define redis_sentinel(primary, name) redis_sentinel_at(HERE, primary, name)

/* As a crash does; and by SIGTERM.  Both wait for its end. */
void redis_kill_at(struct where where, struct redis *r);
#define redis_kill(r) redis_kill_at(HERE, r)
void redis_stop_at(struct where where, struct redis *r);
#define redis_stop(r) redis_stop_at(HERE, r)
/* Starts it again, with its port, directory and configuration. */
void redis_again_at(struct where where, struct redis *r);
#define redis_again(r) redis_again_at(HERE, r)
/* It does nothing, and its connections stay: SIGSTOP, SIGCONT. */
void redis_pause(struct redis *r);
void redis_resume(struct redis *r);

/* Sends one command on a connection of its own.  The reply as text, valid until the next call: what
 * an array has one a line, "(nil)", "-ERR ..." for an error.  lens: the arguments' lengths, NULL:
 * they are strings. */
const char *redis_do_at(struct where where, const struct redis *r, const char *const argv[],
                        const size_t lens[]);
#define redis_do(r, ...) redis_do_at(HERE, r, (const char *[]){__VA_ARGS__, NULL}, NULL)
/* The reply is this. */
void redis_expect_at(struct where where, const struct redis *r, const char *want,
                     const char *const argv[]);
#define redis_expect(r, want, ...)                                                                 \
    redis_expect_at(HERE, r, want, (const char *[]){__VA_ARGS__, NULL})
/* Asks again until the reply is this. */
void redis_until_at(struct where where, const struct redis *r, const char *want,
                    const char *const argv[]);
#define redis_until(r, want, ...) redis_until_at(HERE, r, want, (const char *[]){__VA_ARGS__, NULL})

#endif
