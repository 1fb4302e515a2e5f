/* main.c - the only file that sees both sides: it hands the worker's entry to the supervisor.
 *
 * Reads as a list: options, configuration, segment, listeners, privileges, workers; then the loop
 * does what signals ask.  An upgraded binary comes in through the same door with a segment in its
 * hand; a worker that found the master dead comes in through master_resume. */
#include "ipc/log.h"
#include "master/config.h"
#include "master/master.h"
#include "master/options.h"
#include "master/reload.h"
#include "master/supervisor.h"
#include "master/upgrade.h"
#include "worker/ledger/counters.h"
#include "worker/worker.h"
#include "worker/text/charset.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char **program_argv;

static int master_resume(struct segment *seg, uint64_t lease);

static int run_worker(struct segment *seg, uint32_t slot, uint64_t incarnation) {
    return worker_main(seg, slot, incarnation, master_resume);
}

/* The loop: what each signal asks for. */
static int master_serve(struct master *m) {
    for (;;) {
        switch (supervisor_run(&m->supervisor)) {
        case SUPERVISOR_ALARM: reload_drained(&m->seg); break;
        case SUPERVISOR_RELOAD: master_reload(m); break;
        case SUPERVISOR_REOPEN: master_reopen_log(m); break;
        case SUPERVISOR_UPGRADE: upgrade(&m->supervisor, program_argv, master_resume); break;
        case SUPERVISOR_STOP: master_stop(m); return EXIT_SUCCESS;
        }
    }
}

/* In a clone of a worker: the master is dead, this is the next one. */
static int master_resume(struct segment *seg, uint64_t lease) {
    static struct master m;
    if (!master_take_over(&m, seg, lease, run_worker))
        return EXIT_SUCCESS; /* another was first */
    return master_serve(&m);
}

/* The binary was replaced: everything is in the segment already. */
static int master_upgraded(int fd) {
    static struct master m;
    char err[256];
    const char *missing = charset_init();
    if (missing)
        snprintf(err, sizeof err, "%s", missing);
    if (segment_open(&m.seg, fd, err, sizeof err) != 0 || missing) {
        fprintf(stderr, "%s\n", err);
        if (m.seg.header && !upgrade_only_check())
            upgrade_go_back(m.seg.header, program_argv);
        return EXIT_FAILURE;
    }
    if (upgrade_only_check()) {
        if (!master_check_config(&m))
            return EXIT_FAILURE;
        fprintf(stderr, "%s\n", UPGRADE_AGREES);
        return EXIT_SUCCESS;
    }
    if (!master_adopt(&m, run_worker))
        upgrade_go_back(m.seg.header, program_argv);
    return master_serve(&m);
}

static int check_only(const struct options *options) {
    static struct config config;
    static struct config_errors errors;
    if (config_parse(options->conf_path, &config, &errors) == 0) {
        printf("%s: ok\n", options->conf_path);
        return EXIT_SUCCESS;
    }
    config_print_errors(&errors, stdout);
    return EXIT_FAILURE;
}

/* What we open must not be taken for standard error. */
static void standard_descriptors(void) {
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv) {
    static struct master m;
    struct options options;
    char err[512];
    program_argv = argv;
    log_set_process("master");
    standard_descriptors();
    tzset(); /* before the descriptor table is shared: it opens a file */
    int inherited = upgrade_inherited();
    if (inherited >= 0)
        return master_upgraded(inherited);
    int status = options_parse(argc, argv, &options);
    if (status >= 0)
        return status;
    if (options.check)
        return check_only(&options);
    const char *missing = charset_init();
    bool exact = counters_self_test(err, sizeof err);
    if (!exact)
        log_warn("%s: a worker's death will disconnect its clients", err);
    if (missing)
        snprintf(err, sizeof err, "%s", missing);
    if (missing || !master_start(&m, &options, run_worker, exact, err, sizeof err)) {
        fprintf(stderr, "chatroom-master: %s\n", err);
        return EXIT_FAILURE;
    }
    return master_serve(&m);
}
