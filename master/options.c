/* options.c - see options.h. */
#include "master/options.h"

#include "ipc/version.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef CHATROOM_CONF
#define CHATROOM_CONF "/etc/chatroom/chatroom.conf"
#endif

enum { OPTIONS_EXIT_USAGE = 2 };

static const char options_usage[] =
    "usage: chatroom-master [-c FILE] [-d] [-t] [-V] [-h]\n"
    "  -c FILE  read this configuration (default: " CHATROOM_CONF ", then ./chatroom.conf)\n"
    "  -d       detach: run in the background\n"
    "  -t       check the configuration, print the result, and exit\n"
    "  -V       print the version\n"
    "  -h       print this help\n"
    "signals: HUP reload the configuration, USR1 reopen the log, USR2 upgrade to the binary now\n"
    "  on disk, TERM, INT or QUIT say goodbye to every client and exit\n";

int options_parse(int argc, char **argv, struct options *out) {
    static const struct option longs[] = {
        {"config", required_argument, NULL, 'c'}, {"detach", no_argument, NULL, 'd'},
        {"test", no_argument, NULL, 't'},         {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    int option;
    memset(out, 0, sizeof *out);
    while ((option = getopt_long(argc, argv, "c:dtVh", longs, NULL)) != -1) {
        switch (option) {
        case 'c': out->conf_path = optarg; break;
        case 'd': out->detach = true; break;
        case 't': out->check = true; break;
        case 'V': puts("chatroom-master " CHATROOM_VERSION); return EXIT_SUCCESS;
        case 'h': fputs(options_usage, stdout); return EXIT_SUCCESS;
        default: /* getopt_long has printed the reason */
            fprintf(stderr, "%s -h prints the options\n", argv[0]);
            return OPTIONS_EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "%s: unexpected argument \"%s\"\n", argv[0], argv[optind]);
        return OPTIONS_EXIT_USAGE;
    }
    if (!out->conf_path)
        out->conf_path = access(CHATROOM_CONF, F_OK) == 0 ? CHATROOM_CONF : "./chatroom.conf";
    return -1;
}
