/* moderation.c - see moderation.h. */
#include "master/moderation.h"

#include "ipc/address.h"
#include "ipc/clock.h"
#include "ipc/fault.h"
#include "ipc/log.h"
#include "master/bans.h"
#include "master/config.h"
#include "master/process.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MODERATION_GATE_MS = 50, MODERATION_WORD = 128, MODERATION_SHOWN = 4 * MUTE_NAME_MAX + 64 };

static struct ban_list moderation_next; /* what is to be published */
static struct config_errors moderation_errors;

static bool moderation_answer(bool done, char *out, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static bool moderation_answer(bool done, char *out, size_t size, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(out, size, fmt, args);
    va_end(args);
    return done;
}

/* The next word, at most MODERATION_WORD - 1 bytes of it; *rest then begins at the one after it. */
static const char *moderation_word(const char **rest, char out[MODERATION_WORD]) {
    const char *word = *rest + strspn(*rest, " ");
    size_t len = strcspn(word, " ");
    snprintf(out, MODERATION_WORD, "%.*s", (int)len, word);
    *rest = word + len + strspn(word + len, " ");
    return out;
}

/* ---- publishing ---- */

/* A worker that holds the gate may have looked at the orders before this one came: returns when it
 * has let go.  One that was stopped or has died there is not waited for. */
static void moderation_await_publisher(struct segment *seg) {
    uint64_t owner = gate_owner(seg->gate), until = clock_ms() + MODERATION_GATE_MS;
    while (owner != 0 && gate_owner(seg->gate) == owner && clock_ms() < until)
        usleep(100);
}

static void moderation_publish(struct segment *seg) {
    restriction_publish(seg->restrictions);
    FAULT("moderation.orders.before");
    atomic_fetch_add(&seg->room.shared->orders, 1);
    FAULT("moderation.orders.after");
    process_ring_all(seg);
    moderation_await_publisher(seg);
}

/* The next table has the bans that are to be published. */
static void moderation_fill(struct segment *seg) {
    const struct ban_list *list = &moderation_next;
    struct restriction_table *table = restriction_edit(seg->restrictions, clock_wall_ms());
    memcpy(table->ban, list->ban, list->count * sizeof list->ban[0]);
    table->bans = list->count;
}

static void moderation_publish_bans(struct segment *seg) {
    moderation_fill(seg);
    moderation_publish(seg);
}

/* ---- lists ---- */

/* The bans in effect. */
static void moderation_standing(const struct segment *seg, struct ban_list *out) {
    const struct restriction_table *table = restriction_begin(seg->restrictions).table;
    out->count = restriction_copy_bans(table, clock_wall_ms(), out->ban);
}

/* The bans that a request is about to change.  False with a sentence: the file has an error. */
static bool moderation_read(struct segment *seg, char *out, size_t size) {
    const struct config *config = header_config(seg->header);
    moderation_errors.count = 0;
    if (config->bans[0] &&
        !bans_read(config->bans, clock_wall_ms(), &moderation_next, &moderation_errors))
        return moderation_answer(false, out, size, "%s; nothing is changed",
                                 moderation_errors.text[0]);
    if (!config->bans[0] || moderation_next.missing)
        moderation_standing(seg, &moderation_next);
    return true;
}

/* False with a sentence. */
static bool moderation_write(struct segment *seg, char *out, size_t size) {
    const struct config *config = header_config(seg->header);
    char err[512];
    if (config->bans[0] && !bans_write(config, &moderation_next, err, sizeof err))
        return moderation_answer(false, out, size, "%s; nothing is changed", err);
    moderation_publish_bans(seg);
    return true;
}

/* ---- bans ---- */

/* [DURATION|-] [REASON].  False with a sentence. */
static bool moderation_read_terms(const char *text, struct ban *ban, char *out, size_t size) {
    char word[MODERATION_WORD];
    const char *rest = text;
    switch (restriction_read_term(moderation_word(&rest, word), &ban->until_ms)) {
    case TERM_GIVEN: break;
    case TERM_NONE: rest = text; break;
    case TERM_BAD: return moderation_answer(false, out, size, RESTRICTION_BAD_TERM, word);
    }
    if (restriction_clean(rest, strlen(rest), ban->reason, sizeof ban->reason))
        return true;
    return moderation_answer(false, out, size, "the reason is longer than %d bytes",
                             BAN_REASON_MAX - 1);
}

/* How many people in the room the network holds. */
static uint32_t moderation_count(const struct segment *seg, const struct network *network) {
    uint32_t high = atomic_load(&seg->header->fd_high), found = 0;
    struct in6_addr addr;
    struct client_view view;
    for (uint32_t fd = 0; fd <= high && segment_has_client(seg, fd); fd++)
        found += client_peek_address(&seg->clients.at[fd], &addr) &&
                 network_holds(network, &addr) && client_peek(&seg->clients, fd, &view) &&
                 client_is_person(&view.facts) && (view.facts.flags & FACT_IN_ROOM);
    return found;
}

bool moderation_ban(struct segment *seg, const char *text, char *out, size_t size) {
    char word[MODERATION_WORD], err[256], shown[NETWORK_TEXT], until[RESTRICTION_TIME];
    struct ban ban = {0};
    const char *rest = text;
    if (!restriction_parse_network(moderation_word(&rest, word), &ban.network, err, sizeof err))
        return moderation_answer(false, out, size, "%s", err);
    if (!moderation_read_terms(rest, &ban, out, size) || !moderation_read(seg, out, size))
        return false;
    uint32_t i = bans_find(&moderation_next, &ban.network);
    if (i == BANS_MAX)
        return moderation_answer(false, out, size, "there are %d bans already; that is the most",
                                 BANS_MAX);
    moderation_next.count += i == moderation_next.count;
    moderation_next.ban[i] = ban;
    uint32_t people = moderation_count(seg, &ban.network);
    if (!moderation_write(seg, out, size))
        return false;
    network_format(&ban.network, shown);
    int n = snprintf(out, size, "banned %s%s%s", shown, ban.until_ms ? " until " : "",
                     ban.until_ms ? restriction_format_time(ban.until_ms, until) : "");
    if (people > 0)
        snprintf(out + n, size - (size_t)n, "; %u %s disconnected", people,
                 people == 1 ? "person is" : "people are");
    log_info("%s%s%s", out, ban.reason[0] ? ": " : "", ban.reason);
    return true;
}

/* The other ban that holds the whole network; NULL: none does. */
static const struct ban *moderation_wider(const struct network *network) {
    for (uint32_t i = 0; i < moderation_next.count; i++) {
        const struct ban *ban = &moderation_next.ban[i];
        if (ban->network.bits < network->bits && network_holds(&ban->network, &network->addr))
            return ban;
    }
    return NULL;
}

bool moderation_unban(struct segment *seg, const char *text, bool again, char *out, size_t size) {
    char word[MODERATION_WORD], err[256], shown[NETWORK_TEXT], other[NETWORK_TEXT];
    struct network network;
    const char *rest = text;
    if (!restriction_parse_network(moderation_word(&rest, word), &network, err, sizeof err))
        return moderation_answer(false, out, size, "%s", err);
    if (!moderation_read(seg, out, size))
        return false;
    uint32_t i = bans_find(&moderation_next, &network);
    const struct ban *wider = moderation_wider(&network);
    network_format(&network, shown);
    if (wider)
        network_format(&wider->network, other);
    if (i == moderation_next.count && again)
        return moderation_answer(true, out, size, "unbanned %s", shown);
    if (i == moderation_next.count)
        return moderation_answer(false, out, size, "%s is not banned%s%s", shown,
                                 wider ? " by itself, but by " : "", wider ? other : "");
    struct ban *last = &moderation_next.ban[--moderation_next.count];
    memmove(&moderation_next.ban[i], &moderation_next.ban[i + 1],
            (size_t)(last - &moderation_next.ban[i]) * sizeof *last);
    if (!moderation_write(seg, out, size))
        return false;
    snprintf(out, size, "unbanned %s%s%s", shown, wider ? "; it is still banned by " : "",
             wider ? other : "");
    log_info("%s", out);
    return true;
}

/* ---- mutes ---- */

/* Index of the mute; table->mutes: none. */
static uint32_t moderation_find_mute(const struct restriction_table *table, uint64_t key,
                                     const char *name) {
    uint32_t i = 0;
    while (i < table->mutes &&
           (table->mute[i].key != key || (key == 0 && strcmp(table->mute[i].name, name) != 0)))
        i++;
    return i;
}

static uint64_t moderation_key(const char **rest) {
    char word[MODERATION_WORD];
    return strtoull(moderation_word(rest, word), NULL, 16);
}

/* False with a sentence: the duration is none. */
static bool moderation_read_mute(const char *text, struct mute *mute, char *out, size_t size) {
    char endpoint[MODERATION_WORD], alone[MODERATION_WORD], word[MODERATION_WORD];
    const char *rest = text;
    memset(mute, 0, sizeof *mute);
    mute->key = moderation_key(&rest);
    moderation_word(&rest, endpoint);
    moderation_word(&rest, alone);
    moderation_word(&rest, word);
    if (!endpoint_parse(endpoint, &mute->addr, &mute->port) || *rest == '\0')
        return moderation_answer(false, out, size, "mute: the request is damaged");
    if (mute->key != 0)
        mute->port = 0;
    mute->by_address = strcmp(alone, "alone") == 0;
    snprintf(mute->name, sizeof mute->name, "%s", rest);
    if (restriction_read_term(word, &mute->until_ms) == TERM_GIVEN)
        return true;
    return moderation_answer(false, out, size, RESTRICTION_BAD_TERM, word);
}

bool moderation_mute(struct segment *seg, const char *text, char *out, size_t size) {
    char until[RESTRICTION_TIME], shown[MODERATION_SHOWN];
    struct mute mute;
    if (!moderation_read_mute(text, &mute, out, size))
        return false;
    struct restriction_table *table = restriction_edit(seg->restrictions, clock_wall_ms());
    uint32_t i = moderation_find_mute(table, mute.key, mute.name);
    if (i == MUTES_MAX)
        return moderation_answer(false, out, size, "there are %d mutes already; that is the most",
                                 MUTES_MAX);
    table->mutes += i == table->mutes;
    table->mute[i] = mute;
    moderation_publish(seg);
    snprintf(out, size, "muted %s%s%s%s", mute.name, mute.until_ms ? " until " : "",
             mute.until_ms ? restriction_format_time(mute.until_ms, until) : "",
             mute.by_address ? ", and its address" : "");
    log_info("%s", log_escape(shown, sizeof shown, out, strlen(out)));
    return true;
}

/* Of another name a mute may stand that holds for the person, too. */
static bool moderation_by_address(const struct restriction_table *table) {
    uint32_t i = 0;
    while (i < table->mutes && !table->mute[i].by_address)
        i++;
    return i < table->mutes;
}

bool moderation_unmute(struct segment *seg, const char *text, bool again, char *out, size_t size) {
    char shown[4 * MUTE_NAME_MAX];
    const char *name = text;
    uint64_t key = moderation_key(&name);
    struct restriction_table *table = restriction_edit(seg->restrictions, clock_wall_ms());
    uint32_t i = moderation_find_mute(table, key, name);
    if (i == table->mutes && again)
        return moderation_answer(true, out, size, "unmuted %s", name);
    if (i == table->mutes)
        return moderation_answer(
            false, out, size, "%s is not muted%s", name,
            moderation_by_address(table)
                ? " by that name; `chatroom-ctl bans` lists the mutes of addresses"
                : "");
    table->mute[i] = table->mute[--table->mutes];
    moderation_publish(seg);
    snprintf(out, size, "unmuted %s", name);
    log_info("unmuted %s", log_escape(shown, sizeof shown, name, strlen(name)));
    return true;
}

/* ---- the file, at other times ---- */

bool moderation_begin(struct segment *seg, const struct config *config, char *err,
                      size_t err_size) {
    moderation_errors.count = 0;
    if (!bans_check(config, err, err_size))
        return false;
    if (!bans_read(config->bans, clock_wall_ms(), &moderation_next, &moderation_errors)) {
        config_print_errors(&moderation_errors, stderr);
        snprintf(err, err_size, "%s: not started", config->bans);
        return false;
    }
    moderation_fill(seg); /* there is no worker yet */
    restriction_publish(seg->restrictions);
    return true;
}

/* Adds the bans that stand and are not in the list.  False: they are too many. */
static bool moderation_merge(const struct segment *seg, struct ban_list *list, bool *added) {
    static struct ban_list standing;
    moderation_standing(seg, &standing);
    for (uint32_t i = 0; i < standing.count; i++) {
        if (bans_find(list, &standing.ban[i].network) < list->count)
            continue;
        if (list->count == BANS_MAX)
            return false;
        list->ban[list->count++] = standing.ban[i];
        *added = true;
    }
    return true;
}

/* The file is another one than before.  False with a sentence. */
static bool moderation_moved(const struct segment *seg, const struct config *config, char *err,
                             size_t err_size) {
    bool added = false;
    if (!moderation_merge(seg, &moderation_next, &added)) {
        snprintf(err, err_size, "bans %s: with those that stand it would have more than %d bans",
                 config->bans, BANS_MAX);
        return false;
    }
    return !added || !config->bans[0] || bans_write(config, &moderation_next, err, err_size);
}

bool moderation_prepare(const struct segment *seg, const struct config *config, char *err,
                        size_t err_size) {
    static struct ban_list standing;
    moderation_errors.count = 0;
    if (!bans_check(config, err, err_size))
        return false;
    if (!bans_read(config->bans, clock_wall_ms(), &moderation_next, &moderation_errors)) {
        config_log_errors(&moderation_errors);
        snprintf(err, err_size, "reload failed");
        return false;
    }
    if (!config->bans[0] || strcmp(config->bans, header_config(seg->header)->bans) != 0)
        return moderation_moved(seg, config, err, err_size);
    moderation_standing(seg, &standing);
    if (!moderation_next.missing || standing.count == 0)
        return true;
    snprintf(err, err_size, "bans %s: it is gone, and %u %s; to lift all bans make an empty file",
             config->bans, standing.count, standing.count == 1 ? "ban stands" : "bans stand");
    return false;
}

/* Whether the table has these bans already. */
static bool moderation_is_published(const struct segment *seg) {
    const struct restriction_table *table = restriction_begin(seg->restrictions).table;
    return table->bans == moderation_next.count &&
           memcmp(table->ban, moderation_next.ban, table->bans * sizeof table->ban[0]) == 0;
}

void moderation_apply(struct segment *seg) {
    if (!moderation_is_published(seg))
        moderation_publish_bans(seg);
}

/* Workers are rung in any case: the predecessor may have died before it rang them. */
void moderation_take_up(struct segment *seg) {
    const struct config *config = header_config(seg->header);
    moderation_errors.count = 0;
    if (bans_read(config->bans, clock_wall_ms(), &moderation_next, &moderation_errors)) {
        if (config->bans[0] && !moderation_next.missing && !moderation_is_published(seg))
            moderation_publish_bans(seg);
    } else {
        config_log_errors(&moderation_errors);
        log_error("bans %s: the bans stay as they were", config->bans);
    }
    process_ring_all(seg);
}
