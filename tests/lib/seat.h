/* seat.h - a common client program (telnet, nc, ...) on its own pseudo-terminal, in UTF-8 or GBK.
 *
 *     struct seat tess = seat_enter(s, BUSYBOX, gbk, "黛西");
 *     seat_type(&tess, "你好\r");
 *     seat_shows(&tess, "黛西: 你好");
 *
 * Arguments are UTF-8; they are converted to and from the terminal's charset. */
#ifndef TESTS_LIB_SEAT_H
#define TESTS_LIB_SEAT_H

#include "tests/lib/guest.h"
#include "tests/lib/pty.h"

enum { GNU, GNU_KEYS, GNU_NO_ESCAPE, BUSYBOX, NC, PLINK, PLINK_RAW, TINTIN };

struct seat {
    struct pty *pty;
    int program;
    const char *charset; /* the terminal's; NULL: UTF-8 */
};

/* Starts the program; the test is skipped if it is not installed. */
struct seat seat_start_at(struct where where, const struct server *s, int program,
                          const char *charset);
#define seat_start(s, program, charset) seat_start_at(HERE, s, program, charset)
/* The same; logs in, and waits for the line that announces its own join. */
struct seat seat_enter_at(struct where where, const struct server *s, int program,
                          const char *charset, const char *name);
#define seat_enter(s, program, charset, name) seat_enter_at(HERE, s, program, charset, name)

/* seat_type sends keys; seat_sees searches the output for text (pty.h). */
void seat_type_at(struct where where, const struct seat *t, const char *text);
#define seat_type(t, text) seat_type_at(HERE, t, text)
void seat_sees_at(struct where where, const struct seat *t, const char *text);
#define seat_sees(t, text) seat_sees_at(HERE, t, text)

/* The row `above` rows over the cursor has exactly this text. */
void seat_row_is_at(struct where where, const struct seat *t, unsigned above, const char *text);
#define seat_row_is(t, above, text) seat_row_is_at(HERE, t, above, text)
/* The text is the next complete line, and the last one on the screen. */
void seat_shows_at(struct where where, const struct seat *t, const char *text);
#define seat_shows(t, text) seat_shows_at(HERE, t, text)

/* Sends Ctrl-C.  BusyBox answers it with a menu, in which `choice` is typed.  BusyBox ignores the
 * key unless it waits in poll(), so the function waits for that. */
void seat_control_c_at(struct where where, const struct seat *t, const char *choice);
#define seat_control_c(t, choice) seat_control_c_at(HERE, t, choice)

#endif
