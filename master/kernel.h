/* kernel.h - what the server needs of the kernel and cannot see fail later without harm.
 *
 * Most calls that a kernel or a sandbox refuses fail where they are made, with a sentence, before
 * the server is ready.  Those tried here would fail only when a process dies or a connection ends.
 * The caller is a process that is about to become the master. */
#ifndef MASTER_KERNEL_H
#define MASTER_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

/* False with a sentence that names the first call that is missing. */
bool kernel_suffices(char *err, size_t err_size);

#endif
