/* unit_transcript.c - the parts of the transcript: the form of a line, the reader that nobody waits
 * for, and the file's end. */
#include "ipc/transcript.h"
#include "tests/unit_segment.h"
#include "worker/transcript/disk.h"
#include "worker/transcript/gather.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RING = 65536 };
static struct segment seg;
static struct gather_clock clock_of_test;
static struct gathered got;
static void set_up(void) {
    unit_segment(&seg, RING);
}
TestSuite(gather, .init = set_up);
TestSuite(transcript_line);
TestSuite(disk);

/* ---- the form ---- */

Test(transcript_line, is_read_as_it_was_written) {
    static const int64_t times[] = {0, 1, 999, 1764057845120, 253402300799999};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        for (int kind = TRANSCRIPT_NONE + 1; kind < TRANSCRIPT_KINDS; kind++) {
            char text[TRANSCRIPT_HEAD + 8];
            struct transcript_head head;
            size_t len = transcript_write_head(text, times[i], (enum transcript_kind)kind);
            cr_assert_leq(len, TRANSCRIPT_HEAD - 1);
            memcpy(text + len, "a: b", 4);
            cr_assert_eq(transcript_read_head(text, len + 4, &head), len + 4);
            cr_assert_eq(head.ms, times[i]);
            cr_assert_eq((int)head.kind, kind);
            cr_assert_eq(head.len, len);
            for (size_t cut = 0; cut < len; cut++) { /* a beginning is not wrong */
                cr_assert_eq(transcript_read_head(text, cut, &head), cut);
                cr_assert_eq(head.len, 0);
            }
        }
    }
}

Test(transcript_line, of_another_form_is_wrong_from_its_first_other_byte) {
    static const struct {
        const char *text;
        size_t wrong;
    } cases[] = {{"hello", 0},
                 {"2026-11-25 17:04:05.120Z say x", 10},
                 {"2026-11-25T17:04:05.120+00:00 say x", 23},
                 {"2026-11-25T17:04:05.12Z say x", 22},
                 {"2026-11-25T17:04:05.120Z  say x", 25},
                 {"2026-11-25T17:04:05.120Z Say x", 25},
                 {"2026-11-25T17:04:05.120Z says x", 28},
                 {"2026-11-25T17:04:05.120Z mee", 27},
                 {"2026-11-25T17:04:05.120Z nock x", 26}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct transcript_head head;
        cr_assert_eq(transcript_read_head(cases[i].text, strlen(cases[i].text), &head),
                     cases[i].wrong, "%s: %zu", cases[i].text,
                     transcript_read_head(cases[i].text, strlen(cases[i].text), &head));
        cr_assert_eq(head.len, 0);
    }
}

Test(transcript_line, has_no_control_character) {
    static const struct {
        const char *text, *want;
    } cases[] = {{"plain", "plain\n"},
                 {"a\nb\r\tc", "a\\x0ab\\x0d\\x09c\n"},
                 {"\x1b[2J\x7f", "\\x1b[2J\\x7f\n"},
                 {"\xc2\x85\xc2\x9b", "\\xc2\\x85\\xc2\\x9b\n"},
                 {"\xe2\x80\xa8\xe2\x80\xa9", "\\xe2\\x80\\xa8\\xe2\\x80\\xa9\n"},
                 {"\xff\xe4\xbd", "\\xff\\xe4\\xbd\n"},
                 {"C:\\x \xc2\xa0\xe4\xbd\xa0\xf0\x9f\x98\x80",
                  "C:\\x \xc2\xa0\xe4\xbd\xa0\xf0\x9f\x98\x80\n"},
                 {"", "\n"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[256] = "";
        size_t len = strlen(cases[i].text), n = gather_escape(out, cases[i].text, len);
        cr_assert_leq(n, GATHER_LINE(len));
        out[n] = '\0';
        cr_assert_str_eq(out, cases[i].want);
    }
}

/* ---- reading ---- */

static bool put(uint8_t kind, uint16_t flags, const char *text, bool commit) {
    struct room_line line = {.entry = {.kind = kind, .flags = flags, .client = 1}};
    struct batch b;
    line.entry.time = segment_ticks(&seg);
    for (int e = 0; e < ENC_RINGS; e++) {
        line.text[e] = text;
        line.len[e] = (uint32_t)strlen(text);
    }
    line.text[RING_SIDE] = "private";
    line.len[RING_SIDE] = kind == ENTRY_PRIVATE ? 7 : 0;
    room_begin(&seg.room, &b);
    if (!room_append(&seg.room, &b, &line))
        return false;
    if (commit)
        room_commit(&seg.room, &b);
    return true;
}

static void gathers(uint64_t index, uint32_t lines, const char *want) {
    char *at = got.text, text[4096] = "";
    gather(&seg, &clock_of_test, index, lines, &got);
    for (char *end; at < got.text + got.len && (end = memchr(at, '\n', got.len)); at = end + 1)
        strncat(text, at + TRANSCRIPT_TIME + 1, (size_t)(end + 1 - at) - TRANSCRIPT_TIME - 1);
    cr_assert_str_eq(text, want);
}

Test(gather, writes_each_kind_and_nothing_private) {
    cr_assert(put(ENTRY_JOIN, 0, "ann comes\r\n", true));
    cr_assert(put(ENTRY_SPEECH, 0, "ann: hi\r\n", true));
    cr_assert(put(ENTRY_SPEECH, ENTRY_ACTION, "* ann waves\r\n", true));
    cr_assert(put(ENTRY_SPEECH, ENTRY_BARE, "* ann waves\r\n", true));
    cr_assert(put(ENTRY_PRIVATE, 0, "", true));
    cr_assert(put(ENTRY_JOIN, 0, "", true)); /* not announced */
    cr_assert(put(ENTRY_MOVE, 0, "", true));
    cr_assert(put(ENTRY_NICK, 0, "ann is eve\r\n", true));
    cr_assert(put(ENTRY_SYSTEM, 0, "*** a\r\nb\r\n", true));
    cr_assert(put(ENTRY_KICK, 0, "eve was kicked\r\n", true));
    cr_assert(put(ENTRY_LEAVE, 0, "eve goes\r\n", true));
    gathers(1, 0,
            "join ann comes\nsay ann: hi\nme * ann waves\nsay * ann waves\nnick ann is eve\n"
            "sys *** a\\x0d\\x0ab\nkick eve was kicked\nleave eve goes\n");
    cr_assert_eq(got.index, 12);
    cr_assert_eq(got.count, 8);
    cr_assert_eq(got.lines, 8);
    cr_assert_eq(got.missed, 0);
    gathers(12, 8, "");
}

static void fill(int lines, int from) {
    for (int i = 0; i < lines; i++) {
        char text[128];
        snprintf(text, sizeof text, "ann: %d %80s\r\n", from + i, "");
        cr_assert(put(ENTRY_SPEECH, 0, text, true));
    }
}

/* What is missed and what is there are all of it. */
Test(gather, counts_what_was_overwritten) {
    static const int counts[] = {1023, 1024, 1025, 5000, 100000};
    int said = 0;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        uint64_t index = room_count(&seg.room), whole = index;
        uint32_t lines = room_entry(&seg.room, index - 1)->lines, seen = 0;
        fill(counts[i], said);
        said += counts[i];
        while (index < room_count(&seg.room)) {
            gather(&seg, &clock_of_test, index, lines, &got);
            cr_assert(got.missed == 0 || index == whole);
            seen += got.missed + got.count;
            if (got.missed > 0) {
                char want[64];
                snprintf(want, sizeof want, " sys *** %u lines skipped\n", got.missed);
                cr_assert_eq(memcmp(got.text + TRANSCRIPT_TIME, want, strlen(want)), 0);
            }
            index = got.index;
            lines = got.lines;
        }
        cr_assert_eq(seen, (uint32_t)counts[i]);
    }
}

/* HOLES 19: an entry is written over the oldest before `count` says that it is there. */
Test(gather, what_is_overwritten_beyond_the_commit_word_is_noticed) {
    uint64_t len = seg.room.ledger_len;
    for (uint64_t i = 0; i < len - 1; i++)
        cr_assert(put(ENTRY_SPEECH, 0, "x\r\n", true));
    cr_assert_eq(room_count(&seg.room), len);
    cr_assert(room_unchanged(&seg.room, 1, ENC_UTF8, 0));
    cr_assert(put(ENTRY_SPEECH, 0, "y\r\n",
                  false)); /* over the genesis entry, which says where 1 begins */
    cr_assert_eq(room_count(&seg.room), len);
    cr_assert_not(room_unchanged(&seg.room, 1, ENC_UTF8, 0));
    cr_assert(room_unchanged(&seg.room, 2, ENC_UTF8, room_start(&seg.room, 2, ENC_UTF8)));
    gather(&seg, &clock_of_test, 1, 0, &got);
    cr_assert_gt(got.missed, 0);
}

Test(gather, text_that_is_overwritten_beyond_the_commit_word_is_noticed) {
    static char text[RING / 16 + 1];
    memset(text, 'x', sizeof text - 1);
    for (int i = 0; i < 16; i++)
        cr_assert(put(ENTRY_SPEECH, 0, text, i < 15));
    cr_assert(room_unchanged(&seg.room, 1, ENC_UTF8, 0));
    cr_assert(put(ENTRY_SPEECH, 0, text, true));
    cr_assert(put(ENTRY_SPEECH, 0, "y", false));
    cr_assert_not(room_unchanged(&seg.room, 1, ENC_UTF8, 0));
    cr_assert_not(room_unchanged(&seg.room, 1, ENC_UTF8, 0));
    cr_assert(room_unchanged(&seg.room, 1, ENC_UTF8, 1));
}

Test(gather, times_do_not_go_back_and_follow_the_wall_clock) {
    struct timespec wall;
    uint32_t now = segment_ticks(&seg);
    clock_gettime(CLOCK_REALTIME, &wall);
    int64_t is = gather_time(&seg, &clock_of_test, now), ms = (int64_t)wall.tv_sec * 1000;
    cr_assert(is > ms - 2000 && is < ms + 3000);
    cr_assert_eq(gather_time(&seg, &clock_of_test, now + 1), is + 10);
    cr_assert_eq(gather_time(&seg, &clock_of_test, now - 360000), is - 3600000);
    cr_assert_eq(gather_time(&seg, &clock_of_test, now - 400u * 24 * 360000),
                 is - 400ll * 24 * 3600000);
}

/* ---- the file ---- */

static int file_with(const void *bytes, size_t len) {
    char path[] = "/tmp/chatroom-transcript-XXXXXX";
    int fd = mkostemp(path, O_APPEND | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    unlink(path);
    cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
    return fd;
}

static off_t size_of(int fd) {
    struct stat is;
    cr_assert_eq(fstat(fd, &is), 0);
    return is.st_size;
}

/* The machine crashed: the file ends at any byte of its last two lines. */
Test(disk, ends_at_its_last_whole_line_wherever_it_was_torn) {
    static const char text[] =
        "2026-11-25T17:04:05.120Z say ann: one\n2026-11-25T17:04:05.130Z say ann: "
        "two\n2026-11-25T17:04:05.140Z me * ann \xe4\xbd\xa0\n";
    const char *first = strchr(text, '\n') + 1;
    for (size_t cut = (size_t)(first - text); cut < sizeof text; cut++) {
        for (size_t nuls = 0; nuls <= 5000; nuls += 2500) {
            static char bytes[sizeof text + 5000];
            uint64_t whole, beyond;
            memset(bytes, 0, sizeof bytes);
            memcpy(bytes, text, cut);
            int fd = file_with(bytes, cut + nuls);
            size_t want = cut;
            while (text[want - 1] != '\n')
                want--;
            cr_assert(disk_whole(fd, &whole, &beyond));
            cr_assert_eq(whole, want, "cut at %zu: %llu", cut, (unsigned long long)whole);
            cr_assert_eq(beyond, cut + nuls - want);
            close(fd);
        }
    }
}

Test(disk, has_no_line_or_all_of_one_block_bad) {
    static char bytes[300000];
    uint64_t whole, beyond;
    int fd = file_with("", 0);
    cr_assert(disk_whole(fd, &whole, &beyond) && whole == 0 && beyond == 0);
    close(fd);
    fd = file_with("no end", 6);
    cr_assert(disk_whole(fd, &whole, &beyond) && whole == 0 && beyond == 6);
    close(fd);
    memcpy(bytes, "a line\n", 7); /* the rest is NULs */
    memcpy(bytes + 250000, "another\n", 8);
    fd = file_with(bytes, sizeof bytes);
    cr_assert(disk_whole(fd, &whole, &beyond));
    cr_assert_eq(whole, 7);
    cr_assert_eq(beyond, sizeof bytes - 7);
    close(fd);
}

/* HOLES 21 */
Test(disk, only_shrinks_and_leaves_no_hole) {
    bool shortened = false;
    uint64_t offset = 4;
    int fd = file_with("one\ntwo\nth", 10);
    cr_assert(disk_cut(fd, &offset, &shortened)); /* a predecessor's tail */
    cr_assert(!shortened && offset == 4 && size_of(fd) == 4);
    cr_assert(disk_append(fd, &offset, "new\n", 4));
    cr_assert(offset == 8 && size_of(fd) == 8);
    cr_assert_eq(ftruncate(fd, 5), 0); /* another program's */
    cr_assert(disk_cut(fd, &offset, &shortened));
    cr_assert(shortened && offset == 4 && size_of(fd) == 4);
    offset = 100; /* shortened between the look and the write */
    cr_assert(disk_append(fd, &offset, "end\n", 4));
    cr_assert_eq(size_of(fd), 8);
    shortened = false;
    cr_assert(disk_cut(fd, &offset, &shortened));
    cr_assert(shortened && offset == 8 && size_of(fd) == 8);
    close(fd);
}
