/* remnant.h - processes of a server whose life is over, but which still use its segment.
 *
 * Only one server may use a segment.  Where a guardian has died alone under systemd, its master has
 * started another, and goes on; systemd then starts the service anew, with what its store has kept,
 * beside them.
 *
 * A process uses a segment if its mapping can be written to: an operator's tool maps it only to
 * read.  Source: proc(5), /proc/PID/maps. */
#ifndef MASTER_REMNANT_H
#define MASTER_REMNANT_H

#include <stdbool.h>
#include <stddef.h>

/* Kills every other process that uses the memory object, and each that such a process has started
 * meanwhile; returns when none is left, or after 5 s: false with a sentence.  Without /proc none is
 * found.  The caller does not map the object yet. */
bool remnant_kill(int object, char *err, size_t err_size);

#endif
