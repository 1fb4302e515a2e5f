/* seat.c - see seat.h. */
#include "tests/lib/seat.h"

#include "tests/lib/skip.h"
#include "tests/lib/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* PORT is replaced by the server's port. */
static const struct {
    const char *package; /* Debian's */
    const char *argv[6];
    const char *in_gbk; /* what is typed to set the program to GBK */
} programs[] = {
    [GNU] = {"inetutils-telnet", {"inetutils-telnet", "127.0.0.1", "PORT"}, NULL},
    [GNU_KEYS] = {"inetutils-telnet", {"inetutils-telnet", "--", "127.0.0.1", "-PORT"}, NULL},
    [GNU_NO_ESCAPE] = {"inetutils-telnet", {"inetutils-telnet", "-E", "127.0.0.1", "PORT"}, NULL},
    [BUSYBOX] = {"busybox", {"busybox", "telnet", "127.0.0.1", "PORT"}, NULL},
    [NC] = {"netcat-openbsd", {"nc", "127.0.0.1", "PORT"}, NULL},
    [PLINK] = {"putty-tools", {"plink", "-telnet", "-P", "PORT", "127.0.0.1"}, NULL},
    [PLINK_RAW] = {"putty-tools", {"plink", "-raw", "-P", "PORT", "127.0.0.1"}, NULL},
    [TINTIN] = {"tintin++",
                {"tt++", "-G", "-e", "#session s 127.0.0.1 PORT"},
                "#config charset GBK-1\r"},
};

static const char *in_charset(const struct seat *t, const char *text) {
    return t->charset ? terminal_recode(t->charset, "UTF-8", text, strlen(text)) : text;
}

void seat_type_at(struct where where, const struct seat *t, const char *text) {
    pty_type_at(where, t->pty, in_charset(t, text));
}

void seat_sees_at(struct where where, const struct seat *t, const char *text) {
    pty_expect_at(where, t->pty, in_charset(t, text));
}

void seat_row_is_at(struct where where, const struct seat *t, unsigned above, const char *text) {
    struct terminal *screen = terminal_make(80, t->charset);
    terminal_show_at(where, screen, t->pty->screen, t->pty->len);
    const char *row = terminal_row(screen, above);
    if (strcmp(row, text) != 0)
        fail_at(where, "row %u above is \"%s\", not \"%s\"", above, row, text);
    free(screen);
}

void seat_shows_at(struct where where, const struct seat *t, const char *text) {
    seat_sees_at(where, t, text);
    seat_sees_at(where, t, "\n");
    if (t->program != TINTIN) /* TinTin++ uses escape sequences that terminal.h does not support */
        seat_row_is_at(where, t, 1, text);
}

struct seat seat_start_at(struct where where, const struct server *s, int program,
                          const char *charset) {
    static char words[6][64];
    char *argv[7] = {NULL}, path[4096];
    for (int i = 0; i < 6 && programs[program].argv[i]; i++) {
        const char *word = programs[program].argv[i], *port = strstr(word, "PORT");
        argv[i] = words[i];
        if (port)
            sprintf(words[i], "%.*s%u", (int)(port - word), word, s->port);
        else
            strcpy(words[i], word);
    }
    snprintf(path, sizeof path, "%s:/usr/games", getenv("PATH")); /* Debian installs tt++ there */
    setenv("PATH", path, 1);
    struct seat t = {pty_run_at(where, argv), program, charset};
    if (!t.pty)
        skip_test("no %s here (Debian: %s)", argv[0], programs[program].package);
    return t;
}

struct seat seat_enter_at(struct where where, const struct server *s, int program,
                          const char *charset, const char *name) {
    char line[128];
    struct seat t = seat_start_at(where, s, program, charset);
    seat_sees_at(where, &t, "Use \"login <nick>\"");
    if (charset && programs[program].in_gbk) {
        seat_type_at(where, &t, programs[program].in_gbk);
        seat_sees_at(where, &t, "HAS BEEN SET");
    }
    if (charset) {
        seat_type_at(where, &t, "/encoding gbk\r");
        seat_sees_at(where, &t, "*** Your encoding is now gbk.");
    }
    snprintf(line, sizeof line, "login %s\r", name);
    seat_type_at(where, &t, line);
    seat_sees_at(where, &t, told1(TOLD_COMES, name));
    return t;
}

void seat_control_c_at(struct where where, const struct seat *t, const char *choice) {
    char path[32], state = '?', *stat;
    int64_t deadline = wait_deadline();
    sprintf(path, "/proc/%d/stat", (int)t->pty->pid);
    while (t->program == BUSYBOX && state != 'S' && wait_left_ms(deadline) > 0) {
        stat = run_read_file(path);
        state = stat ? strrchr(stat, ')')[2] : '?';
        free(stat);
        wait_breath();
    }
    seat_type_at(where, t, "\x03");
    if (t->program == BUSYBOX) {
        seat_sees_at(where, t, "exit telnet");
        seat_type_at(where, t, choice);
    }
}
