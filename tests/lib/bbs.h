/* bbs.h - a client that sends each key by itself and negotiates nothing of its own: a BBS client,
 * which shows nothing of what is typed, or Windows telnet, which shows it until it is told not to.
 *
 *     struct bbs dan = bbs_start(s, .charset = "BIG5", .doubles = true);
 *     bbs_type(&dan, "login dan");
 *     bbs_row(&dan, 0, "login dan");
 *
 * Each key is read by the server before the next one is sent; the server must have one worker.
 * Options that the server offers are answered as PCManX does.  Text is UTF-8; it is converted to
 * and from the client's charset. */
#ifndef TESTS_LIB_BBS_H
#define TESTS_LIB_BBS_H

#include "tests/lib/guest.h"
#include "tests/lib/terminal.h"

struct bbs_how {
    const char *charset; /* NULL: UTF-8 */
    bool mute;           /* never answers an offer */
    bool refuses;        /* DONT */
    bool shows;          /* its own typing, until it has agreed to be echoed */
    bool doubles;        /* BackSpace, Delete and arrows, over a character of two columns */
    bool blind; /* the test looks at no screen: what it is sent need not be terminal output */
};

struct bbs {
    struct bbs_how how;
    struct guest *g;
    struct guest *other; /* whose answers show that the server has read a key */
    struct terminal *screen;
    bool echoed;     /* it has agreed to be */
    size_t answered; /* bytes of g->answers that it has answered */
    unsigned offers; /* of echo */
};

/* Connects, and waits for the greeting. */
struct bbs bbs_start_at(struct where where, const struct server *s, struct bbs_how how);
#define bbs_start(s, ...) bbs_start_at(HERE, s, (struct bbs_how){__VA_ARGS__})

/* One read of the server's. */
void bbs_send_at(struct where where, struct bbs *b, const void *bytes, size_t len);
#define bbs_send(b, bytes, len) bbs_send_at(HERE, b, bytes, len)
#define bbs_keys(b, literal) bbs_send_at(HERE, b, literal, sizeof(literal) - 1)
/* Each character of the text is a key. */
void bbs_type_at(struct where where, struct bbs *b, const char *text);
#define bbs_type(b, text) bbs_type_at(HERE, b, text)
/* A key as this client sends it, with its cursor where its screen has it. */
enum bbs_key { BBS_BACKSPACE, BBS_DELETE, BBS_LEFT, BBS_RIGHT };
void bbs_press_at(struct where where, struct bbs *b, enum bbs_key key);
#define bbs_press(b, key) bbs_press_at(HERE, b, key)

/* Waits until the row `above` rows over the cursor has exactly this text. */
void bbs_row_at(struct where where, struct bbs *b, unsigned above, const char *text);
#define bbs_row(b, above, text) bbs_row_at(HERE, b, above, text)

#endif
