/* unit_telnet_letter.c - where 255 is a letter, it ends a key's sequence as other letters do. */
#include "worker/protocol/telnet.h"

#include <criterion/criterion.h>
#include <string.h>

Test(telnet_letter, ends_a_sequence_and_is_text) {
    static const char *const lines[][2] = {
        {"a\033\377bc", "a\377bc"},
        {"\033[\377[A", "\377[A"},
        {"\033O\377/x", "\377/x"},
        {"\033]0;\377t\ab", "b"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct telnet t = {0};
        struct telnet_event ev;
        uint8_t sub[TELNET_SUB_MAX];
        uint16_t sub_len = 0;
        char text[16] = "";
        const char *in = lines[i][0];
        telnet_letter(&t, true);
        for (size_t at = 0, n = strlen(in); at < n;) {
            at += telnet_next(&t, sub, &sub_len, (const uint8_t *)in + at, n - at, &ev);
            if (ev.kind == TELNET_TEXT)
                strncat(text, (const char *)ev.bytes, ev.len);
        }
        cr_expect_str_eq(text, lines[i][1], "%zu: %s", i, text);
    }
}
