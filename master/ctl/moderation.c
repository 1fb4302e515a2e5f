/* moderation.c - chatroom-ctl's ban, unban, mute, unmute, which the master obeys, and bans, which
 * is read from the server's memory.
 *
 * What is no address, and what was meant as a duration and is none, is wrong usage; the server
 * looks at both again. */
#include "ipc/clock.h"
#include "ipc/restriction.h"
#include "master/ctl/ask.h"
#include "master/ctl/commands.h"
#include "master/ctl/json.h"
#include "master/ctl/table.h"
#include "master/ctl/view.h"

#include <stdlib.h>
#include <string.h>

enum { MODERATION_TEXT = 512, MODERATION_TRIES = 32 };

/* ---- requests ---- */

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

struct standing {
    struct ban ban[BANS_MAX];
    struct mute mute[MUTES_MAX];
    uint32_t bans, mutes;
};

/* As of one moment, unless a hostile object moves its generation at each look. */
static void standing_copy(const struct restrictions *restrictions, struct standing *out) {
    struct restriction_look look;
    uint32_t tries = 0;
    do {
        look = restriction_begin(restrictions);
        out->bans = restriction_copy_bans(look.table, clock_wall_ms(), out->ban);
        out->mutes = restriction_copy_mutes(look.table, clock_wall_ms(), out->mute);
    } while (restriction_changed(restrictions, &look) && ++tries < MODERATION_TRIES);
    for (uint32_t i = 0; i < out->bans; i++) /* a foreign object's, if anything */
        out->ban[i].reason[BAN_REASON_MAX - 1] = '\0';
    for (uint32_t i = 0; i < out->mutes; i++)
        out->mute[i].name[MUTE_NAME_MAX - 1] = '\0';
}

/* Everybody there is muted; NULL: only the name is. */
static const char *standing_address(const struct mute *mute, char out[NETWORK_TEXT]) {
    struct network whole = {.addr = mute->addr, .bits = 128};
    return mute->by_address ? network_format(&whole, out) : NULL;
}

static void bans_print(const struct standing *standing) {
    char network[NETWORK_TEXT], until[RESTRICTION_TIME];
    struct table t;
    table_begin(&t, "ADDRESS|UNTIL|REASON");
    for (const struct ban *b = standing->ban; b < standing->ban + standing->bans; b++) {
        table_cell(&t, "%s", network_format(&b->network, network));
        table_cell(&t, "%s", restriction_format_time(b->until_ms, until));
        table_cell(&t, "%s", b->reason);
    }
    table_print(&t, stdout);
}

static void mutes_print(const struct standing *standing) {
    char network[NETWORK_TEXT], until[RESTRICTION_TIME];
    struct table t;
    table_begin(&t, "MUTED|UNTIL|ADDRESS");
    for (const struct mute *m = standing->mute; m < standing->mute + standing->mutes; m++) {
        const char *address = standing_address(m, network);
        table_cell(&t, "%s", m->name);
        table_cell(&t, "%s", restriction_format_time(m->until_ms, until));
        table_cell(&t, "%s", address ? address : "-");
    }
    table_print(&t, stdout);
}

static void bans_json_until(uint64_t until_ms) {
    char until[RESTRICTION_TIME];
    if (until_ms == 0)
        json_null("until");
    else
        json_text("until", restriction_format_time(until_ms, until));
}

static void bans_json_mutes(const struct standing *standing) {
    char network[NETWORK_TEXT];
    json_open("mutes", '[');
    for (const struct mute *m = standing->mute; m < standing->mute + standing->mutes; m++) {
        const char *address = standing_address(m, network);
        json_open(NULL, '{');
        json_text("name", m->name);
        if (address)
            json_text("address", address);
        else
            json_null("address");
        bans_json_until(m->until_ms);
        json_close('}');
    }
    json_close(']');
}

static void bans_json(const struct standing *standing) {
    char network[NETWORK_TEXT];
    json_open(NULL, '{');
    json_open("bans", '[');
    for (const struct ban *b = standing->ban; b < standing->ban + standing->bans; b++) {
        json_open(NULL, '{');
        json_text("address", network_format(&b->network, network));
        bans_json_until(b->until_ms);
        json_text("reason", b->reason);
        json_close('}');
    }
    json_close(']');
    bans_json_mutes(standing);
    json_close('}');
}

int bans_run(const struct ctl *ctl) {
    static struct standing standing;
    struct view view;
    char err[VIEW_ERROR];
    if (!view_open(&view, ctl->socket, err))
        return ctl_refused(ctl, "%s", err);
    standing_copy(view.seg.restrictions, &standing);
    view_close(&view);
    if (ctl->json) {
        bans_json(&standing);
        return CTL_DONE;
    }
    if (standing.bans == 0)
        puts("no address is banned");
    else
        bans_print(&standing);
    if (standing.mutes > 0) {
        putchar('\n');
        mutes_print(&standing);
    }
    return CTL_DONE;
}
