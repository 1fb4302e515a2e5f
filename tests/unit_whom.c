/* unit_whom.c - an operator names a client whose new name is in the ledger, and not yet in its
 * record: its worker stands still, or died. */
#include "tests/unit_worker.h"
#include "worker/command/ask_mute.h"
#include "worker/command/whom.h"
#include "worker/ledger/publish.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct segment seg;
static struct worker w;
static struct client *ann;
static int peer;

static void begin(void) {
    unit_segment(&seg, 65536);
    unit_worker(&w, &seg);
    ann = unit_named(&w, "ann", &peer);
}
TestSuite(whom, .init = begin);

static void publish_name(const char *typed) {
    unit_type(&w, ann, peer, typed);
    publish(&w);
    cr_assert_str_eq(unit_name(&w, ann), "ann", "it is applied later");
}

static void mutes(const char *typed, const char *name) {
    char out[REQUEST_TEXT_LEN], no[ASK_MUTE_NO] = "", text[100], key[20];
    struct invocation inv = {.w = &w, .c = ann, .text = text};
    snprintf(text, sizeof text, "%s", typed);
    cr_assert(ask_mute(&inv, out, no), "%s", no);
    snprintf(key, sizeof key, "%llx ", (unsigned long long)speaker_key(&w, name));
    cr_assert(strncmp(out, key, strlen(key)) == 0, "%s: \"%s\" has not the key of %s", typed, out,
              name);
    cr_assert(strstr(out, name), "%s", out);
}

Test(whom, a_mute_by_the_new_name_is_of_the_new_name) {
    publish_name("/nick bella\r\n");
    mutes("bella", "bella");
    unit_turn(&w);
    mutes("bella", "bella");
}

/* The holder's own spelling, where the record has it. */
Test(whom, a_name_in_another_spelling_is_shown_as_its_holder_spells_it) {
    mutes("ANN", "ann");
    publish_name("/nick Bella\r\n");
    mutes("BELLA", "BELLA");
    unit_turn(&w);
    mutes("BELLA", "Bella");
}

Test(whom, the_old_name_is_nobodys) {
    struct whom whom;
    publish_name("/nick bella\r\n");
    cr_assert_not(whom_any(&w, "ann", &whom));
    cr_assert(whom_any(&w, "bella", &whom));
    cr_assert_str_eq(whom.label, "bella");
    cr_assert_eq(whom.client, client_index(&w, ann));
}

Test(whom, the_same_name_in_another_spelling) {
    publish_name("/nick ANN\r\n");
    mutes("ann", "ann");
}
