/* e2e_operator.c - what a person at a shell sees of the server's programs: what they leave open,
 * how they end, and what the log tells of what was asked for. */
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(operator, .timeout = 180);

/* ---- the background ---- */

/* Reads to the end of what the shell's command writes.  Returns its exit status. */
static int said_until_the_end(const char *command, char *text, size_t size) {
    FILE *said = popen(command, "re");
    cr_assert(said);
    int64_t deadline = wait_deadline();
    size_t len = 0;
    for (ssize_t n = 1; n > 0 && len < size - 1; len += (size_t)n) {
        cr_assert(wait_fd(fileno(said), POLLIN, deadline), "its output never ends");
        n = read(fileno(said), text + len, size - 1 - len);
        cr_assert_geq(n, 0);
    }
    text[len] = '\0';
    return pclose(said);
}

/* The transcript's process has a descriptor table of its own, and may have left the shared one
 * before the server is ready; with more workers that is the rule. */
static void detached_with_transcript(const char *log, int workers) {
    struct server *s = server_prepare();
    char pidfile[400], command[1024], text[16384];
    snprintf(pidfile, sizeof pidfile, "%s/pid", s->dir);
    server_configure(s, "workers = %d\ntranscript = %s/transcript\npidfile = %s\nlog = %s%s\n",
                     workers, s->dir, pidfile, log[0] == '/' ? s->dir : "", log);
    snprintf(command, sizeof command, "exec %s -d -c %s 2>&1", run_server_path(), s->conf);
    cr_assert_eq(said_until_the_end(command, text, sizeof text), 0, "%s", text);
    char *pid = run_read_file(pidfile);
    cr_assert(pid && atoi(pid) > 1, "%s", pid);
    int cleaner = run_cleaner(HERE, getpgid((pid_t)atoi(pid)), NULL);
    kill((pid_t)atoi(pid), SIGTERM);
    for (int64_t d = wait_deadline(); access(pidfile, F_OK) == 0; wait_breath())
        cr_assert_gt(wait_left_ms(d), 0, "the master does not end");
    close(cleaner);
    free(pid);
}

Test(operator, a_detached_transcript_keeps_no_descriptor_of_its_starter) {
    detached_with_transcript("stderr", 8);
    detached_with_transcript("/log", 8);
    detached_with_transcript("/log", 1);
    detached_with_transcript("syslog", 8);
}
