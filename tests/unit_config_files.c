/* unit_config_files.c - two keys that name one file, and a key that names the configuration. */
#include "master/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/chatroom-files-XXXXXX", conf[64];
static struct config config;
static struct config_errors errors;

static void put(const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    cr_assert(file);
    fputs(text, file);
    fclose(file);
}

static void set_up(void) {
    cr_assert(mkdtemp(dir));
    cr_assert_eq(chdir(dir) | mkdir("sub", 0755) | symlink("sub", "way"), 0);
    snprintf(conf, sizeof conf, "%s/conf", dir);
    put("motd", "welcome\n");
    cr_assert_eq(symlink("motd", "link") | link("motd", "hard"), 0);
}
static void tear_down(void) {
    static const char *const names[] = {"motd", "link", "hard", "conf", "way", "sub"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        remove(names[i]);
    cr_assert_eq(chdir("/") | rmdir(dir), 0);
}
TestSuite(config_files, .init = set_up, .fini = tear_down, .timeout = 180);

static void parsed(const char *text, const char *wrong) {
    char want[CONFIG_ERROR_LEN];
    put("conf", text);
    int result = config_parse(conf, &config, &errors);
    cr_assert_eq(errors.count, wrong ? 1 : 0, "%s: %u: %s", text, errors.count, errors.text[0]);
    cr_assert_eq(result, wrong ? -1 : 0);
    snprintf(want, sizeof want, "%s:%s", conf, wrong ? wrong : "");
    cr_assert(!wrong || strcmp(errors.text[0], want) == 0, "%s", errors.text[0]);
}

Test(config_files, one_file_has_one_use) {
    /* a file that exists, whatever leads to it */
    parsed("motd = motd\npidfile = motd\n", "2: pidfile: motd is the file of motd (line 1)");
    parsed("motd = motd\npidfile = ./motd\n", "2: pidfile: ./motd is the file of motd (line 1)");
    parsed("motd = motd\npidfile = link\n", "2: pidfile: link is the file of motd (line 1)");
    parsed("motd = hard\nlog = motd\n", "2: log: motd is the file of motd (line 1)");
    parsed("pidfile = link\n\nmotd = hard\n", "3: motd: hard is the file of pidfile (line 1)");
    /* one that does not */
    parsed("log = new\npidfile = new\n", "2: pidfile: new is the file of log (line 1)");
    parsed("log = sub/new\npidfile = .//way/new\n",
           "2: pidfile: .//way/new is the file of log (line 1)");
    parsed("pidfile = new\nlog = sub/../new\n",
           "2: log: sub/../new is the file of pidfile (line 1)");
    parsed("bans = new\ntranscript = new\n", "2: transcript: new is the file of bans (line 1)");
    parsed("bans = /nowhere/x\ncontrol = /nowhere/x\n",
           "2: control: /nowhere/x is the file of bans (line 1)");
}

Test(config_files, no_key_names_the_configuration) {
    parsed("pidfile = conf\n", "1: pidfile: conf is this configuration file");
    parsed("room = x\nlog = ./conf\n", "2: log: ./conf is this configuration file");
    parsed("transcript = way/../conf\n", "1: transcript: way/../conf is this configuration file");
    parsed("motd = conf\n", "1: motd: conf is this configuration file");
}

Test(config_files, what_is_no_common_file_is_accepted) {
    parsed("log = stderr\npidfile = stderr\n", NULL); /* ./stderr */
    parsed("log = syslog\npidfile = syslog\n", NULL);
    parsed("log = /dev/null\nmotd = /dev/null\n", NULL);
    parsed("log = new\npidfile = sub/new\n", NULL);
    parsed("log = motd2\npidfile = motd1\nmotd = motd\n", NULL);
    parsed("pidfile =\nmotd =\nbans =\n", NULL); /* empty values name nothing */
    parsed("bans = /nowhere/x\ncontrol = /nowhere/y\n", NULL);
}
