/* layout.h - what the segment consists of, and one number for it.
 *
 * The table has a row for each struct of the segment, for each field of it, and for each number
 * that fields hold (kinds, flags, states).  It is derived from the structs themselves;
 * tests/unit_layout.c checks that it covers every byte of them.  Each segment carries the table of
 * the program that made it (segment.h), by which a program with another layout converts it
 * (convert.h).
 *
 * Two programs share a segment only if they agree on every size, every offset and every meaning in
 * it (an upgrade: master/upgrade.h): if layout_number(), a hash over the table's numbers, is equal.
 * tests/unit_layout.c compares it with a committed value, so that no change of a struct goes
 * unnoticed. */
#ifndef IPC_LAYOUT_H
#define IPC_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

/* Raised by hand when a field keeps its name but means something else. */
enum { LAYOUT_MEANING = 2 };

/* A row of the table, as it lies in the segment: this struct never changes.
 *
 *           type      field      offset                     size          unit
 *   struct  its name  ""         how many (parts.c), or 1   of one        its number
 *   field   its name  its name   in bytes                   in bytes      of its elements
 *   number  ""        its name   its value                  0             0; LAYOUT_COUNT if it may
 * rise
 *
 * An element is a struct (the unit is that struct's number) or a plain value (the unit is its size
 * in bytes, with LAYOUT_SIGNED where it has a sign). */
enum { LAYOUT_COUNT = 1, LAYOUT_SIGNED = 1 << 16, LAYOUT_STRUCT = 1 << 17 };
enum { LAYOUT_ROWS_MAX = 4096 };
struct layout_row {
    char type[20], field[32]; /* with their NULs; the rows of a struct follow its own */
    uint32_t offset, size, unit;
};

struct layout {
    const struct layout_row *row;
    size_t count;
};

/* This program's. */
struct layout layout_own(void);
uint32_t layout_number(void);

/* The row of the field, or of the struct (`field` is ""), or of the number (`type` is ""); NULL:
 * there is none. */
const struct layout_row *layout_find(const struct layout *layout, const char *type,
                                     const char *field);
/* Bytes of a struct, times how many there are; 0: the layout has none of that name. */
size_t layout_size(const struct layout *layout, const char *type);

/* The table of a layout whose segments do not carry theirs; count 0: none is recorded. */
struct layout layout_recorded(uint32_t number);

#endif
