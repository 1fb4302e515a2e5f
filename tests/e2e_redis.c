/* e2e_redis.c - the redis-servers that other tests start do what lib/redis.h says of them. */
#include "tests/lib/redis.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(redis_server, .timeout = 180);

Test(redis_server, replies_of_all_forms) {
    struct redis *r = redis_start("%s", "");
    redis_expect(r, "OK", "SET", "key", "a\r\nb");
    redis_expect(r, "a\r\nb", "GET", "key");
    redis_expect(r, "(nil)", "GET", "other");
    redis_expect(r, "2", "RPUSH", "list", "one", "two");
    redis_expect(r, "one\ntwo", "LRANGE", "list", "0", "-1");
    redis_expect(r, "", "LRANGE", "list", "5", "9");
    redis_expect(r, "one\n1\n2\n3", "EVAL", "return {'one', {1, {2}}, 3}", "0");
    cr_assert_eq(strncmp(redis_do(r, "SET", "key"), "-ERR ", 5), 0);
    const char *zero[] = {"SET", "a\0b", "x", NULL};
    redis_do_at(HERE, r, zero, (const size_t[]){3, 3, 1});
    redis_expect(r, "x", "EVAL", "return redis.call('GET', 'a\\0b')", "0");
}

Test(redis_server, two_of_them_are_two) {
    struct redis *one = redis_start("%s", ""), *other = redis_start("%s", "");
    cr_assert_str_neq(one->endpoint, other->endpoint);
    redis_expect(one, "OK", "SET", "key", "1");
    redis_expect(other, "(nil)", "GET", "key");
}

Test(redis_server, one_that_dies_keeps_what_it_was_told_to_keep) {
    struct redis *keeps = redis_start("appendonly yes\nappendfsync always\n"),
                 *forgets = redis_start("%s", "");
    redis_expect(keeps, "OK", "SET", "key", "1");
    redis_expect(forgets, "OK", "SET", "key", "1");
    redis_kill(keeps);
    redis_stop(forgets);
    redis_again(keeps);
    redis_again(forgets);
    redis_expect(keeps, "1", "GET", "key");
    redis_expect(forgets, "(nil)", "GET", "key");
    redis_pause(keeps);
    redis_kill(keeps);
    redis_again(keeps);
    redis_pause(keeps);
    redis_resume(keeps);
    redis_expect(keeps, "1", "GET", "key");
}

Test(redis_server, a_replica_and_a_sentinel_with_a_password) {
    struct redis *r = redis_prepare();
    r->password = "secret";
    redis_launch(r, "requirepass secret\nmasterauth secret\n");
    struct redis *copy = redis_replica(r), *sentinel = redis_sentinel(r, "room");
    redis_expect(r, "OK", "SET", "key", "1");
    redis_until(copy, "1", "GET", "key");
    char at[64];
    snprintf(at, sizeof at, "%s\n%u", r->address, r->port);
    redis_expect(sentinel, at, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "room");
    int64_t deadline = wait_deadline();
    while (!strstr(redis_do(sentinel, "SENTINEL", "REPLICAS", "room"), copy->endpoint)) {
        cr_assert_gt(wait_left_ms(deadline), 0, "the sentinel does not see the replica");
        wait_breath();
    }
    redis_kill(r);
    snprintf(at, sizeof at, "%s\n%u", copy->address, copy->port);
    redis_until(sentinel, at, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "room");
    copy->password = NULL; /* a replica asks for none of its own here */
    redis_until(copy, "OK", "SET", "key", "2");
}
