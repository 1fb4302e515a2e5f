/* screen.h - a terminal's alternate screen, redrawn as a whole, and given back as it was.
 *
 *     if (!screen_begin()) ...no terminal
 *     do
 *         screen_draw(text);
 *     while ((event = screen_wait(ms)) ...);
 *     screen_end();
 *
 * ECMA-48 sequences that every terminal since the VT100 has, and xterm's alternate screen.  Also at
 * SIGTERM, SIGHUP, SIGINT and SIGQUIT the caller gets an event, so that it can end; ^Z gives the
 * terminal back and stops the process, and the screen returns with it. */
#ifndef MASTER_CTL_SCREEN_H
#define MASTER_CTL_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

/* A line of a drawn text that begins with one of these is shown so, over the whole width. */
#define SCREEN_INVERSE "\1"
#define SCREEN_BOLD "\2"

enum screen_event {
    SCREEN_TIME,   /* the time is over */
    SCREEN_REDRAW, /* the window has another size, or the process goes on after a stop */
    SCREEN_KEY,    /* screen_key */
    SCREEN_SIGNAL, /* screen_signal: the process is to end */
    SCREEN_LOST,   /* the terminal is gone */
};

/* False: standard input and output are no terminal, or one that cannot do it (TERM). */
bool screen_begin(void);
void screen_end(void);
/* The same from a signal handler. */
void screen_abandon(void);

/* Lines that end with LF, of UTF-8 without control characters.  What does not fit is cut. */
void screen_draw(const char *text);
void screen_size(uint32_t *rows, uint32_t *columns);

enum screen_event screen_wait(int ms);
char screen_key(void);
int screen_signal(void);

#endif
