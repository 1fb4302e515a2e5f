/* unit_print.c - what chatroom-ctl writes of what it does not believe. */
#include "master/ctl/json.h"
#include "master/ctl/print.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(print);

static const char *cleaned(const char *text) {
    static char out[256];
    print_clean(out, sizeof out, text);
    return out;
}

/* In an array of its own.  Standard output is another file meanwhile. */
static const char *as_json(const char *text) {
    static char out[256];
    FILE *file = tmpfile();
    int kept = dup(STDOUT_FILENO);
    fflush(stdout);
    dup2(fileno(file), STDOUT_FILENO);
    json_open(NULL, '[');
    json_text(NULL, text);
    json_close(']');
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    rewind(file);
    size_t len = fread(out, 1, sizeof out - 1, file);
    fclose(file);
    cr_assert(len >= 3 && out[len - 2] == ']');
    out[len - 2] = '\0';
    return out + 1;
}

Test(print, a_sentence_cannot_steer_a_terminal) {
    cr_assert_str_eq(cleaned("a\033[2Jb\r\n\x7f"), "a?[2Jb???");
    cr_assert_str_eq(cleaned("\xc2\x9b"
                             "31m"),
                     "?31m", "C1");
    cr_assert_str_eq(cleaned("a\xffz\xe4\xb8"), "a?z??", "no UTF-8");
    cr_assert_str_eq(cleaned("\u202eabc\u2066\u200b"), "?abc??", "reordering, invisible");
    cr_assert_str_eq(cleaned("李é"), "李é");
}

Test(print, json_says_all_and_shows_what_can_be_shown) {
    cr_assert_str_eq(as_json("a\"\\\033\x7f"), "\"a\\\"\\\\\\u001b\\u007f\"");
    cr_assert_str_eq(as_json("\xc2\x9b\xff"), "\"\\u009b\\ufffd\"");
    cr_assert_str_eq(as_json("\u202eabc\u2066\u200b"), "\"\\u202eabc\\u2066\\u200b\"");
    cr_assert_str_eq(as_json("\U000e0041\U0010ffff"), "\"\\udb40\\udc41\\udbff\\udfff\"");
    cr_assert_str_eq(as_json("李é😀"), "\"李é😀\"");
}
