/* unit_trouble.c - what is wrong with an engine, in words, and once. */
#include "ipc/log.h"
#include "worker/relay/trouble.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(trouble);

Test(trouble, errors_of_engines_become_sentences) {
    static const struct {
        const char *error, *words;
    } cases[] = {
        {"NOAUTH Authentication required.", "it demands a password, and `relay` has none"},
        {"OOM command not allowed when used memory > 'maxmemory'. script: 1f, on @user_script:3.",
         "it is out of memory, and takes no lines (OOM: its maxmemory is reached)"},
        /* Redis 5 and 6: the code of a command in a script */
        {"ERR Error running script (call to f_1f): @user_script:3: @user_script: 3: -OOM command "
         "not allowed when used memory > 'maxmemory'.",
         "it is out of memory, and takes no lines (OOM: its maxmemory is reached)"},
        {"READONLY You can't write against a read only replica.", "it is a replica now (READONLY)"},
        {"ERR Error running script (call to f_1f): @user_script:3: @user_script: 3: -READONLY You "
         "can't write against a read only slave.",
         "it is a replica now (READONLY)"},
        {"LOADING Redis is loading the dataset in memory", "it is loading its data"},
        {"MISCONF Redis is configured to save RDB snapshots, but",
         "it cannot save its data, and takes no lines (MISCONF)"},
        {"BUSY Redis is busy running a script.", "it is busy with a script (BUSY)"},
        {"NOREPLICAS Not enough good replicas to write.",
         "it has too few replicas, and takes no lines (NOREPLICAS)"},
        {"NOSCRIPT No matching script. Please use EVAL.",
         "it has forgotten the scripts (NOSCRIPT)"},
        {"OOMPH is another word", "it answers: OOMPH is another word"},
        {"ERR a line\nof \033[31mred", "it answers: ERR a line\\x0Aof \\x1B[31mred"},
        {"", "it answers: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[TROUBLE_WORDS];
        cr_expect_str_eq(trouble_words(cases[i].error, strlen(cases[i].error), words),
                         cases[i].words);
    }
}

Test(trouble, a_long_error_is_cut) {
    char error[4000], words[TROUBLE_WORDS];
    memset(error, 'x', sizeof error);
    trouble_words(error, sizeof error, words);
    cr_assert(strlen(words) > 100 && strlen(words) < sizeof words, "%zu", strlen(words));
}

static unsigned lines_of(const char *text) {
    unsigned n = *text != '\0';
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

Test(trouble, each_is_said_once_until_it_is_over) {
    static struct trouble t;
    char log[4096] = "";
    log_copy_to(log, sizeof log);
    for (int i = 0; i < 3; i++) {
        trouble_say(&t, "a: refused");
        trouble_say(&t, "b: %s", "a replica");
    }
    cr_assert_str_eq(t.text, "b: a replica");
    cr_assert_eq(lines_of(log), 2, "%s", log);
    trouble_over(&t);
    trouble_say(&t, "a: refused");
    cr_assert_eq(lines_of(log), 3, "%s", log);
    for (int i = 0; i < 100; i++) /* what changes each time cannot flood it */
        trouble_say(&t, "a: error %d", i);
    cr_assert_eq(lines_of(log), 2 + TROUBLE_KINDS, "%s", log);
}
