/* e2e_aloud.c - what is meant for one person is not spoken, whatever stands before its slash. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(aloud, .timeout = 180);

/* An encoding that is chosen first (NULL: none), and what its keyboards put before a slash. */
static const struct {
    const char *encoding, *before;
} slips[] = {
    {NULL, "\xa0"},            /* a no-break space of Latin-1 */
    {NULL, "\x85"},            /* a next line of Latin-1 */
    {NULL, " \xa0 "},          /* among others */
    {NULL, "\xfe\xfe"},        /* bytes of no encoding */
    {NULL, "\xa1\xa1"},        /* a blank of GBK */
    {"koi8-r", "\x9a"},        /* a no-break space */
    {"iso-8859-1", "\xa0"},    /* the same */
    {"windows-1251", "\xa0"},  /* the same */
    {"shift_jis", "\x81\x40"}, /* a wide blank */
    {"big5", "\xa1\x40"},      /* the same */
    {"gb18030", "\xa1\xa1"},   /* the same */
};

Test(aloud, a_whisper_behind_what_cannot_be_read) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *bob = guest_enter(s, "bob");
    for (size_t i = 0; i < sizeof slips / sizeof *slips; i++) {
        struct guest *ann = guest_enter(s, "ann");
        guest_expect(bob, "%s", told1(TOLD_COMES, "ann"));
        if (slips[i].encoding)
            guest_say(ann, "/encoding %s", slips[i].encoding);
        guest_send(ann, slips[i].before, strlen(slips[i].before));
        guest_say(ann, "/msg bob secret %zu", i);
        guest_expect(bob, "[ann] secret %zu", i);
        guest_close(ann);
        guest_expect(bob, "%s", told1(TOLD_GOES, "ann"));
    }
    server_stop(s);
}

/* A line that was not begun as a command keeps its marks. */
Test(aloud, marks_elsewhere_stay) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    guest_type(g[0], "\xa0 no\r\n\xfe and/or\r\n");
    guests_expect(g, 2, told2(TOLD_SPEECH, "ann", "\357\277\275 no"));
    guests_expect(g, 2, told2(TOLD_SPEECH, "ann", "\357\277\275 and/or"));
    server_stop(s);
}
