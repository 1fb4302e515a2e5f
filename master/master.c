/* master.c - see master.h. */
#include "master/master.h"

#include "ipc/fault.h"
#include "ipc/fault_signals.h"
#include "ipc/lease.h"
#include "ipc/log.h"
#include "master/config.h"
#include "master/control_socket.h"
#include "master/descriptors.h"
#include "master/detach.h"
#include "master/listeners.h"
#include "master/log_file.h"
#include "master/moderation.h"
#include "master/notify.h"
#include "master/pidfile.h"
#include "master/privileges.h"
#include "master/process.h"
#include "master/ready.h"
#include "master/reload.h"
#include "master/standby.h"
#include "master/transcript_file.h"
#include "master/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
    MASTER_GOODBYE_MS = 4000, /* of the 5 seconds in which the server ends */
    MASTER_STANDBY_MS = 1000
};

/* ---- start ---- */

static bool master_read_config(const char *path, struct config *config, char *err,
                               size_t err_size) {
    static struct config_errors errors;
    if (config_parse(path, config, &errors) == 0)
        return true;
    config_print_errors(&errors, stderr);
    snprintf(err, err_size, "%s: not started", path);
    return false;
}

/* Links are not resolved: a later reload or upgrade follows them to what they name then. */
static void master_absolute(char out[PATH_LEN_MAX], const char *path) {
    char here[PATH_LEN_MAX] = "";
    size_t at = 0;
    while (strncmp(path, "./", 2) == 0)
        path += 2;
    if (path[0] != '/' && getcwd(here, sizeof here))
        at = (size_t)snprintf(out, PATH_LEN_MAX, "%s/", here);
    if (at < PATH_LEN_MAX)
        snprintf(out + at, PATH_LEN_MAX - at, "%s", path);
}

/* The paths for a later reload, and for an upgrade: of the binary, the path it was started by. */
static void master_remember_paths(struct master_state *state, const struct options *options) {
    const char *binary = (const char *)getauxval(AT_EXECFN);
    master_absolute(state->conf_path, options->conf_path);
    master_absolute(state->binary_path, binary ? binary : "/proc/self/exe");
}

/* The segment again, only to be read: for a tool that is given it (chatroom-ctl).  Without /proc it
 * cannot be opened again, and is given as it is: its receivers are root and the server's user, who
 * could write to it in any case. */
static void master_open_view(struct segment *seg) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", seg->fd);
    int fd = open(path, O_RDONLY);
    seg->header->view_fd = fd >= 0 ? fd : dup(seg->fd); /* an upgrade's execve keeps it */
    if (seg->header->view_fd < 0)
        log_warn_errno("%s: chatroom-ctl will not see the server's state", path);
}

static bool master_make_segment(struct master *m, struct config *config, struct master_state *state,
                                char *err, size_t err_size) {
    state->configured_clients = config->max_clients;
    uint32_t descriptors = descriptors_raise(config, &state->addresses, err, err_size);
    if (descriptors == 0)
        return false;
    struct geometry geometry;
    segment_geometry(&geometry, config, descriptors);
    if (segment_create(&m->seg, &geometry, config, err, err_size) != 0)
        return false;
    master_open_view(&m->seg);
    descriptors_grow(descriptors);
    return true;
}

/* Log, pidfile and segment; from then on the state lies in the segment. */
static bool master_make(struct master *m, const struct options *options, struct config *config,
                        char *err, size_t err_size) {
    static struct master_state state = {
        .pid_fd_file = -1, .pid_fd_next = -1, .binary_fd = -1, .log_fd = -1};
    if (!log_file_open(&state, config, err, err_size) ||
        !pidfile_open(&state, config, err, err_size))
        return false;
    if (!master_make_segment(m, config, &state, err, err_size)) {
        pidfile_remove(&state);
        return false;
    }
    master_remember_paths(&state, options);
    struct master_state *kept = &m->seg.header->master;
    *kept = state;
    log_to(kept->log_fd, &kept->log);
    upgrade_keep_binary(&m->seg);
    return true;
}

static bool master_failed(const char *what, char *err, size_t err_size) {
    snprintf(err, err_size, "%s: %s", what, strerror(errno));
    return false;
}

/* The first clients' records get memory, or the server does not start: their descriptors come after
 * all of the master's. */
static bool master_first_clients(struct master *m, char *err, size_t err_size) {
    int next = dup(STDERR_FILENO);
    int error = next >= 0 ? segment_grow(&m->seg, (uint32_t)next) : errno;
    close(next);
    if (error != 0)
        snprintf(err, err_size, "shared memory: cannot reserve any for clients: %s",
                 strerror(error));
    return error == 0;
}

static bool master_control(struct master *m, const struct config *config, char *err,
                           size_t err_size) {
    bool changed;
    if (!control_socket_prepare(&m->seg, config, &changed, err, err_size))
        return false;
    if (changed)
        control_socket_settle(&m->seg);
    return true;
}

/* Bans, addresses, privileges, the slots' descriptors, the lease, the history; then the workers. */
static bool master_serve(struct master *m, const struct config *config, worker_entry entry,
                         restore_entry restore, char *err, size_t err_size) {
    struct supervisor *s = &m->supervisor;
    if (!moderation_begin(&m->seg, config, err, err_size) ||
        !listeners_configure(&m->seg, config, err, err_size) ||
        !master_control(m, config, err, err_size) ||
        !transcript_file_move(&m->seg, config, err, err_size) ||
        !privileges_drop(&m->seg, config, err, err_size) ||
        !supervisor_make_descriptors(&m->seg, err, err_size) ||
        !master_first_clients(m, err, err_size) ||
        !supervisor_init(s, &m->seg, entry, false, err, err_size))
        return false;
    restore(&m->seg);
    transcript_file_begin(&m->seg);
    if (!listeners_assign(&m->seg, config->workers))
        return master_failed("cannot listen", err, err_size);
    if (!lease_take(&m->seg.slots[MASTER_SLOT], 0) && !s->plain_fork) /* valgrind: no pidfds */
        return master_failed("pidfd_open", err, err_size);
    if (!supervisor_start_all(s))
        return master_failed("cannot start any worker", err, err_size);
    if (supervisor_await_serving(s))
        return true;
    supervisor_kill_all(s);
    snprintf(err, err_size, "every worker died at its start");
    return false;
}

static bool master_ready(struct master *m, struct detach *detach, const struct config *config,
                         char *err, size_t err_size) {
    if (!pidfile_write(&m->seg.header->master, err, err_size))
        return false;
    ready_announce();
    ready_log(&m->seg, "ready");
    if (detach->ready < 0)
        return true;
    if (!detach_end(detach, config, m->seg.header->master.log_fd, err, err_size))
        return false;
    transcript_file_end(&m->seg); /* its descriptors are copies; its successor's are the new ones */
    return true;
}

bool master_start(struct master *m, const struct options *options, worker_entry entry,
                  restore_entry restore, bool counters_exact, char *err, size_t err_size) {
    static struct config config;
    struct detach detach = DETACH_NONE;
    if (!master_read_config(options->conf_path, &config, err, err_size) ||
        (options->detach && !detach_begin(&detach, err, err_size)) ||
        !master_make(m, options, &config, err, err_size))
        return false;
    m->seg.header->counters_exact = counters_exact;
    if (!master_serve(m, &config, entry, restore, err, err_size)) {
        control_socket_remove(&m->seg);
        pidfile_remove(&m->seg.header->master);
        return false;
    }
    if (master_ready(m, &detach, &config, err, err_size))
        return true;
    master_stop(m);
    return false;
}

/* ---- adoption ---- */

/* The server is ready already; without its pidfile it serves on, and a reload writes it. */
static void master_name_self(const struct segment *seg) {
    char err[512];
    if (!pidfile_write(&seg->header->master, err, sizeof err))
        log_error("%s; kill -HUP writes it again", err);
    ready_announce();
}

/* The execve closed the pidfd in the lease and killed no worker that was not dead before. */
static bool master_adopt_segment(struct master *m, worker_entry entry, char *err, size_t err_size) {
    struct slot *master = &m->seg.slots[MASTER_SLOT];
    FAULT("master.adopt.before");
    if (!lease_take(master, lease_void(master)) && !process_plain_fork())
        return master_failed("pidfd_open", err, err_size);
    FAULT("master.adopt.lease");
    process_reap_all(&m->seg);
    FAULT("master.adopt.reaped");
    return supervisor_init(&m->supervisor, &m->seg, entry, false, err, err_size);
}

bool master_adopt(struct master *m, worker_entry entry, char *err, size_t err_size) {
    struct segment_header *h = m->seg.header;
    log_to(h->master.log_fd, &h->master.log);
    log_set_level(header_config(h)->log_level);
    if (!master_adopt_segment(m, entry, err, err_size)) {
        log_error("upgrade: %s", err);
        return false;
    }
    upgrade_keep_binary(&m->seg);
    master_name_self(&m->seg);
    moderation_take_up(&m->seg);
    supervisor_start_all(&m->supervisor);
    supervisor_finish_retired(&m->supervisor);
    standby_reap(h, MASTER_STANDBY_MS);
    ready_log(&m->seg, "upgraded");
    request_end_executing(m->seg.requests, true, "upgraded");
    return true;
}

/* ---- take-over ---- */

/* This process was a worker: it gives up the worker's name and handlers. */
static void master_become(void) {
    static const struct sigaction standard = {.sa_handler = SIG_DFL};
    log_set_process("master");
    prctl(PR_SET_NAME, "chatroom-master");
    fault_signals_set(&standard);
}

bool master_take_over(struct master *m, struct segment *seg, uint64_t lease, worker_entry entry) {
    char err[256];
    FAULT("master.take_over.before");
    if (!standby_cancel(seg->header) || !lease_take(&seg->slots[MASTER_SLOT], lease))
        return false;
    FAULT("master.take_over.after");
    master_become();
    m->seg = *seg;
    if (!supervisor_init(&m->supervisor, &m->seg, entry, true, err, sizeof err)) {
        log_error("the new master: %s", err);
        return false;
    }
    master_name_self(&m->seg);
    supervisor_take_over(&m->supervisor);
    moderation_take_up(&m->seg);
    reload_take_up(&m->supervisor);
    /* It was cloned by a worker of the new binary: that of the old one (standby.h) ends it. */
    request_end_executing(m->seg.requests, true, "upgraded");
    ready_log(&m->seg, "ready again");
    return true;
}

/* ---- the end ---- */

void master_stop(struct master *m) {
    log_info("saying goodbye");
    notify("STOPPING=1");
    supervisor_stop(&m->supervisor, MASTER_GOODBYE_MS);
    control_socket_remove(&m->seg);
    pidfile_remove(&m->seg.header->master);
    log_info("ended");
}
