/* e2e_completion.c - chatroom-ctl's completion in a real bash, and its manual page. */
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"
#include "tests/lib/pty.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(completion, .timeout = 180);

static const char script[] = "scripts/chatroom-ctl.bash", page[] = "master/ctl/chatroom-ctl.1";

static void needs_bash(void) {
    static struct ran ran;
    run(&ran, "/bin/sh", "-c", "command -v bash");
    if (ran.status != 0)
        skip_test("bash is not installed");
}

/* What completes the last of the words: one a line, in the script's order. */
static void completes(const char *words, const char *expected) {
    static struct ran ran;
    char shell[4096];
    snprintf(shell, sizeof shell,
             "source '%s'; eval \"COMP_WORDS=($WORDS)\"; COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "
             "_chatroom_ctl_complete; IFS=' '; echo \"${COMPREPLY[*]}\"",
             script);
    setenv("WORDS", words, 1);
    run(&ran, "bash", "--norc", "--noprofile", "-c", shell);
    cr_assert_eq(ran.status, 0, "%s", ran.err);
    ran.out[strcspn(ran.out, "\n")] = '\0';
    cr_assert_str_eq(ran.out, expected, "%s: \"%s\" instead of \"%s\"; %s", words, ran.out,
                     expected, ran.err);
}

/* `words` behind the program and its socket. */
static void completes_at(const struct server *s, const char *words, const char *expected) {
    char all[2048];
    snprintf(all, sizeof all, "'%s' -s '%s' %s", ctl_path(), ctl_socket(s), words);
    completes(all, expected);
}

Test(completion, names_people_of_the_room_and_addresses_that_are_banned) {
    needs_bash();
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *g[] = {guest_enter(s, "ann"), guest_enter(s, "anna"), guest_enter(s, "小明"),
                         guest_enter(s, "b.o-b_")};
    completes_at(s, "kick ''", "ann anna b.o-b_ 小明");
    completes_at(s, "kick an", "ann anna");
    completes_at(s, "--json mute b", "b.o-b_");
    completes_at(s, "unmute 小", "小明");
    completes_at(s, "kick ann ''", "");
    completes_at(s, "say an", "");
    completes_at(s, "unban ''", "");
    guest_close(g[0]);
    server_stop(s);
}

Test(completion, of_commands_options_and_levels) {
    needs_bash();
    char words[600];
    snprintf(words, sizeof words, "'%s' re", ctl_path());
    completes(words, "reload reopen");
    snprintf(words, sizeof words, "'%s' --json shut", ctl_path());
    completes(words, "shutdown");
    snprintf(words, sizeof words, "'%s' -", ctl_path());
    completes(words, "-s --json -h -V");
    snprintf(words, sizeof words, "'%s' who --", ctl_path());
    completes(words, "--json --all");
    snprintf(words, sizeof words, "'%s' loglevel ''", ctl_path());
    completes(words, "error warn info debug");
    snprintf(words, sizeof words, "'%s' loglevel info ''", ctl_path());
    completes(words, "");
    snprintf(words, sizeof words, "'%s' -s scripts/chatroom-ctl.ba", ctl_path());
    completes(words, script);
}

/* The server is gone: nothing is offered, and nothing is printed into the typed line. */
Test(completion, without_a_server) {
    needs_bash();
    char words[600];
    snprintf(words, sizeof words, "'%s' -s /nowhere kick ''", ctl_path());
    completes(words, "");
}

Test(completion, by_tab_in_a_bash_at_a_terminal) {
    needs_bash();
    struct server *s = ctl_server(SERVER_QUIET(1));
    struct guest *ann = guest_enter(s, "ann");
    char keys[1200];
    struct pty *p = pty_run("bash", "--norc", "--noprofile", "-i");
    snprintf(keys, sizeof keys, "PS1=; PATH=\"$(dirname '%s'):$PATH\"; source %s; echo rea''dy\r",
             ctl_path(), script);
    pty_type(p, keys);
    pty_expect(p, "ready\r\n");
    snprintf(keys, sizeof keys, "chatroom-ctl -s '%s' ki\tan\tgood\\ bye; echo do''ne $?\r",
             ctl_socket(s));
    pty_type(p, keys);
    pty_expect(p, "kick ann good");
    pty_expect(p, "done 0\r\n");
    guest_expect(ann, "*** You were asked to leave: good bye");
    guest_expect_end(ann);
    pty_type(p, "exit\r");
    pty_end(p);
    server_stop(s);
}

/* ---- the manual page ---- */

/* A head of the page (`.It Ic kick Ar name Op Ar reason`) or a line of the help (`kick NAME
 * [REASON]`), in one form: small, without blanks. */
static const char *plain(const char *text) {
    static char out[2][256];
    static int turn;
    char *at = out[turn = !turn], *end = at + sizeof out[0] - 2, word[64];
    int used, open = 0;
    for (; sscanf(text, " %63s%n", word, &used) == 1 && at < end; text += used) {
        bool macro = isupper((unsigned char)word[0]) && islower((unsigned char)word[1]);
        const char *add = !macro ? word : strcmp(word, "Fl") == 0 ? "-" : "";
        if (strcmp(word, "Oo") == 0 || strcmp(word, "Op") == 0)
            add = "[";
        else if (strcmp(word, "Oc") == 0)
            add = "]";
        open += strcmp(word, "Op") == 0;
        for (; *add && at < end; add++)
            *at++ = (char)tolower((unsigned char)*add);
    }
    while (open-- > 0)
        *at++ = ']';
    *at = '\0';
    return out[turn];
}

/* Each line of the help that has a command is a head of the page's section COMMANDS, which has no
 * other. */
Test(completion, manual_page_has_every_command_with_its_arguments) {
    static struct ran ran;
    char *text = run_read_file(page), head[256];
    int commands = 0;
    run(&ran, ctl_path(), "-h");
    cr_assert_eq(ran.status, 0);
    char *section = strstr(text, "\n.Sh COMMANDS\n"), *next = strstr(section + 1, "\n.Sh ");
    *next = '\0';
    for (char *line = strtok(ran.out, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, "  ", 2) != 0 || !islower((unsigned char)line[2]))
            continue;
        char *end = strstr(line + 2, "  ");
        cr_assert_not_null(end, "%s", line);
        *end = '\0';
        bool found = false;
        for (char *it = section; !found && (it = strstr(it, "\n.It Ic ")) != NULL; it++) {
            snprintf(head, sizeof head, "%.*s", (int)strcspn(it + 8, "\n"), it + 8);
            found = strcmp(plain(head), plain(line + 2)) == 0;
        }
        cr_assert(found, "%s: no .It Ic %s", page, line + 2);
        commands++;
    }
    cr_assert_eq(commands, 16);
    for (char *it = section; (it = strstr(it, "\n.It Ic ")) != NULL; it++)
        commands--;
    cr_assert_eq(commands, 0, "%s has a command that there is not, or one twice", page);
    free(text);
}

Test(completion, manual_page_is_well_formed) {
    static struct ran ran;
    run(&ran, "/bin/sh", "-c", "command -v mandoc");
    if (ran.status != 0)
        skip_test("mandoc is not installed");
    run(&ran, "mandoc", "-Tlint", "-Wwarning", (char *)page);
    cr_assert_str_eq(ran.out, "");
    cr_assert_eq(ran.status, 0, "%s", ran.err);
}
