/* config_errors.c - see config_errors.h. */
#include "master/config_errors.h"

#include "ipc/log.h"

#include <string.h>

void config_errors_add(struct config_errors *errors, const char *path, unsigned line,
                       const char *reason) {
    if (errors->count++ >= CONFIG_ERRORS_MAX)
        return;
    char *out = errors->text[errors->count - 1];
    int n = line > 0 ? snprintf(out, CONFIG_ERROR_LEN, "%.255s:%u: ", path, line)
                     : snprintf(out, CONFIG_ERROR_LEN, "%.255s: ", path);
    log_escape(out + n, CONFIG_ERROR_LEN - (size_t)n, reason, strlen(reason));
}

static uint32_t config_errors_kept(const struct config_errors *errors) {
    return errors->count < CONFIG_ERRORS_MAX ? errors->count : CONFIG_ERRORS_MAX;
}

/* How many were not kept, and their plural. */
static uint32_t config_errors_more(const struct config_errors *errors, const char **plural) {
    uint32_t more = errors->count - config_errors_kept(errors);
    *plural = more == 1 ? "" : "s";
    return more;
}

void config_print_errors(const struct config_errors *errors, FILE *to) {
    const char *plural;
    uint32_t more = config_errors_more(errors, &plural);
    for (uint32_t i = 0; i < config_errors_kept(errors); i++)
        fprintf(to, "%s\n", errors->text[i]);
    if (more > 0)
        fprintf(to, "and %u more error%s\n", more, plural);
}

void config_log_errors(const struct config_errors *errors) {
    const char *plural;
    uint32_t more = config_errors_more(errors, &plural);
    for (uint32_t i = 0; i < config_errors_kept(errors); i++)
        log_error("%s", errors->text[i]);
    if (more > 0)
        log_error("and %u more error%s", more, plural);
}
