/* skeleton.h - what a character counts as when two names are compared, in two ways.
 *
 * skeleton_typed: by its look, as UTS 39, section 4, says (the data of confusables.txt, with few
 * additions): `I`, `1` and `l` are one, `rn` and `m` are.  skeleton_capital: by the look of its
 * capital, after case, width and the kind of digits were made equal; a digit never looks like a
 * letter there.  Of a whole text the forms of its characters follow one another.  Pure functions
 * over constant tables (skeleton_table.h, made by scripts/unicode-table); safe anywhere. */
#ifndef WORKER_TEXT_SKELETON_H
#define WORKER_TEXT_SKELETON_H

#include <stddef.h>
#include <stdint.h>

enum { SKELETON_MAX = 8, SKELETON_GROWTH = 7 };

/* Writes the code points that `cp` counts as, at least one; returns how many.  In UTF-8 they are at
 * most SKELETON_GROWTH times as long as `cp`. */
size_t skeleton_typed(int32_t cp, int32_t out[SKELETON_MAX]);
size_t skeleton_capital(int32_t cp, int32_t out[SKELETON_MAX]);

#endif
