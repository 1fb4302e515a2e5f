/* unit_telnet.c - the telnet codec: the meaning of each sequence, which neither a split of the
 * input nor a move of the state changes. */
#include "worker/protocol/telnet.h"
#include "worker/protocol/telnet_option.h"
#include "worker/text/charset.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void init(void) {
    cr_assert_null(charset_init());
}
TestSuite(telnet_codec, .init = init);

struct stream {
    struct telnet t;
    uint8_t sub[TELNET_SUB_MAX];
    uint16_t sub_len;
    size_t len;
    char log[16384]; /* the events as text, runs of text joined */
};

static void put(struct stream *s, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(s->log + s->len, sizeof s->log - s->len, fmt, args);
    va_end(args);
    s->len += (size_t)n;
    cr_assert_lt(s->len, sizeof s->log);
}

static void put_bytes(struct stream *s, const uint8_t *bytes, size_t n) {
    for (size_t i = 0; i < n; i++)
        put(s, bytes[i] > 0x20 && bytes[i] < 0x7F ? "%c" : "<%02x>", bytes[i]);
}

static void put_event(struct stream *s, const struct telnet_event *ev) {
    static const char *const plain[] = {
        [TELNET_END_OF_LINE] = "EOL", [TELNET_ERASE_CHAR] = "EC",   [TELNET_ERASE_WORD] = "EW",
        [TELNET_ERASE_LINE] = "EL",   [TELNET_REPRINT] = "REPRINT", [TELNET_INTERRUPT] = "INT",
        [TELNET_ERASE_HEAD] = "EH",   [TELNET_AYT] = "AYT",         [TELNET_STATE] = "STATE",
        [TELNET_TERMINAL] = "TERM",   [TELNET_ECHO] = "ECHO",       [TELNET_CHARSET] = "CHARSET",
        [TELNET_WINDOW] = "WINDOW",
    };
    if (ev->kind == TELNET_TEXT) {
        put_bytes(s, ev->bytes, ev->len);
        return;
    }
    if (ev->kind == TELNET_NONE) {
        cr_assert_eq(ev->answer_len, 0);
        return;
    }
    put(s, " %s", plain[ev->kind]);
    if (ev->kind == TELNET_ECHO)
        put(s, "=%d", ev->on);
    if (ev->kind == TELNET_WINDOW)
        put(s, "=%dx%d", ev->columns, ev->rows);
    if (ev->kind == TELNET_CHARSET)
        put(s, "=%d", ev->on ? ev->encoding : -1);
    if (ev->kind == TELNET_TERMINAL) {
        put(s, "=");
        put_bytes(s, ev->bytes, ev->len);
    }
    if (ev->typed)
        put(s, "~%02x", ev->typed);
    cr_assert_leq(ev->answer_len, TELNET_ANSWER_MAX);
    if (ev->answer_len > 0) {
        put(s, "!");
        put_bytes(s, ev->answer, ev->answer_len);
    }
    put(s, " ");
}

static void feed(struct stream *s, const void *bytes, size_t n) {
    uint8_t exact[4096]; /* a read beyond the input is found by a sanitizer, or reads 0xFF */
    struct telnet_event ev;
    memset(exact, 0xFF, sizeof exact);
    memcpy(exact, bytes, n);
    for (size_t at = 0, used; at < n; at += used) {
        used = telnet_next(&s->t, s->sub, &s->sub_len, exact + at, n - at, &ev);
        cr_assert(used >= 1 && used <= n - at);
        put_event(s, &ev);
    }
}

/* Inputs and their events: text as it is, with runs joined; events by name between spaces, answers
 * after an exclamation mark. */
static const struct {
    const char *in;
    size_t n;
    const char *events;
} cases[] = {
#define CASE(in, events)                                                                           \
    { in, sizeof in - 1, events }
    /* line ends */
    CASE("a\r\nb\nc\rd\r\000e\r\n", "a EOL b EOL c EOL d EOL e EOL "),
    CASE("\r\r\n\n\r\000\000", " EOL  EOL  EOL  EOL <00>"),
    CASE("a\r\377\361\nb", "a EOL  STATE b"),
    CASE("a\r\377\377\nb", "a EOL <ff> EOL b"),
    CASE("a\n\000b", "a EOL <00>b"),
    /* keys and commands */
    CASE("ab\010\177\025\027\022\003c", "ab EC  EC  EH  EW  REPRINT  INT c"),
    CASE("a\377\367b\377\370c\377\364d\377\363e\377\366f", "a EC b EL c INT~83 d INT~9c e AYT f"),
    CASE("a\tb\033[2J", "a<09>b"),
    CASE("0123456789\t0123456789\010x", "0123456789<09>0123456789 EC x"),
    CASE("\377\361\377\362\377\371\377\356\377Ax", " STATE x"),
    CASE("a\377\377b\377\377", "a<ff>b<ff>"),
    /* GNU telnet's Ctrl-C: it discards all output until WONT TM arrives, every time */
    CASE("ab\377\364\377\375\006", "ab INT~83  STATE!<ff><fc><06> "),
    CASE("a\377\355b\377\365c", "a STATE~9a b STATE~8f c"),
    CASE("\377\375\006\377\375\006", " STATE!<ff><fc><06>  STATE!<ff><fc><06> "),
    CASE("\377\361\377\373\006\377\374\006", " STATE "), /* answers to DO TIMING-MARK */
    /* an unsupported option is refused; a refusal is not answered */
    CASE("\377\375\031\377\373\041", " STATE!<ff><fc><19>  STATE!<ff><fe>! "),
    CASE("\377\376\031\377\374\041", " STATE "),
    CASE("\377\373\001", " STATE!<ff><fe><01> "), /* WILL ECHO would send our own output back */
    /* a client that sends eight bits unasked; it may not request them from us, because they are
     * sent anyway */
    CASE("\377\373\000\377\375\000\377\373\000", " STATE!<ff><fd><00>  STATE!<ff><fc><00> "),
    /* a request for a mode in effect is not acknowledged */
    CASE("\377\375\001\377\375\001", " ECHO=1!<ff><fb><01> "),
    CASE("\377\375\001\377\376\001\377\376\001", " ECHO=1!<ff><fb><01>  ECHO=0!<ff><fc><01> "),
    CASE("\377\375\003\377\375\003\377\373\003\377\373\003",
         " STATE!<ff><fb><03>  STATE!<ff><fd><03> "),
    /* PuTTY's greeting: WILL NAWS TSPEED TTYPE ENV, DO ECHO, WILL and DO SGA */
    CASE("\377\373\037\377\373\040\377\373\030\377\373\047\377\375\001\377\373\003\377\375\003",
         " STATE!<ff><fd><1f>  STATE!<ff><fe><20>  STATE!<ff><fd><18><ff><fa><18><01><ff><f0>"
         "  STATE!<ff><fe>'  ECHO=1!<ff><fb><01>  STATE!<ff><fd><03>  STATE!<ff><fb><03> "),
    /* NAWS: 255 is doubled, 0 is unknown; other lengths, and a size that was not requested, are
     * ignored */
    CASE("\377\373\037\377\372\037\000\120\000\030\377\360", " STATE!<ff><fd><1f>  WINDOW=80x24 "),
    CASE("\377\373\037\377\372\037\000\377\377\000\000\377\360",
         " STATE!<ff><fd><1f>  WINDOW=255x0 "),
    CASE("\377\373\037\377\372\037\000\120\000\377\360x", " STATE!<ff><fd><1f>  STATE x"),
    CASE("\377\372\037\000\120\000\030\377\360", " STATE  STATE "),
    /* TTYPE */
    CASE("\377\373\030\377\372\030\000xterm\377\360",
         " STATE!<ff><fd><18><ff><fa><18><01><ff><f0>  TERM=xterm "),
    /* text inside a subnegotiation is neither text nor a line end */
    CASE("a\377\372\130who\r\nlogout\r\n\003\377\360b", "a STATE  STATE b"),
    CASE("a\377\372\377\360b", "a STATE  STATE b"),
    /* an IAC inside that was not doubled is dropped together with the next byte */
    CASE("\377\373\037\377\372\037\000\377\005\120\000\030\377\360x",
         " STATE!<ff><fd><1f>  WINDOW=80x24 x"),
    /* CHARSET: TinTin++ lists GBK first; UTF-8 is preferred, in the client's spelling */
    CASE("\377\373\052\377\372\052\001 GBK GB18030 BIG5 utf-8\377\360",
         " STATE!<ff><fd>*  CHARSET=0!<ff><fa>*<02>utf-8<ff><f0> "),
    CASE("\377\373\052\377\372\052\001;Big5;GBK;GB18030\377\360",
         " STATE!<ff><fd>*  CHARSET=3!<ff><fa>*<02>GB18030<ff><f0> "),
    CASE("\377\373\052\377\372\052\001;big5\377\360",
         " STATE!<ff><fd>*  CHARSET=2!<ff><fa>*<02>big5<ff><f0> "),
    CASE("\377\373\052\377\372\052\001;UTF-80;US-ASCII\377\360",
         " STATE!<ff><fd>*  CHARSET=-1!<ff><fa>*<03><ff><f0> "),
    /* an encoding without a ring, and one that is preferred to it */
    CASE("\377\373\052\377\372\052\001;KOI8-R\377\360",
         " STATE!<ff><fd>*  CHARSET=7!<ff><fa>*<02>KOI8-R<ff><f0> "),
    CASE("\377\373\052\377\372\052\001;KOI8-R;big5\377\360",
         " STATE!<ff><fd>*  CHARSET=2!<ff><fa>*<02>big5<ff><f0> "),
    CASE("\377\373\052\377\372\052\001\377\360",
         " STATE!<ff><fd>*  CHARSET=-1!<ff><fa>*<03><ff><f0> "),
    CASE("\377\373\052\377\372\052\001[TTABLE]\001;GB2312\377\360",
         " STATE!<ff><fd>*  CHARSET=1!<ff><fa>*<02>GB2312<ff><f0> "),
    CASE("\377\373\052\377\372\052\001[TTABLE ]\001;GB2312\377\360",
         " STATE!<ff><fd>*  CHARSET=1!<ff><fa>*<02>GB2312<ff><f0> "),
    CASE("\377\373\052\377\372\052\004\001\377\360",
         " STATE!<ff><fd>*  STATE!<ff><fa>*<05><ff><f0> "),
    /* our list for a client that requests it, and the answers to it; an answer without a request is
     * ignored */
    CASE("\377\375\052\377\372\052\002gbk\377\360\377\372\052\002utf-8\377\360",
         " STATE!<ff><fb>*<ff><fa>*<01>;UTF-8;GB18030;GBK;Big5<ff><f0>  CHARSET=1  STATE "),
    CASE("\377\375\052\377\372\052\003\377\360",
         " STATE!<ff><fb>*<ff><fa>*<01>;UTF-8;GB18030;GBK;Big5<ff><f0>  CHARSET=-1 "),
    /* while our list is unanswered, the client's is rejected (RFC 2066), and ours stays valid */
    CASE("\377\375\052\377\372\052\001;big5\377\360\377\372\052\002gbk\377\360",
         " STATE!<ff><fb>*<ff><fa>*<01>;UTF-8;GB18030;GBK;Big5<ff><f0>"
         "  STATE!<ff><fa>*<03><ff><f0>  CHARSET=1 "),
    CASE("\377\372\052\001;big5\377\360", " STATE  STATE "),
};
enum { CASES = sizeof cases / sizeof *cases };

Test(telnet_codec, sequences) {
    for (size_t i = 0; i < CASES; i++) {
        struct stream s = {0};
        feed(&s, cases[i].in, cases[i].n);
        cr_expect_str_eq(s.log, cases[i].events, "case %zu", i);
    }
}

Test(telnet_codec, any_split_in_two_gives_the_same_and_so_does_every_byte_alone) {
    for (size_t i = 0; i < CASES; i++)
        for (size_t cut = 0; cut <= cases[i].n; cut++) {
            struct stream s = {0};
            feed(&s, cases[i].in, cut);
            struct stream moved = s; /* as when the client moves to another worker */
            feed(&moved, cases[i].in + cut, cases[i].n - cut);
            cr_expect_str_eq(moved.log, cases[i].events, "case %zu cut at %zu", i, cut);
        }
    for (size_t i = 0; i < CASES; i++) {
        struct stream s[2] = {{.len = 0}};
        for (size_t at = 0; at < cases[i].n; at++) {
            feed(&s[at % 2], cases[i].in + at, 1);
            s[(at + 1) % 2] = s[at % 2];
        }
        cr_expect_str_eq(s[cases[i].n % 2].log, cases[i].events, "case %zu byte by byte", i);
    }
}

/* Bytes handled after a commit may be handled again from the committed state, although `sub` has
 * been overwritten meanwhile. */
Test(telnet_codec, replay_from_a_commit_inside_a_subnegotiation) {
    static const char in[] = "\377\373\030\377\372\030\000xterm-color\377\360x";
    static const char whole[] = " STATE!<ff><fd><18><ff><fa><18><01><ff><f0>  TERM=xterm-color x";
    for (size_t commit = 3; commit < sizeof in - 3; commit++) {
        struct stream s = {0};
        feed(&s, in, commit);
        struct stream committed = s;
        feed(&s, in + commit, sizeof in - 1 - commit - 1); /* dies before the last commit */
        memcpy(committed.sub, s.sub, sizeof s.sub);
        feed(&committed, in + commit, sizeof in - 1 - commit);
        cr_expect_str_eq(committed.log, whole, "commit at %zu", commit);
    }
}

static void overlong(const char *end, size_t end_len, const char *events) {
    for (size_t n = TELNET_SUB_MAX; n < TELNET_SUB_MAX + 3; n++) {
        struct stream s = {0};
        char filler[TELNET_SUB_MAX + 3];
        memset(filler, 'x', sizeof filler);
        feed(&s, "ab\377\372", 4);
        feed(&s, filler, n);
        feed(&s, end, end_len);
        cr_expect_str_eq(s.log, events, "%zu bytes", n);
    }
}

Test(telnet_codec, subnegotiation_too_long_is_discarded_up_to_its_end) {
    overlong("\377\377\177\377\360c\n", 7, "ab STATE  STATE c EOL ");
}

Test(telnet_codec, subnegotiation_too_long_ends_with_the_line_at_the_latest) {
    overlong("\003y\r\nc\n", 6, "ab STATE  EOL c EOL ");
    overlong("\003y\nc\n", 5, "ab STATE  EOL c EOL ");
}

Test(telnet_codec, longest_subnegotiation_is_whole) {
    struct stream s = {0};
    char name[TELNET_SUB_MAX - 2];
    memset(name, 'x', sizeof name);
    feed(&s, "\377\373\030\377\372\030\000", 7);
    feed(&s, name, sizeof name);
    s.len = 0;
    feed(&s, "\377\360", 2);
    cr_assert_eq(strlen(s.log), strlen(" TERM= ") + sizeof name);
}

Test(telnet_codec, asks_no_client_that_has_not_sent_telnet) {
    struct stream s = {0};
    struct telnet_event ev;
    feed(&s, "hello\r\n\377\377Ha\377-\377\000", 15);
    cr_expect_str_eq(s.log, "hello EOL <ff>Ha");
    cr_assert_not(telnet_spoken(&s.t));
    cr_assert_not(telnet_ask(&s.t, TELNET_WILL, TELNET_OPT_ECHO, &ev));
    feed(&s, "\377\361", 2);
    cr_assert(telnet_spoken(&s.t));
    cr_assert(telnet_ask(&s.t, TELNET_WILL, TELNET_OPT_ECHO, &ev));
}

/* Requests an option, and logs the event. */
static void ask(struct stream *s, uint8_t verb, enum telnet_option option) {
    struct telnet_event ev;
    if (telnet_ask(&s->t, verb, option, &ev))
        put_event(s, &ev);
    else
        put(s, "-");
}

/* Whether the client is in character mode: it has agreed to ECHO and to SUPPRESS-GO-AHEAD (second
 * row of the options, four bits, 1: in effect). */
static bool by_key(const struct stream *s) {
    return telnet_echoes(&s->t) && s->t.options[0] >> 4 == 1;
}

Test(telnet_codec, character_mode_by_asking) {
    struct stream s = {0};
    feed(&s, "\377\361", 2);
    s.len = 0;
    ask(&s, TELNET_WILL, TELNET_OPT_ECHO);
    ask(&s, TELNET_WILL, TELNET_OPT_SGA);
    ask(&s, TELNET_WILL, TELNET_OPT_SGA);
    cr_expect_not(telnet_echoes(&s.t));
    feed(&s, "\377\375\001", 3);
    cr_expect(telnet_echoes(&s.t));
    cr_expect_not(by_key(&s));
    feed(&s, "\377\375\003", 3);
    cr_expect(by_key(&s));
    ask(&s, TELNET_WONT, TELNET_OPT_ECHO);
    cr_expect_not(telnet_echoes(&s.t));
    feed(&s, "\377\376\001", 3);
    cr_expect_str_eq(s.log, " STATE!<ff><fb><01>  STATE!<ff><fb><03> - ECHO=1  STATE "
                            " ECHO=0!<ff><fc><01>  STATE ");
}

/* To a client that has not spoken, the echo is the only thing that may be offered. */
Test(telnet_codec, echo_is_offered_unasked) {
    struct stream s = {0};
    struct telnet_event ev;
    for (int times = 0; times < 2; times++) {
        telnet_offer_echo(&s.t, &ev);
        put_event(&s, &ev);
    }
    cr_expect_not(telnet_spoken(&s.t));
    feed(&s, "x\377\375\001\377\375\003", 7);
    cr_expect(by_key(&s));
    telnet_offer_echo(&s.t, &ev);
    cr_expect_eq(ev.answer_len, 0);
    cr_expect_str_eq(s.log, " STATE!<ff><fb><01><ff><fb><03> x ECHO=1  STATE ");
}

Test(telnet_codec, eight_bits_by_asking) {
    struct stream s = {0};
    feed(&s, "\377\361", 2);
    s.len = 0;
    ask(&s, TELNET_DO, TELNET_OPT_BINARY);
    feed(&s, "\377\374\000", 3); /* WONT */
    feed(&s, "\377\374\000", 3);
    ask(&s, TELNET_DO, TELNET_OPT_BINARY);
    feed(&s, "\377\373\000", 3);
    feed(&s, "a\r\nb\r\000c\rd\n\377\377", 12);
    cr_expect_str_eq(s.log, " STATE!<ff><fd><00>  STATE  STATE!<ff><fd><00>  STATE "
                            "a EOL b EOL c EOL d EOL <ff>");
}

Test(telnet_codec, requests_changed_while_one_is_unanswered) {
    struct stream s = {0};
    feed(&s, "\377\361", 2);
    s.len = 0;
    ask(&s, TELNET_WILL, TELNET_OPT_ECHO);
    ask(&s, TELNET_WONT, TELNET_OPT_ECHO); /* sent when the first request is answered */
    feed(&s, "\377\375\001", 3);
    ask(&s, TELNET_WILL, TELNET_OPT_ECHO);
    feed(&s, "\377\376\001", 3);
    feed(&s, "\377\375\001", 3);
    cr_expect_str_eq(s.log, " STATE!<ff><fb><01>  STATE  STATE!<ff><fc><01>  STATE "
                            " STATE!<ff><fb><01>  ECHO=1 ");
}

Test(telnet_codec, refused_charset_offer_stays_refused) {
    struct stream s = {0};
    feed(&s, "\377\361", 2);
    s.len = 0;
    ask(&s, TELNET_WILL, TELNET_OPT_CHARSET);
    feed(&s, "\377\376\052", 3);
    feed(&s, "\377\372\052\002gbk\377\360", 9);
    cr_expect_str_eq(s.log, " STATE!<ff><fb>*  STATE  STATE ");
}

/* Two codecs connected to each other become silent: no acknowledgment causes another. */
Test(telnet_codec, two_codecs_do_not_loop) {
    struct stream a = {0}, b = {0};
    struct telnet_event ev;
    uint8_t pipe[4096], next[4096];
    size_t n = 0, rounds = 0;
    for (int option = 0; option < 255; option++) {
        memcpy(pipe + n, (uint8_t[]){255, TELNET_WILL, (uint8_t)option}, 3);
        memcpy(pipe + n + 3, (uint8_t[]){255, TELNET_DO, (uint8_t)option}, 3);
        n += 6;
    }
    for (; n > 0 && rounds < 10; rounds++) {
        struct stream *s = rounds % 2 ? &b : &a;
        size_t more = 0;
        for (size_t at = 0; at < n;) {
            at += telnet_next(&s->t, s->sub, &s->sub_len, pipe + at, n - at, &ev);
            memcpy(next + more, ev.answer, ev.answer_len);
            more += ev.answer_len;
            cr_assert_lt(more, sizeof next - TELNET_ANSWER_MAX);
        }
        memcpy(pipe, next, more);
        n = more;
    }
    cr_assert_eq(n, 0, "still talking after %zu rounds", rounds);
}

Test(telnet_codec, line_ended_restores_the_scanner) {
    struct stream s = {0};
    feed(&s, "a\r", 2);
    cr_assert(telnet_after_cr(&s.t));
    struct stream other = {0};
    feed(&other, "a\377\372\001", 4);
    telnet_line_ended(&other.t, true);
    other.len = 0;
    feed(&other, "\nb", 2);
    cr_expect_str_eq(other.log, "b");
    telnet_line_ended(&other.t, false);
    other.len = 0;
    feed(&other, "\n", 1);
    cr_expect_str_eq(other.log, " EOL ");
}
