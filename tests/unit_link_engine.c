/* unit_link_engine.c - the link with engines as operators run them, and as they fail: passwords,
 * users, replicas, Sentinels, failovers, an engine that stands still, is full, restarts, or is
 * none. */
#include "tests/unit_link.h"
#include "worker/relay/find.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(link_engine, .timeout = 180);

static void passes(struct machine *m, uint64_t prev) {
    cr_assert(machine_pass(m, prev, prev + 1, "x"));
    machine_expect(m, "passed %" PRIu64, prev + 1);
}

/* ---- who is let in ---- */

Test(link_engine, a_password_that_is_missing_or_wrong_is_told_and_tried_slowly) {
    struct redis *r = redis_prepare();
    r->password = "sesame";
    redis_launch(r, "requirepass sesame\n");
    struct machine *m = machine_start(r, "paris");
    machine_until_said(m, "it demands a password, and `relay` has none");
    strcpy(m->config.relay_password, "xyzzy");
    link_configure(m->link, &m->config);
    machine_until_said(m, "the password or the user in `relay` is wrong");
    cr_assert_gt(link_timeout(m->link, machine_now(m)), 9000);
    m->ahead += 10000;
    machine_turn(m, 0);
    for (int i = 0; i < 5; i++)
        cr_assert_not(machine_turn(m, 10), "%s", machine_tell(m));
    cr_assert_eq(machine_said(m, "is wrong"), 1, "%s", m->log);
    cr_assert_not(strstr(m->log, "xyzzy"), "%s", m->log);
    cr_assert(strstr(link_state(m->link), "is wrong"));
    strcpy(m->config.relay_password, "sesame");
    link_configure(m->link, &m->config);
    machine_expect(m, "hello mark 7 turn 1");
}

/* What README.md names. */
#define COMMANDS                                                                                   \
    "+evalsha +script|load +role +select +info +get +set +pexpire +exists +del +rename +hget "     \
    "+hset +hdel +hgetall +xadd +xread +xrevrange"

Test(link_engine, a_user_needs_no_more_than_these_rights) {
    struct redis *r = redis_start("user relay on >sesame ~chatroom:* resetchannels -@all " COMMANDS
                                  "\nmaxmemory-policy allkeys-lru\n");
    struct machine *m = machine_new("paris");
    m->people = 3;
    m->config.relay_db = 5;
    strcpy(m->config.relay_user, "relay");
    strcpy(m->config.relay_password, "sesame");
    machine_address(m, r->address, r->port);
    link_configure(m->link, &m->config);
    machine_expect(m, "hello mark 7 turn 1");
    machine_pass_op(m, 7, 8, '+', "ann", "");
    machine_pass_op(m, 8, 9, 'r', "ann", "eve");
    machine_pass_op(m, 9, 10, '-', "eve", "");
    for (int i = 8; i <= 10; i++)
        machine_expect(m, "passed %d", i);
    m->ahead += 18000; /* a beat that judges */
    machine_turn(m, 0);
    machine_round_trip(m);
    link_history(m->link, 1);
    machine_expect(m, "item x");
    machine_expect(m, "history");
    link_read(m->link, (struct stream_id){0, 0});
    for (int items = 0; strcmp(machine_next(m), "read") != 0; items++)
        cr_assert_lt(items, 4); /* hello and three */
    link_bye(m->link, m->hello.life);
    machine_expect(m, "lost");
    cr_assert_eq(machine_said(m, "its maxmemory-policy is allkeys-lru"), 1, "%s", m->log);
    cr_assert_eq(strchr(m->log, '\n'), NULL, "nothing else: %s", m->log);
}

Test(link_engine, a_right_that_is_missing_is_named) {
    struct redis *r = redis_start("user relay on >sesame ~chatroom:* -@all " COMMANDS " -xadd\n");
    struct machine *m = machine_start(r, "paris");
    strcpy(m->config.relay_user, "relay");
    strcpy(m->config.relay_password, "sesame");
    link_configure(m->link, &m->config);
    machine_until_said(m, "its user has no right to a command that the relay needs");
    redis_do(r, "ACL", "SETUSER", "relay", "+xadd", "-evalsha");
    m->ahead += 10000;
    machine_until_said(m, "no permissions to run the 'evalsha' command");
    redis_do(r, "ACL", "SETUSER", "relay", "+evalsha");
    m->ahead += 10000;
    machine_expect(m, "hello mark 7 turn 1");
}

Test(link_engine, a_user_without_role_and_info_is_served) {
    struct redis *r =
        redis_start("user relay on >sesame ~chatroom:* -@all " COMMANDS " -role -info -select\n");
    struct machine *m = machine_new("paris");
    strcpy(m->config.relay_user, "relay");
    strcpy(m->config.relay_password, "sesame");
    machine_address(m, r->address, r->port);
    link_configure(m->link, &m->config);
    machine_expect(m, "hello mark 7 turn 1");
}

Test(link_engine, a_password_that_is_not_asked_for_does_no_harm) {
    struct redis *r = redis_start("\n");
    struct machine *m = machine_new("paris");
    strcpy(m->config.relay_password, "sesame");
    machine_address(m, r->address, r->port);
    link_configure(m->link, &m->config);
    machine_expect(m, "hello mark 7 turn 1");
}

Test(link_engine, the_database_is_the_configured_one) {
    struct redis *r = redis_start("databases 4\n");
    struct machine *m = machine_new("paris");
    m->config.relay_db = 3;
    machine_address(m, r->address, r->port);
    link_configure(m->link, &m->config);
    machine_expect(m, "hello mark 7 turn 1");
    redis_expect(r, "0", "EXISTS", "chatroom:lines");
    redis_expect(r, "0", "EVAL", "redis.call('SELECT', 3) return redis.call('EXISTS', 'none')",
                 "0");
    redis_expect(r, "1", "EVAL",
                 "redis.call('SELECT', 3) return redis.call('EXISTS', 'chatroom:lines')", "0");
    m->config.relay_db = 4;
    link_configure(m->link, &m->config);
    machine_expect(m, "lost");
    machine_until_said(m, "DB index is out of range");
}

/* ---- which one it is ---- */

/* A port at which nothing listens. */
static uint16_t dead_port(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, len), 0);
    getsockname(fd, (struct sockaddr *)&at, &len);
    return ntohs(at.sin_port); /* bound as long as the test lives, so that no other takes it */
}

Test(link_engine, an_address_without_an_engine_is_passed_over) {
    struct redis *r = redis_start("\n");
    struct machine *m = machine_new("paris");
    machine_address(m, "127.0.0.1", dead_port());
    machine_address(m, "no-such-host.invalid", 6379);
    machine_address(m, r->address, r->port);
    link_configure(m->link, &m->config);
    machine_expect(m, "hello mark 7 turn 1");
    cr_assert(strstr(m->log, "Connection refused"), "%s", m->log);
    cr_assert(strstr(m->log, "no-such-host.invalid:6379: "), "%s", m->log);
    cr_assert_str_eq(link_peer(m->link), r->endpoint);
}

Test(link_engine, where_no_address_has_one_the_pauses_grow_and_the_log_says_it_once) {
    struct machine *m = machine_new("paris");
    machine_address(m, "127.0.0.1", dead_port());
    link_configure(m->link, &m->config);
    static const int pauses[] = {0, 500, 1000, 2000, 5000, 10000, 10000};
    for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
        uint64_t now = machine_now(m);
        do {
            link_work(m->link, now);
        } while (link_polls(m->link, (struct pollfd[LINK_POLLS]){{0}}) > 0);
        cr_assert_eq(link_timeout(m->link, now), pauses[i], "%zu: %d", i,
                     link_timeout(m->link, now));
        m->ahead += (uint64_t)pauses[i];
    }
    cr_assert_eq(machine_said(m, "Connection refused"), 1, "%s", m->log);
    cr_assert(strstr(link_state(m->link), "Connection refused"));
}

Test(link_engine, names_of_several_addresses_are_tried_at_each) {
    struct redis *r = redis_prepare();
    strcpy(r->address, "127.0.0.1");
    redis_launch(r, "\n");
    struct machine *m = machine_new("paris");
    machine_address(m, "localhost", r->port); /* ::1 too, where the machine has it */
    link_configure(m->link, &m->config);
    machine_expect(m, "hello mark 7 turn 1");
    cr_assert_eq(waitpid(-1, NULL, WNOHANG | __WALL), 0, "its child is reaped; redis is not");
}

Test(link_engine, each_address_of_a_name_is_tried) {
    static char tx[4096], rx[RESP_BUFFER_MIN];
    static const struct account nobody;
    static struct trouble trouble;
    static struct engine e;
    static struct find f;
    struct redis *r = redis_start("\n");
    struct relay_host host = {"127.0.0.1", dead_port()};
    struct resolve second = {0};
    enum find_state state;
    engine_make(&e, tx, sizeof tx, rx, sizeof rx);
    f.hosts = &host;
    f.count = 1;
    find_begin(&f, clock_ms());
    resolve_begin(&second, r->address, r->port, 0);
    f.names.address[f.names.count++] = second.address[0];
    while ((state = find_work(&f, &e, &nobody, &trouble, clock_ms())) == FIND_BUSY)
        wait_fd(e.fd, engine_events(&e), wait_deadline());
    cr_assert_eq(state, FIND_DONE);
    cr_assert_eq(f.address, 1);
}

Test(link_engine, a_replica_is_passed_over) {
    struct redis *r = redis_start("\n"), *replica = redis_replica(r);
    struct machine *m = machine_start(replica, "paris");
    machine_until_said(m, "it is a replica");
    machine_address(m, r->address, r->port);
    link_configure(m->link, &m->config);
    machine_expect(m, "hello mark 7 turn 1");
    cr_assert_str_eq(link_peer(m->link), r->endpoint);
}

Test(link_engine, a_primary_that_dies_is_followed_by_its_replica) {
    struct redis *r = redis_start("\n"), *replica = redis_replica(r);
    struct machine *m = machine_start(r, "paris");
    machine_address(m, replica->address, replica->port);
    link_configure(m->link, &m->config);
    machine_expect(m, "hello mark 7 turn 1");
    passes(m, 7);
    redis_until(replica, "0000000000000abc 8 1", "HGET", "chatroom:marks", "paris");
    redis_kill(r);
    machine_expect(m, "lost");
    machine_until_said(m, "it is a replica");
    redis_do(replica, "REPLICAOF", "NO", "ONE");
    m->ahead += 10000;
    machine_expect(m, "hello mark 8 turn 1");
    passes(m, 8);
    cr_assert_str_eq(link_peer(m->link), replica->endpoint);
}

Test(link_engine, a_primary_that_becomes_a_replica_is_left) {
    struct redis *r = redis_start("\n"), *next = redis_start("\n");
    struct machine *m = machine_start(r, "paris");
    machine_expect(m, "hello mark 7 turn 1");
    redis_do(r, "REPLICAOF", next->address, "1");
    machine_pass(m, 7, 8, "x");
    machine_expect(m, "lost");
    machine_address(m, next->address, next->port);
    link_configure(m->link, &m->config);
    machine_expect(m, "hello mark 7 turn 1");
}

Test(link_engine, a_sentinel_says_where_the_primary_is) {
    struct redis *r = redis_prepare();
    r->password = "sesame";
    redis_launch(r, "requirepass sesame\n");
    struct redis *sentinel = redis_sentinel(r, "any-name");
    struct machine *m = machine_new("paris");
    m->config.relay_db = 2;
    strcpy(m->config.relay_user, "default");
    strcpy(m->config.relay_password, "sesame");
    machine_address(m, sentinel->address, sentinel->port);
    link_configure(m->link, &m->config);
    machine_expect(m, "hello mark 7 turn 1");
    cr_assert_str_eq(link_peer(m->link), r->endpoint);
    cr_assert_str_eq(m->log, "");
}

Test(link_engine, of_what_a_sentinel_watches_the_one_called_chatroom_is_meant) {
    struct redis *other = redis_start("\n"), *r = redis_start("\n");
    struct redis *sentinel = redis_sentinel(other, "mymaster");
    char port[8];
    snprintf(port, sizeof port, "%u", r->port);
    struct machine *m = machine_start(sentinel, "paris");
    machine_expect(m, "hello mark 7 turn 1");
    redis_expect(sentinel, "OK", "SENTINEL", "MONITOR", "another", r->address, port, "1");
    redis_do(other, "CLIENT", "KILL", "TYPE", "normal");
    machine_expect(m, "lost");
    machine_until_said(m, "it is a Sentinel of several, of which none is called \"chatroom\"");
    redis_expect(sentinel, "OK", "SENTINEL", "MONITOR", "chatroom", r->address, port, "1");
    m->ahead += 10000;
    machine_expect(m, "hello mark 7 turn 1");
    cr_assert_str_eq(link_peer(m->link), r->endpoint);
}

Test(link_engine, a_failover_by_a_sentinel_is_followed) {
    struct redis *r = redis_start("\n"), *replica = redis_replica(r);
    struct redis *sentinel = redis_sentinel(r, "chatroom");
    struct machine *m = machine_start(sentinel, "paris");
    machine_expect(m, "hello mark 7 turn 1");
    passes(m, 7);
    redis_until(replica, "0000000000000abc 8 1", "HGET", "chatroom:marks", "paris");
    while (!strstr(redis_do(sentinel, "INFO", "sentinel"), "slaves=1"))
        cr_assert_not(machine_turn(m, 50), "%s", machine_tell(m));
    redis_kill(r);
    machine_expect(m, "lost");
    machine_expect(m, "hello mark 8 turn 1");
    cr_assert_str_eq(link_peer(m->link), replica->endpoint);
}

/* ---- an engine in trouble ---- */

/* The link's clock goes on until it has given the engine up. */
static void gives_up(struct machine *m) {
    while (!machine_turn(m, 0))
        m->ahead += 100;
    cr_assert_str_eq(machine_tell(m), "lost");
    cr_assert(strstr(m->log, "it does not answer"), "%s", m->log);
}

Test(link_engine, one_that_stands_still_is_given_up_and_found_again) {
    struct redis *r = redis_start("\n");
    struct machine *m = machine_start(r, "paris");
    static char text[4000];
    uint64_t prev = 7;
    memset(text, 'x', sizeof text - 1);
    machine_expect(m, "hello mark 7 turn 1");
    redis_pause(r);
    while (machine_pass(m, prev, prev + 1, text)) /* the buffer is bounded */
        prev++;
    for (int i = 0; i < 100; i++)
        cr_assert_not(machine_turn(m, 0));
    gives_up(m);
    cr_assert_eq(link_waiting(m->link), 0);
    redis_resume(r);
    machine_next(m); /* what the kernel had of them is passed */
    cr_assert_eq(m->event.kind, LINK_HELLO, "%s", m->text);
    passes(m, m->event.mark);
}

Test(link_engine, one_that_pauses_its_clients_is_given_up_and_found_again) {
    struct redis *r = redis_start("\n");
    struct machine *m = machine_start(r, "paris");
    machine_expect(m, "hello mark 7 turn 1");
    redis_do(r, "CLIENT", "PAUSE", "1500", "ALL");
    gives_up(m);
    machine_expect(m, "hello mark 7 turn 1");
    passes(m, 7);
}

/* The id of the connection whose last command was this. */
static void kill_connection(const struct redis *r, const char *command) {
    char id[24], what[32];
    const char *list = redis_do(r, "CLIENT", "LIST");
    snprintf(what, sizeof what, " cmd=%s ", command);
    const char *at = strstr(list, what);
    cr_assert(at, "%s", list);
    while (at > list && at[-1] != '\n')
        at--;
    snprintf(id, sizeof id, "%.*s", (int)strcspn(at + 3, " "), at + 3);
    redis_expect(r, "1", "CLIENT", "KILL", "ID", id);
}

static unsigned connections(const struct redis *r) {
    unsigned n = 0;
    for (const char *at = redis_do(r, "CLIENT", "LIST"); (at = strchr(at, '\n')); at++)
        n++;
    return n;
}

Test(link_engine, both_connections_end_together) {
    struct redis *r = redis_start("\n");
    struct machine *m = machine_start(r, "paris");
    machine_expect(m, "hello mark 7 turn 1");
    link_read(m->link, (struct stream_id){UINT64_MAX / 2, 0});
    for (; !strstr(redis_do(r, "CLIENT", "LIST"), " cmd=xread "); wait_breath())
        cr_assert_not(machine_turn(m, 0));
    kill_connection(r, "xread");
    machine_expect(m, "lost");
    machine_expect(m, "hello mark 7 turn 1");
    link_read(m->link, (struct stream_id){0, 0});
    machine_next(m);
    cr_assert_eq(m->event.kind, LINK_ITEM);
    machine_expect(m, "read");
    passes(m, 7);
    kill_connection(r, "evalsha");
    machine_expect(m, "lost");
    machine_expect(m, "hello mark 8 turn 1");
    while (connections(r) != 3) /* the pair, and the one that asks */
        wait_breath();
}

Test(link_engine, one_that_is_full_is_told_once_and_goes_on_when_it_has_room) {
    struct redis *r = redis_start("\n");
    struct machine *m = machine_start(r, "paris");
    machine_expect(m, "hello mark 7 turn 1");
    passes(m, 7);
    redis_do(r, "CONFIG", "SET", "maxmemory", "1");
    machine_pass(m, 8, 9, "a");
    machine_pass(m, 9, 10, "b");
    machine_expect(m, "lost");
    machine_until_said(m, "out of memory");
    for (int i = 0; i < 5; i++) {
        m->ahead += 10000;
        for (int k = 0; k < 5; k++)
            cr_assert_not(machine_turn(m, 10), "%s", machine_tell(m));
    }
    cr_assert_eq(machine_said(m, "out of memory"), 1, "%s", m->log);
    redis_expect(r, "0000000000000abc 8 1", "HGET", "chatroom:marks", "paris");
    redis_expect(r, "2", "XLEN", "chatroom:lines");
    redis_do(r, "CONFIG", "SET", "maxmemory", "0");
    m->ahead += 10000;
    machine_expect(m, "hello mark 8 turn 1");
    passes(m, 8);
}

Test(link_engine, scripts_that_were_flushed_are_loaded_again) {
    struct redis *r = redis_start("\n");
    struct machine *m = machine_start(r, "paris");
    machine_expect(m, "hello mark 7 turn 1");
    redis_do(r, "SCRIPT", "FLUSH");
    machine_pass(m, 7, 8, "x");
    machine_expect(m, "lost");
    machine_expect(m, "hello mark 7 turn 1");
    passes(m, 7);
}

Test(link_engine, one_that_was_killed_and_comes_back_with_its_file_knows_the_mark) {
    struct redis *r = redis_start("appendonly yes\nappendfsync always\n");
    struct machine *m = machine_start(r, "paris");
    machine_expect(m, "hello mark 7 turn 1");
    passes(m, 7);
    redis_kill(r);
    machine_expect(m, "lost");
    machine_until_said(m, "Connection refused");
    redis_again(r);
    m->ahead += 10000;
    machine_expect(m, "hello mark 8 turn 1");
    passes(m, 8);
    redis_expect(r, "3", "XLEN", "chatroom:lines");
}

static int engine_socket(const struct redis *r) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(r->port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, r->address, &to.sin_addr);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

Test(link_engine, one_that_is_busy_with_a_script_of_others_is_told) {
    static const char endless[] = "EVAL 'while true do end' 0\r\n";
    struct redis *r = redis_start("lua-time-limit 50\n");
    struct machine *m = machine_start(r, "paris");
    machine_expect(m, "hello mark 7 turn 1");
    int other = engine_socket(r);
    cr_assert_eq(write(other, endless, sizeof endless - 1), sizeof endless - 1);
    while (strncmp(redis_do(r, "PING"), "-BUSY", 5) != 0)
        wait_breath();
    machine_pass(m, 7, 8, "x");
    machine_expect(m, "lost");
    cr_assert(strstr(m->log, "it is busy with a script"), "%s", m->log);
    redis_do(r, "SCRIPT", "KILL");
    m->ahead += 10000;
    machine_expect(m, "hello mark 7 turn 1");
}

/* ---- what is no engine ---- */

/* Listens in an engine's place. */
static int listen_as_engine(struct machine *m) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, len), 0);
    cr_assert_eq(listen(fd, 8), 0);
    getsockname(fd, (struct sockaddr *)&at, &len);
    machine_address(m, "127.0.0.1", ntohs(at.sin_port));
    link_configure(m->link, &m->config);
    return fd;
}

static int accept_link(struct machine *m, int listener) {
    for (int fd;;) {
        if ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
            return fd;
        cr_assert_not(machine_turn(m, 10), "%s", machine_tell(m));
    }
}

static void answer_with(struct machine *m, const char *bytes, const char *said) {
    int listener = listen_as_engine(m), fd = accept_link(m, listener);
    cr_assert_eq(write(fd, bytes, strlen(bytes)), (ssize_t)strlen(bytes));
    machine_until_said(m, said);
    close(fd);
    close(listener);
}

Test(link_engine, what_speaks_another_protocol_is_told) {
    answer_with(machine_new("paris"), "HTTP/1.1 400 Bad Request\r\n\r\n",
                "it does not speak Redis' protocol");
    answer_with(machine_new("paris"), "$1073741824\r\n", "it does not speak Redis' protocol");
    answer_with(machine_new("paris"), "*-7\r\n", "it does not speak Redis' protocol");
    answer_with(machine_new("paris"), "*1\r\n$4\r\nlord\r\n",
                "it does not say whether it is a primary");
    answer_with(machine_new("paris"), "-ERR max number of clients reached\r\n", "max number of");
    answer_with(machine_new("paris"), "-ERR \033[2J\r\n", "it answers: ERR \\x1B[2J");
    answer_with(machine_new("paris"), "*1\r\n$6\r\nmaster\r\n+OK\r\n*1\r\n$6\r\nmaster\r\n",
                ": it ");
}

/* The log's lines are this machine's own. */
Test(link_engine, a_sentinel_does_not_write_the_log) {
    static const char watches[] = "*2\r\n$8\r\nsentinel\r\n*1\r\n$3\r\none\r\n"
                                  "*2\r\n$20\r\nx\n2026 error master:\r\n$4\r\n6379\r\n";
    answer_with(machine_new("paris"), watches, "it is a Sentinel that names no primary");
}

Test(link_engine, an_answer_that_repeats_the_password_is_not_told) {
    struct machine *m = machine_new("paris");
    strcpy(m->config.relay_password, "sesame");
    answer_with(m,
                "-ERR unknown command `AUTH`, with args beginning with: `sesame`\r\n"
                "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n",
                "it refuses the password in `relay`");
    cr_assert_not(strstr(m->log, "sesame"));
    cr_assert_not(strstr(link_state(m->link), "sesame"));
}

Test(link_engine, a_redis_without_users_says_what_to_do) {
    struct machine *m = machine_new("paris");
    strcpy(m->config.relay_user, "ann");
    strcpy(m->config.relay_password, "sesame");
    answer_with(m,
                "-ERR wrong number of arguments for 'auth' command\r\n-NOAUTH Authentication "
                "required.\r\n",
                "it knows no users (Redis before version 6): leave the user in `relay` empty");
}

Test(link_engine, an_answer_a_byte_at_a_time_is_too_slow) {
    struct machine *m = machine_new("paris");
    int listener = listen_as_engine(m), fd = accept_link(m, listener);
    static const char slow[] = "*3\r\n$6\r\nmaster";
    cr_assert_eq(write(fd, slow, 4), 4);
    for (size_t i = 4; i < sizeof slow - 1; i++) {
        if (send(fd, slow + i, 1, MSG_NOSIGNAL) != 1)
            break;
        m->ahead += 1000;
        for (int k = 0; k < 3; k++)
            cr_assert_not(machine_turn(m, 10));
    }
    cr_assert(strstr(m->log, "it does not answer"), "%s", m->log);
}

Test(link_engine, a_peer_that_does_not_answer_is_given_up) {
    struct machine *m = machine_new("paris");
    int listener = listen_as_engine(m);
    accept_link(m, listener);
    m->ahead += 5100;
    machine_until_said(m, "it does not answer");
}
