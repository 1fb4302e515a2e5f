/* unit_edit_wide.c - the keys that a BBS client sends twice, and the characters for which it does.
 */
#include "worker/protocol/edit.h"
#include "worker/text/charset.h"

#include <criterion/criterion.h>
#include <string.h>

static void set_up(void) {
    cr_assert_null(charset_init());
}
TestSuite(edit_wide, .init = set_up);

static const struct {
    const char *what;
    const char *before; /* the cursor */
    const char *behind;
    enum encoding enc; /* the client's */
    bool left, right;  /* whether the character there is wide */
} lines[] = {
    {"nothing", "", "", ENC_BIG5, false, false},
    {"ASCII", "ab", "cd", ENC_BIG5, false, false},
    {"Big5 and ASCII", "\244\244", "a", ENC_BIG5, true, false},
    {"ASCII and Big5", "a", "\244\244", ENC_BIG5, false, true},
    {"Big5 with a letter in its second half", "\246r", "\246r", ENC_BIG5, true, true},
    {"GBK", "\304\343", "\272\303", ENC_GBK, true, true},
    {"half of GBK", "\304\343\272", "", ENC_GBK, false, false},
    {"Chinese", "你", "好", ENC_UTF8, true, true},
    {"accents", "é", "é", ENC_UTF8, false, false},
    {"an accent of its own", "e\314\201", "e\314\201", ENC_UTF8, false, false},
    {"an emoji", "😀", "a", ENC_UTF8, true, false},
    {"UTF-8 to Big5", "你", "好", ENC_BIG5, true, true},
};

Test(edit_wide, a_key_acts_on_a_character_of_two_columns) {
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        uint8_t line[64];
        struct erase erase;
        struct edit e = {.line = line, .erase = &erase};
        e.behind = (uint32_t)strlen(lines[i].behind);
        e.len = (uint32_t)strlen(lines[i].before) + e.behind;
        strcpy((char *)line, lines[i].before);
        strcat((char *)line, lines[i].behind);
        erase_begin(&erase, lines[i].enc);
        cr_expect_eq(edit_acts_on_wide(&e, TELNET_ERASE_CHAR), lines[i].left, "%s", lines[i].what);
        cr_expect_eq(edit_acts_on_wide(&e, TELNET_LEFT), lines[i].left, "%s", lines[i].what);
        cr_expect_eq(edit_acts_on_wide(&e, TELNET_DELETE), lines[i].right, "%s", lines[i].what);
        cr_expect_eq(edit_acts_on_wide(&e, TELNET_RIGHT), lines[i].right, "%s", lines[i].what);
        cr_expect_not(edit_acts_on_wide(&e, TELNET_ERASE_WORD), "%s", lines[i].what);
        cr_expect_not(edit_acts_on_wide(&e, TELNET_HOME), "%s", lines[i].what);
    }
}
