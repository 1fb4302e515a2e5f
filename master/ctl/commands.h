/* commands.h - the functions of chatroom-ctl's commands: one for each row of the table in ctl.c. */
#ifndef MASTER_CTL_COMMANDS_H
#define MASTER_CTL_COMMANDS_H

#include "master/ctl/invocation.h"

int metrics_run(const struct ctl *ctl);
int kick_run(const struct ctl *ctl);
int say_run(const struct ctl *ctl);

int ban_run(const struct ctl *ctl);
int unban_run(const struct ctl *ctl);
int bans_run(const struct ctl *ctl);
int mute_run(const struct ctl *ctl);
int unmute_run(const struct ctl *ctl);
int status_run(const struct ctl *ctl);
int top_run(const struct ctl *ctl);
int who_run(const struct ctl *ctl);

int reload_run(const struct ctl *ctl);
int reopen_run(const struct ctl *ctl);
int loglevel_run(const struct ctl *ctl);
int upgrade_run(const struct ctl *ctl);
int shutdown_run(const struct ctl *ctl);

#endif
