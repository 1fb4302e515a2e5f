/* unit_transcript_times.c - times that a transcript cannot have, in lines of its form. */
#include "ipc/transcript.h"

#include <criterion/criterion.h>
#include <string.h>

static size_t reads(const char *text, struct transcript_head *head) {
    return transcript_read_head(text, strlen(text), head);
}

static void is_good(const char *text, int64_t ms) {
    struct transcript_head head;
    cr_expect_eq(reads(text, &head), strlen(text), "%s", text);
    cr_expect_eq(head.ms, ms, "%s: %lld", text, (long long)head.ms);
}

/* Another field is carried over first where a day is none: 2026-02-30 is 2026-03-02. */
static void is_bad(const char *text, size_t byte) {
    struct transcript_head head;
    size_t wrong = reads(text, &head);
    cr_expect_eq(wrong, byte, "%s: byte %zu", text, wrong);
    cr_expect_eq(head.len, 0, "%s", text);
}

Test(transcript_times, that_there_are) {
    is_good("1970-01-01T00:00:00.000Z say ann: hi", 0);
    is_good("2026-11-25T17:04:05.120Z say ann: hi", 1795626245120);
    is_good("2028-02-29T23:59:59.999Z leave ann has left", 1835481599999);
    is_good("9999-12-31T23:59:59.999Z sys x", 253402300799999);
}

Test(transcript_times, that_there_are_not) {
    is_bad("2026-13-01T00:00:00.000Z say ann: hi", 3);
    is_bad("2026-00-01T00:00:00.000Z say ann: hi", 3);
    is_bad("2026-02-30T00:00:00.000Z say ann: hi", 6);
    is_bad("2027-02-29T00:00:00.000Z say ann: hi", 6);
    is_bad("2026-11-25T24:00:00.000Z say ann: hi", 9);
    is_bad("2026-11-25T17:60:05.000Z say ann: hi", 12);
    is_bad("2026-11-25T17:04:60.000Z say ann: hi", 15);
    is_bad("0000-00-00T00:00:00.000Z say ann: hi", 0);
    is_bad("1969-12-31T23:59:59.999Z say ann: hi", 2);
}
