/* convert.h - an upgrade to a program with another layout: a new segment, made from the old one.
 *
 * The table of the old layout (layout.h) says where each field of the old segment lies.  A field is
 * copied to the field of the same name, an array element by element, a struct inside it likewise; a
 * field that the old layout has not keeps its initial value (segment_create); what the rings hold
 * is copied as bytes.  What cannot be converted is refused before anything is made: a number that
 * fields hold and that is another now, an array that has become shorter, a value of another type
 * (only an unsigned one may become wider), a struct in the rings that has changed.
 *
 * Of the old segment a few words are written, and only read is the rest: until the upgrade is
 * certain, every process of the old program can go on with it (predecessor.h).
 *
 * By the process that executes the new program, before it has cloned any. */
#ifndef IPC_CONVERT_H
#define IPC_CONVERT_H

#include "ipc/segment.h"

#include <stddef.h>

/* Maps the object as segment_open does; one of another layout is converted, and `segment` is then a
 * new object, which an execve closes.  `progress` is called now and then; NULL: no process of the
 * old program lives, and nothing of the old object is written.  0, or -1 with a sentence; `fd`
 * remains the caller's. */
int segment_adopt(struct segment *segment, int fd, void (*progress)(void), char *err,
                  size_t err_size);

/* Whether that would succeed, memory included, while processes of the old program are at work.
 * Nothing of the old object is written; the new one lacks what people said, and is only good for
 * reading the configuration. */
int segment_rehearse(struct segment *segment, int fd, char *err, size_t err_size);

#endif
