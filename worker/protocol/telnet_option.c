/* telnet_option.c - see telnet_option.h.
 *
 * Each supported option of each party is one row of `rows` and four bits of struct telnet; what is
 * no row is refused.  All of RFC 1143 is the table `moves`. */
#include "worker/protocol/telnet_option.h"

#include "worker/text/charset.h"

#include <string.h>

enum { SE = 240, SB = 250, IAC = 255 };
enum { IS = 0 };                                                      /* TTYPE */
enum { REQUEST = 1, ACCEPTED, REJECTED, TTABLE_IS, TTABLE_REJECTED }; /* CHARSET */

/* ---- the Q method ---- */

enum q { NO, YES, WANTNO, WANTNO_OPPOSITE, WANTYES, WANTYES_OPPOSITE };
enum q_input { HEARD_ON, HEARD_OFF, ASK_ON, ASK_OFF };
enum q_send { NOTHING, SEND_ON, SEND_OFF }; /* WILL or DO, WONT or DONT */

static const struct {
    uint8_t next, send;
} moves[][16] = {
    /* A peer that answers a request to end with WILL or DO is wrong; RFC 1143 says how to go on. */
    [HEARD_ON] = {[NO] = {YES, SEND_ON},
                  [YES] = {YES, NOTHING},
                  [WANTNO] = {NO, NOTHING},
                  [WANTNO_OPPOSITE] = {YES, NOTHING},
                  [WANTYES] = {YES, NOTHING},
                  [WANTYES_OPPOSITE] = {WANTNO, SEND_OFF}},
    [HEARD_OFF] = {[NO] = {NO, NOTHING},
                   [YES] = {NO, SEND_OFF},
                   [WANTNO] = {NO, NOTHING},
                   [WANTNO_OPPOSITE] = {WANTYES, SEND_ON},
                   [WANTYES] = {NO, NOTHING},
                   [WANTYES_OPPOSITE] = {NO, NOTHING}},
    [ASK_ON] = {[NO] = {WANTYES, SEND_ON},
                [YES] = {YES, NOTHING},
                [WANTNO] = {WANTNO_OPPOSITE, NOTHING},
                [WANTNO_OPPOSITE] = {WANTNO_OPPOSITE, NOTHING},
                [WANTYES] = {WANTYES, NOTHING},
                [WANTYES_OPPOSITE] = {WANTYES, NOTHING}},
    [ASK_OFF] = {[NO] = {NO, NOTHING},
                 [YES] = {WANTNO, SEND_OFF},
                 [WANTNO] = {WANTNO, NOTHING},
                 [WANTNO_OPPOSITE] = {WANTNO, NOTHING},
                 [WANTYES] = {WANTYES_OPPOSITE, NOTHING},
                 [WANTYES_OPPOSITE] = {WANTYES_OPPOSITE, NOTHING}},
};

enum party { US, HIM };

/* A row's number is the place of its four bits.  `hello` follows when the option comes into effect.
 */
#define HELLO(bytes) .hello = bytes, .hello_len = sizeof bytes - 1
static const struct row {
    uint8_t option, party;
    uint8_t hello_len;
    const char *hello;
} rows[] = {
    {TELNET_OPT_ECHO, US, .hello = ""},
    {TELNET_OPT_SGA, US, .hello = ""},
    {TELNET_OPT_CHARSET, US, HELLO("\377\372\052\001;UTF-8;GB18030;GBK;Big5\377\360")},
    {TELNET_OPT_BINARY, HIM, .hello = ""}, /* line ends stay what they are to us */
    {TELNET_OPT_SGA, HIM, .hello = ""},
    {TELNET_OPT_NAWS, HIM, .hello = ""},
    {TELNET_OPT_TTYPE, HIM, HELLO("\377\372\030\001\377\360")},
    {TELNET_OPT_CHARSET, HIM, .hello = ""},
};
enum { ROW_COUNT = sizeof rows / sizeof *rows, NO_ROW = ROW_COUNT };
_Static_assert(ROW_COUNT <= 2 * sizeof((struct telnet *)0)->options, "four bits a row");

static unsigned option_row(enum party party, uint8_t option) {
    unsigned row = 0;
    while (row < ROW_COUNT && (rows[row].party != party || rows[row].option != option))
        row++;
    return row;
}

static uint8_t option_get(const struct telnet *t, unsigned row) {
    return t->options[row / 2] >> row % 2 * 4 & 15;
}

static void option_set(struct telnet *t, unsigned row, uint8_t q) {
    unsigned shift = row % 2 * 4;
    t->options[row / 2] =
        (uint8_t)((t->options[row / 2] & ~(15u << shift)) | (uint8_t)(q << shift));
}

static uint8_t option_q(const struct telnet *t, enum party party, uint8_t option) {
    return option_get(t, option_row(party, option));
}

static void option_answer(struct telnet_event *ev, const void *bytes, size_t len) {
    memcpy(ev->answer + ev->answer_len, bytes, len);
    ev->answer_len = (uint8_t)(ev->answer_len + len);
    if (ev->kind == TELNET_NONE)
        ev->kind = TELNET_STATE;
}

static void option_answer_verb(struct telnet_event *ev, uint8_t verb, uint8_t option) {
    option_answer(ev, (uint8_t[]){IAC, verb, option}, 3);
}

static void option_move(struct telnet *t, unsigned row, enum q_input input,
                        struct telnet_event *ev) {
    const struct row *r = &rows[row];
    bool echoed = telnet_echoes(t);
    uint8_t was = option_get(t, row), next = moves[input][was].next, send = moves[input][was].send;
    option_set(t, row, next);
    if (next != was)
        ev->kind = TELNET_STATE;
    if (send == SEND_ON)
        option_answer_verb(ev, r->party == US ? TELNET_WILL : TELNET_DO, r->option);
    if (send == SEND_OFF)
        option_answer_verb(ev, r->party == US ? TELNET_WONT : TELNET_DONT, r->option);
    if (next == YES && was != YES)
        option_answer(ev, r->hello, r->hello_len);
    if (r->option == TELNET_OPT_CHARSET && r->party == US && next != was)
        t->flags = next == YES ? t->flags | TELNET_OFFERED : t->flags & ~TELNET_OFFERED;
    if (telnet_echoes(t) != echoed) {
        ev->kind = TELNET_ECHO;
        ev->on = !echoed;
    }
}

void telnet_option_heard(struct telnet *t, uint8_t verb, uint8_t option, struct telnet_event *ev) {
    enum party party = verb == TELNET_DO || verb == TELNET_DONT ? US : HIM;
    bool on = verb == TELNET_WILL || verb == TELNET_DO;
    unsigned row = option_row(party, option);
    if (row != NO_ROW)
        option_move(t, row, on ? HEARD_ON : HEARD_OFF, ev);
    else if (option == TELNET_OPT_TM && party == HIM)
        return;  /* nothing is timed, and a refusal would be answered again */
    else if (on) /* GNU telnet waits for WONT TM after Ctrl-C, and shows nothing until it comes */
        option_answer_verb(ev, party == US ? TELNET_WONT : TELNET_DONT, option);
}

bool telnet_ask(struct telnet *t, uint8_t verb, enum telnet_option option,
                struct telnet_event *ev) {
    bool us = verb == TELNET_WILL || verb == TELNET_WONT;
    bool on = verb == TELNET_WILL || verb == TELNET_DO;
    unsigned row = option_row(us ? US : HIM, (uint8_t)option);
    ev->kind = TELNET_NONE;
    ev->answer_len = 0;
    ev->typed = 0;
    if (row == NO_ROW || !(t->flags & TELNET_SPOKEN))
        return false;
    option_move(t, row, on ? ASK_ON : ASK_OFF, ev);
    return ev->kind != TELNET_NONE;
}

void telnet_offer_echo(struct telnet *t, struct telnet_event *ev) {
    ev->kind = TELNET_NONE;
    ev->answer_len = 0;
    ev->typed = 0;
    option_move(t, option_row(US, TELNET_OPT_ECHO), ASK_ON, ev);
    option_move(t, option_row(US, TELNET_OPT_SGA), ASK_ON, ev);
}

bool telnet_echoes(const struct telnet *t) {
    return option_q(t, US, TELNET_OPT_ECHO) == YES;
}

/* ---- subnegotiations ---- */

static void option_charset_result(struct telnet_event *ev, const struct charset_name *name) {
    ev->kind = TELNET_CHARSET;
    ev->on = name != NULL;
    ev->encoding = name ? name->encoding : ENC_UTF8;
}

/* The client's list: a separator, then names between separators; perhaps a word about translation
 * tables before it (RFC 2066 spells it in two ways).  We take what we prefer, in its spelling.
 * While our own list is out, it has to answer that one: the server's comes first. */
static void option_charset_requested(const struct telnet *t, const uint8_t *list, size_t n,
                                     struct telnet_event *ev) {
    static const char *const tables[] = {"[TTABLE]", "[TTABLE ]"};
    const struct charset_name *best = NULL;
    const uint8_t *spelt = NULL;
    size_t spelt_len = 0;
    for (size_t i = 0; i < 2; i++) {
        size_t skip = strlen(tables[i]) + 1; /* and its version */
        if (n > skip && memcmp(list, tables[i], skip - 1) == 0) {
            list += skip;
            n -= skip;
        }
    }
    for (size_t from = 1, to; from < n; from = to + 1) {
        for (to = from; to < n && list[to] != list[0]; to++)
            ;
        const struct charset_name *name = charset_find((const char *)list + from, to - from);
        if (name && (!best || name < best)) {
            best = name;
            spelt = list + from;
            spelt_len = to - from;
        }
    }
    if (t->flags & TELNET_OFFERED)
        best = NULL;
    else
        option_charset_result(ev, best);
    option_answer(ev, (uint8_t[]){IAC, SB, TELNET_OPT_CHARSET, best ? ACCEPTED : REJECTED}, 4);
    if (best)
        option_answer(ev, spelt, spelt_len);
    option_answer(ev, (uint8_t[]){IAC, SE}, 2);
}

static void option_charset_heard(struct telnet *t, const uint8_t *sub, size_t n,
                                 struct telnet_event *ev) {
    switch (sub[0]) {
    case REQUEST: option_charset_requested(t, sub + 1, n - 1, ev); break;
    case ACCEPTED:
    case REJECTED:
        if (!(t->flags & TELNET_OFFERED))
            break;
        t->flags &= ~TELNET_OFFERED;
        option_charset_result(ev, sub[0] == ACCEPTED ? charset_find((const char *)sub + 1, n - 1)
                                                     : NULL);
        break;
    case TTABLE_IS:
        option_answer(ev, (uint8_t[]){IAC, SB, TELNET_OPT_CHARSET, TTABLE_REJECTED, IAC, SE}, 6);
        break;
    default: break;
    }
}

void telnet_sub_heard(struct telnet *t, const uint8_t *sub, size_t n, struct telnet_event *ev) {
    if (n < 2)
        return;
    uint8_t option = sub[0];
    if (option == TELNET_OPT_CHARSET &&
        (option_q(t, US, option) != NO || option_q(t, HIM, option) != NO)) {
        option_charset_heard(t, sub + 1, n - 1, ev);
    } else if (option == TELNET_OPT_NAWS && n == 5 && option_q(t, HIM, option) != NO) {
        ev->kind = TELNET_WINDOW;
        ev->columns = (uint16_t)(sub[1] << 8 | sub[2]);
        ev->rows = (uint16_t)(sub[3] << 8 | sub[4]);
    } else if (option == TELNET_OPT_TTYPE && sub[1] == IS && option_q(t, HIM, option) != NO) {
        ev->kind = TELNET_TERMINAL;
        ev->bytes = sub + 2;
        ev->len = n - 2;
    }
}
