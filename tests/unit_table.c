/* unit_table.c - what chatroom-ctl writes: tables, and text that cannot steer a terminal. */
#include "master/ctl/print.h"
#include "master/ctl/table.h"
#include "master/ctl/units.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(table);

static const char *clean(const char *text) {
    static char out[200];
    return print_clean(out, sizeof out, text);
}

Test(table, text_cannot_steer_a_terminal) {
    cr_assert_str_eq(clean("a\033[2Jb"), "a?[2Jb");
    cr_assert_str_eq(clean("\r\n\t\x7f"), "????");
    cr_assert_str_eq(clean("\xc2\x9b"
                           "31m"),
                     "?31m", "C1");
    cr_assert_str_eq(clean("a\xffz\xe4\xb8"), "a?z??", "no UTF-8");
    cr_assert_str_eq(clean("\xe2\x80\xae"
                           "abc"),
                     "?abc", "bidi override");
    cr_assert_str_eq(clean("李é"), "李é");
}

Test(table, a_long_text_is_cut_between_characters) {
    char out[10];
    cr_assert_str_eq(print_clean(out, sizeof out, "李李李李李李"), "李李");
    cr_assert_eq(table_fits("李李李", 5), strlen("李李"));
    cr_assert_eq(table_fits("abc", 0), 0);
    cr_assert_eq(table_fits("abc", 9), 3);
    cr_assert_eq(table_width("a李e\xcc\x81"), 4, "an accent takes none");
}

Test(table, columns_are_aligned_as_they_are_shown) {
    char *text = NULL;
    size_t len = 0;
    struct table t;
    FILE *out = open_memstream(&text, &len);
    table_begin(&t, "NAME|>N|LAST");
    table_cell(&t, "李");
    table_cell(&t, "%d", 7);
    table_cell(&t, "x");
    table_cell(&t, "e\xcc\x81");
    table_cell(&t, "%d", 1234);
    table_cell(&t, "%s", "");
    table_print(&t, out);
    fclose(out);
    cr_assert_str_eq(text, "NAME     N  LAST\n李       7  x\ne\xcc\x81     1234\n");
    free(text);
}

Test(table, units) {
    char out[UNITS_TEXT];
    cr_assert_str_eq(units_count(out, 0), "0");
    cr_assert_str_eq(units_count(out, 999), "999");
    cr_assert_str_eq(units_count(out, 1234567), "1,234,567");
    cr_assert_str_eq(units_count(out, UINT64_MAX), "18,446,744,073,709,551,615");
    cr_assert_str_eq(units_rate(out, 0), "0");
    cr_assert_str_eq(units_rate(out, 7.44), "7.4");
    cr_assert_str_eq(units_rate(out, 12345.6), "12,346");
    cr_assert_str_eq(units_bytes(out, 0), "0 B");
    cr_assert_str_eq(units_bytes(out, 999), "999 B");
    cr_assert_str_eq(units_bytes(out, 1234), "1.2 kB");
    cr_assert_str_eq(units_bytes(out, 999600), "1.0 MB");
    cr_assert_str_eq(units_bytes(out, 1e20), "100000000 TB");
    cr_assert_str_eq(units_short(out, 0), "0s");
    cr_assert_str_eq(units_short(out, 59), "59s");
    cr_assert_str_eq(units_short(out, 3600), "1h");
    cr_assert_str_eq(units_short(out, 200000), "2d");
    cr_assert_str_eq(units_long(out, 1), "1 second");
    cr_assert_str_eq(units_long(out, 59), "59 seconds");
    cr_assert_str_eq(units_long(out, 60), "1 minute");
    cr_assert_str_eq(units_long(out, 3599), "59 minutes");
    cr_assert_str_eq(units_long(out, 3600), "1:00");
    cr_assert_str_eq(units_long(out, 3660), "1:01");
    cr_assert_str_eq(units_long(out, 90000), "1 day 1:00");
}
