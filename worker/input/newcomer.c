/* newcomer.c - see newcomer.h. */
#include "worker/input/newcomer.h"

#include "worker/protocol/foreign.h"
#include "worker/protocol/telnet.h"
#include "worker/record/leave.h"

#include <string.h>
#include <sys/socket.h>

enum {
    NEWCOMER_HEAD = 256
}; /* bytes of a line that is too long: enough for a method and a target */

static bool newcomer_ends(struct worker *w, struct client *c, enum foreign kind) {
    if (!foreign_closes(kind))
        return false;
    leave_begin(w, c, foreign_reason(kind));
    return true;
}

/* The first bytes that the client has sent, which stay where they are: behind a PROXY header some
 * may have been received with it. */
static size_t newcomer_peek(struct worker *w, const struct client *c, uint8_t head[NEWCOMER_HEAD]) {
    const struct facts *f = client_facts(c);
    size_t n = (size_t)(c->received - f->consumed);
    n = n < NEWCOMER_HEAD ? n : NEWCOMER_HEAD;
    if (n > 0) {
        const struct rx_buffer *rx = buffer_at(&w->seg->rx_buffers, f->rx);
        memcpy(head, rx->raw + f->raw_off, n);
    }
    ssize_t more = 0;
    if (n < NEWCOMER_HEAD)
        more = recv((int)client_index(w, c), head + n, NEWCOMER_HEAD - n, MSG_PEEK | MSG_DONTWAIT);
    return n + (more > 0 ? (size_t)more : 0);
}

bool newcomer_waiting(struct worker *w, struct client *c) {
    uint8_t head[NEWCOMER_HEAD];
    if (client_kind(c) != KIND_TELNET || w->config.login || client_facts(c)->flags & FACT_GREETED ||
        !client_live(c))
        return false;
    size_t n = newcomer_peek(w, c, head);
    if (n == 0)
        return false;
    const uint8_t *end = memchr(head, '\n', n);
    size_t len = end ? (size_t)(end - head) : n;
    if (end && len > 0 && end[-1] == '\r')
        len--;
    if (newcomer_ends(w, c, foreign_opening(head, n)))
        return true;
    return len > 0 && (end || len == sizeof head) &&
           newcomer_ends(w, c, foreign_line(head, len, end != NULL));
}

bool newcomer_opening(struct worker *w, struct client *c, const uint8_t *raw, size_t len) {
    enum foreign kind = foreign_opening(raw, len);
    return newcomer_ends(w, c, kind) || kind == FOREIGN_MORE;
}

/* The line will be too long, and is not kept: its beginning is judged now. */
static enum foreign newcomer_head(const struct line *so_far, const struct telnet_event *text) {
    uint8_t head[NEWCOMER_HEAD];
    size_t len = so_far->len < sizeof head ? so_far->len : sizeof head, more = sizeof head - len;
    memcpy(head, so_far->bytes, len);
    more = text->len < more ? text->len : more;
    memcpy(head + len, text->bytes, more);
    return foreign_line(head, len + more, false);
}

bool newcomer_text(struct worker *w, struct client *c, const struct line *so_far, uint32_t line_max,
                   struct telnet *telnet, const struct telnet_event *text) {
    enum foreign kind = telnet_spoken(telnet) ? FOREIGN_NONE : foreign_text(text->bytes, text->len);
    if (kind == FOREIGN_NONE)
        kind = foreign_controls(text->bytes, text->len, &telnet->controls);
    if (kind == FOREIGN_NONE && !so_far->overlong && so_far->len + text->len > line_max)
        kind = newcomer_head(so_far, text);
    return newcomer_ends(w, c, kind);
}

void newcomer_key(struct telnet *telnet, enum telnet_kind kind) {
    if (kind == TELNET_ERASE_WORD || kind == TELNET_ERASE_LINE || kind == TELNET_ERASE_HEAD ||
        kind == TELNET_REPRINT || kind == TELNET_INTERRUPT)
        foreign_key(&telnet->controls);
}

bool newcomer_line(struct worker *w, struct client *c, struct line *line) {
    if (line->overlong || line->len == 0)
        return false;
    enum foreign kind = foreign_line(line->bytes, line->len, true);
    line->probe = kind == FOREIGN_WORD;
    return newcomer_ends(w, c, kind);
}
