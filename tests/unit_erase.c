/* unit_erase.c - erasing keys: the same outcome whether the line was read at once or key by key,
 * and a cost that does not grow with the line. */
#include "worker/protocol/erase.h"
#include "worker/text/charset.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void set_up(void) {
    cr_assert_null(charset_init());
}
TestSuite(erase, .init = set_up, .timeout = 180);

/* Bytes of which lines are made: what the encodings have in common, and what they have not. */
static const char *const pieces[] = {
    "a",        " ",        "e\314\201",       "你",   "é",    "\304\343", "\247\101", "\201\\",
    "\345",     "\345\245", "\201\060",        "\377", "\033", "😀",        "\200",     "\314\251",
    "\xC3\xA9", "\xF9\xFE", "\202\065\217\063"};

static uint32_t fresh(enum encoding enc, const uint8_t *line, uint32_t n, bool word) {
    static struct erase e;
    erase_begin(&e, enc);
    return word ? erase_word(&e, line, n) : erase_char(&e, line, n);
}

Test(erase, key_by_key_is_as_all_at_once) {
    static struct erase e;
    static uint8_t line[LINE_MAX_MAX];
    srand(1);
    for (int run = 0; run < 3000; run++) {
        enum encoding enc = (enum encoding)(run % ENC_RINGS);
        uint32_t n = 0;
        erase_begin(&e, enc);
        for (int key = 0; key < 60; key++) {
            if (rand() % 3 > 0) {
                const char *piece = pieces[(size_t)rand() % (sizeof pieces / sizeof *pieces)];
                memcpy(line + n, piece, strlen(piece));
                n += (uint32_t)strlen(piece);
                if (rand() % 2)
                    (void)erase_half(&e, line, n); /* read now, or with what follows */
                continue;
            }
            bool word = rand() % 5 == 0;
            uint32_t want = fresh(enc, line, n, word);
            uint32_t left = word ? erase_word(&e, line, n) : erase_char(&e, line, n);
            cr_assert_eq(left, want, "run %d, key %d: %u of %u left, not %u", run, key, left, n,
                         want);
            cr_assert(n == 0 || left < n);
            n = left;
        }
    }
}

/* Sixty times as many keys on a line of 4 KB as it has bytes: with a cost that grows with the line,
 * this would read 10^9 bytes and take many seconds; the suite's timeout is the bound. */
Test(erase, a_key_does_not_read_the_line_again) {
    static struct erase e;
    static uint8_t line[LINE_MAX_MAX];
    for (int enc = 0; enc < ENC_RINGS; enc++) {
        for (uint32_t i = 0; i + 1 < sizeof line; i += 2)
            memcpy(line + i, enc == ENC_UTF8 ? "\xC3\xA9" : "\304\343", 2);
        erase_begin(&e, (enum encoding)enc);
        uint32_t n = sizeof line;
        for (int key = 0; key < 60 * LINE_MAX_MAX; key++) {
            n = erase_char(&e, line, n);
            cr_assert_eq(n, sizeof line - 2);
            n += 2;
        }
    }
}
