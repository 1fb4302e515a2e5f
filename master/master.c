/* master.c - see master.h. */
#include "master/master.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "ipc/page_html.h"
#include "ipc/system.h"
#include "master/config.h"
#include "master/control_socket.h"
#include "master/descriptors.h"
#include "master/detach.h"
#include "master/listeners.h"
#include "master/log_file.h"
#include "master/moderation.h"
#include "master/pidfile.h"
#include "master/privileges.h"
#include "master/process.h"
#include "master/ready.h"
#include "master/relay_process.h"
#include "master/reload.h"
#include "master/signals.h"
#include "master/standby.h"
#include "master/store.h"
#include "master/transcript_file.h"
#include "master/upgrade.h"
#include "master/view_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

enum {
    MASTER_GOODBYE_MS = 4000, /* of the 5 seconds in which the server ends */
    MASTER_OOM = 100          /* above the guardian's oom_score_adj, below the workers' */
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
    view_fd_open(&m->seg);
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

/* With a returned segment.  What only a start from nothing changes stays as it is there. */
static bool master_make_returned(struct master *m, const struct options *options,
                                 struct config *config, char *err, size_t err_size) {
    struct segment_header *h = m->seg.header;
    reload_keep(h, config);
    if (!log_file_open(&h->master, config, err, err_size) ||
        !pidfile_open(&h->master, config, err, err_size))
        return false;
    master_remember_paths(&h->master, options);
    view_fd_open(&m->seg);
    log_to(h->master.log_fd, &h->master.log);
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

/* Bans stand also where no file has them; a file with an error does not lift them. */
static void server_return_bans(struct segment *seg, const struct config *config) {
    char err[512];
    if (moderation_prepare(seg, config, err, sizeof err))
        moderation_apply(seg);
    else
        log_error("%s; the bans stay as they were", err);
}

/* What a start from nothing makes in server_open, as far as it has come back. */
static bool server_return(struct segment *seg, const struct config *config, char *err,
                          size_t err_size) {
    server_return_bans(seg, config);
    segment_publish_config(seg, config);
    transcript_file_return(seg, config);
    return listeners_return(seg, err, err_size);
}

/* Bans, addresses, privileges, the slots' descriptors, the history. */
static bool server_open(struct master *m, const struct config *config, restore_entry restore,
                        char *err, size_t err_size) {
    bool returned = m->returned.taken;
    if (!(returned ? server_return(&m->seg, config, err, err_size)
                   : moderation_begin(&m->seg, config, err, err_size)) ||
        !listeners_configure(&m->seg, config, err, err_size) ||
        !master_control(m, config, err, err_size) ||
        !transcript_file_move(&m->seg, config, err, err_size) ||
        !privileges_drop(&m->seg, config, err, err_size) ||
        !supervisor_make_descriptors(&m->seg, err, err_size) ||
        !master_first_clients(m, err, err_size))
        return false;
    web_page_publish(m->seg.pages, page_html, page_html_len, page_csp);
    if (!returned) {
        restore(&m->seg);
        transcript_file_begin(&m->seg);
    }
    return listeners_assign(&m->seg, config->workers) ||
           master_failed("cannot listen", err, err_size);
}

/* ---- the first master ---- */

static bool master_serve(struct supervisor *s, char *err, size_t err_size) {
    if (!supervisor_start_all(s))
        return master_failed("cannot start any worker", err, err_size);
    supervisor_finish_retired(s); /* of a returned segment */
    if (supervisor_await_serving(s))
        return true;
    supervisor_kill_all(s);
    snprintf(err, err_size, "every worker died at its start");
    return false;
}

/* Only a master does: a reload of its own may move the file.  Another guardian may be made
 * meanwhile, which supervisor_run then finds. */
static bool master_write_pid(struct master *m, char *err, size_t err_size) {
    pid_t guardian = atomic_load(&m->seg.slots[GUARDIAN_SLOT].pid);
    m->supervisor.named = guardian;
    return pidfile_write(&m->seg.header->master, guardian, err, err_size);
}

static void master_say(struct master *m, const char *what) {
    char err[512];
    if (!master_write_pid(m, err, sizeof err))
        log_error("%s; kill -HUP writes it again", err);
    ready_log(&m->seg, what);
}

void master_new_guardian(struct master *m) {
    master_say(m, "ready again");
}

/* The server is ready: so it is in the log, the starter may go on (-d), and the manager is told. */
static bool master_ready(struct master *m, char *err, size_t err_size) {
    struct segment_header *h = m->seg.header;
    bool detached = m->detach.ready >= 0;
    if (!master_write_pid(m, err, err_size))
        return false;
    FAULT("master.ready.before");
    ready_log(&m->seg, "ready");
    if (!detach_end(&m->detach, header_config(h), h->master.log_fd, err, err_size))
        return false;
    if (detached) {
        transcript_file_end(&m->seg); /* its descriptors are copies; its successor's are new ones */
        relay_process_ask(&m->seg);   /* likewise */
    }
    FAULT("master.ready.told"); /* a successor tells it again */
    atomic_store(&h->ready, 1);
    atomic_store(&h->unserved, 0);
    slot_ring_awake(&m->seg.slots[GUARDIAN_SLOT]);
    FAULT("master.ready.after");
    detach_close(&m->detach);
    return true;
}

/* What came back, if it is of use: else the server starts from nothing.  False with a sentence: it
 * is in use. */
static bool server_take_returned(struct master *m, char *err, size_t err_size) {
    struct store_returned *got = &m->returned;
    if (got->count == 0)
        return true;
    if (!store_alone(got, err, err_size))
        return false;
    if (store_take(got, &m->seg, err, err_size)) {
        log_info("the service manager has kept %u connection(s); %u did not come back",
                 got->clients, got->gone);
    } else {
        log_error("what the service manager has kept is dropped: %s", err);
        store_drop(-1);
    }
    return true;
}

static void server_give_up(struct master *m) {
    control_socket_remove(&m->seg);
    pidfile_remove(&m->seg.header->master);
    if (m->returned.taken)
        store_failed(&m->seg);
}

bool server_start(struct master *m, const struct options *options, restore_entry restore,
                  bool counters_exact, char *err, size_t err_size) {
    static struct config config;
    m->detach = DETACH_NONE;
    if (!master_read_config(options->conf_path, &config, err, err_size) ||
        !server_take_returned(m, err, err_size) || /* before another descriptor is opened */
        (options->detach && !detach_begin(&m->detach, err, err_size)))
        return false;
    bool made = m->returned.taken ? master_make_returned(m, options, &config, err, err_size)
                                  : master_make(m, options, &config, err, err_size);
    if (made) {
        m->seg.header->counters_exact = counters_exact;
        made = server_open(m, &config, restore, err, err_size);
    }
    if (!made && m->seg.header)
        server_give_up(m);
    return made;
}

static bool master_begin(struct master *m, char *err, size_t err_size) {
    if (master_serve(&m->supervisor, err, err_size) && master_ready(m, err, err_size))
        return true;
    fprintf(stderr, "chatroom-master: %s\n", err);
    master_stop(m);
    return false;
}

/* ---- after an upgrade, and in place of a dead one ---- */

void server_adopt(struct segment *seg) {
    struct segment_header *h = seg->header;
    log_to(h->master.log_fd, &h->master.log);
    log_set_level(header_config(h)->log_level);
    upgrade_keep_binary(seg);
    web_page_publish(seg->pages, page_html, page_html_len, page_csp);
}

/* The one that an operator asked for.  One that was not executed before its master died is tried
 * again. */
static void master_end_upgrade(struct master *m) {
    uint32_t done = EXECUTE_DONE;
    if (atomic_load(&m->seg.header->execute) != EXECUTE_DONE) {
        request_execute_failed(m->seg.requests);
        return;
    }
    request_end_executing(m->seg.requests, true, "upgraded");
    atomic_compare_exchange_strong(&m->seg.header->execute, &done, EXECUTE_NONE);
}

static void master_adopt(struct master *m, bool returned) {
    if (returned) {
        log_error("the new binary failed as it began; this is the binary before");
        request_end_executing(m->seg.requests, false, STANDBY_UNDONE);
    }
    moderation_take_up(&m->seg);
    supervisor_start_all(&m->supervisor);
    supervisor_finish_retired(&m->supervisor);
    master_say(m, returned ? "ready again" : "upgraded");
    master_end_upgrade(m);
}

static void master_take_over(struct master *m) {
    bool reloading = m->seg.header->master.reloading > 0;
    supervisor_take_over(&m->supervisor);
    moderation_take_up(&m->seg);
    reload_take_up(&m->supervisor);
    if (reloading)
        signals_done(&m->seg, ORDER_RELOAD); /* else its predecessor had not begun */
    master_end_upgrade(m);
}

/* As the first one does, if its predecessor died before. */
static bool master_again(struct master *m, char *err, size_t err_size) {
    master_take_over(m);
    if (!atomic_load(&m->seg.header->ready))
        return master_ready(m, err, err_size);
    master_say(m, "ready again");
    return true;
}

bool master_live(struct master *m, struct segment *seg, enum master_beginning beginning,
                 worker_entry entry, guardian_entry guardian) {
    char err[512];
    FAULT("master.live.before");
    log_set_process("master");
    log_info("pid %d", (int)getpid());
    system_set_oom_score(seg->header->master.oom_score + MASTER_OOM);
    m->seg = *seg;
    if (!supervisor_init(&m->supervisor, &m->seg, entry, guardian, err, sizeof err)) {
        log_error("the new master: %s", err);
        if (beginning == MASTER_FIRST)
            fprintf(stderr, "chatroom-master: %s\n", err);
        return false;
    }
    FAULT("master.live.after");
    if (beginning == MASTER_FIRST)
        return master_begin(m, err, sizeof err);
    if (beginning == MASTER_UPGRADED || beginning == MASTER_RETURNED)
        master_adopt(m, beginning == MASTER_RETURNED);
    else if (!master_again(m, err, sizeof err))
        log_error("%s", err);
    return true;
}

/* ---- the end ---- */

static void master_ended(struct master *m, enum shutdown how) {
    control_socket_remove(&m->seg);
    pidfile_remove(&m->seg.header->master);
    log_info("ended");
    FAULT("master.ended.before");
    atomic_store(&m->seg.header->shutdown, (uint32_t)how);
    FAULT("master.ended.after");
}

void master_stop(struct master *m) {
    log_info("saying goodbye");
    supervisor_stop(&m->supervisor, MASTER_GOODBYE_MS);
    master_ended(m, SHUTDOWN_ENDED);
}

void master_store(struct master *m) {
    const char *key = reload_restart_key(m->seg.header);
    if (key) {
        log_warn("%s: changed in the file, and only a start from nothing applies it", key);
        master_stop(m);
        return;
    }
    log_info("ending without a word: the service manager keeps everybody");
    supervisor_leave(&m->supervisor, MASTER_GOODBYE_MS);
    master_ended(m, SHUTDOWN_STORED);
}
