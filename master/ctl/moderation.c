/* moderation.c - chatroom-ctl's ban, unban, mute, unmute, which the master obeys, and bans, which
 * is read from the server's memory.
 *
 * What is no address, and what was meant as a duration and is none, is wrong usage; the server
 * looks at both again. */
#include "ipc/restriction.h"
#include "master/ctl/ask.h"
#include "master/ctl/commands.h"
#include "master/ctl/json.h"
#include "master/ctl/table.h"
#include "master/ctl/view.h"

#include <stdlib.h>
#include <string.h>

enum { MODERATION_TEXT = 512, MODERATION_TRIES = 32 };

/* ---- orders ---- */

/* The command's arguments as one text. */
static int moderation_ask(const struct ctl *ctl) {
    char text[MODERATION_TEXT];
    if (!ctl_join(ctl, 0, text, sizeof text))
        return ctl_refused(ctl, "the reason is longer than %d bytes", BAN_REASON_MAX - 1);
    return ask_for(ctl, ctl->command->name, text);
}

/* 0: the argument is an address; else the exit status. */
static int moderation_network(const struct ctl *ctl) {
    struct network network;
    char err[256];
    return restriction_parse_network(ctl->argv[0], &network, err, sizeof err)
               ? 0
               : ctl_usage(ctl, "%s", err);
}

/* A reason that is one argument may begin with a word, so only its first word is looked at. */
int ban_run(const struct ctl *ctl) {
    char word[64];
    uint64_t until;
    int wrong = moderation_network(ctl);
    if (wrong || ctl->argc == 1)
        return wrong ? wrong : moderation_ask(ctl);
    snprintf(word, sizeof word, "%.*s", (int)strcspn(ctl->argv[1], " "), ctl->argv[1]);
    if (restriction_read_term(word, &until) == TERM_BAD)
        return ctl_usage(ctl, RESTRICTION_BAD_TERM, word);
    return moderation_ask(ctl);
}

int unban_run(const struct ctl *ctl) {
    int wrong = moderation_network(ctl);
    return wrong ? wrong : moderation_ask(ctl);
}

int mute_run(const struct ctl *ctl) {
    uint64_t until;
    int wrong = ctl_name(ctl);
    if (wrong)
        return wrong;
    if (ctl->argc > 1 && restriction_read_term(ctl->argv[1], &until) != TERM_GIVEN)
        return ctl_usage(ctl, RESTRICTION_BAD_TERM, ctl->argv[1]);
    return moderation_ask(ctl);
}

int unmute_run(const struct ctl *ctl) {
    int wrong = ctl_name(ctl);
    return wrong ? wrong : moderation_ask(ctl);
}

/* ---- the list ---- */

/* The bans that stand, in out[BANS_MAX], as of one moment, unless a hostile object moves its
 * generation at each look.  Returns how many. */
static uint32_t moderation_copy(const struct restrictions *restrictions, struct ban *out) {
    struct restriction_look look;
    uint32_t count, tries = 0;
    do {
        uint64_t now = restriction_now();
        look = restriction_begin(restrictions);
        count = 0;
        for (uint32_t i = 0; i < look.table->bans && i < BANS_MAX; i++)
            if (look.table->ban[i].until_ms == 0 || look.table->ban[i].until_ms > now)
                out[count++] = look.table->ban[i];
    } while (restriction_changed(restrictions, &look) && ++tries < MODERATION_TRIES);
    for (uint32_t i = 0; i < count; i++) /* a foreign object's, if anything */
        out[i].reason[BAN_REASON_MAX - 1] = '\0';
    return count;
}

static void bans_print(const struct ban *ban, uint32_t count) {
    char network[NETWORK_TEXT], until[RESTRICTION_TIME];
    struct table t;
    table_begin(&t, "ADDRESS|UNTIL|REASON");
    for (uint32_t i = 0; i < count; i++) {
        table_cell(&t, "%s", network_format(&ban[i].network, network));
        table_cell(&t, "%s", restriction_format_time(ban[i].until_ms, until));
        table_cell(&t, "%s", ban[i].reason);
    }
    table_print(&t, stdout);
}

static void bans_json(const struct ban *ban, uint32_t count) {
    char network[NETWORK_TEXT], until[RESTRICTION_TIME];
    json_open(NULL, '{');
    json_open("bans", '[');
    for (uint32_t i = 0; i < count; i++) {
        json_open(NULL, '{');
        json_text("address", network_format(&ban[i].network, network));
        if (ban[i].until_ms == 0)
            json_null("until");
        else
            json_text("until", restriction_format_time(ban[i].until_ms, until));
        json_text("reason", ban[i].reason);
        json_close('}');
    }
    json_close(']');
    json_close('}');
}

int bans_run(const struct ctl *ctl) {
    static struct ban ban[BANS_MAX];
    struct view view;
    char err[VIEW_ERROR];
    if (!view_open(&view, ctl->socket, err))
        return ctl_refused(ctl, "%s", err);
    uint32_t count = moderation_copy(view.seg.restrictions, ban);
    view_close(&view);
    if (ctl->json)
        bans_json(ban, count);
    else if (count == 0)
        puts("no address is banned");
    else
        bans_print(ban, count);
    return CTL_DONE;
}
