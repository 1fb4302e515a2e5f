/* bbs.c - see bbs.h. */
#include "tests/lib/bbs.h"

#include <poll.h>
#include <string.h>

enum { IAC = 255, DONT = 254, DO = 253, WONT = 252, WILL = 251, SB = 250, SE = 240 };
enum { ECHO = 1, SGA = 3, NAWS = 31, COLUMNS = 80, ROWS = 24 };

static void answer(struct where where, struct bbs *b, const unsigned char *request) {
    static const unsigned char size[] = {IAC, SB, NAWS, 0, COLUMNS, 0, ROWS, IAC, SE};
    unsigned char verb = request[1], option = request[2];
    b->offers += verb == WILL && option == ECHO;
    if (b->how.mute || verb == WONT || verb == DONT)
        return;
    bool agrees =
        verb == WILL ? !b->how.refuses && (option == ECHO || option == SGA) : option == NAWS;
    unsigned char reply = verb == WILL ? (agrees ? DO : DONT) : agrees ? WILL : WONT;
    guest_send_at(where, b->g, (unsigned char[]){IAC, reply, option}, 3);
    if (verb == DO && option == NAWS)
        guest_send_at(where, b->g, size, sizeof size);
    b->echoed |= verb == WILL && option == ECHO && agrees;
}

/* Shows and answers what has been received.  False: it was nothing. */
static bool listen_to(struct where where, struct bbs *b) {
    size_t n = guest_pending(b->g), answered = b->answered;
    if (n > 0 && !b->how.blind)
        terminal_show_at(where, b->screen, b->g->data + b->g->at, n);
    b->g->at += n;
    for (; b->answered < b->g->answers_len; b->answered += 3)
        answer(where, b, b->g->answers + b->answered);
    return n > 0 || b->answered > answered;
}

/* What was sent before is read by the server.  An answer comes within the turn of the server's loop
 * that reads the question, the second answer only after that turn. */
static void settle(struct where where, struct bbs *b) {
    do {
        for (int i = 0; i < 2; i++) {
            guest_say_at(where, b->other, "/encoding utf-8");
            guest_next_at(where, b->other);
        }
    } while (listen_to(where, b)); /* its answers are read, too */
}

struct bbs bbs_start_at(struct where where, const struct server *s, struct bbs_how how) {
    struct bbs b = {.how = how, .screen = terminal_make(COLUMNS, how.charset)};
    b.other = guest_connect_at(where, s, (struct guest_how){0});
    guest_until_at(where, b.other, "%s", told(TOLD_HOW));
    b.g = guest_connect_at(where, s, (struct guest_how){.charset = how.charset});
    b.g->telnet = true;
    settle(where, &b);
    return b;
}

void bbs_send_at(struct where where, struct bbs *b, const void *bytes, size_t len) {
    if (b->how.shows && !b->echoed)
        terminal_show_at(where, b->screen, bytes, len);
    guest_send_at(where, b->g, bytes, len);
    settle(where, b);
}

void bbs_type_at(struct where where, struct bbs *b, const char *text) {
    for (size_t n; *text; text += n) {
        for (n = 1; ((unsigned char)text[n] & 0xC0) == 0x80; n++)
            ;
        const char *key = b->how.charset
                              ? terminal_recode_at(where, b->how.charset, "UTF-8", text, n)
                              : terminal_recode_at(where, "UTF-8", "UTF-8", text, n);
        bbs_send_at(where, b, key, strlen(key));
    }
}

/* Whether the character that begins at this cell of the cursor's row takes two columns. */
static bool wide_at(const struct terminal *t, unsigned column) {
    return column + 1 < t->columns && strlen(t->cell[t->row][column]) > 1 &&
           !*t->cell[t->row][column + 1];
}

void bbs_press_at(struct where where, struct bbs *b, enum bbs_key key) {
    static const char *const once[] = {"\b", "\033[3~", "\033OD", "\033OC"};
    static const char *const twice[] = {"\b\b", "\033[3~\033[3~", "\033OD\033OD", "\033OC\033OC"};
    unsigned at = b->screen->column;
    bool before = key == BBS_BACKSPACE || key == BBS_LEFT;
    bool wide = before ? at >= 2 && wide_at(b->screen, at - 2) : wide_at(b->screen, at);
    const char *bytes = wide && b->how.doubles ? twice[key] : once[key];
    bbs_send_at(where, b, bytes, strlen(bytes));
}

void bbs_row_at(struct where where, struct bbs *b, unsigned above, const char *text) {
    int64_t deadline = wait_deadline();
    listen_to(where, b);
    while (strcmp(terminal_row(b->screen, above), text) != 0) {
        if (!wait_fd(b->g->fd, POLLIN, deadline))
            fail_at(where, "the row is [%s], not [%s]", terminal_row(b->screen, above), text);
        listen_to(where, b);
    }
}
