/* asked.c - an operator asks the master for each thing there is while a process dies at each fault
 * point on its way: chatroom-ctl says what became of it, and it was done.
 *
 *     asked -b BINARY_WITH_FAULT_POINTS -c ITS_CHATROOM_CTL [-q] [-o POINT]
 *
 * -q: the first two deaths at each point, and a shutdown at every fourth point. */
#include "ipc/clock.h"
#include "ipc/fault_table.h"
#include "tests/crash/person.h"
#include "tests/crash/table.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char conf[] = "workers = 2\nflood_rate = 0\nconnect_rate = 0\nannounce_max = 0\n"
                           "history = 0\nworker_timeout = 500ms\n";

/* On the way of a request; `undone`: dying there, the new binary's guardian takes the upgrade with
 * it, and the binary before goes on.  A master that dies is replaced, and the upgrade is done. */
static const struct {
    const char *name;
    bool undone;
} points[] = {
    {"control.greet.before", false},
    {"control.greet.after", false},
    {"request.add.before", false},
    {"request.add.freed", false},
    {"request.add.filled", false},
    {"request.add.after", false},
    {"slot.ring_master.before", false},
    {"slot.ring_master.after", false},
    {"request.take.before", false},
    {"request.take.after", false},
    {"request.execute.before", false},
    {"request.execute.after", false},
    {"standby.begin.before", false},
    {"standby.begin.after", false},
    {"standby.run.before", false},
    {"upgrade.exec.before", true},
    {"guardian.adopt.before", true},
    {"guardian.adopt.reaped", true},
    {"guardian.make.before", true},
    {"guardian.make.lease", true},
    {"lease.take.before", true},
    {"lease.take.after", true},
    {"process.start.before", true},
    {"master.live.before", false},
    {"master.live.after", false},
    {"reload.begun", false},
    {"segment.config.before", false},
    {"segment.config.after", false},
    {"reload.ended", false},
    {"bans.write.before", false},
    {"bans.rename.before", false},
    {"bans.rename.after", false},
    {"bans.write.after", false},
    {"restriction.edit.after", false},
    {"restriction.publish.before", false},
    {"restriction.publish.after", false},
    {"moderation.orders.before", false},
    {"moderation.orders.after", false},
    {"moderation.sweep.before", false},
    {"moderation.sweep.after", false},
    {"moderation.muted.before", false},
    {"moderation.muted.after", false},
    {"request.end.before", false},
    {"request.end.after", false},
};
enum { POINTS = sizeof points / sizeof points[0], QUICK_DEATHS = 2, QUICK_STEP = 4 };

/* What is asked for, and the outcome. */
static const struct asked {
    const char *command, *argument, *outcome;
} commands[] = {
    {"reload", NULL, "reloaded\n"},
    {"reopen", NULL, "log and transcript reopened\n"},
    {"loglevel", "info", "log level info, until the next reload\n"},
    {"ban", "192.0.2.7", "banned 192.0.2.7\n"},
    {"mute", "eve", "muted eve\n"}, /* who never speaks */
    {"unban", "192.0.2.7", "unbanned 192.0.2.7\n"},
    {"unmute", "eve", "unmuted eve\n"},
    {"upgrade", NULL, "upgraded\n"},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };
static const char upgrade_undone[] =
    "chatroom-ctl: upgrade: the new binary died or hung as it began; going back to the binary "
    "before\n";

static struct victim victim;
static struct fault_table *table;
static const char *binary, *ctl;
static uint32_t reached[POINTS], failures;
static bool quick;

static void arm(const char *point) {
    atomic_store(&table->fired, 0);
    atomic_store(&table->left, 1);
    atomic_store(&table->signal, SIGKILL);
    atomic_store(&table->then, 0);
    atomic_store_explicit(&table->armed, fault_key(point), memory_order_release);
}

/* Runs chatroom-ctl to its end; returns its exit status, and what it said in said[size]. */
static int ctl_run(const char *command, const char *argument, char *said, size_t size) {
    char path[256];
    int ends[2], status = -1;
    size_t len = 0;
    ssize_t n;
    snprintf(path, sizeof path, "%s/control", victim.dir);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        unsetenv(FAULT_FILE_VARIABLE);
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        execl(ctl, ctl, "-s", path, command, argument, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    while (len + 1 < size && (n = read(ends[0], said + len, size - 1 - len)) > 0)
        len += (size_t)n;
    said[len] = '\0';
    close(ends[0]);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void fail(const char *point, const char *command, const char *why) {
    printf("FAILED  %s, %s: %s\n", command, point, why);
    failures++;
}

/* The room is as before: two lines, each heard once. */
static bool undisturbed(struct person *ann) {
    static unsigned number;
    char line[64], heard[80];
    snprintf(line, sizeof line, "line %u.\r\n", number++);
    snprintf(heard, sizeof heard, "ann: %s", line);
    person_types(ann, line);
    return person_hears(ann, heard) && person_times(ann->heard, heard) == 1;
}

static void await_master(void) {
    for (uint64_t until = clock_ms() + PATIENCE_MS; clock_ms() < until; usleep(1000)) {
        victim_watch(&victim);
        pid_t pid[VICTIM_WORKERS_MAX];
        if (victim_master(&victim) > 0 && victim_workers(&victim, pid) == 2)
            return;
    }
}

static void trial(struct person *ann, int point, const struct asked *asked) {
    char said[4096];
    await_master();
    victim_watch(&victim);
    uint32_t reloaded = victim.reloaded;
    if (!quick || reached[point] < QUICK_DEATHS)
        arm(points[point].name);
    int status = ctl_run(asked->command, asked->argument, said, sizeof said);
    atomic_store(&table->armed, 0);
    bool fired = atomic_exchange(&table->fired, 0) != 0;
    bool undone = points[point].undone && strcmp(asked->command, "upgrade") == 0 && fired;
    reached[point] += fired;
    if (undone ? status != 1 || strcmp(said, upgrade_undone) != 0
               : status != 0 || strcmp(said, asked->outcome) != 0)
        fail(points[point].name, asked->command, said);
    victim_watch(&victim);
    if (strncmp(points[point].name, "reload.", 7) == 0 && strcmp(asked->command, "reload") == 0 &&
        victim.reloaded != reloaded + 1)
        fail(points[point].name, asked->command, "the successor did not do it once");
    if (!undisturbed(ann))
        fail(points[point].name, asked->command, "the room was disturbed");
}

static bool is_tried(int point, const char *only) {
    return !only || strcmp(only, points[point].name) == 0;
}

static void try_all(const char *only) {
    victim_start(&victim, binary, conf);
    struct person ann = person_comes(&victim, "ann", 0);
    struct person eve = person_comes(&victim, "eve", 0);
    if (!person_hears(&ann, "ann has entered") || !person_hears(&eve, "eve has entered")) {
        fprintf(stderr, "the client cannot join\n");
        exit(2);
    }
    for (int i = 0; i < POINTS; i++) {
        for (int c = 0; c < COMMANDS && is_tried(i, only); c++)
            trial(&ann, i, &commands[c]);
    }
    person_goes(&ann);
    person_goes(&eve);
    await_master();
    failures += !victim_stop(&victim);
    victim_forget(&victim, failures != 0);
}

/* The server ends all the same, and the command says so when it has. */
static void shut_down(int point) {
    char said[4096];
    victim_start(&victim, binary, conf);
    struct person ann = person_comes(&victim, "ann", 0);
    bool inside = person_hears(&ann, "ann has entered");
    arm(points[point].name);
    int status = ctl_run("shutdown", NULL, said, sizeof said);
    atomic_store(&table->armed, 0);
    reached[point] += atomic_load(&table->fired) != 0;
    if (status != 0 || said[0] != '\0')
        fail(points[point].name, "shutdown", said);
    if (!inside || !person_hears(&ann, "The server is going down."))
        fail(points[point].name, "shutdown", "no goodbye");
    person_goes(&ann);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    if (kill(-victim.first, 0) == 0)
        fail(points[point].name, "shutdown", "a process is left");
    victim_kill(&victim);
    close(victim.log_fd);
    victim_forget(&victim, failures != 0);
}

int main(int argc, char **argv) {
    const char *only = NULL;
    uint32_t never = 0;
    for (int option; (option = getopt(argc, argv, "b:c:qo:")) != -1;) {
        if (option == 'b')
            binary = optarg;
        else if (option == 'c')
            ctl = optarg;
        else if (option == 'q')
            quick = true;
        else
            only = optarg;
    }
    if (!binary || !ctl) {
        fprintf(stderr, "usage: asked -b BINARY -c CTL [-q] [-o POINT]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    table = table_make();
    try_all(only);
    for (int i = 0; i < POINTS && failures == 0; i += quick ? QUICK_STEP : 1) {
        if (is_tried(i, only))
            shut_down(i);
    }
    for (int i = 0; i < POINTS; i++) {
        if (reached[i] == 0 && is_tried(i, only)) {
            printf("%s was never reached\n", points[i].name);
            never++;
        }
    }
    printf("requests while processes die: %s\n", failures || never ? "FAILED" : "ok");
    return failures || never ? EXIT_FAILURE : EXIT_SUCCESS;
}
