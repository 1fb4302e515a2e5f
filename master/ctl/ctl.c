/* ctl.c - chatroom-ctl's beginning: the table of its commands, and what was asked for on the
 * command line. */
#include "ipc/version.h"
#include "master/ctl/commands.h"
#include "master/ctl/print.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CTL_VERSION "chatroom-ctl " CHATROOM_VERSION

#ifndef CHATROOM_CONTROL
#define CHATROOM_CONTROL "/run/chatroom/control"
#endif

/* clang-format off */
static const struct ctl_command ctl_commands[] = {
    {"status", "", 0, 0, "how the server is, and each worker", status_run},
    {"who", "[--all]", 0, 1, "the people in the room; --all: those not logged in as well", who_run},
    {"top", "[--once]", 0, 1, "the server live, until q; --once: as text", top_run},
    {"metrics", "", 0, 0, "the numbers that Prometheus reads, in its format", metrics_run},
    {"kick", "NAME [REASON]", 1, -1, "ask a person to leave, and close the connection", kick_run},
    {"ban", "ADDRESS[/BITS] [DURATION] [REASON]", 1, -1, "refuse connections from there, and close those that are", ban_run},
    {"unban", "ADDRESS[/BITS]", 1, 1, "take a ban back", unban_run},
    {"bans", "", 0, 0, "the bans and mutes that stand", bans_run},
    {"mute", "NAME [DURATION]", 1, 2, "let a person read, but not speak", mute_run},
    {"unmute", "NAME", 1, 1, "let it speak again", unmute_run},
    {"say", "TEXT", 1, -1, "announce a line to everybody", say_run},
    {"loglevel", "LEVEL", 1, 1, "error, warn, info or debug, until the next reload", loglevel_run},
    {"reload", "", 0, 0, "read the configuration again", reload_run},
    {"reopen", "", 0, 0, "open log and transcript again, after they were moved", reopen_run},
    {"upgrade", "", 0, 0, "run the binary that is on disk now; no client is disconnected", upgrade_run},
    {"shutdown", "", 0, 0, "say goodbye to everybody, and end the server", shutdown_run},
};
/* clang-format on */
enum { CTL_COMMANDS = sizeof ctl_commands / sizeof ctl_commands[0] };

/* ---- the command line ---- */

static void ctl_print_help(FILE *out) {
    fputs("usage: chatroom-ctl [-s PATH] [--json] COMMAND\n\n", out);
    for (int i = 0; i < CTL_COMMANDS; i++) {
        char use[64];
        const struct ctl_command *c = &ctl_commands[i];
        snprintf(use, sizeof use, "%s %s", c->name, c->arguments);
        fprintf(out, "  %-40s %s\n", use, c->help);
    }
    fputs("\n  -s PATH   the server's control socket (default: " CHATROOM_CONTROL ")\n"
          "  --json    answers as JSON, for programs\n"
          "  -V, -h    the version; this help\n",
          out);
}

static int ctl_help(void) {
    ctl_print_help(stdout);
    return CTL_DONE;
}

static bool ctl_asks_for_help(const char *word) {
    return strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0;
}

static int ctl_wrong(const char *what, const char *which) {
    char clean[1024];
    fprintf(stderr, "chatroom-ctl: %s%s\n", what, print_clean(clean, sizeof clean, which));
    fputs("chatroom-ctl -h shows what there is\n", stderr);
    return CTL_USAGE;
}

static const struct ctl_command *ctl_find(const char *name) {
    for (int i = 0; i < CTL_COMMANDS; i++)
        if (strcmp(ctl_commands[i].name, name) == 0)
            return &ctl_commands[i];
    return NULL;
}

/* The options before the command, from *at on; then it is behind them.  Returns the exit status,
 * or -1: it goes on. */
static int ctl_options(struct ctl *ctl, int argc, char **argv, int *at) {
    int i = *at;
    for (; i < argc && argv[i][0] == '-'; i++) {
        const char *option = argv[i];
        if (ctl_asks_for_help(option))
            return ctl_help();
        if (strcmp(option, "-V") == 0 || strcmp(option, "--version") == 0) {
            puts(CTL_VERSION);
            return CTL_DONE;
        }
        if (strcmp(option, "--json") == 0)
            ctl->json = true;
        else if (strcmp(option, "-s") != 0)
            return ctl_wrong("unknown option ", option);
        else if (i + 1 == argc || argv[i + 1][0] == '\0')
            return ctl_wrong("-s needs a path", "");
        else
            ctl->socket = argv[++i];
    }
    *at = i;
    return -1;
}

/* What is behind the command's name: its arguments, and --json.  An argument that looks like that
 * can be given behind `--`. */
static void ctl_arguments(struct ctl *ctl, int argc, char **argv) {
    bool all = false; /* what follows is the command's */
    ctl->argv = argv;
    for (int i = 0; i < argc; i++) {
        if (!all && strcmp(argv[i], "--") == 0)
            all = true;
        else if (!all && strcmp(argv[i], "--json") == 0)
            ctl->json = true;
        else
            ctl->argv[ctl->argc++] = argv[i];
    }
}

/* Returns the exit status, or -1: the command is to be run. */
static int ctl_parse(struct ctl *ctl, int argc, char **argv) {
    int at = 1, status = ctl_options(ctl, argc, argv, &at);
    if (status >= 0)
        return status;
    if (at == argc)
        return ctl_wrong("a command is missing", "");
    if (strcmp(argv[at], "help") == 0)
        return ctl_help();
    ctl->command = ctl_find(argv[at]);
    if (!ctl->command)
        return ctl_wrong("unknown command ", argv[at]);
    if (at + 1 < argc && ctl_asks_for_help(argv[at + 1]))
        return ctl_use(ctl);
    ctl_arguments(ctl, argc - at - 1, argv + at + 1);
    return -1;
}

static int ctl_run(int argc, char **argv) {
    struct ctl ctl = {.socket = CHATROOM_CONTROL};
    int status = ctl_parse(&ctl, argc, argv);
    if (status >= 0)
        return status;
    if (ctl.argc < ctl.command->least)
        return ctl_usage(&ctl, "%s needs more arguments", ctl.command->name);
    if (ctl.command->most >= 0 && ctl.argc > ctl.command->most)
        return ctl_usage(&ctl, "%s takes fewer arguments", ctl.command->name);
    return ctl.command->run(&ctl);
}

/* ---- standard descriptors ---- */

/* The connection must not get the number of standard output, and what is printed. */
static void ctl_open_standard(void) {
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* A program that reads must not take half an answer for a whole one.  A reader that has gone, as
 * that of `| head` does, wants no more. */
static int ctl_flush(int status) {
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    bool lost = fflush(stdout) != 0 || ferror(stdout);
    if (!lost || (poll(&out, 1, 0) == 1 && out.revents & POLLERR))
        return status;
    fputs("chatroom-ctl: the answer cannot be written to standard output\n", stderr);
    return status == CTL_DONE ? CTL_REFUSED : status;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    ctl_open_standard();
    return ctl_flush(ctl_run(argc, argv));
}
