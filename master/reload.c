/* reload.c - see reload.h. */
#include "master/reload.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "ipc/log.h"
#include "master/config.h"
#include "master/control_socket.h"
#include "master/listeners.h"
#include "master/log_file.h"
#include "master/moderation.h"
#include "master/pidfile.h"
#include "master/process.h"
#include "master/ready.h"
#include "master/relay_process.h"
#include "master/transcript_file.h"

#include <stdio.h>
#include <string.h>

/* Lowered at the start, max_clients is no change. */
static void reload_lowered(const struct segment_header *h, struct config *config) {
    if (config->max_clients == h->master.configured_clients)
        config->max_clients = h->geometry.max_clients;
}

void reload_keep(const struct segment_header *h, struct config *config) {
    reload_lowered(h, config);
    config_keep(header_config(h), config);
}

const char *reload_restart_key(const struct segment_header *h) {
    static struct config config;
    static struct config_errors errors;
    if (config_parse(h->master.conf_path, &config, &errors) != 0)
        return NULL;
    reload_lowered(h, &config);
    return config_restart_key(header_config(h), &config);
}

/* Reads the file; what only a restart changes keeps its value.  False with a sentence. */
static bool reload_read(const struct segment_header *h, struct config *config, char *err,
                        size_t err_size) {
    static struct config_errors errors;
    if (config_parse(h->master.conf_path, config, &errors) != 0) {
        config_log_errors(&errors);
        snprintf(err, err_size, "reload failed");
        return false;
    }
    reload_keep(h, config);
    return true;
}

/* Every worker reads the published configuration when its bell rings; new ones are started.  So
 * does the relay, but for what only a successor of it adopts: another engine, another log. `again`:
 * a master died in a reload, and may have published but not asked. */
static void reload_publish(struct supervisor *s, const struct config *config, bool again) {
    const struct config *old = header_config(s->seg->header);
    bool relay = again || !relay_same(old, config) || strcmp(old->log, config->log) != 0;
    listeners_assign(s->seg, config->workers);
    segment_publish_config(s->seg, config);
    if (relay)
        relay_process_ask(s->seg);
    supervisor_start_all(s);
    process_ring_all(s->seg);
}

/* Addresses and the control socket; false with a sentence, and none is changed. */
static bool reload_listeners(struct segment *seg, const struct config *config, char *err,
                             size_t err_size) {
    bool control;
    if (!control_socket_prepare(seg, config, &control, err, err_size))
        return false;
    bool all = listeners_configure(seg, config, err, err_size);
    if (control && all)
        control_socket_settle(seg);
    else if (control)
        control_socket_abandon(seg);
    return all;
}

/* Log and pidfile may fail without harm to the clients: then they stay where they are. */
static bool reload_apply(struct supervisor *s, char *err, size_t err_size) {
    static struct config config;
    struct segment_header *h = s->seg->header;
    pid_t guardian = atomic_load(&s->seg->slots[GUARDIAN_SLOT].pid);
    if (!reload_read(h, &config, err, err_size) ||
        !moderation_prepare(s->seg, &config, err, err_size) ||
        !reload_listeners(s->seg, &config, err, err_size))
        return false;
    if (strcmp(config.log, header_config(h)->log) != 0 &&
        !log_file_open(&h->master, &config, err, err_size))
        log_error("%s; logging goes on where it was", err);
    if (!pidfile_move(&h->master, &config, guardian, err, err_size))
        log_error("%s; the pid stays where it was", err);
    if (!transcript_file_move(s->seg, &config, err, err_size))
        log_error("%s; the transcript goes on where it was", err);
    log_set_level(config.log_level);
    reload_publish(s, &config, h->master.reloading > 1);
    moderation_apply(s->seg);
    s->alarm_at = clock_ms() + SUPERVISOR_ALARM_MS; /* the draining addresses are closed then */
    return true;
}

bool reload(struct supervisor *s) {
    struct master_state *master = &s->seg->header->master;
    char err[512];
    master->reloading++;
    FAULT("reload.begun");
    bool done = reload_apply(s, err, sizeof err);
    FAULT("reload.ended");
    master->reloading = 0;
    if (done)
        ready_log(s->seg, "reloaded");
    else
        log_error("%s; the old configuration stays in effect", err);
    return done;
}

/* Each as far as it goes: the one does not wait for the other. */
static void reload_take_up_listeners(struct segment *seg, const struct config *config) {
    char err[512];
    bool control;
    if (!control_socket_prepare(seg, config, &control, err, sizeof err))
        log_error("%s", err);
    else if (control)
        control_socket_settle(seg);
    if (!listeners_configure(seg, config, err, sizeof err))
        log_error("%s", err);
}

/* `reloading` is 1 after one death inside reload, 2 after a second: the file may be the cause. */
void reload_take_up(struct supervisor *s) {
    static struct config config;
    struct segment_header *h = s->seg->header;
    listeners_repair(s->seg);
    control_socket_abandon(s->seg);
    bool begun = h->master.reloading > 0;
    bool requested = request_is_taken(s->seg->requests, "reload"); /* then that does it again */
    if (h->master.reloading == 1 && !requested && reload(s))
        return;
    h->master.reloading = 0;
    config = *header_config(h);
    reload_take_up_listeners(s->seg, &config);
    reload_publish(s, &config, begun);
}
