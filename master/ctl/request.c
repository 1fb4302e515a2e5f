/* request.c - chatroom-ctl's commands that the master obeys. */
#include "master/ctl/ask.h"
#include "master/ctl/commands.h"

int reload_run(const struct ctl *ctl) {
    return ask_for(ctl, "reload", "");
}

int reopen_run(const struct ctl *ctl) {
    return ask_for(ctl, "reopen", "");
}

int loglevel_run(const struct ctl *ctl) {
    return ask_for(ctl, "loglevel", ctl->argv[0]);
}

int upgrade_run(const struct ctl *ctl) {
    return ask_for(ctl, "upgrade", "");
}

int shutdown_run(const struct ctl *ctl) {
    return ask_shutdown(ctl);
}
