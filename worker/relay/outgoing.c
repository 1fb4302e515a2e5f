/* outgoing.c - see outgoing.h. */
#include "worker/relay/outgoing.h"

#include "ipc/address.h"
#include "worker/state/label.h"
#include "worker/text/sentence.h"

#include <string.h>

/* ---- copies ---- */

/* Side data, and the next string in them. */
struct outgoing_side {
    uint32_t len, at;
    char bytes[LINE_MAX_MAX + 2 * NAME_BYTES_MAX + 64];
};

/* False: they were overwritten. */
static bool outgoing_copy_side(const struct room *room, uint64_t index, struct outgoing_side *out) {
    uint64_t start = room_start(room, index, RING_SIDE);
    uint32_t len;
    const uint8_t *side = room_side(room, index, &len);
    out->len = len < sizeof out->bytes ? len : sizeof out->bytes;
    out->at = 0;
    memcpy(out->bytes, side, out->len);
    return room_unchanged(room, index, RING_SIDE, start);
}

/* The line without its end.  False: it was overwritten. */
static bool outgoing_copy_line(const struct room *room, uint64_t index, char out[SENTENCE_MAX],
                               size_t *len) {
    uint64_t start = room_start(room, index, ENC_UTF8);
    size_t n = room_len(room, index, ENC_UTF8);
    *len = n < SENTENCE_MAX ? n : SENTENCE_MAX;
    memcpy(out, room_text(room, ENC_UTF8, start), *len);
    if (*len >= 2 && memcmp(out + *len - 2, "\r\n", 2) == 0)
        *len -= 2;
    return room_unchanged(room, index, ENC_UTF8, start);
}

/* ---- fields ---- */

/* False: that is no name. */
static bool outgoing_name(char out[NAME_BYTES_MAX + 1], const char *name, size_t len) {
    if (len == 0 || len > NAME_BYTES_MAX)
        return false;
    memcpy(out, name, len);
    out[len] = '\0';
    return true;
}

static void outgoing_text(struct item *out, const char *text, size_t len) {
    if (len > LINE_MAX_MAX)
        for (len = LINE_MAX_MAX; len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80;)
            len--; /* whole characters */
    memcpy(out->text, text, len);
    out->text[len] = '\0';
    out->text_len = len;
}

/* The name that comes next. */
static bool outgoing_next(struct outgoing_side *side, char out[NAME_BYTES_MAX + 1]) {
    const char *at = side->bytes + side->at;
    size_t left = side->len - side->at, len = strnlen(at, left);
    side->at += (uint32_t)(len < left ? len + 1 : left);
    return len < left && outgoing_name(out, at, len);
}

static bool outgoing_view(const struct segment *seg, const struct entry *entry,
                          struct client_view *view) {
    return segment_has_client(seg, entry->client) &&
           client_peek_last(&seg->clients, entry->client, entry->generation, view);
}

/* A guest by address:port; once its record is another one's, by what its line calls it. */
static void outgoing_guest(const struct segment *seg, const struct entry *entry, const char *label,
                           char out[NAME_BYTES_MAX + 1]) {
    struct client_view view;
    struct in6_addr addr;
    bool ipv4;
    if (outgoing_view(seg, entry, &view)) {
        label_unique(client_view_name(&view), &view.addr, view.port, out);
        return;
    }
    if (!address_parse(label, &addr, &ipv4))
        addr = address_mapped("\0\0\0\0");
    endpoint_format(&addr, 0, out);
}

/* ---- kinds ---- */

/* "TEXT" of a guest, "NAME: TEXT", "* NAME TEXT", where a guest's name is its address. */
static bool outgoing_speech(const struct segment *seg, const struct entry *entry, const char *line,
                            size_t len, struct item *out) {
    bool me = entry->flags & ENTRY_ACTION;
    size_t from = me ? 2 : 0, behind = me ? 1 : 2;
    struct in6_addr addr;
    bool ipv4;
    out->kind = me ? ITEM_ME : ITEM_SAY;
    if (entry->flags & ENTRY_BARE) {
        out->kind = ITEM_BARE;
        outgoing_guest(seg, entry, "", out->who);
        outgoing_text(out, line, len);
        return true;
    }
    const char *end = len > from ? memchr(line + from, me ? ' ' : ':', len - from) : NULL;
    if (!end || !outgoing_name(out->who, line + from, (size_t)(end - line) - from))
        return false;
    size_t text = (size_t)(end - line) + behind;
    outgoing_text(out, line + text, len > text ? len - text : 0);
    if (me && address_parse(out->who, &addr, &ipv4))
        outgoing_guest(seg, entry, out->who, out->who);
    return true;
}

static bool outgoing_join(const struct segment *seg, const struct entry *entry,
                          struct outgoing_side *side, struct item *out) {
    struct client_view view;
    bool there = outgoing_view(seg, entry, &view);
    out->kind = ITEM_JOIN;
    if (there && view.facts.web & WEB_BOT)
        outgoing_text(out, "b", 1);
    if (side->len > 0)
        return outgoing_next(side, out->who);
    if (there)
        label_unique(client_view_name(&view), &view.addr, view.port, out->who);
    return there;
}

static bool outgoing_nick(struct outgoing_side *side, struct item *out) {
    char name[NAME_BYTES_MAX + 1];
    out->kind = ITEM_NICK;
    if (!outgoing_next(side, name) || !outgoing_next(side, out->who))
        return false;
    outgoing_text(out, name, strlen(name));
    return true;
}

/* The addressee's record.  False: the side data have none. */
static bool outgoing_addressee(const struct segment *seg, struct outgoing_side *side,
                               struct side_private *to) {
    if (side->len < sizeof *to)
        return false;
    memcpy(to, side->bytes, sizeof *to);
    side->at = sizeof *to;
    return to->client >= seg->clients.len && segment_has_client(seg, to->client);
}

static bool outgoing_private(const struct segment *seg, struct outgoing_side *side,
                             struct item *out) {
    struct side_private to;
    out->kind = ITEM_MSG;
    if (!outgoing_addressee(seg, side, &to) || !outgoing_next(side, out->who) ||
        !outgoing_next(side, out->to))
        return false;
    outgoing_text(out, side->bytes + side->at, side->len - side->at);
    return true;
}

/* The reason is the kicked client's alone. */
static bool outgoing_kick(struct outgoing_side *side, struct item *out) {
    uint32_t from = sizeof(struct side_private);
    out->kind = ITEM_KICK;
    if (side->len < from)
        return false;
    side->at = from + (uint32_t)strnlen(side->bytes + from, side->len - from) + 1;
    return side->at < side->len && outgoing_next(side, out->who);
}

static bool outgoing_note(const struct segment *seg, struct outgoing_side *side, struct item *out) {
    struct side_private to;
    struct client_view view;
    if (!outgoing_addressee(seg, side, &to) || side->at >= side->len)
        return false;
    out->kind = side->bytes[side->at++] == RELAY_NOTE_UNREAD ? ITEM_UNREAD : ITEM_NOBODY;
    if (!outgoing_next(side, out->who) ||
        !client_peek_last(&seg->clients, to.client, to.generation, &view) ||
        !client_view_name(&view))
        return false;
    label_unique(client_view_name(&view), &view.addr, view.port, out->to);
    return true;
}

static bool outgoing_announcement(const char *line, size_t len, struct item *out) {
    size_t skip = len >= 4 && memcmp(line, "*** ", 4) == 0 ? 4 : 0;
    out->kind = ITEM_SYS;
    outgoing_text(out, line + skip, len - skip);
    return true;
}

/* ---- entries ---- */

/* For room_unchanged: a place in the text that is not overwritten. */
#define OUTGOING_NO_TEXT(room) (UINT64_MAX - (room)->ring_size[ENC_UTF8])

static bool outgoing_said(const struct segment *seg, const struct entry *entry, const char *line,
                          size_t len, struct item *out) {
    return entry->kind == ENTRY_SPEECH ? outgoing_speech(seg, entry, line, len, out)
                                       : outgoing_announcement(line, len, out);
}

static bool outgoing_done(const struct segment *seg, const struct entry *entry,
                          struct outgoing_side *side, struct item *out) {
    switch ((enum entry_kind)entry->kind) {
    case ENTRY_JOIN: return outgoing_join(seg, entry, side, out);
    case ENTRY_LEAVE: out->kind = ITEM_LEAVE; return outgoing_next(side, out->who);
    case ENTRY_NICK: return outgoing_nick(side, out);
    case ENTRY_KICK: return outgoing_kick(side, out);
    case ENTRY_PRIVATE: return outgoing_private(seg, side, out);
    case ENTRY_NOTE: return outgoing_note(seg, side, out);
    default: return false;
    }
}

static bool outgoing_is_own(const struct entry *entry) {
    return entry->kind == ENTRY_NOTE || (entry->slot != RELAY_SLOT && entry->client != NO_CLIENT);
}

enum outgoing outgoing_read(const struct segment *seg, struct gather_clock *clock, uint64_t index,
                            struct entry *entry, struct item *out) {
    const struct room *room = &seg->room;
    static struct outgoing_side side; /* one a process, like the line */
    static char line[SENTENCE_MAX];
    size_t len = 0;
    *entry = *room_entry(room, index);
    bool own = outgoing_is_own(entry);
    bool said = entry->kind == ENTRY_SPEECH || entry->kind == ENTRY_SYSTEM;
    bool whole = !own   ? room_unchanged(room, index, ENC_UTF8, OUTGOING_NO_TEXT(room))
                 : said ? outgoing_copy_line(room, index, line, &len)
                        : outgoing_copy_side(room, index, &side);
    if (!whole)
        return OUTGOING_TORN;
    out->who[0] = out->to[0] = '\0';
    outgoing_text(out, "", 0);
    if (!own ||
        !(said ? outgoing_said(seg, entry, line, len, out) : outgoing_done(seg, entry, &side, out)))
        return OUTGOING_NOT;
    out->ms = gather_time(seg, clock, entry->time);
    return OUTGOING_ITEM;
}
