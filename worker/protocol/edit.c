/* edit.c - see edit.h. */
#include "worker/protocol/edit.h"

#include "ipc/unicode.h"

#include <string.h>

static uint32_t edit_cursor(const struct edit *e) {
    return e->len - e->behind;
}

static void edit_move_to(struct edit *e, uint32_t at) {
    e->behind = e->len - at;
}

/* Bytes [from, to) are taken out; the cursor is then there. */
static void edit_remove(struct edit *e, uint32_t from, uint32_t to) {
    if (from == to)
        return;
    erase_to(e->erase, e->line, from);
    memmove(e->line + from, e->line + to, e->len - to);
    e->rewritten |= to < e->len;
    e->behind = e->len - to;
    e->len -= to - from;
}

void edit_text(struct edit *e, const uint8_t *bytes, uint32_t n) {
    uint32_t at = edit_cursor(e);
    if (e->behind > 0) {
        erase_to(e->erase, e->line, at);
        memmove(e->line + at + n, e->line + at, e->behind);
        e->rewritten = true;
    }
    memcpy(e->line + at, bytes, n);
    e->len += n;
}

void edit_replace(struct edit *e, uint32_t from, const void *text, uint32_t n) {
    const uint8_t *bytes = text;
    uint32_t at = edit_cursor(e), same = 0;
    while (from + same < at && same < n && e->line[from + same] == bytes[same])
        same++;
    e->rewritten |= from + same < at;
    edit_remove(e, from + same, at);
    edit_text(e, bytes + same, n - same);
}

void edit_drop_half(struct edit *e) {
    uint32_t at = edit_cursor(e);
    erase_to(e->erase, e->line, at);
    edit_remove(e, at - erase_half(e->erase, e->line, at), at);
}

/* ---- words ---- */

static uint32_t edit_word_before(struct edit *e, uint32_t at) {
    while (at > 0 && e->line[at - 1] == ' ')
        at--;
    while (at > 0 && e->line[at - 1] != ' ')
        at = erase_before(e->erase, e->line, e->len, at);
    return at;
}

static uint32_t edit_word_after(struct edit *e, uint32_t at) {
    while (at < e->len && e->line[at] == ' ')
        at++;
    while (at < e->len && e->line[at] != ' ')
        at = erase_after(e->erase, e->line, e->len, at);
    return at;
}

/* ---- keys ---- */

static bool edit_moves(struct edit *e, enum telnet_kind kind) {
    uint32_t at = edit_cursor(e);
    switch (kind) {
    case TELNET_LEFT: edit_move_to(e, erase_before(e->erase, e->line, e->len, at)); break;
    case TELNET_RIGHT: edit_move_to(e, erase_after(e->erase, e->line, e->len, at)); break;
    case TELNET_WORD_LEFT: edit_move_to(e, edit_word_before(e, at)); break;
    case TELNET_WORD_RIGHT: edit_move_to(e, edit_word_after(e, at)); break;
    case TELNET_HOME: edit_move_to(e, 0); break;
    case TELNET_END: edit_move_to(e, e->len); break;
    default: return false;
    }
    return true;
}

/* What a key takes out, [*from, *to); false: it takes nothing out. */
static bool edit_erases(struct edit *e, enum telnet_kind kind, uint32_t *from, uint32_t *to) {
    uint32_t at = edit_cursor(e);
    *from = *to = at;
    switch (kind) {
    case TELNET_ERASE_CHAR: *from = erase_before(e->erase, e->line, e->len, at); break;
    case TELNET_ERASE_WORD:
    case TELNET_ALT_ERASE: *from = edit_word_before(e, at); break;
    case TELNET_ERASE_HEAD: *from = 0; break;
    case TELNET_ERASE_TAIL: *to = e->len; break;
    case TELNET_DELETE: *to = erase_after(e->erase, e->line, e->len, at); break;
    case TELNET_ERASE_LINE:
    case TELNET_INTERRUPT:
        *from = 0;
        *to = e->len;
        break;
    default: return false;
    }
    return true;
}

bool edit_is(enum telnet_kind kind) {
    switch (kind) {
    case TELNET_ERASE_CHAR:
    case TELNET_ERASE_WORD:
    case TELNET_ERASE_LINE:
    case TELNET_ERASE_HEAD:
    case TELNET_ERASE_TAIL:
    case TELNET_ALT_ERASE:
    case TELNET_DELETE:
    case TELNET_LEFT:
    case TELNET_RIGHT:
    case TELNET_WORD_LEFT:
    case TELNET_WORD_RIGHT:
    case TELNET_HOME:
    case TELNET_END: return true;
    default: return false;
    }
}

void edit_key(struct edit *e, const struct telnet_event *ev) {
    enum telnet_kind kind = (enum telnet_kind)ev->kind;
    uint32_t from, to;
    if (ev->typed && e->behind == 0 && e->len < LINE_MAX_MAX &&
        erase_half(e->erase, e->line, e->len) > 0)
        edit_text(e, &ev->typed, 1); /* in the middle of a character it was a byte of it */
    else if (!edit_moves(e, kind) && edit_erases(e, kind, &from, &to))
        edit_remove(e, from, to);
}

bool edit_acts_on_wide(struct edit *e, enum telnet_kind kind) {
    uint32_t from = edit_cursor(e), to = from;
    if (kind == TELNET_ERASE_CHAR || kind == TELNET_LEFT)
        from = erase_before(e->erase, e->line, e->len, to);
    else if (kind == TELNET_DELETE || kind == TELNET_RIGHT)
        to = erase_after(e->erase, e->line, e->len, from);
    if (to - from < 2)
        return false;
    if (!erase_in_utf8(e->erase, e->line, e->len))
        return e->line[from] > 0x80;
    size_t len;
    int32_t code = unicode_decode((const char *)e->line + from, to - from, &len);
    return unicode_properties(code).columns == 2;
}
