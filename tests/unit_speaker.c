/* unit_speaker.c - a name's key: one for a name however it is written. */
#include "tests/unit_worker.h"
#include "worker/state/speaker.h"

#include <criterion/criterion.h>

static struct segment seg;
static struct worker worker;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
}
TestSuite(speaker, .init = set_up);

Test(speaker, a_name_has_one_key_however_it_is_written) {
    uint64_t key = speaker_key(&worker, "ann");
    cr_assert_neq(key, 0);
    cr_assert_eq(speaker_key(&worker, "ANN"), key);
    cr_assert_eq(speaker_key(&worker, "\357\274\241nn"), key, "in full width");
    cr_assert_neq(speaker_key(&worker, "anna"), key);
    cr_assert_neq(speaker_key(&worker, ""), key);
}

Test(speaker, the_key_depends_on_the_segments_secret) {
    uint64_t key = speaker_key(&worker, "ann");
    seg.header->name_key[0] ^= 1;
    cr_assert_neq(speaker_key(&worker, "ann"), key);
}
