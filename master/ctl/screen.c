/* screen.c - see screen.h. */
#include "master/ctl/screen.h"

#include "master/ctl/table.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static const char screen_enter[] = "\033[?1049h\033[?25l\033[2J";
static const char screen_leave[] = "\033[0m\033[?25h\033[?1049l";

static const int screen_signals[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};
enum { SCREEN_SIGNALS = sizeof screen_signals / sizeof screen_signals[0] };

static struct termios screen_before; /* the terminal as it was found */
static sigset_t screen_mask;         /* of signals, too */
static volatile sig_atomic_t screen_end_signal, screen_stop, screen_changed;
static volatile sig_atomic_t screen_is_on;
static char screen_last_key;

enum { SCREEN_CHUNK = 1024 }; /* bytes */

/* ---- the terminal ---- */

/* A terminal that takes nothing (a stalled link) must not keep a signal from ending the process. */
static void screen_write(const char *bytes, size_t len) {
    while (len > 0 && !screen_end_signal) {
        struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
        if (ppoll(&out, 1, NULL, &screen_mask) <= 0)
            continue;
        ssize_t n = write(STDOUT_FILENO, bytes, len < SCREEN_CHUNK ? len : SCREEN_CHUNK);
        if (n <= 0)
            return;
        bytes += n;
        len -= (size_t)n;
    }
}

static void screen_on(void) {
    struct termios raw = screen_before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_iflag &= ~(tcflag_t)IXON; /* ^S would hold it */
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    screen_is_on = 1;
    screen_write(screen_enter, sizeof screen_enter - 1);
}

void screen_abandon(void) {
    if (!screen_is_on)
        return;
    screen_is_on = 0;
    (void)!write(STDOUT_FILENO, screen_leave, sizeof screen_leave - 1);
    tcsetattr(STDIN_FILENO, TCSANOW, &screen_before);
}

void screen_size(uint32_t *rows, uint32_t *columns) {
    struct winsize size = {0};
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    *rows = size.ws_row ? size.ws_row : 24;
    *columns = size.ws_col ? size.ws_col : 80;
}

/* ---- signals ---- */

static void screen_on_signal(int signo) {
    switch (signo) {
    case SIGTSTP: screen_stop = 1; break;
    case SIGCONT:
    case SIGWINCH: screen_changed = signo; break;
    default: screen_end_signal = signo;
    }
}

/* They are delivered while the process waits, and at no other time, so that none is missed. */
static void screen_catch(void) {
    struct sigaction act = {.sa_handler = screen_on_signal};
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < SCREEN_SIGNALS; i++)
        sigaddset(&set, screen_signals[i]);
    sigprocmask(SIG_BLOCK, &set, &screen_mask);
    for (int i = 0; i < SCREEN_SIGNALS; i++) {
        sigaction(screen_signals[i], &act, NULL);
        sigdelset(&screen_mask, screen_signals[i]);
    }
}

/* Stops as the terminal's ^Z would; returns when the process goes on. */
static void screen_suspend(void) {
    screen_stop = 0;
    screen_abandon();
    raise(SIGSTOP);
    screen_on();
}

bool screen_begin(void) {
    const char *term = getenv("TERM");
    if (!term || strcmp(term, "dumb") == 0 || tcgetattr(STDIN_FILENO, &screen_before) != 0 ||
        !isatty(STDOUT_FILENO))
        return false;
    screen_catch();
    screen_on();
    return true;
}

void screen_end(void) {
    screen_abandon();
    sigprocmask(SIG_SETMASK, &screen_mask, NULL);
}

char screen_key(void) {
    return screen_last_key;
}

int screen_signal(void) {
    return screen_end_signal;
}

static enum screen_event screen_read(void) {
    ssize_t n = read(STDIN_FILENO, &screen_last_key, 1);
    return n == 1 ? SCREEN_KEY : SCREEN_LOST;
}

enum screen_event screen_wait(int ms) {
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
    int ready = ppoll(&in, 1, &time, &screen_mask);
    if (screen_end_signal)
        return SCREEN_SIGNAL;
    if (screen_stop)
        screen_suspend();
    else if (screen_changed == SIGCONT)
        screen_on(); /* stopped by SIGSTOP: a shell has set its own modes meanwhile */
    else if (ready == 0)
        return SCREEN_TIME;
    else if (ready > 0)
        return screen_read();
    screen_changed = 0;
    return SCREEN_REDRAW;
}

/* ---- drawing ---- */

/* One line at the start of a row, cut to the window. */
static void screen_line(FILE *out, const char *line, uint32_t columns) {
    char text[TABLE_CELL];
    bool inverse = line[0] == SCREEN_INVERSE[0], bold = line[0] == SCREEN_BOLD[0];
    snprintf(text, sizeof text, "%s", line + (inverse || bold ? 1 : 0));
    text[strcspn(text, "\n")] = '\0';
    text[table_fits(text, columns)] = '\0';
    fputs(inverse ? "\033[7m" : bold ? "\033[1m" : "", out);
    fputs(text, out);
    if (inverse)
        fprintf(out, "%*s", (int)(columns - table_width(text)), "");
    fputs(inverse || bold ? "\033[0m" : "", out);
    if (table_width(text) < columns && !inverse)
        fputs("\033[K", out);
}

/* In one write, so that nothing half drawn is seen. */
void screen_draw(const char *text) {
    uint32_t rows, columns, row = 0;
    char *bytes = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&bytes, &len);
    if (!out)
        return;
    screen_size(&rows, &columns);
    for (; *text && row < rows; row++) {
        fprintf(out, "\033[%u;1H", row + 1);
        screen_line(out, text, columns);
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    if (row < rows)
        fprintf(out, "\033[%u;1H\033[J", row + 1);
    fclose(out);
    screen_write(bytes, len);
    free(bytes);
}
