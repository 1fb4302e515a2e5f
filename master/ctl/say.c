/* say.c - chatroom-ctl's commands that act in the room: the server's workers obey them. */
#include "master/ctl/commands.h"
#include "master/ctl/connection.h"

#include <stdio.h>
#include <string.h>

/* Sends one line.  `see`: how its outcome can be seen, if the answer is lost. */
static int say_ask(const struct ctl *ctl, const char *line, const char *see) {
    struct connection c;
    char text[CONNECTION_LINE];
    if (!connection_open(&c, ctl->socket, CONNECTION_MS, text, sizeof text))
        return ctl_refused(ctl, "%s", text);
    enum connection_answer answer = connection_ask(&c, line, text, sizeof text);
    connection_close(&c);
    switch (answer) {
    case CONNECTION_OK: return ctl_done(ctl);
    case CONNECTION_NO: return ctl_refused(ctl, "%s", text);
    case CONNECTION_LOST: break;
    }
    return ctl_refused(ctl, "%s; %s", text, see);
}

/* `WORD ARGUMENTS` is one line. */
static int say_line(const struct ctl *ctl, const char *see) {
    char line[CONNECTION_LINE], *argument = line + strlen(ctl->command->name) + 1;
    snprintf(line, sizeof line, "%s ", ctl->command->name);
    if (!ctl_join(ctl, 0, argument, (unsigned)(line + sizeof line - argument)))
        return ctl_refused(ctl, "the text is too long");
    if (strchr(line, '\n'))
        return ctl_refused(ctl, "the text has more than one line");
    return say_ask(ctl, line, see);
}

int say_run(const struct ctl *ctl) {
    return say_line(ctl, "the room shows whether it was said");
}

int kick_run(const struct ctl *ctl) {
    int wrong = ctl_name(ctl);
    return wrong ? wrong : say_line(ctl, "`chatroom-ctl who` shows who is there");
}
