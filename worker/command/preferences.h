/* setting.h - the commands that change, or show again, what one is sent oneself. */
#ifndef WORKER_SETTING_H
#define WORKER_SETTING_H

#include "worker/command/invocation.h"

enum line_outcome preferences_ignore(struct invocation *call);
enum line_outcome preferences_unignore(struct invocation *call);
enum line_outcome preferences_encoding(struct invocation *call);
enum line_outcome preferences_timestamps(struct invocation *call);
enum line_outcome preferences_history(struct invocation *call);

#endif
