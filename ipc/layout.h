/* layout.h - one number for the layout of the segment.
 *
 * Two programs may share a segment only if they agree on every size, every offset and every meaning
 * in it (an upgrade: master/upgrade.h).  The number is derived: a hash over offset and size of each
 * field of each shared struct, over the numbers that shared fields hold (kinds, flags, states), and
 * over LAYOUT_MEANING.  tests/unit_layout.c compares it with a committed value, and checks that the
 * table of fields covers every byte of every struct, so that no change of a struct goes unnoticed.
 */
#ifndef IPC_LAYOUT_H
#define IPC_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

/* Raised by hand when a field keeps its place and its size but means something else. */
enum { LAYOUT_MEANING = 2 };

struct layout_row {
    const char *type,
        *field;            /* field NULL: the type as a whole; type NULL: a number of that name */
    uint32_t offset, size; /* a number: its value, 0 */
};

/* The table; *count rows. */
const struct layout_row *layout_rows(size_t *count);

uint32_t layout_number(void);

#endif
