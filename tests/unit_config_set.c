/* unit_config_set.c - one key is set as a line of the file would set it. */
#include "master/config.h"

#include <criterion/criterion.h>
#include <string.h>

Test(config_set, sets_one_key) {
    struct config config = {.log_level = LOG_LEVEL_INFO};
    char err[256] = "";
    cr_assert(config_set(&config, "log_level", "debug", err, sizeof err));
    cr_assert_eq(config.log_level, LOG_LEVEL_DEBUG);
    cr_assert_str_eq(err, "");
}

Test(config_set, a_wrong_value_changes_nothing) {
    static const char *const wrong[] = {"loud", "", "INFO", "info ", "0"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct config config = {.log_level = LOG_LEVEL_WARN};
        char err[256], expected[256];
        snprintf(expected, sizeof expected,
                 "log_level: \"%s\" is not one of: error, warn, info, debug", wrong[i]);
        cr_assert_not(config_set(&config, "log_level", wrong[i], err, sizeof err), "%s", wrong[i]);
        cr_assert_str_eq(err, expected);
        cr_assert_eq(config.log_level, LOG_LEVEL_WARN);
    }
}

Test(config_set, an_unknown_key_is_refused) {
    struct config config = {0};
    char err[256];
    cr_assert_not(config_set(&config, "log_lvl", "info", err, sizeof err));
    cr_assert_str_eq(err, "log_lvl: there is no such key");
}
