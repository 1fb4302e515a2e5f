/* item.c - see item.h. */
#include "worker/protocol/item.h"

#include "ipc/address.h"
#include "ipc/decimal.h"
#include "ipc/relay.h"
#include "worker/text/name.h"
#include "worker/text/sanitize.h"

#include <string.h>

static const char item_digits[] = "0123456789abcdef";

/* clang-format off */
static const struct {
    const char *word;
    bool who, to; /* whether it has them; other kinds have them empty */
    bool text;    /* any */
} item_kinds[ITEM_KINDS] = {
    [ITEM_SAY]    = {"say",    true,  false, true},
    [ITEM_ME]     = {"me",     true,  false, true},
    [ITEM_BARE]   = {"bare",   true,  false, true},
    [ITEM_JOIN]   = {"join",   true,  false, true},
    [ITEM_LEAVE]  = {"leave",  true,  false, false},
    [ITEM_NICK]   = {"nick",   true,  false, true},
    [ITEM_KICK]   = {"kick",   true,  false, false},
    [ITEM_SYS]    = {"sys",    false, false, true},
    [ITEM_MSG]    = {"msg",    true,  true,  true},
    [ITEM_NOBODY] = {"nobody", true,  true,  false},
    [ITEM_UNREAD] = {"unread", true,  true,  false},
    [ITEM_HELLO]  = {"hello",  false, false, false},
    [ITEM_END]    = {"end",    false, false, false},
};
/* clang-format on */

#define ITEM_FIXED                                                                                 \
    "1\t\t0123456789abcdef\t4294967295\t18446744073709551615\t18446744073709551615\t4294967295\t"  \
    "18446744073709551615\tunread\t\t\t"
_Static_assert(NODE_NAME_MAX + 2 * NAME_BYTES_MAX + LINE_MAX_MAX + sizeof ITEM_FIXED <= ITEM_MAX,
               "the longest item fits");

/* Each writes a field and a TAB behind it, and returns where the next begins. */
static char *item_put(char *at, const char *text) {
    at = stpcpy(at, text);
    *at = '\t';
    return at + 1;
}

static char *item_put_number(char *at, uint64_t number) {
    at += decimal_write(number, at);
    *at = '\t';
    return at + 1;
}

static char *item_put_life(char *at, uint64_t life) {
    for (int shift = 60; shift >= 0; shift -= 4)
        *at++ = item_digits[life >> shift & 15];
    *at = '\t';
    return at + 1;
}

size_t item_write(const struct item *item, char out[ITEM_MAX]) {
    char *at = item_put(item_put(out, "1"), item->node);
    at = item_put_number(item_put_life(at, item->life), item->turn);
    at = item_put_number(item_put_number(at, item->prev), item->index);
    at = item_put_number(item_put_number(at, item->lines), (uint64_t)item->ms);
    at = item_put(item_put(at, item_kinds[item->kind].word), item->who);
    at = item_put(at, item->to);
    memcpy(at, item->text, item->text_len);
    return (size_t)(at - out) + item->text_len;
}

/* ---- reading ---- */

/* What is left of an item that is being read. */
struct item_rest {
    const char *at, *end;
    bool last; /* the field just taken had no TAB behind it */
};

struct item_field {
    const char *at;
    size_t len;
};

/* Up to the next TAB, or to the end. */
static struct item_field item_take(struct item_rest *rest) {
    struct item_field field = {rest->at, (size_t)(rest->end - rest->at)};
    const char *tab = memchr(rest->at, '\t', field.len);
    rest->last = !tab;
    if (tab)
        field.len = (size_t)(tab - rest->at);
    rest->at = tab ? tab + 1 : rest->end;
    return field;
}

static bool item_is(struct item_field field, const char *word) {
    return field.len == strlen(word) && memcmp(field.at, word, field.len) == 0;
}

/* As item_write writes it: no sign, no zeros before it.  False: it is none, or above `most`. */
static bool item_decimal(struct item_field field, uint64_t most, uint64_t *out) {
    uint64_t number = 0;
    if (field.len == 0 || (field.at[0] == '0' && field.len > 1))
        return false;
    for (size_t i = 0; i < field.len; i++) {
        uint64_t digit = (uint64_t)(unsigned char)field.at[i] - '0';
        if (digit > 9 || number > (most - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *out = number;
    return true;
}

static bool item_decimal32(struct item_field field, uint32_t *out) {
    uint64_t number;
    bool is = item_decimal(field, UINT32_MAX, &number);
    *out = is ? (uint32_t)number : 0;
    return is;
}

static bool item_life(struct item_field field, uint64_t *out) {
    *out = 0;
    for (size_t i = 0; i < field.len && field.len == 16; i++) {
        const char *digit = memchr(item_digits, field.at[i], 16);
        if (!digit)
            return false;
        *out = *out << 4 | (uint64_t)(digit - item_digits);
    }
    return *out != 0;
}

/* As a string; false: it is too long. */
static bool item_string(struct item_field field, char *out, size_t size) {
    out[0] = '\0';
    if (field.len >= size)
        return false;
    memcpy(out, field.at, field.len);
    out[field.len] = '\0';
    return true;
}

bool item_is_person(const char *text, size_t len, const char *room) {
    char copy[ENDPOINT_TEXT], same[ENDPOINT_TEXT];
    struct in6_addr addr;
    uint16_t port;
    if (name_check(text, len, room) == NAME_OK)
        return true;
    return item_string((struct item_field){text, len}, copy, sizeof copy) &&
           endpoint_parse(copy, &addr, &port) &&
           strcmp(endpoint_format(&addr, port, same), copy) == 0;
}

/* NAME@NODE */
static bool item_is_addressee(const char *text, const char *room) {
    const char *node = strrchr(text, '@');
    return node && relay_is_node(node + 1) && item_is_person(text, (size_t)(node - text), room);
}

/* Up to KIND, and that. */
static const char *item_read_head(struct item_rest *rest, struct item *out) {
    uint64_t ms = 0;
    if (!item_life(item_take(rest), &out->life))
        return "its life is not 16 hexadecimal digits";
    if (!item_decimal32(item_take(rest), &out->turn))
        return "its turn is no number";
    if (!item_decimal(item_take(rest), UINT64_MAX, &out->prev))
        return "the index of the one before is no number";
    if (!item_decimal(item_take(rest), UINT64_MAX, &out->index))
        return "its index is no number";
    if (!item_decimal32(item_take(rest), &out->lines))
        return "its number of lines is no number";
    if (!item_decimal(item_take(rest), ITEM_MS_MAX, &ms))
        return "its time is none";
    out->ms = (int64_t)ms;
    struct item_field kind = item_take(rest);
    for (out->kind = 0; out->kind < ITEM_KINDS; out->kind++)
        if (item_is(kind, item_kinds[out->kind].word))
            break;
    if (out->kind == ITEM_KINDS)
        return "its kind is not known";
    if (out->kind != ITEM_HELLO && out->kind != ITEM_END && out->prev >= out->index)
        return "its index is not above that of the one before";
    return NULL;
}

static const char *item_read_people(struct item_rest *rest, const char *room, struct item *out) {
    struct item_field who = item_take(rest), to = item_take(rest);
    if (!item_string(who, out->who, sizeof out->who) ||
        (item_kinds[out->kind].who ? !item_is_person(out->who, who.len, room) : who.len > 0))
        return item_kinds[out->kind].who ? "it is of no name that may be one"
                                         : "it has a name, which its kind has not";
    if (!item_string(to, out->to, sizeof out->to) ||
        (item_kinds[out->kind].to ? !item_is_addressee(out->to, room) : to.len > 0))
        return item_kinds[out->kind].to ? "it is for no NAME@NODE"
                                        : "it has an addressee, which its kind has not";
    return NULL;
}

/* `text` is behind the last TAB. */
static const char *item_read_text(struct item_field text, const char *room, struct item *out) {
    if (text.len > LINE_MAX_MAX)
        return "its text is too long";
    if (memchr(text.at, '\t', text.len))
        return "it has a field too many";
    if (text.len > 0 && !item_kinds[out->kind].text)
        return "it has a text, which its kind has not";
    if (out->kind == ITEM_JOIN && text.len > 0 && !item_is(text, "b"))
        return "the text of a join is neither empty nor b";
    if (out->kind == ITEM_NICK && name_check(text.at, text.len, room) != NAME_OK)
        return "its new name is none that may be one";
    memcpy(out->text, text.at, text.len);
    out->text_len = sanitize(out->text, text.len);
    out->text[out->text_len] = '\0';
    return NULL;
}

bool item_is_of(const char *bytes, size_t len, const char *node) {
    struct item_rest rest = {bytes, bytes + len, false};
    item_take(&rest);
    return item_is(item_take(&rest), node);
}

const char *item_read(const char *bytes, size_t len, const char *room, struct item *out) {
    struct item_rest rest = {bytes, bytes + len, false};
    struct item_field version = item_take(&rest), node = item_take(&rest);
    out->text_len = 0;
    out->who[0] = out->to[0] = out->text[0] = '\0';
    if (!item_string(node, out->node, sizeof out->node) || strlen(out->node) != node.len ||
        !relay_is_node(out->node)) {
        out->node[0] = '\0';
        return "it names no machine";
    }
    if (!item_is(version, "1"))
        return "its version is not 1";
    if (len > ITEM_MAX)
        return "it is too long";
    if (memchr(bytes, '\0', len))
        return "it has a NUL";
    const char *why = item_read_head(&rest, out);
    if (!why)
        why = item_read_people(&rest, room, out);
    if (!why && rest.last)
        why = "it ends before its text";
    return why ? why
               : item_read_text((struct item_field){rest.at, (size_t)(rest.end - rest.at)}, room,
                                out);
}
