/* metrics.c - `chatroom-ctl metrics`: what the server's metrics port says, read from its memory. */
#include "ipc/metrics.h"
#include "master/ctl/commands.h"
#include "master/ctl/json.h"
#include "master/ctl/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `name="value",name="value"}`: values of ours have no quotes in them. */
static void metrics_json_labels(char *at) {
    json_open("labels", '{');
    while (at && *at && *at != '}') {
        char *value = strstr(at, "=\""), *end = value ? strchr(value + 2, '"') : NULL;
        if (!end)
            break;
        *value = *end = '\0';
        json_text(at, value + 2);
        at = end + 1 + (end[1] == ',');
    }
    json_close('}');
}

/* {"samples":[{"name":"chatroom_people","labels":{},"value":2},...]} */
static void metrics_json(char *text) {
    char *save = NULL;
    json_open(NULL, '{');
    json_open("samples", '[');
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *value = strrchr(line, ' '), *labels = strchr(line, '{');
        if (*line == '#' || !value)
            continue;
        *value++ = '\0';
        if (labels)
            *labels++ = '\0';
        json_open(NULL, '{');
        json_text("name", line);
        metrics_json_labels(labels);
        if (strchr(value, '.'))
            json_decimal("value", strtod(value, NULL));
        else
            json_number("value", strtoull(value, NULL, 10));
        json_close('}');
    }
    json_close(']');
    json_close('}');
}

int metrics_run(const struct ctl *ctl) {
    static char text[METRICS_MAX + 1];
    struct view view;
    char err[VIEW_ERROR];
    if (!view_open(&view, ctl->socket, err))
        return ctl_refused(ctl, "%s", err);
    text[metrics_render(&view.seg, text)] = '\0';
    if (ctl->json)
        metrics_json(text);
    else
        fputs(text, stdout);
    view_close(&view);
    return CTL_DONE;
}
