/* skeleton.h - what a character counts as when two names are compared.
 *
 * The skeleton of UTS 39, section 4, case-folded: compatibility decomposition, case folding, digits
 * by value, and letters that look like other letters.  Pure function over constant tables
 * (skeleton_table.h, made by scripts/unicode-table); safe anywhere. */
#ifndef WORKER_TEXT_SKELETON_H
#define WORKER_TEXT_SKELETON_H

#include <stddef.h>
#include <stdint.h>

enum { SKELETON_MAX = 4 };

/* Writes the one to four code points that `cp` counts as; returns how many.  In UTF-8 they are at
 * most three times as long as `cp`. */
size_t skeleton(int32_t cp, int32_t out[SKELETON_MAX]);

#endif
