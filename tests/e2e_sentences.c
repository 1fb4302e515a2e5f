/* e2e_sentences.c - one conversation in each language, with every line compared exactly, and no
 * other line. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

TestSuite(sentences, .timeout = 180);

static const struct {
    enum tongue tongue;
    const char *name;
} languages[] = {{EN, "en"}, {ZH, "zh"}};
enum { LANGUAGES = sizeof languages / sizeof languages[0] };

static enum tongue tongue;

static void hears(struct guest *g, enum told which, const char *first, const char *second) {
    guest_expect(g, "%s", told_in(tongue, which, first, second));
}

static void asks_to_log_in(struct guest *g) {
    hears(g, TOLD_LOG_IN, "", "");
    hears(g, TOLD_HOW, "", "");
}

static void before_login(struct guest *g) {
    static const char *const not_yet[] = {"look", "who",     "say hi",        "hello you",
                                          "say",  "/me x",   "/nick ann",     "/msg ann x",
                                          "",     "/nosuch", "/timestamps on"};
    static const char *const not_names[] = {
        "say",    "look", "WHO",      "login",
        "logout", "quit", "Exit",     "BYE",
        "help",   "msg",  "ｎｉｃｋ", "Parlour",
        "a!",     "/x",   "an n",     "1234567890123456789012345"};
    hears(g, TOLD_GREETING, "Parlour", "");
    asks_to_log_in(g);
    for (size_t i = 0; i < sizeof not_yet / sizeof not_yet[0]; i++) {
        guest_say(g, "%s", not_yet[i]);
        asks_to_log_in(g);
    }
    guest_say(g, "login");
    hears(g, TOLD_NO_NAME, "", "");
    for (size_t i = 0; i < sizeof not_names / sizeof not_names[0]; i++) {
        guest_say(g, "login %s", not_names[i]);
        hears(g, TOLD_NOT_A_NAME, not_names[i], "");
        hears(g, TOLD_A_NAME, "", "");
    }
}

static void in_the_room(struct guest *ann, struct guest *bob) {
    static const char *const both[] = {"ann", "bob"};
    char long_line[1026];
    memset(long_line, 'x', 1025);
    long_line[1025] = '\0';
    guest_say(ann, "/msg bob come here");
    hears(ann, TOLD_COPY, "bob", "come here");
    hears(bob, TOLD_PRIVATE, "ann", "come here");
    guest_say(bob, "/reply why?");
    hears(bob, TOLD_COPY, "ann", "why?");
    hears(ann, TOLD_PRIVATE, "bob", "why?");
    guest_say(ann, "/msg cat hello");
    hears(ann, TOLD_NOBODY, "cat", "");
    guest_say(ann, "/nosuch thing");
    hears(ann, TOLD_UNKNOWN, "/nosuch", "");
    hears(ann, TOLD_HELP, "", "");
    guest_say(ann, "login");
    hears(ann, TOLD_LOGGED_IN, "ann", "");
    guest_say(ann, "login cat");
    hears(ann, TOLD_LOGGED_IN, "ann", "");
    guest_say(ann, "%s", long_line);
    hears(ann, TOLD_TOO_LONG, "", "");
    hears(ann, TOLD_LIMIT, "1024", "");
    guest_say(ann, "/nick bob");
    hears(ann, TOLD_TAKEN, "bob", "");
    hears(ann, TOLD_TRY_AGAIN, "", "");
    guest_say(ann, "/nick a b");
    hears(ann, TOLD_NOT_A_NAME, "a b", "");
    hears(ann, TOLD_A_NAME, "", "");
    guest_say(ann, "look");
    hears(ann, TOLD_LOOK, "", "");
    guest_expect_names(ann, both, 2);
    guest_say(ann, "who");
    hears(ann, TOLD_WHO, "", "");
    guest_expect_names(ann, both, 2);
}

static void both_hear(struct guest *g[2], enum told which, const char *first, const char *second) {
    guests_expect(g, 2, told_in(tongue, which, first, second));
}

Test(sentences, a_conversation_to_the_letter) {
    for (int i = 0; i < LANGUAGES; i++) {
        tongue = languages[i].tongue;
        struct server *s = server_start("workers = 2\nflood_rate = 0\nroom = Parlour\n"
                                        "language = %s\n",
                                        languages[i].name);
        struct guest *g[2] = {guest_connect(s), NULL};
        before_login(g[0]);
        guest_say(g[0], "login ann");
        hears(g[0], TOLD_GREETING, "Parlour", "");
        hears(g[0], TOLD_HELP, "", "");
        hears(g[0], TOLD_COMES, "ann", "");
        g[1] = guest_connect(s);
        hears(g[1], TOLD_GREETING, "Parlour", "");
        asks_to_log_in(g[1]);
        guest_say(g[1], "login ANN");
        hears(g[1], TOLD_TAKEN, "ANN", "");
        hears(g[1], TOLD_TRY_AGAIN, "", "");
        guest_say(g[1], "login bob");
        hears(g[1], TOLD_GREETING, "Parlour", "");
        hears(g[1], TOLD_HELP, "", "");
        both_hear(g, TOLD_COMES, "bob", "");
        in_the_room(g[0], g[1]);
        guest_say(g[0], "say hello");
        both_hear(g, TOLD_SPEECH, "ann", "hello");
        guest_say(g[0], "/me waves");
        both_hear(g, TOLD_ME, "ann", "waves");
        guest_say(g[0], "//look");
        both_hear(g, TOLD_SPEECH, "ann", "/look");
        guest_say(g[0], "/nick 安");
        both_hear(g, TOLD_NICK, "ann", "安");
        guest_say(g[1], "logout");
        guest_expect_end(g[1]);
        hears(g[0], TOLD_GOES, "bob", "");
        server_signal(s, SIGTERM);
        hears(g[0], TOLD_GOING_DOWN, "", "");
        guest_expect_end(g[0]);
        server_ended(s);
    }
}
