/* sanitize.h - what of a client's text may reach another person's terminal.
 *
 * Text is valid UTF-8 here (charset.h sees to that) and is looked at by code point, never by byte:
 * second bytes of Chinese characters look like anything.  Pure functions; safe anywhere. */
#ifndef WORKER_TEXT_SANITIZE_H
#define WORKER_TEXT_SANITIZE_H

#include <stddef.h>

/* Marks that may stand on one character: more would climb over the lines above. */
enum { SANITIZE_MARKS_MAX = 4 };

/* Blanks in a row: more could move what follows to the beginning of a terminal's next row, where it
 * would look like a line of its own. */
enum { SANITIZE_BLANKS_MAX = 16 };

/* Cleans s[0, n) in place; the new length, never longer.  A tab, a CR and an LF become spaces:
 * what they keep apart are words.  Of blanks of any script, wide or narrow,
 * mixed and with marks on them, the first SANITIZE_BLANKS_MAX in a row are kept.  Dropped are:
 * other controls (C0, DEL, C1), bidirectional marks, embeddings, overrides and isolates, everything
 * invisible (zero width, soft hyphen, tags, fillers), line and paragraph separators, private use,
 * surrogates and noncharacters, marks without a character to stand on and more than
 * SANITIZE_MARKS_MAX on one, Korean vowels and finals without a syllable to be in (hangul.h).  Of
 * an escape sequence that leaves a harmless `[2J`.  A character that the tables do not know yet is
 * kept.
 *
 * Two kinds of invisible characters are kept where the text needs them, one at a time:
 *   ZWNJ and ZWJ behind a letter or mark of a script that joins letters (UAX 31, section 2.3);
 *   between two emoji ZWJ, and behind one a variation selector; U+FE0F in a keycap (UTS 51, 1.4).
 * No name has them: names are checked before (name.h).
 *
 * What is clean stays as it is: cleaning twice is cleaning once. */
size_t sanitize(char *s, size_t n);

#endif
