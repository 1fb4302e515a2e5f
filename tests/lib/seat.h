/* seat.h - a person at one of the programs that people really use, on a terminal of its own in
 * UTF-8 or GBK.
 *
 *     struct seat tess = seat_enter(s, BUSYBOX, gbk, "黛西");
 *     seat_type(&tess, "你好\r");
 *     seat_shows(&tess, "黛西: 你好");
 *
 * Text is UTF-8 here whatever the terminal's charset is. */
#ifndef TESTS_LIB_SEAT_H
#define TESTS_LIB_SEAT_H

#include "tests/lib/guest.h"
#include "tests/lib/pty.h"

enum { GNU, GNU_KEYS, GNU_NO_ESCAPE, BUSYBOX, NC, PLINK, PLINK_RAW, TINTIN };

struct seat {
    struct pty *pty;
    int program;
    const char *charset; /* of the terminal; NULL: UTF-8 */
};

/* Starts it; the test is skipped if it is not installed. */
struct seat seat_start_at(struct where where, const struct server *s, int program,
                          const char *charset);
#define seat_start(s, program, charset) seat_start_at(HERE, s, program, charset)
/* The same, and logs in, and has seen its own coming. */
struct seat seat_enter_at(struct where where, const struct server *s, int program,
                          const char *charset, const char *name);
#define seat_enter(s, program, charset, name) seat_enter_at(HERE, s, program, charset, name)

/* The keyboard, and the next place on the screen where some text stands (pty.h). */
void seat_type_at(struct where where, const struct seat *t, const char *text);
#define seat_type(t, text) seat_type_at(HERE, t, text)
void seat_sees_at(struct where where, const struct seat *t, const char *text);
#define seat_sees(t, text) seat_sees_at(HERE, t, text)

/* What stands in the cursor's row, or one `above` it. */
void seat_row_is_at(struct where where, const struct seat *t, unsigned above, const char *text);
#define seat_row_is(t, above, text) seat_row_is_at(HERE, t, above, text)
/* A whole line comes next, and is then the last on the screen. */
void seat_shows_at(struct where where, const struct seat *t, const char *text);
#define seat_shows(t, text) seat_shows_at(HERE, t, text)

/* Ctrl-C.  BusyBox has a menu of its own, where `choice` is made, and overlooks the key unless it
 * is waiting in poll(). */
void seat_control_c_at(struct where where, const struct seat *t, const char *choice);
#define seat_control_c(t, choice) seat_control_c_at(HERE, t, choice)

#endif
