/* ask.c - see ask.h. */
#include "master/ctl/ask.h"

#include "ipc/clock.h"
#include "ipc/pid_stat.h"
#include "ipc/system.h"
#include "master/ctl/connection.h"
#include "master/ctl/json.h"
#include "master/ctl/print.h"
#include "master/ctl/view.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ASK_LOOK_MS = 5, ASK_EXECUTING_MS = 4000 };

struct ask {
    const struct ctl *ctl;
    struct view view;
    uint64_t id;
    uint64_t began, moved; /* clock_ms(): the command's start, and the server's last progress */
    uint64_t heartbeat;    /* the master's, as last seen */
    uint32_t state;        /* the request's */
    struct request row;    /* as last seen */
    bool sent;             /* perhaps: a worker that stands still may find it later */
    char err[CONNECTION_LINE];
};

/* ---- asking ---- */

static bool ask_begin(struct ask *a, const struct ctl *ctl) {
    *a = (struct ask){.ctl = ctl, .began = clock_ms()};
    a->moved = a->began;
    if (!view_open(&a->view, ctl->socket, a->err))
        return false;
    while (a->id == 0)
        (void)!getrandom(&a->id, sizeof a->id, 0);
    return true;
}

static bool ask_is_there(struct ask *a) {
    return request_find(a->view.seg.requests, a->id, &a->row);
}

/* Milliseconds of the time without progress that are left.  A new binary that hangs is found by the
 * time that the old one gives it (master/watchdog.h), and undone. */
static uint32_t ask_left(const struct ask *a) {
    const struct segment_header *h = a->view.seg.header;
    uint64_t now = clock_ms(), until = a->moved + ASK_STILL_MS;
    if (a->state == REQUEST_EXECUTING)
        until = a->moved + ASK_EXECUTING_MS + header_config(h)->worker_timeout_ms;
    return now < until ? (uint32_t)(until - now) : 0;
}

/* One connection.  A server that was started anew since the mapping was made is not asked. */
static enum connection_answer ask_once(struct ask *a, const char *line) {
    struct connection c;
    enum connection_answer answer = CONNECTION_NO;
    if (!connection_open(&c, a->ctl->socket, ask_left(a), a->err, sizeof a->err))
        return a->sent ? CONNECTION_LOST : CONNECTION_NO;
    if (c.epoch != a->view.seg.header->epoch_ms)
        snprintf(a->err, sizeof a->err, "the server was started anew just now; nothing was done");
    else
        answer = connection_ask(&c, line, a->err, sizeof a->err);
    a->sent |= answer == CONNECTION_LOST;
    connection_close(&c);
    return answer;
}

/* Until the request is in the segment.  False with a sentence. */
static bool ask_put(struct ask *a, const char *verb, const char *text) {
    char line[REQUEST_TEXT_LEN + 64];
    int n = snprintf(line, sizeof line, "request %016" PRIx64 " %s%s%s", a->id, verb,
                     *text ? " " : "", text);
    if (n < 0 || (size_t)n >= sizeof line || strchr(line, '\n')) {
        snprintf(a->err, sizeof a->err, "the arguments are too long, or have more than one line");
        return false;
    }
    for (;;) {
        enum connection_answer answer = ask_once(a, line);
        if (answer == CONNECTION_OK || ask_is_there(a))
            return true;
        bool busy = answer == CONNECTION_NO && strcmp(a->err, REQUEST_BUSY_SENTENCE) == 0;
        if (answer == CONNECTION_NO && (!busy || ask_left(a) < CONNECTION_LAST_MS))
            return false;
        if (ask_left(a) == 0) {
            snprintf(a->err, sizeof a->err,
                     "the server does not answer; whether it will be done is unknown, see the log");
            return false;
        }
        usleep(ASK_LOOK_MS * 1000); /* its worker died, or others ask at the same time */
    }
}

/* ---- watching ---- */

enum ask_progress { ASK_WAITS, ASK_FINISHED, ASK_GIVEN_UP };

static const struct slot *ask_master_slot(const struct ask *a) {
    return &a->view.seg.slots[MASTER_SLOT];
}

static void ask_give_up(struct ask *a) {
    bool ending = atomic_load(&a->view.seg.header->shutdown) != 0;
    const char *why = "the server has made no progress for 2 seconds";
    if (ending)
        why = "the server is going down";
    else if (ask_left(a) > 0)
        why = "it takes longer than a minute";
    snprintf(a->err, sizeof a->err, "%s: %s; whether it will be done is unknown, see the log",
             a->row.verb, why);
}

static enum ask_progress ask_look(struct ask *a) {
    uint64_t heartbeat = atomic_load(&ask_master_slot(a)->heartbeat);
    if (!ask_is_there(a)) {
        snprintf(a->err, sizeof a->err,
                 "later requests took its place; whether it was done is unknown, see the log");
        return ASK_GIVEN_UP;
    }
    uint32_t state = atomic_load(&a->row.state);
    if (request_is_finished(state))
        return ASK_FINISHED;
    if (heartbeat != a->heartbeat || state != a->state)
        a->moved = clock_ms();
    a->heartbeat = heartbeat;
    a->state = state;
    if (ask_left(a) > 0 && clock_ms() - a->began < ASK_LONGEST_MS)
        return ASK_WAITS;
    ask_give_up(a);
    return ASK_GIVEN_UP;
}

/* ---- the outcome ---- */

/* Each sentence as a line of its own. */
static int ask_refused(const struct ctl *ctl, char *text) {
    if (ctl->json)
        return ctl_refused(ctl, "%s", text);
    for (char *line = text, *end; line; line = end ? end + 1 : NULL) {
        end = strchr(line, '\n');
        if (end)
            *end = '\0';
        ctl_refused(ctl, "%s", line);
    }
    return CTL_REFUSED;
}

static int ask_done(const struct ctl *ctl, const char *text) {
    if (*text == '\0')
        return ctl_done(ctl);
    if (ctl->json) {
        json_open(NULL, '{');
        json_bool("ok", true);
        json_text("text", text);
        json_close('}');
        return CTL_DONE;
    }
    for (const char *line = text; *line; line += strspn(line, "\n")) {
        char one[REQUEST_TEXT_LEN];
        char clean[REQUEST_TEXT_LEN];
        size_t len = strcspn(line, "\n");
        snprintf(one, sizeof one, "%.*s", (int)len, line);
        puts(print_clean(clean, sizeof clean, one));
        line += len;
    }
    return CTL_DONE;
}

int ask_for(const struct ctl *ctl, const char *verb, const char *text) {
    static struct ask a;
    enum ask_progress progress = ASK_WAITS;
    if (!ask_begin(&a, ctl))
        return ctl_refused(ctl, "%s", a.err);
    if (!ask_put(&a, verb, text)) {
        view_close(&a.view);
        return ctl_refused(ctl, "%s", a.err);
    }
    while ((progress = ask_look(&a)) == ASK_WAITS)
        usleep(ASK_LOOK_MS * 1000);
    view_close(&a.view);
    if (progress == ASK_GIVEN_UP)
        return ctl_refused(ctl, "%s", a.err);
    return atomic_load(&a.row.state) == REQUEST_DONE ? ask_done(ctl, a.row.outcome)
                                                     : ask_refused(ctl, a.row.outcome);
}

/* ---- the end of the server ---- */

/* A pidfd of the guardian, which ends last; -1 if its number is no guardian's here (it is in
 * another container, say). */
static int ask_pidfd(const struct ask *a) {
    bool foreign = a->view.seg.header->pid_namespace != system_pid_namespace();
    int pid = foreign ? 0 : atomic_load(&a->view.seg.slots[GUARDIAN_SLOT].pid);
    struct pid_stat is = pid_stat_read(pid);
    return strcmp(is.name, "chatroom-master") == 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
}

static bool ask_is_dead(int pidfd) {
    struct pollfd dead = {.fd = pidfd, .events = POLLIN};
    return pidfd < 0 || poll(&dead, 1, 0) == 1;
}

/* Once the server says goodbye. */
static bool ask_await_end(struct ask *a, int pidfd) {
    uint64_t until = clock_ms() + ASK_ENDING_MS;
    while (clock_ms() < until) {
        if (ask_is_dead(pidfd) && connection_is_gone(a->ctl->socket))
            return true;
        usleep(ASK_LOOK_MS * 1000);
    }
    snprintf(a->err, sizeof a->err, "the server has said goodbye and has not ended");
    return false;
}

int ask_shutdown(const struct ctl *ctl) {
    static struct ask a;
    if (!ask_begin(&a, ctl))
        return ctl_refused(ctl, "%s", a.err);
    int pidfd = ask_pidfd(&a);
    enum ask_progress progress = ASK_WAITS;
    bool ended = ask_put(&a, "shutdown", "");
    while (ended && progress == ASK_WAITS && !atomic_load(&a.view.seg.header->shutdown)) {
        usleep(ASK_LOOK_MS * 1000);
        progress = ask_look(&a);
    }
    ended = ended && progress == ASK_WAITS && ask_await_end(&a, pidfd);
    if (pidfd >= 0)
        close(pidfd);
    view_close(&a.view);
    return ended ? ctl_done(ctl) : ctl_refused(ctl, "%s", a.err);
}
