/* regular.h - a line made regular, once, before it is understood: the same for a line that is
 * obeyed or spoken and for one that is dropped.
 *
 * Blanks around the line and around a command's argument are no part of them: those of any script
 * (Unicode's White_Space, empty Braille), a byte order mark, a zero width space.  A full-width
 * slash is a slash.  Before a slash U+FFFD is a blank: characters that could not be read must not
 * make a command speech.  An input method gives a comma for the slash key: that is for the caller
 * to decide, by the word behind it.  A command's word is the same in capitals and in full width.
 * Pure functions; safe anywhere. */
#ifndef WORKER_TEXT_REGULAR_H
#define WORKER_TEXT_REGULAR_H

#include <stdbool.h>
#include <stddef.h>

enum { REGULAR_WORD = 16 }; /* bytes of the longest command's word, with the NUL */

enum regular_mark {
    REGULAR_BARE,  /* none; or `//`, of which `text` is the second: it begins no command */
    REGULAR_SLASH, /* `/` */
    REGULAR_COMMA, /* a slash where a command's word follows; else a character like others */
};

struct regular {
    char *text;     /* the line; the slash that is its mark is `/` */
    char *argument; /* of it, what follows its first word and the blanks behind that */
    size_t first;   /* bytes of its first word, mark included */
    enum regular_mark mark;
    char word[REGULAR_WORD]; /* its first word without the mark, in small ASCII letters; "" if no
                              * command's word can be so */
};

/* text[0, n) is UTF-8, cleaned (sanitize.h), and holds the texts afterwards; text[n] is
 * overwritten.  What they begin with is clean, too: marks on a blank go with it. */
struct regular regular_read(char *text, size_t n);

/* Whether the argument of a line is the one that was typed: nothing was stripped from it, nor
 * between it and the first word.  raw[0, n) is the line before it was cleaned; raw[n] is NUL. */
bool regular_as_typed(const char *raw, size_t n, const char *argument);

/* Bytes of the first word of a NUL-terminated text, and of the blanks at its start. */
size_t regular_word(const char *text);
size_t regular_blanks(const char *text);

#endif
