/* master.c - see master.h. */
#include "master/master.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "ipc/lease.h"
#include "ipc/log.h"
#include "master/config.h"
#include "master/environment.h"
#include "master/listen.h"
#include "master/reload.h"
#include "master/standby.h"
#include "master/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { GOODBYE_MS = 4000, STANDBY_MS = 1000 };

static const struct config *current(const struct master *m) {
    const struct segment_header *h = m->seg.header;
    return &h->config[atomic_load(&h->config_version) & 1];
}

/* One line with everything an operator, or a script, wants to know. */
static void log_ready(const struct master *m, const char *what) {
    const struct segment_header *h = m->seg.header;
    char addresses[LISTENERS_MAX * 82] = "", room[2 * ROOM_NAME_MAX], text[80];
    for (int i = 0; i < LISTENERS_MAX; i++) {
        if (atomic_load(&h->listeners[i].state) != LISTENER_SERVING)
            continue;
        size_t at = strlen(addresses);
        snprintf(addresses + at, sizeof addresses - at, "%s%s", at ? ", " : "",
                 listen_format(&h->listeners[i].bound, text));
    }
    snprintf(room, sizeof room, "%s", current(m)->room);
    log_info("%s: room \"%s\", listening on %s, %u workers, pid %d", what, room, addresses,
             atomic_load(&h->workers), (int)getpid());
}

/* Everybody who looks for the master finds this process. */
static void announce(struct master *m) {
    pidfile_write(&m->seg.header->master);
    char state[64];
    snprintf(state, sizeof state, "READY=1\nMAINPID=%d", (int)getpid());
    notify(state);
}

/* Not what a link leads to now: it may be another file by the time it is read again. */
static void absolute(char out[PATH_LEN_MAX], const char *path) {
    char here[PATH_LEN_MAX] = "";
    size_t at = 0;
    while (strncmp(path, "./", 2) == 0)
        path += 2;
    if (path[0] != '/' && getcwd(here, sizeof here))
        at = (size_t)snprintf(out, PATH_LEN_MAX, "%s/", here);
    if (at < PATH_LEN_MAX)
        snprintf(out + at, PATH_LEN_MAX - at, "%s", path);
}

/* The path this program was started by, so that an upgrade finds what is there then. */
static void binary_path(char out[PATH_LEN_MAX]) {
    const char *path = (const char *)getauxval(AT_EXECFN);
    absolute(out, path ? path : "/proc/self/exe");
}

static bool make_segment(struct master *m, struct config *config, struct master_state *state,
                         char *err, size_t err_size) {
    uint32_t addresses, descriptors = descriptors_raise(config, &addresses);
    if (descriptors == 0) {
        snprintf(err, err_size, "the system allows too few descriptors for any client");
        return false;
    }
    struct geometry geometry;
    segment_geometry(&geometry, config, descriptors);
    if (segment_create(&m->seg, &geometry, config, err, err_size) != 0)
        return false;
    descriptors_grow(descriptors);
    state->addresses = addresses;
    return true;
}

/* Leaves the terminal: the parent waits until the child is ready, and ends with its status. */
static int detach(void) {
    int ready[2];
    if (pipe(ready) != 0)
        return -1;
    pid_t pid = fork();
    if (pid > 0) {
        char byte;
        close(ready[1]);
        _exit(read(ready[0], &byte, 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    close(ready[0]);
    setsid();
    return ready[1];
}

/* A log on standard error ends here: whoever started us may wait for its end. */
static void detached(int ready, const struct config *config, int log_fd) {
    if (ready < 0)
        return;
    bool to_stderr = strcmp(config->log, "stderr") == 0;
    if (to_stderr)
        log_warn("log = stderr, in the background: nothing is logged from here on");
    (void)!write(ready, "", 1);
    close(ready);
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    if (to_stderr)
        dup2(null, log_fd);
    if (null > STDERR_FILENO)
        close(null);
}

bool master_start(struct master *m, const struct options *options, worker_entry entry,
                  bool counters_exact, char *err, size_t err_size) {
    static struct config config;
    static struct config_errors errors;
    if (config_parse(options->conf_path, &config, &errors) != 0) {
        config_print_errors(&errors, stderr);
        snprintf(err, err_size, "%s: not started", options->conf_path);
        return false;
    }
    static struct master_state state = {
        .pid_fd_file = -1, .pid_fd_next = -1, .binary_fd = -1, .log_fd = -1};
    state.configured_clients = config.max_clients;
    int ready = options->detach ? detach() : -1;
    if (!log_open(&state, &config, err, err_size) ||
        !pidfile_open(&state, &config, err, err_size) ||
        !make_segment(m, &config, &state, err, err_size))
        return false;
    struct segment_header *h = m->seg.header;
    absolute(state.conf_path, options->conf_path);
    binary_path(state.binary_path);
    h->master = state;
    log_to(h->master.log_fd, &h->master.log_target);
    h->counters_exact = counters_exact;
    upgrade_keep_binary(&m->seg);
    if (!reload_listeners(&m->seg, &config, err, err_size) ||
        !privileges_drop(&m->seg, &config, err, err_size))
        return false;
    if (!supervisor_slots(&m->seg) || !supervisor_init(&m->supervisor, &m->seg, entry, false)) {
        snprintf(err, err_size, "cannot make the workers' descriptors: %s", strerror(errno));
        return false;
    }
    config_log_inert(&config);
    reload_workers(&m->seg, config.workers);
    lease_take(&m->seg.slots[MASTER_SLOT], 0);
    announce(m);
    supervisor_start_all(&m->supervisor);
    log_ready(m, "ready");
    detached(ready, &config, state.log_fd);
    return true;
}

bool master_adopt(struct master *m, worker_entry entry) {
    struct segment_header *h = m->seg.header;
    log_to(h->master.log_fd, &h->master.log_target);
    log_set_level(current(m)->log_level);
    FAULT("master.adopt.before");
    struct slot *master = &m->seg.slots[MASTER_SLOT];
    lease_take(master, lease_void(master)); /* its pidfd was closed by the execve */
    FAULT("master.adopt.lease");
    slots_reap_all(&m->seg);
    FAULT("master.adopt.reaped");
    if (!supervisor_init(&m->supervisor, &m->seg, entry, false)) {
        log_error_errno("upgrade: signalfd");
        return false;
    }
    upgrade_keep_binary(&m->seg);
    announce(m);
    supervisor_start_all(&m->supervisor);
    supervisor_finish_retired(&m->supervisor);
    standby_reap(h, STANDBY_MS);
    log_ready(m, "upgraded");
    return true;
}

bool master_check_config(struct master *m) {
    static struct config config;
    static struct config_errors errors;
    if (config_parse(m->seg.header->master.conf_path, &config, &errors) == 0)
        return true;
    config_print_errors(&errors, stderr);
    return false;
}

/* The dead one may have been in the middle of a reload: it is done again, once.  Else, or if that
 * fails, addresses and workers are what the configuration in effect says. */
static void take_up_reload(struct master *m) {
    static struct config config;
    char err[512];
    reload_take_up(&m->seg);
    if (m->seg.header->master.reloading == 1 && master_reload(m))
        return;
    m->seg.header->master.reloading = 0;
    config = *current(m);
    if (!reload_listeners(&m->seg, &config, err, sizeof err))
        log_error("%s", err);
    reload_workers(&m->seg, config.workers);
    segment_publish_config(&m->seg, &config);
    supervisor_start_all(&m->supervisor);
    supervisor_ring(&m->supervisor);
}

bool master_take_over(struct master *m, struct segment *seg, uint64_t lease, worker_entry entry) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE};
    FAULT("master.take_over.before");
    if (!standby_cancel(seg->header) || !lease_take(&seg->slots[MASTER_SLOT], lease))
        return false;
    FAULT("master.take_over.after");
    log_set_process("master");
    prctl(PR_SET_NAME, "chatroom-master");
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        signal(faults[i], SIG_DFL);
    m->seg = *seg;
    if (!supervisor_init(&m->supervisor, &m->seg, entry, true)) {
        log_error_errno("the new master: signalfd");
        return false;
    }
    announce(m);
    supervisor_take_over(&m->supervisor);
    take_up_reload(m);
    log_ready(m, "ready again");
    return true;
}

static bool reload(struct master *m, char *err, size_t err_size) {
    static struct config config;
    static struct config_errors errors;
    struct segment_header *h = m->seg.header;
    if (config_parse(h->master.conf_path, &config, &errors) != 0) {
        config_log_errors(&errors);
        snprintf(err, err_size, "reload failed");
        return false;
    }
    if (config.max_clients == h->master.configured_clients)
        config.max_clients = h->geometry.max_clients; /* lowered at the start; not a change */
    config_keep(current(m), &config);
    if (!reload_listeners(&m->seg, &config, err, err_size))
        return false;
    if (strcmp(config.log, current(m)->log) != 0 && !log_open(&h->master, &config, err, err_size))
        log_error("%s; logging goes on where it was", err);
    if (!pidfile_move(&h->master, &config, err, err_size))
        log_error("%s; the pid stays where it was", err);
    log_set_level(config.log_level);
    config_log_inert(&config);
    reload_workers(&m->seg, config.workers);
    segment_publish_config(&m->seg, &config);
    supervisor_start_all(&m->supervisor);
    supervisor_ring(&m->supervisor);
    m->supervisor.alarm_at = clock_ms() + SUPERVISOR_ALARM_MS;
    return true;
}

bool master_reload(struct master *m) {
    char err[512];
    notify("RELOADING=1");
    m->seg.header->master.reloading++;
    FAULT("reload.begun");
    bool done = reload(m, err, sizeof err);
    FAULT("reload.ended");
    m->seg.header->master.reloading = 0;
    if (done)
        log_ready(m, "reloaded");
    else
        log_error("%s; the old configuration stays in effect", err);
    notify("READY=1");
    return done;
}

void master_reopen_log(struct master *m) {
    char err[512];
    if (log_open(&m->seg.header->master, current(m), err, sizeof err))
        log_info("log reopened");
    else
        log_error("%s; logging goes on where it was", err);
}

void master_stop(struct master *m) {
    log_info("saying goodbye");
    notify("STOPPING=1");
    supervisor_stop(&m->supervisor, GOODBYE_MS);
    pidfile_remove(&m->seg.header->master);
    log_info("ended");
}
