/* preferences.h - the commands by which a client changes, or sees again, what it is sent itself. */
#ifndef WORKER_COMMAND_PREFERENCES_H
#define WORKER_COMMAND_PREFERENCES_H

#include "worker/command/invocation.h"

enum line_outcome preferences_ignore(struct invocation *inv);
enum line_outcome preferences_unignore(struct invocation *inv);
enum line_outcome preferences_encoding(struct invocation *inv);
enum line_outcome preferences_timestamps(struct invocation *inv);
enum line_outcome preferences_history(struct invocation *inv);

#endif
