/* invocation.c - see invocation.h. */
#include "master/ctl/invocation.h"

#include "master/ctl/json.h"
#include "master/ctl/print.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int ctl_done(const struct ctl *ctl) {
    if (ctl->json) {
        json_open(NULL, '{');
        json_bool("ok", true);
        json_close('}');
    }
    return CTL_DONE;
}

static void ctl_print_error(const char *text) {
    char clean[1024];
    fprintf(stderr, "chatroom-ctl: %s\n", print_clean(clean, sizeof clean, text));
}

int ctl_refused(const struct ctl *ctl, const char *fmt, ...) {
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (ctl->json) {
        json_open(NULL, '{');
        json_bool("ok", false);
        json_text("error", text);
        json_close('}');
    } else {
        ctl_print_error(text);
    }
    return CTL_REFUSED;
}

static void ctl_print_use(FILE *out, const struct ctl_command *command) {
    fprintf(out, "usage: chatroom-ctl [-s PATH] [--json] %s%s%s\n", command->name,
            *command->arguments ? " " : "", command->arguments);
}

int ctl_use(const struct ctl *ctl) {
    ctl_print_use(stdout, ctl->command);
    printf("  %s\n", ctl->command->help);
    return CTL_DONE;
}

int ctl_usage(const struct ctl *ctl, const char *fmt, ...) {
    char text[1024]; /* a script may have taken the arguments from anywhere */
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    ctl_print_error(text);
    ctl_print_use(stderr, ctl->command);
    return CTL_USAGE;
}

int ctl_name(const struct ctl *ctl) {
    const char *name = ctl->argv[0];
    if (*name == '\0')
        return ctl_usage(ctl, "a name is missing");
    if (name[strcspn(name, " \t\r\n")] != '\0')
        return ctl_usage(ctl, "a name has no blanks: \"%s\"", name);
    return 0;
}

bool ctl_join(const struct ctl *ctl, int first, char *out, unsigned size) {
    unsigned len = 0;
    out[0] = '\0';
    for (int i = first; i < ctl->argc; i++) {
        int n = snprintf(out + len, size - len, "%s%s", i > first ? " " : "", ctl->argv[i]);
        if (n < 0 || (unsigned)n >= size - len)
            return false;
        len += (unsigned)n;
    }
    return true;
}
