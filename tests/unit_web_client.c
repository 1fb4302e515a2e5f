/* unit_web_client.c - half a message of a browser, whose text is taken for others, or stands behind
 * a message that is dropped. */
#include "tests/unit_browser.h"
#include "worker/output/reclaim.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { LONG = RX_LINE + 300 };

static struct segment seg;
static struct worker worker;
static struct client *ann;
static int peer, bob_peer;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    ann = unit_browser(&worker, "ann", &peer);
    struct facts *f = client_begin(ann);
    f->kind = KIND_WEB;
    f->websocket[0] = CLIENT_UPGRADED;
    client_commit(ann);
    unit_named(&worker, "bob", &bob_peer);
}
TestSuite(web_client, .init = set_up, .timeout = 60);

/* A frame of `text`, masked, as a string: its mask keeps NULs out of ASCII. */
static const char *frame(const char *text) {
    static char out[2 * LINE_MAX_MAX];
    size_t n = strlen(text), at = 0;
    cr_assert(n < 126 || (n > 256 && n % 256 != 0));
    out[at++] = (char)0x81;
    out[at++] = (char)(0x80 | (n < 126 ? n : 126));
    if (n >= 126) {
        out[at++] = (char)(n >> 8);
        out[at++] = (char)n;
    }
    memset(out + at, 0x80, 4);
    at += 4;
    for (size_t i = 0; i < n; i++)
        out[at++] = (char)(text[i] ^ 0x80);
    out[at] = '\0';
    return out;
}

/* `format` with a long text of one letter in its place; valid until the next call but one. */
static const char *with_long(const char *format, char letter) {
    static char outs[2][LINE_MAX_MAX];
    static int next;
    char *out = outs[next ^= 1], text[LONG + 1];
    memset(text, letter, LONG);
    text[LONG] = '\0';
    snprintf(out, sizeof outs[0], format, text);
    return out;
}

/* Turns until no input waits. */
static void turns(void) {
    unit_turn(&worker);
    for (int i = 0; i < 10 && worker.ready.count > 0; i++) {
        input_read(&worker, worker.ready.count, segment_now(&seg) + 60000);
        unit_turn(&worker);
    }
}

static void type(const char *bytes) {
    unit_type(&worker, ann, peer, bytes);
    turns();
}

static void split(const char *bytes, char first[], const char **rest) {
    size_t n = strlen(bytes) - 20;
    memcpy(first, bytes, n);
    first[n] = '\0';
    *rest = bytes + n;
}

/* Two looks of a worker that wants a buffer take the half-typed line of a client that is idle. */
static void reclaim_all(void) {
    static struct reclaim reclaim;
    cr_assert(reclaim_make(&reclaim, seg.clients.len));
    for (int i = 0; i < 2; i++) {
        atomic_fetch_add(&seg.header->buffers_wanted, 1);
        worker.now += RECLAIM_MS;
        reclaim_look(&worker, &reclaim);
    }
    free(reclaim.mark);
    cr_assert_eq(client_facts(ann)->line_buffer, NO_BUFFER);
}

/* What is left of the message is not said: a private line's end would be said aloud. */
static void taken(const char *message, bool in_pieces) {
    char first[2 * LINE_MAX_MAX];
    const char *rest;
    split(frame(message), first, &rest);
    type(first);
    cr_assert_neq(client_facts(ann)->line_buffer, NO_BUFFER);
    reclaim_all();
    for (; in_pieces && rest[1] != '\0'; rest++)
        type((char[]){*rest, '\0'});
    type(rest);
    unit_hears(bob_peer, "");
    cr_assert(strstr(unit_heard(peer), "\"code\":\"toolong\""));
    cr_assert_not(client_facts(ann)->flags & FACT_OVERLONG);
    type(frame("next"));
    unit_hears(bob_peer, "ann: next\r\n");
}

Test(web_client, a_text_that_is_taken_for_others_is_not_said_without_its_beginning) {
    taken(with_long("{\"do\":\"say\",\"text\":\"%s\"}", 'a'), false);
}

Test(web_client, nor_is_a_private_one) {
    taken(with_long("{\"do\":\"msg\",\"to\":\"bob\",\"text\":\"%s\"}", 'a'), false);
}

Test(web_client, nor_a_typed_one) {
    taken(with_long("/msg bob %s", 'a'), false);
}

Test(web_client, nor_one_whose_rest_comes_byte_by_byte) {
    taken(with_long("/msg nobody %s", 'a'), true);
}

/* ---- dropped ---- */

static void dropping_up_to(uint64_t position) {
    uint32_t fd = client_index(&worker, ann);
    worker.accounts.drop_to[fd] = worker.accounts.drop_most[fd] = position;
}

/* A message that is dropped has begun before the pass in which the next one begins. */
static void dropped_before(const char *dropped, const char *message) {
    char first[2 * LINE_MAX_MAX], half[2 * LINE_MAX_MAX], both[4 * LINE_MAX_MAX];
    const char *rest;
    client_begin(ann)->flags |= FACT_DROPPING;
    client_commit(ann);
    dropping_up_to(1 << 20);
    split(frame(dropped), first, &rest);
    type(first);
    snprintf(both, sizeof both, "%s", rest);
    split(frame(message), half, &rest);
    strcat(both, half);
    dropping_up_to(ann->received + strlen(both));
    type(both);
    cr_assert_not(client_facts(ann)->flags & FACT_DROPPING);
    cr_assert(strstr(unit_heard(peer), "{\"ev\":\"dropped\",\"n\":1}"));
    unit_hears(bob_peer, "");
    type(rest);
}

Test(web_client, the_next_message_has_no_text_of_one_that_was_dropped) {
    dropped_before(with_long("%s", 'a'), "this is what is to be said");
    unit_hears(bob_peer, "ann: this is what is to be said\r\n");
}

Test(web_client, nor_of_a_short_one) {
    dropped_before("{\"do\":\"say\",\"text\":\"this one is dropped\"}",
                   "{\"do\":\"say\",\"text\":\"this one is not\"}");
    unit_hears(bob_peer, "ann: this one is not\r\n");
}

Test(web_client, nor_a_long_one) {
    char expected[LINE_MAX_MAX + 16];
    dropped_before(with_long("%s", 'a'), with_long("%s", 'b'));
    snprintf(expected, sizeof expected, "ann: %s\r\n", with_long("%s", 'b'));
    unit_hears(bob_peer, expected);
}

/* Until its own commit takes a dropped message away, its bytes are what a successor reads. */
Test(web_client, a_dropped_one_is_gone_before_the_next_is_kept_in_its_place) {
    char first[2 * LINE_MAX_MAX];
    const char *rest;
    client_begin(ann)->flags |= FACT_DROPPING;
    client_commit(ann);
    dropping_up_to(1 << 20);
    split(frame("this one is dropped, and it is long"), first, &rest);
    type(first);
    cr_assert_gt(client_facts(ann)->sub_len, 0);
    char both[2 * LINE_MAX_MAX];
    snprintf(both, sizeof both, "%s%.10s", rest, frame("another one"));
    cr_assert_eq(send(peer, both, strlen(both), 0), (ssize_t)strlen(both));
    uint32_t fd = client_index(&worker, ann);
    worker.interest.readable[fd] = 1;
    uint32_t commits = atomic_load(&ann->active);
    fd_queue_push(&worker.ready, fd);
    turns();
    cr_assert_geq(atomic_load(&ann->active) - commits, 2);
}

/* What was said of the one is not said of the next. */
Test(web_client, one_that_was_taken_and_dropped_spoils_no_other) {
    char first[2 * LINE_MAX_MAX];
    const char *rest;
    split(frame(with_long("%s", 'a')), first, &rest);
    type(first);
    reclaim_all();
    client_begin(ann)->flags |= FACT_DROPPING;
    client_commit(ann);
    type(rest);
    cr_assert_not(client_facts(ann)->flags & FACT_DROPPING);
    type(frame("next"));
    unit_hears(bob_peer, "ann: next\r\n");
}
