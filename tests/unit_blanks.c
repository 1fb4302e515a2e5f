/* unit_blanks.c - so many blanks in a row that what follows could begin a terminal's next row. */
#include "ipc/unicode.h"
#include "worker/text/sanitize.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* "a", `count` times `blank`, "b", sanitized. */
static const char *between(const char *blank, int count) {
    static char line[4096];
    size_t n = (size_t)sprintf(line, "a");
    for (int i = 0; i < count; i++)
        n += (size_t)sprintf(line + n, "%s", blank);
    n += (size_t)sprintf(line + n, "b");
    n = sanitize(line, n);
    line[n] = '\0';
    cr_assert_eq(sanitize(line, n), n, "cleaning twice is cleaning once");
    return line;
}

static const char *expected(const char *blank, int count) {
    static char line[4096];
    size_t n = (size_t)sprintf(line, "a");
    for (int i = 0; i < count; i++)
        n += (size_t)sprintf(line + n, "%s", blank);
    sprintf(line + n, "b");
    return line;
}

Test(blanks, more_than_16_are_16_whatever_they_are) {
    static const uint16_t blanks[] = {' ',    0xA0,   0x1680, 0x2000, 0x2001, 0x2002,
                                      0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008,
                                      0x2009, 0x200A, 0x202F, 0x205F, 0x3000, 0x2800};
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++) {
        char blank[5] = "";
        unicode_encode(blanks[i], blank);
        for (int count = 1; count < 100; count += count < 18 ? 1 : 27)
            cr_expect_str_eq(between(blank, count), expected(blank, count < 16 ? count : 16),
                             "%d of U+%04X", count, blanks[i]);
    }
}

Test(blanks, of_other_kinds) {
    cr_expect_str_eq(between("\t", 40), expected(" ", 16));
    cr_expect_str_eq(between("\360\235\205\231", 40), expected("\360\235\205\231", 16),
                     "a note without a head");
    cr_expect_str_eq(between("\360\223\221\201", 40), expected("\360\223\221\201", 16),
                     "an empty hieroglyph");
    cr_expect_str_eq(between("\343\205\244", 40), "ab", "a Hangul filler");
    cr_expect_str_eq(between("\341\205\237", 40), "ab", "another");
    cr_expect_str_eq(between("\341\205\240", 40), "ab", "another");
    cr_expect_str_eq(between("\357\276\240", 40), "ab", "another");
}

Test(blanks, mixed) {
    cr_expect_str_eq(between(" \302\240", 30), expected(" \302\240", 8));
    cr_expect_str_eq(between(" \t", 30), expected(" ", 16));
    cr_expect_str_eq(between("\342\240\200\343\200\200 \342\200\203", 30),
                     expected("\342\240\200\343\200\200 \342\200\203", 4));
    cr_expect_str_eq(between(" \342\200\213", 30), expected(" ", 16),
                     "something invisible between");
    cr_expect_str_eq(between(" \033", 30), expected(" ", 16), "an escape between");
    cr_expect_str_eq(between(" \314\207", 30), expected(" \314\207", 16), "marks between");
    cr_expect_str_eq(between(" \360\226\277\244", 30), expected(" \360\226\277\244", 16),
                     "empty marks between");
}

/* A Korean vowel or final alone takes no column, and a run of blanks goes on behind it. */
Test(blanks, with_letters_between_that_take_no_column) {
    static const uint16_t letters[] = {0x1161, 0x11A7, 0x11A8, 0x11FF,
                                       0xD7B0, 0xD7C6, 0xD7CB, 0xD7FB};
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        char blank[6] = " ";
        blank[1 + unicode_encode(letters[i], blank + 1)] = '\0';
        cr_expect_str_eq(between(blank, 100), expected(" ", 16), "U+%04X", letters[i]);
    }
    cr_expect_str_eq(between(" \341\205\241\314\201\341\206\250", 30), expected(" \314\201", 16));
}

Test(blanks, in_several_places) {
    char line[512], sixteen[17] = "                ";
    size_t n = (size_t)sprintf(line, "%40s%40s%40s%40s", "", "b", "c", "");
    n = sanitize(line, n);
    line[n] = '\0';
    char wanted[128];
    sprintf(wanted, "%sb%sc%s", sixteen, sixteen, sixteen);
    cr_expect_str_eq(line, wanted);
}

Test(blanks, table_knows_no_other) {
    int count = 0;
    for (int32_t cp = 0; cp < 0x110000; cp++)
        count += unicode_properties(cp).class == UNICODE_BLANK;
    cr_expect_eq(count, 17 + 1 + 1 + 2, "the spaces of Unicode; Braille, music, hieroglyphs: %d",
                 count);
}
