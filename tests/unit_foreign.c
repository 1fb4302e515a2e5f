/* unit_foreign.c - other protocols by their first bytes, however split, and people's first lines.
 */
#include "tests/lib/probes.h"
#include "worker/protocol/foreign.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A copy of exactly `len` bytes, so that a sanitizer sees a read beyond them. */
static uint8_t *exactly(const void *bytes, size_t len) {
    uint8_t *copy = malloc(len + !len);
    memcpy(copy, bytes, len);
    return copy;
}

static enum foreign line_of(const char *text, bool finished) {
    uint8_t *line = exactly(text, strlen(text));
    enum foreign kind = foreign_line(line, strlen(text), finished);
    free(line);
    return kind;
}

/* The controls of a text, as they come from the codec. */
static enum foreign controls_of(const uint8_t *text, size_t len) {
    enum foreign kind = FOREIGN_NONE;
    uint8_t count = 0;
    for (size_t i = 0; i < len; i++)
        if (text[i] && strchr("\x03\x12\x15\x17", text[i]))
            foreign_key(&count);
        else if (text[i] != '\b' && text[i] != 0x7F && !foreign_closes(kind))
            kind = foreign_controls(text + i, 1, &count);
    return kind;
}

/* The first `n` bytes of a probe, as the input would judge them: raw, as text, and as lines. */
static enum foreign judge(const struct probe *p, size_t n) {
    uint8_t *bytes = exactly(p->bytes, n);
    enum foreign kind = foreign_opening(bytes, n);
    size_t at = 0;
    while (at < n && (bytes[at] == '\r' || bytes[at] == '\n'))
        at++;
    size_t end = at;
    while (end < n && bytes[end] != '\r' && bytes[end] != '\n')
        end++;
    if (!foreign_closes(kind) && kind != FOREIGN_MORE)
        kind = foreign_text(bytes + at, end - at);
    if (!foreign_closes(kind) && kind != FOREIGN_MORE)
        kind = controls_of(bytes + at, end - at);
    if (!foreign_closes(kind) && kind != FOREIGN_MORE && end < n)
        kind = foreign_line(bytes + at, end - at, true);
    free(bytes);
    return kind;
}

Test(foreign, every_probe_is_closed) {
    for (size_t i = 0; i < probes_foreign_count; i++) {
        const struct probe *p = &probes_foreign[i];
        if (p->bytes[0] == '\xff' && p->bytes[1] == '\xfd') /* telnet: not for these functions */
            continue;
        enum foreign kind = judge(p, p->len);
        const char *reason = p->whole ? p->whole : p->split;
        cr_expect(foreign_closes(kind), "%s", p->what);
        if (foreign_closes(kind))
            cr_expect_str_eq(foreign_reason(kind), reason, "%s: %s", p->what, foreign_reason(kind));
    }
}

/* What a part of a probe was closed for, the whole is closed for, too; and no part waits long. */
Test(foreign, a_part_of_a_probe_never_contradicts_the_whole) {
    for (size_t i = 0; i < probes_foreign_count; i++) {
        bool closed = false;
        for (size_t n = 1; n <= probes_foreign[i].len; n++) {
            enum foreign kind = judge(&probes_foreign[i], n);
            cr_expect(!closed || foreign_closes(kind), "%s at %zu", probes_foreign[i].what, n);
            closed |= foreign_closes(kind);
            cr_expect(kind != FOREIGN_MORE || n <= 33);
        }
    }
}

Test(foreign, people_are_not_closed) {
    for (size_t i = 0; i < probes_harmless_count; i++) {
        const char *text = probes_harmless[i];
        cr_expect_eq(foreign_opening((const uint8_t *)text, strlen(text)), FOREIGN_NONE, "%s",
                     text);
        cr_expect_eq(foreign_text((const uint8_t *)text, strlen(text)), FOREIGN_NONE, "%s", text);
        cr_expect_eq(controls_of((const uint8_t *)text, strlen(text)), FOREIGN_NONE, "%s", text);
        cr_expect_eq(line_of(text, true), FOREIGN_NONE, "%s", text);
    }
}

Test(foreign, what_keys_send_is_not_closed) {
    static const char *const keys[] = {"\x1b[A",
                                       "\x1b[D\x1b[Dhello",
                                       "\x01hello there",
                                       "hel\x01\x05lo",
                                       "\x03",
                                       "\x7f\x7fhi",
                                       "\b",
                                       "\thello",
                                       "\x16\x16",
                                       "\x04",
                                       "\x15",
                                       "\x1bOP",
                                       "\x03\x03\x03\x03\x03",
                                       "\x15\x17\x15\x17\x12",
                                       "bbo\b\b\b\b\b\b",
                                       "\x01\x05\x0b\b\b\b"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        enum foreign kind = foreign_opening((const uint8_t *)keys[i], strlen(keys[i]));
        cr_expect_not(foreign_closes(kind), "%zu: %s", i, foreign_reason(kind));
        kind = line_of(keys[i], true);
        cr_expect_not(foreign_closes(kind), "%zu: %s", i, foreign_reason(kind));
        kind = controls_of((const uint8_t *)keys[i], strlen(keys[i]));
        cr_expect_not(foreign_closes(kind), "%zu: %s", i, foreign_reason(kind));
    }
}

Test(foreign, a_command_of_lpd_is_told_from_a_key_by_its_end) {
    static const char queue[] = "\x02"
                                "a.queue-of_a_printer-0123456789ab";
    cr_expect_eq(foreign_opening((const uint8_t *)"\x01"
                                                  "default",
                                 8),
                 FOREIGN_MORE);
    cr_expect_eq(foreign_opening((const uint8_t *)"\x01"
                                                  "default\n",
                                 9),
                 FOREIGN_LPD);
    cr_expect_eq(foreign_opening((const uint8_t *)"\x01"
                                                  "default\r",
                                 9),
                 FOREIGN_NONE);
    cr_expect_eq(foreign_opening((const uint8_t *)"\x01\n", 2), FOREIGN_NONE);
    cr_expect_eq(foreign_opening((const uint8_t *)queue, 32), FOREIGN_MORE);
    cr_expect_eq(foreign_opening((const uint8_t *)queue, sizeof queue - 1), FOREIGN_NONE);
}

/* Two doubled IACs, and an end of nothing, are no telnet. */
Test(foreign, an_opening_with_iac) {
    static const struct {
        const char *bytes;
        enum foreign kind;
    } cases[] = {{"\xff", FOREIGN_MORE},
                 {"\xff\xff\xff", FOREIGN_MORE},
                 {"\xff\xff\xff\xff", FOREIGN_BINARY},
                 {"\xff\xf0", FOREIGN_BINARY},
                 {"\xff\xfd\x03", FOREIGN_NONE},
                 {"\xff\xfb\xff\xff", FOREIGN_NONE},
                 {"\xff\xf6", FOREIGN_NONE},
                 {"\xff\xfa\x1f", FOREIGN_NONE},
                 {"\xff\xff y", FOREIGN_NONE},
                 {"\xff y", FOREIGN_NONE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(foreign_opening((const uint8_t *)cases[i].bytes, strlen(cases[i].bytes)),
                     cases[i].kind, "%zu", i);
}

/* nmap's words are known, in the very letters that it sends. */
Test(foreign, words_of_scanners) {
    for (size_t i = 0; i < probes_words_count; i++)
        cr_expect_eq(line_of(probes_words[i], true), FOREIGN_WORD, "%s", probes_words[i]);
    cr_expect_eq(line_of("Help", true), FOREIGN_NONE);
    cr_expect_eq(line_of("HELP ", true), FOREIGN_NONE);
    cr_expect_eq(line_of("", true), FOREIGN_NONE);
    cr_expect_null(foreign_reason(FOREIGN_WORD));
}

/* A line that is too long is judged by its beginning. */
Test(foreign, the_beginning_of_a_request) {
    cr_expect_eq(line_of("GET /aaaaaaaaaaaaaaaaaaaaaa", false), FOREIGN_HTTP);
    cr_expect_eq(line_of("POST http://a/", false), FOREIGN_HTTP);
    cr_expect_eq(line_of("GET / of the", false), FOREIGN_HTTP);
    static const char *const methods[] = {"SEARCH", "MKCOL", "LOCK",        "SUBSCRIBE",
                                          "REPORT", "ACL",   "X-MY_METHOD", "PROPPATCH"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s /aaaaaaaaaaaaaaaaaa", methods[i]);
        cr_expect_eq(line_of(text, false), FOREIGN_HTTP, "%s", text);
        cr_expect_eq(line_of(text, true), FOREIGN_NONE, "%s", text);
        snprintf(text, sizeof text, "%s aaaaaaaaaaaaaaaaaaaa", methods[i]);
        cr_expect_eq(line_of(text, false), FOREIGN_NONE, "%s", text);
    }
    cr_expect_eq(line_of("I /think so", false), FOREIGN_NONE);
    cr_expect_eq(line_of("--- /tmp", false), FOREIGN_NONE);
    cr_expect_eq(line_of("Lock /tmp", false), FOREIGN_NONE);
    cr_expect_eq(line_of("GET me some", false), FOREIGN_NONE);
    cr_expect_eq(line_of("GET", false), FOREIGN_NONE);
    cr_expect_eq(line_of("   ", false), FOREIGN_NONE);
}
