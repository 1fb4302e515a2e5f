/* fuzz_command.c - passes a client's bytes through a whole worker in this process, and asserts:
 *
 *   - another client receives complete, clean lines and nothing else, whatever the bytes are;
 *   - a client that never sent a telnet command receives none but the offer of echo, once, and
 *     nothing that steers a terminal;
 *   - the split of the bytes between reads does not change what other clients receive, unless the
 *     speaker was taken for one that sends key by key, or sent Tabs; neither does a takeover after
 *     each read by a worker that has the speaker's record only;
 *   - the screen of an echoed client shows the half-typed line of its record, complete and nothing
 *     else, after every byte, also while others speak;
 *   - after all clients have left, every buffer is free.
 *
 * The worker is the real one with a real segment; its sockets are socket pairs, and its clock does
 * not move.  The input's first byte chooses how the rest is split, whether the speaker is logged
 * in, and whether the room is open. */
#define worker_main fuzzed_worker_main /* the name is also in the linked objects */
#include "worker/worker.c"

#include "ipc/unicode.h"
#include "tests/fuzz/screen.h"
#include "worker/record/echo.h"
#include "worker/text/charset.h"
#include "worker/text/sanitize.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            __builtin_trap();                                                                      \
    } while (0)

#define OFFER "\377\373\001\377\373\003" /* IAC WILL ECHO, IAC WILL SGA */
enum { INPUT_MAX = 4096, HEARD_MAX = 4 << 20, DESCRIPTORS = 1024, TURNS_MAX = 100000 };

static struct segment segment;
static struct loop loop;
#define worker loop.w

/* The client's end of a socket pair. */
struct person {
    int fd;
    uint32_t client, generation;
    size_t len;
    char heard[HEARD_MAX];
};
static struct person speaker, listener;
static char heard_before[HEARD_MAX];

static void hear(struct person *p) {
    ssize_t n;
    while ((n = recv(p->fd, p->heard + p->len, HEARD_MAX - p->len, MSG_DONTWAIT)) > 0)
        p->len += (size_t)n;
}

static bool person_served(const struct person *p) {
    return client_is(worker_client(&worker, p->client), p->generation) &&
           worker_serves(&worker, p->client);
}

static bool person_blocked(const struct person *p) {
    return person_served(p) && worker_client(&worker, p->client)->mode == MODE_BLOCKED;
}

static void person_event(struct person *p) {
    struct client *c = worker_client(&worker, p->client);
    if (!person_served(p))
        return;
    worker_client_event(&worker, client_tag(&worker, c), EPOLLIN);
    if (c->mode == MODE_BLOCKED)
        flush_unblock(&worker, c);
}

/* Runs the worker until no client has input, output or replies left to handle. */
static void settle(void) {
    int turns = 0;
    do {
        MUST(turns++ < TURNS_MAX);
        worker.pauses.look_at = worker.now; /* pauses end at once: the clock does not move */
        input_resume(&worker);
        worker_input(&loop);
        while (flush_slice(&worker))
            ;
        hear(&speaker);
        hear(&listener);
        if (person_blocked(&speaker))
            person_event(&speaker);
        if (person_blocked(&listener))
            person_event(&listener);
    } while (worker.ready.count + worker.closing.count + worker.reply_pending.count > 0 ||
             person_blocked(&speaker) || person_blocked(&listener));
}

static void come(struct person *p, uint16_t port) {
    int pair[2];
    struct facts facts = {.seen = room_count(&segment.room)};
    struct in6_addr addr = IN6ADDR_LOOPBACK_INIT;
    uint64_t cookie = 0;
    socklen_t len = sizeof cookie;
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    MUST(pair[0] < DESCRIPTORS);
    MUST(getsockopt(pair[0], SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0);
    struct client *c = worker_client(&worker, (uint32_t)pair[0]);
    p->client = (uint32_t)pair[0];
    p->fd = pair[1];
    p->len = 0;
    p->generation = client_claim(c, client_word(c), 0, cookie);
    MUST(p->generation != 0);
    client_open(c, 0, cookie, &facts, &addr, port);
    member_add(&worker, c);
    greeting_begin(&worker, c);
    settle();
}

static void say(struct person *p, const void *bytes, size_t n) {
    const char *at = bytes;
    while (n > 0) {
        ssize_t sent = send(p->fd, at, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return; /* the worker has disconnected the client */
        at += sent > 0 ? sent : 0;
        n -= sent > 0 ? (size_t)sent : 0;
        person_event(p);
        settle();
    }
}

static void go(struct person *p) {
    shutdown(p->fd, SHUT_WR);
    person_event(p);
    settle();
    MUST(!worker_serves(&worker, p->client));
    close(p->fd);
}

/* As if another worker had taken the client over: all state outside the record is overwritten, and
 * so is a change of the record that was never committed. */
static void take_over(struct person *p) {
    struct client *c = worker_client(&worker, p->client);
    if (!person_served(p))
        return;
    member_remove(&worker, c);
    interest_forget(&worker, c);
    uint32_t active = atomic_load(&c->active);
    memset(&c->facts[(active + 1) & 1], 0xA5, sizeof c->facts[0]);
    c->mode = MODE_SLOW;
    c->bias = UINT64_C(0xA5A5A5A5A5A5);
    client_refresh(c);
    member_add(&worker, c);
    interest_arm(&worker, c);
    fd_queue_push(&worker.ready, p->client);
    if (!(client_facts(c)->flags & FACT_GREETED))
        greeting_begin(&worker, c);
    settle();
}

/* Compares the speaker's screen with its record's half-typed line.  A client that is not echoed
 * shows its own input, and is not compared. */
static void check_screen(size_t *seen, bool *echoed) {
    static struct screen screen;
    static char text[ECHO_MAX];
    const struct client *c = worker_client(&worker, speaker.client);
    if (!person_served(&speaker))
        return;
    const struct facts *f = client_facts(c);
    struct drawn line = echo_lay(&segment, f, text);
    size_t from = *seen;
    *seen = speaker.len;
    bool was = *echoed && screen.enc == f->ring;
    *echoed = (f->flags & FACT_ECHOED) && f->columns == 0;
    if (!*echoed)
        return;
    screen.enc = (enum encoding)f->ring;
    if (!was) {
        screen_blank(&screen);
        screen.column = 0;
    }
    if (was) {
        screen_show(&screen, speaker.heard + from, speaker.len - from);
    } else {
        screen_show(&screen, line.text, line.len);
        screen.column = line.column;
    }
    MUST(screen_is(&screen, line.text, line.len, line.end_column - line.column));
}

/* Feeds the speaker's bytes one by one; the listener says a line after every 16th. */
static void run_on_screen(const uint8_t *said, size_t n) {
    size_t seen = 0;
    bool echoed = false;
    come(&listener, 1);
    say(&listener, "login bob\r\n", 11);
    come(&speaker, 2);
    say(&speaker, "login ann\r\n", 11);
    for (size_t at = 0; at < n; at++) {
        say(&speaker, said + at, 1);
        check_screen(&seen, &echoed);
        if (at % 16 == 15) {
            say(&listener, "hello\r\n", 7);
            check_screen(&seen, &echoed);
        }
    }
    go(&speaker);
    go(&listener);
}

static void check_listener(void) {
    const char *line = listener.heard, *end = line + listener.len, *stop;
    for (; line < end; line = stop + 1) {
        stop = memchr(line, '\n', (size_t)(end - line));
        MUST(stop && stop > line && stop[-1] == '\r');
        char clean[LINE_MAX_MAX * 2];
        size_t n = (size_t)(stop - 1 - line);
        MUST(n <= sizeof clean && unicode_valid(line, n));
        memcpy(clean, line, n);
        MUST(sanitize(clean, n) == n);
    }
}

/* Where the speaker was offered echo unasked; NULL: it was not. */
static const char *offered(void) {
    return memmem(speaker.heard, speaker.len, OFFER, sizeof OFFER - 1);
}

static void check_speaker(const uint8_t *said, size_t n) {
    const char *offer = offered(), *end = speaker.heard + speaker.len;
    if (memchr(said, 0xFF, n))
        return;
    for (const char *at = speaker.heard; at < end; at++) {
        unsigned char byte = (unsigned char)*at;
        if (at == offer)
            at += sizeof OFFER - 2;
        else
            MUST(byte >= 0x20 ? byte != 0x7F && byte != 0xFF : byte == '\r' || byte == '\n');
    }
}

static void run(const uint8_t *said, size_t n, size_t piece, bool named, bool taken_over) {
    come(&listener, 1);
    say(&listener, "login bob\r\n", 11);
    come(&speaker, 2);
    if (named)
        say(&speaker, "login ann\r\n", 11);
    for (size_t at = 0; at < n; at += piece) {
        say(&speaker, said + at, n - at < piece ? n - at : piece);
        if (taken_over)
            take_over(&speaker);
    }
    go(&speaker);
    check_listener();
    check_speaker(said, n);
    go(&listener);
    MUST(worker.members.count == 0 && worker.stage.count == 0);
    MUST(buffer_used(&segment.rx_buffers) == 0 && buffer_used(&segment.tx_buffers) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    struct config config = {.room = "Room", .workers = 1, .login = true, .max_clients = 32};
    struct geometry geometry;
    char err[256];
    config.ring_size = 65536;
    config.line_max = 900; /* so long that a half-typed line may need its own buffer */
    MUST(charset_init() == NULL);
    log_set_level(LOG_LEVEL_ERROR);
    segment_geometry(&geometry, &config, DESCRIPTORS);
    MUST(segment_create(&segment, &geometry, &config, err, sizeof err) == 0);
    struct slot *slot = &segment.slots[0];
    slot->epoll_fd = epoll_create1(0);
    slot->bell_fd = eventfd(0, EFD_NONBLOCK);
    atomic_store(&slot->guard, room_oldest(&segment.room));
    atomic_store(&slot->cursor, room_count(&segment.room));
    atomic_store(&slot->state, SLOT_SERVING);
    atomic_store(&segment.header->workers, 1);
    atomic_store(&segment.header->slots_used, 1);
    MUST(worker_make(&loop, &segment, 0, segment_incarnation(&segment, 0)));
    worker.adopting = worker.stage.closed = false;
    worker_read_config(&worker);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > INPUT_MAX)
        return 0;
    bool named = data[0] & 1;
    worker.config.login = !(data[0] & 2);
    run(data + 1, size - 1, INPUT_MAX, named, false);
    size_t len = listener.len;
    memcpy(heard_before, listener.heard, len);
    run(data + 1, size - 1, data[0] / 4 % 32 + 1u, named, true);
    bool same = listener.len == len && memcmp(heard_before, listener.heard, len) == 0;
    MUST(same || offered() || memchr(data, '\t', size));
    if (data[0] & 128)
        run_on_screen(data + 1, size - 1);
    return 0;
}
