/* main.c - the program: the only file that includes both sides, to pass the worker's entry to the
 * master.
 *
 * Three ways lead into it.  An ordinary start goes through main.  An upgraded binary goes through
 * main too, with a segment's descriptor in its environment.  A master or worker that finds the
 * guardian dead starts another by main_guardian. */
#include "ipc/convert.h"
#include "ipc/log.h"
#include "master/config.h"
#include "master/conversion.h"
#include "master/guardian.h"
#include "master/kernel.h"
#include "master/listeners.h"
#include "master/log_file.h"
#include "master/master.h"
#include "master/options.h"
#include "master/process.h"
#include "master/relay_process.h"
#include "master/reload.h"
#include "master/requests.h"
#include "master/signals.h"
#include "master/supervisor.h"
#include "master/transcript_file.h"
#include "master/upgrade.h"
#include "worker/ledger/counters.h"
#include "worker/relay/relay.h"
#include "worker/text/charset.h"
#include "worker/transcript/restore.h"
#include "worker/transcript/transcript.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char **main_argv;

/* Before main, and before any file is opened: until this, each of the signals ends the process. */
__attribute__((constructor)) static void main_block_signals(void) {
    (void)!signals_block(); /* main_start does it again, and tells */
}

static int main_guardian(struct segment *seg, uint64_t lease);

static int main_worker(struct segment *seg, uint32_t slot, uint64_t incarnation) {
    if (slot == TRANSCRIPT_SLOT)
        return transcript_main(seg, incarnation);
    if (slot == RELAY_SLOT)
        return relay_main(seg, incarnation);
    return worker_main(seg, slot, incarnation, main_guardian);
}

static void main_reopen(struct segment *seg) {
    struct segment_header *h = seg->header;
    log_file_reopen(&h->master, header_config(h));
    transcript_file_reopen(seg, header_config(h));
    relay_process_ask(seg); /* it has the log's old file */
}

/* The master's loop: each signal's order, and requests. */
static int main_loop(struct master *m) {
    for (;;) {
        switch (supervisor_run(&m->supervisor)) {
        case SUPERVISOR_NOTHING: break;
        case SUPERVISOR_ALARM: listeners_close_drained(&m->seg); break;
        case SUPERVISOR_RELOAD:
            reload(&m->supervisor);
            signals_done(&m->seg, ORDER_RELOAD);
            break;
        case SUPERVISOR_REOPEN:
            main_reopen(&m->seg);
            signals_done(&m->seg, ORDER_REOPEN);
            break;
        case SUPERVISOR_UPGRADE:
            upgrade(&m->supervisor, m->argv);
            signals_done(&m->seg, ORDER_UPGRADE);
            break;
        case SUPERVISOR_GUARDIAN: master_new_guardian(m); break;
        case SUPERVISOR_STORE: master_store(m); return EXIT_SUCCESS;
        case SUPERVISOR_REQUEST:
            if (requests_run(m))
                break;
            /* fall through */
        case SUPERVISOR_STOP: master_stop(m); return EXIT_SUCCESS;
        }
    }
}

static struct master main_state; /* a process's own, inherited by the master */

static int main_master(struct segment *seg, enum master_beginning beginning) {
    struct master *m = &main_state;
    m->argv = main_argv;
    return master_live(m, seg, beginning, main_worker, main_guardian) ? main_loop(m) : EXIT_FAILURE;
}

/* In a clone of the master or of a worker, or in the standby: the guardian is dead. */
static int main_guardian(struct segment *seg, uint64_t lease) {
    static struct guardian g;
    char err[256];
    if (!guardian_take(&g, seg, lease, err, sizeof err))
        return EXIT_SUCCESS; /* another process is the guardian */
    return guardian_run(&g, main_master, main_argv);
}

/* After an upgrade's execve, or in the child that checks for it.  An exit lets the standby take
 * over. */
static int main_upgraded(int fd) {
    static struct guardian g;
    struct segment *seg = &main_state.seg;
    char err[256];
    upgrade_begin(main_argv);
    const char *missing = charset_init();
    if (missing)
        snprintf(err, sizeof err, "%s", missing);
    if (missing ||
        (upgrade_only_check() ? segment_rehearse(seg, fd, err, sizeof err)
                              : segment_adopt(seg, fd, upgrade_more_time, err, sizeof err)) != 0) {
        fprintf(stderr, "%s\n", err);
        upgrade_go_back(seg, err);
        return EXIT_FAILURE;
    }
    if (upgrade_only_check()) {
        if (!upgrade_check_config(seg))
            return EXIT_FAILURE;
        fprintf(stderr, "%s\n", UPGRADE_AGREES);
        return EXIT_SUCCESS;
    }
    upgrade_mapped(seg, main_argv);
    server_adopt(seg);
    conversion_begin(seg, fd);
    if (guardian_adopt(&g, seg, err, sizeof err))
        return guardian_run(&g, main_master, main_argv);
    log_error("upgrade: %s", err);
    upgrade_go_back(seg, err);
    return EXIT_FAILURE;
}

/* -t */
static int main_check(const struct options *options) {
    static struct config config;
    static struct config_errors errors;
    signals_unblock();
    if (config_check(options->conf_path, &config, &errors) == 0) {
        printf("%s: ok\n", options->conf_path);
        return EXIT_SUCCESS;
    }
    config_print_errors(&errors, stdout);
    return EXIT_FAILURE;
}

static int main_start(const struct options *options) {
    static struct guardian g;
    struct master *m = &main_state;
    char err[512];
    (void)store_returned(&m->returned);
    if (!signals_block()) {
        perror("chatroom-master: sigprocmask");
        return EXIT_FAILURE;
    }
    if (!kernel_suffices(err, sizeof err) && !process_plain_fork()) { /* valgrind: no pidfds */
        fprintf(stderr, "chatroom-master: %s\n", err);
        return EXIT_FAILURE;
    }
    const char *missing = charset_init();
    bool exact = counters_self_test(err, sizeof err);
    if (!exact)
        log_warn("%s: a worker's death will disconnect its clients", err);
    if (missing)
        snprintf(err, sizeof err, "%s", missing);
    if (missing || !server_start(m, options, restore_history, exact, err, sizeof err) ||
        !guardian_begin(&g, &m->seg, err, sizeof err)) {
        fprintf(stderr, "chatroom-master: %s\n", err);
        return EXIT_FAILURE;
    }
    return guardian_run(&g, main_master, main_argv);
}

/* What holds for every process of the server: all of them inherit it, through clone() and execve.
 *
 * A log that reaches RLIMIT_FSIZE, or whose reader has ended, loses lines; it must not end the
 * server by SIGXFSZ or SIGPIPE.  Nor must a terminal that is not to be written to from the
 * background (stty tostop) stop it by SIGTTOU.  A starter may have ignored SIGCHLD; the kernel then
 * reaps workers before the master can find out how each died.
 *
 * No core is written: stack, static memory and even registers of any process may hold what people
 * say privately (a worker may become the master).  The limit 1 is too small for a file, and the
 * kernel takes it as "no core" for a core_pattern that is a pipe as well, to which 0 does not apply
 * (core(5); fs/coredump.c).  The hard limit stays: an operator who wants a core of the program says
 * so by prlimit(1).
 *
 * The process is dumpable, so that an operator's tool of its user can open the segment through
 * /proc/PID/fd; without this, not if the user cannot read the binary.
 *
 * No execve gives a process more than it has: of the server only an upgrade calls it.  That makes
 * the bounding set of capabilities, which limits what an execve may give, of no further use.  What
 * the server writes is never writable for its group or others, whatever mask the starter had; a
 * stricter mask stays.
 *
 * The folder stays too: relative paths of the configuration mean the folder of the start, at each
 * reload.  Service managers start in "/". */
static void main_process(void) {
    struct rlimit core;
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    prctl(PR_SET_DUMPABLE, 1);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    umask(umask(0077) | 0022);
    if (getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max > 0) {
        core.rlim_cur = 1;
        setrlimit(RLIMIT_CORE, &core);
    }
}

/* Opens the standard descriptors that are closed: a file opened later must not get the number of
 * standard error.  False with errno. */
static bool main_standard_descriptors(void) {
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        return close(fd) == 0;
    int error = errno; /* without /dev/null: well if none of them is closed */
    bool all = true;
    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
        all = all && fcntl(i, F_GETFD) >= 0;
    errno = error;
    return all;
}

int main(int argc, char **argv) {
    struct options options;
    main_argv = argv;
    log_set_process("master");
    main_process();
    if (!main_standard_descriptors()) {
        perror("chatroom-master: /dev/null");
        return EXIT_FAILURE;
    }
    tzset(); /* before the descriptor table is shared: it opens a file */
    int inherited = upgrade_inherited();
    if (inherited >= 0)
        return main_upgraded(inherited);
    int status = options_parse(argc, argv, &options);
    if (status >= 0)
        return status;
    return options.check ? main_check(&options) : main_start(&options);
}
