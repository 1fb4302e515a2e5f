/* environment.h - what surrounds the server: descriptor limit, log, pidfile, privileges, the
 * service manager. */
#ifndef MASTER_ENVIRONMENT_H
#define MASTER_ENVIRONMENT_H

#include "ipc/config.h"
#include "ipc/segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Raises the limit to what max_clients needs, or lowers max_clients to what the limit allows, with
 * a log line.  Returns how many descriptors the process may have; 0 if too few for any client.
 * `addresses`: how many may be open at a time, those that a reload gives up among them. */
uint32_t descriptors_raise(struct config *config, uint32_t *addresses);
/* The table at its full size before it is shared: growing it later stalls all who share it. */
void descriptors_grow(uint32_t descriptors);

/* Opens the log named by the configuration; on the same descriptor number, if there is one already,
 * so that every process writes to the new file at once.  False with a sentence. */
bool log_open(struct master_state *state, const struct config *config, char *err, size_t err_size);

/* Opened and locked early (a second server refuses to start), written when ready. */
bool pidfile_open(struct master_state *state, const struct config *config, char *err,
                  size_t err_size);
void pidfile_write(const struct master_state *state);
void pidfile_remove(struct master_state *state);
/* To where the configuration has it now; if it cannot be there, it stays.  False with a sentence.
 */
bool pidfile_move(struct master_state *state, const struct config *config, char *err,
                  size_t err_size);

bool privileges_drop(const struct segment *seg, const struct config *config, char *err,
                     size_t err_size);

/* Tells the service manager ($NOTIFY_SOCKET), if there is one. */
void notify(const char *state);

#endif
