/* setting.h - the commands that change, or show again, what one is sent oneself. */
#ifndef WORKER_SETTING_H
#define WORKER_SETTING_H

#include "worker/call.h"

enum line_outcome setting_ignore(struct call *call);
enum line_outcome setting_unignore(struct call *call);
enum line_outcome setting_encoding(struct call *call);
enum line_outcome setting_timestamps(struct call *call);
enum line_outcome setting_history(struct call *call);

#endif
