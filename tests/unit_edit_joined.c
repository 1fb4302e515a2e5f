/* unit_edit_joined.c - what is one character to a person is one to the keys: emoji that are joined,
 * flags, skin tones. */
#include "worker/protocol/edit.h"
#include "worker/text/charset.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void set_up(void) {
    cr_assert_null(charset_init());
}
TestSuite(edit_joined, .init = set_up);

/* The last character of a line, and what is before it. */
static const struct {
    const char *what, *left, *last;
} lines[] = {
    {"a flag", "a", "🇩🇪"},
    {"the second of two flags", "🇩🇪", "🇫🇷"},
    {"half a flag behind a flag", "🇩🇪", "🇫"},
    {"a flag behind a letter between", "🇩a", "🇫🇷"},
    {"a family", "你", "👨‍👩‍👧‍👦"},
    {"a joined sign of one column", "", "🏃‍♀️"},
    {"a heart on fire", "a", "❤️‍🔥"},
    {"a skin tone", "👋", "👋🏽"},
    {"joined with skin tones", "a ", "👩🏽‍🚀"},
    {"a flag of parts", "", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"},
    {"a key", "1", "2️⃣"},
    {"a letter behind a joiner", "क्‍", "ष"},
    {"an emoji behind an emoji", "😀", "😀"},
    {"a skin tone alone", "a", "🏽"},
};

static struct edit line_of(struct erase *erase, uint8_t *bytes, const char *left,
                           const char *last) {
    size_t n = (size_t)sprintf((char *)bytes, "%s%s", left, last);
    erase_begin(erase, ENC_UTF8);
    return (struct edit){.line = bytes, .erase = erase, .len = (uint32_t)n};
}

static void press(struct edit *e, enum telnet_kind kind) {
    struct telnet_event ev = {.kind = kind};
    edit_key(e, &ev);
}

Test(edit_joined, backspace_takes_what_a_person_sees_as_one) {
    static struct erase erase;
    uint8_t bytes[LINE_MAX_MAX];
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct edit e = line_of(&erase, bytes, lines[i].left, lines[i].last);
        press(&e, TELNET_ERASE_CHAR);
        cr_expect_eq(e.len, strlen(lines[i].left), "%s: %u left", lines[i].what, e.len);
    }
}

Test(edit_joined, the_cursor_moves_over_it_and_delete_takes_it) {
    static struct erase erase;
    uint8_t bytes[LINE_MAX_MAX];
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        uint32_t last = (uint32_t)strlen(lines[i].last);
        struct edit e = line_of(&erase, bytes, lines[i].left, lines[i].last);
        press(&e, TELNET_LEFT);
        cr_expect_eq(e.behind, last, "%s: Left leaves %u behind", lines[i].what, e.behind);
        press(&e, TELNET_RIGHT);
        cr_expect_eq(e.behind, 0, "%s: Right leaves %u behind", lines[i].what, e.behind);
        press(&e, TELNET_LEFT);
        press(&e, TELNET_DELETE);
        cr_expect_eq(e.len, strlen(lines[i].left), "%s: %u left", lines[i].what, e.len);
    }
}

/* A letter put into the middle of flags pairs the letters behind it anew. */
Test(edit_joined, flags_are_read_again_behind_a_change) {
    static struct erase erase;
    uint8_t bytes[LINE_MAX_MAX];
    struct edit e = line_of(&erase, bytes, "🇩🇪", "🇫🇷");
    press(&e, TELNET_HOME);
    press(&e, TELNET_RIGHT);
    cr_expect_eq(e.behind, 8);
    edit_text(&e, (const uint8_t *)"\360\237\207\246", 4);
    press(&e, TELNET_END);
    press(&e, TELNET_ERASE_CHAR);
    cr_expect_eq(e.len, 16, "only the last letter is alone: %u", e.len);
    press(&e, TELNET_ERASE_CHAR);
    cr_expect_eq(e.len, 8);
}
