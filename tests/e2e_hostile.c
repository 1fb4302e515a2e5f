/* e2e_hostile.c - chatroom-ctl as the attacked: a worker writes what it likes into the memory that
 * an operator's tool, perhaps root's, reads. */
#include "ipc/segment.h"
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"
#include "tests/lib/usage.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(hostile, .timeout = 300);

static struct segment seg;

/* The segment as a worker has it.  A server that was lied to is not stopped in an orderly way:
 * its processes are killed when the test ends. */
static void take_over(const struct server *s) {
    static const char *const begins[] = {"/dev/shm/chatroom-", "/memfd:chatroom-segment"};
    char path[64], name[400], link[128], err[256];
    int found = -1;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)s->pid);
    DIR *fds = opendir(path);
    cr_assert_not_null(fds);
    for (struct dirent *d; found < 0 && (d = readdir(fds));) {
        ssize_t n = readlinkat(dirfd(fds), d->d_name, link, sizeof link - 1);
        link[n > 0 ? n : 0] = '\0';
        snprintf(name, sizeof name, "%s/%s", path, d->d_name);
        for (int i = 0; i < 2 && found < 0; i++)
            if (strncmp(link, begins[i], strlen(begins[i])) == 0)
                found = open(name, O_RDWR | O_CLOEXEC);
    }
    closedir(fds);
    cr_assert_eq(segment_open(&seg, found, err, sizeof err), 0, "%s", err);
}

/* No process of the server looks at what is written, or dies of it. */
static void stop_all(struct server *s) {
    pid_t pid[SERVER_WORKERS_MAX + 2] = {server_master_pid(s), s->pid};
    int n = 2;
    for (int i = 0; i < s->workers; i++)
        pid[n++] = server_worker_pid(s, i);
    for (int i = 0; i < n; i++)
        kill(pid[i], SIGSTOP);
    for (int i = 0; i < n; i++)
        usage_wait_state(pid[i], 'T');
}

static const char *const looks[] = {"status",     "status --json",    "who --all", "who --json",
                                    "bans",       "bans --json",      "metrics",   "metrics --json",
                                    "top --once", "top --once --json"};
enum { LOOKS = sizeof looks / sizeof looks[0] };

/* Of a byte string no terminal is steered: no control but LF, no C1, nothing that reorders. */
static bool steers(const char *text) {
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if ((*at < ' ' && *at != '\n') || *at == 0x7F || (at[0] == 0xC2 && at[1] < 0xA0) ||
            (at[0] == 0xE2 && at[1] == 0x80 && at[2] >= 0xAA && at[2] <= 0xAE) ||
            (at[0] == 0xE2 && at[1] == 0x81 && at[2] >= 0xA6 && at[2] <= 0xA9))
            return true;
    }
    return false;
}

/* Both outputs of a command that ends by itself; valid until the next call. */
static const char *shown(const struct server *s, const char *arguments) {
    static char out[2 << 20];
    char command[700];
    snprintf(command, sizeof command, "timeout 20 %s -s %s %s 2>&1", ctl_path(), ctl_socket(s),
             arguments);
    FILE *from = popen(command, "r");
    cr_assert_not_null(from);
    out[fread(out, 1, sizeof out - 1, from)] = '\0';
    int status = pclose(from);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "%s ended with %x: %s", arguments,
              (unsigned)status, out);
    cr_assert_not(steers(out), "%s: %s", arguments, out);
    return out;
}

/* ---- */

Test(hostile, names_and_reasons_cannot_steer_an_operators_terminal) {
    static const char *const evil[] = {"\033]0;mine\007\033[2J", "\u202egnp.exe", "\xc2\2332J",
                                       "a\nb\rc\td", "\xff\xfe\xed\xa0\x80"};
    struct server *s = ctl_server(SERVER_QUIET(1));
    guest_enter(s, "ann");
    take_over(s);
    stop_all(s);
    for (size_t i = 0; i < sizeof evil / sizeof evil[0]; i++) {
        struct restriction_table *bans = seg.restrictions->copy;
        for (int copy = 0; copy < 2; copy++) {
            snprintf(seg.header->config[copy].room, ROOM_NAME_MAX, "%s", evil[i]);
            bans[copy].bans = 1;
            snprintf(bans[copy].ban[0].reason, BAN_REASON_MAX, "%s", evil[i]);
            for (uint32_t c = 0; c <= seg.header->fd_high; c++)
                snprintf(seg.clients.name[copy][c].text, sizeof seg.clients.name[copy][c].text,
                         "%s", evil[i]);
        }
        for (int k = 0; k < LOOKS; k++)
            shown(s, looks[k]);
    }
    cr_assert_not_null(strstr(shown(s, "status"), "room "), "it is still read");
}

/* A script may have taken a name from anywhere. */
Test(hostile, arguments_cannot_steer_an_operators_terminal) {
    static const char *const orders[] = {"kick",  "mute",     "unmute",    "ban",
                                         "unban", "loglevel", "frobnicate"};
    struct server *s = ctl_server(SERVER_QUIET(1));
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        const struct ran *ran = ctl_run(s, (char *)orders[i], "a \033]0;b\007 \u202ec\xc2\x9b");
        cr_assert(ran->status == 1 || ran->status == 2, "%s: %d", orders[i], ran->status);
        cr_assert_not(steers(ran->out) || steers(ran->err), "%s: %s%s", orders[i], ran->out,
                      ran->err);
    }
    const struct ran *ran = ctl_run(s, "\033[2J");
    cr_assert_eq(ran->status, 2);
    cr_assert_not(steers(ran->err), "%s", ran->err);
    server_stop(s);
}

static uint32_t next_random(uint32_t *state) { /* xorshift32 */
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Everything but what says whose the object is and how large its parts are. */
Test(hostile, random_memory_is_shown_and_no_more) {
    struct server *s = ctl_server(SERVER_QUIET(2) "max_clients = 200\n");
    guest_enter(s, "ann");
    guest_enter(s, "bob");
    take_over(s);
    stop_all(s);
    uint8_t *bytes = (uint8_t *)seg.header;
    size_t from = offsetof(struct segment_header, epoch_ms);
    uint32_t random = 1, steps = seg.header->steps;
    for (int round = 0; round < 4; round++) {
        size_t len = (round % 2 ? sizeof *seg.header : seg.base_size) - from;
        for (int i = 0; i < 40000; i++)
            bytes[from + next_random(&random) % len] =
                (uint8_t)(random & 0x100 ? random >> 24 : 0xff);
        seg.header->steps = steps;
        for (int k = 0; k < LOOKS; k++)
            shown(s, looks[k]);
    }
}
