/* unit_manual.c - the manual pages and the program agree: chatroom.conf(5), which scripts/manual
 * makes, has the keys of the parser's table and no others; chatroom-master(8) has the options of
 * `-h`. */
#include "master/config.h"
#include "tests/lib/run.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(manual, .timeout = 180);

static struct ran made;

/* chatroom.conf(5) up to its example. */
static char *configuration_page(void) {
    if (access("scripts/manual", R_OK) != 0)
        skip_test("scripts/manual is not in this folder");
    run(&made, "/usr/bin/env", "awk", "-f", "scripts/manual", "chatroom.conf");
    cr_assert_eq(made.status, 0, "%s", made.err);
    cr_assert_lt(strlen(made.out), sizeof made.out - 1, "the page is longer than the buffer");
    char *examples = strstr(made.out, "\n.Sh EXAMPLES\n");
    cr_assert(examples);
    *examples = '\0';
    return made.out;
}

static int count(const char *text, const char *what) {
    int n = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        n++;
    return n;
}

/* The words below an item, which it may share with the items next to it; copied. */
static const char *described(const char *item) {
    static char words[4096];
    const char *from = item, *to;
    while (strncmp(from, "\n.It ", 5) == 0)
        from += 1 + strcspn(from + 1, "\n");
    for (to = from; *to && strncmp(to, "\n.It ", 5) != 0 && strncmp(to, "\n.El", 4) != 0;)
        to++;
    snprintf(words, sizeof words, "%.*s", (int)(to - from), from);
    return words;
}

Test(manual, has_every_key_with_its_default_and_range_and_none_more) {
    const char *page = configuration_page();
    char item[200], range[CONFIG_RANGE_LEN];
    int keys = 0;
    for (size_t i = 0; config_key(i); i++, keys++) {
        const char *preset = config_default(i);
        snprintf(item, sizeof item, "\n.It %s =%s%s\n", config_key(i), *preset ? " " : "", preset);
        cr_assert_eq(count(page, item), 1, "not one item%s", item);
        const char *words = described(strstr(page, item));
        cr_assert_gt(strlen(words), 10, "%s: no description", config_key(i));
        cr_assert(strstr(words, config_range(i, range)), "%s: no range %s in:%s", config_key(i),
                  range, words);
        cr_assert_eq(strstr(words, "(restart") != NULL, config_waits_for_restart(i), "%s: %s",
                     config_key(i), words);
    }
    cr_assert_eq(count(page, "\n.It "), keys, "items that are no keys");
}

/* A line of the help is "  -c FILE  what it does". */
Test(manual, has_every_option_and_none_more) {
    static struct ran help;
    char *page = run_read_file("master/chatroom-master.8"), item[32];
    int options = 0;
    if (!page)
        skip_test("master/chatroom-master.8 is not in this folder");
    run(&help, run_server_path(), "-h");
    for (const char *at = help.out; (at = strstr(at, "\n  -")); at += 4, options++) {
        snprintf(item, sizeof item, "\n.It Fl %c ", at[4]);
        cr_assert_eq(count(page, item), 1, "not one item%s", item);
    }
    cr_assert_geq(options, 5);
    cr_assert_eq(count(page, "\n.It Fl "), options, "items that are no options");
    free(page);
}

Test(manual, has_every_signal_of_the_help) {
    static const char *const signals[] = {"HUP", "USR1", "USR2", "TERM", "INT", "QUIT"};
    static struct ran help;
    char *page = run_read_file("master/chatroom-master.8"), name[16];
    if (!page)
        skip_test("master/chatroom-master.8 is not in this folder");
    run(&help, run_server_path(), "-h");
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        snprintf(name, sizeof name, "SIG%s", signals[i]);
        cr_assert(strstr(help.out, signals[i]) && strstr(page, name), "%s", name);
    }
    free(page);
}
