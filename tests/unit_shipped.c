/* unit_shipped.c - the shipped chatroom.conf and the table of keys agree.  The file has the only
 * description of the keys; the manual page is made from it. */
#include "master/config.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

TestSuite(shipped, .timeout = 180);

static void parse(const char *text, struct config *config) {
    static struct config_errors errors;
    char path[32];
    int fd = memfd_create("chatroom.conf", 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    sprintf(path, "/proc/self/fd/%d", fd);
    cr_assert_eq(config_parse(path, config, &errors), 0, "%s", errors.text[0]);
    close(fd);
}

static const char *shipped(void) {
    static char text[16384];
    FILE *file = fopen("chatroom.conf", "r");
    if (!file)
        skip_test("chatroom.conf is not in this folder");
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

/* The shipped file, with the # removed from each `#key = value` line before its example section. */
static char *uncommented(void) {
    static char out[16384];
    const char *from = shipped(), *end = strstr(from, "\n### Example");
    size_t at = 0;
    cr_assert(end);
    for (; from <= end; from++) {
        bool begins = at == 0 || out[at - 1] == '\n';
        if (!(begins && *from == '#' && from[1] >= 'a' && from[1] <= 'z'))
            out[at++] = *from;
    }
    out[at] = '\0';
    return out;
}

Test(shipped, the_file_has_every_key_with_its_default) {
    static struct config config, defaults;
    char *text = uncommented(), want[200], range[CONFIG_RANGE_LEN];
    parse("", &defaults);
    parse(text, &config);
    cr_assert_eq(memcmp(&config, &defaults, sizeof config), 0);
    for (size_t i = 0; config_key(i); i++) {
        const char *preset = config_default(i);
        sprintf(want, "\n%s =%s%s\n", config_key(i), *preset ? " " : "", preset);
        char *at = strstr(text, want), *prose = at;
        cr_assert(at, "no line%s", want);
        while (prose > text && strncmp(prose, "\n\n", 2) != 0) /* to its paragraph's beginning */
            prose--;
        *at = '\0';
        cr_assert(strstr(prose, config_range(i, range)), "%s: where is its range, %s?",
                  config_key(i), range);
        cr_assert_eq(strstr(prose, "(restart") != NULL, config_waits_for_restart(i), "%s",
                     config_key(i));
        *at = '\n';
    }
}

Test(shipped, the_file_ends_with_the_original_exercise) {
    static const char end[] = "\n\n#login = no\n#language = zh\n#encoding = gbk\n";
    const char *text = shipped();
    cr_assert_str_eq(text + strlen(text) - (sizeof end - 1), end);
}
