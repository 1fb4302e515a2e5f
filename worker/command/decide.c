/* decide.c - see decide.h. */
#include "worker/command/decide.h"

#include "ipc/unicode.h"
#include "worker/command/commands.h"
#include "worker/command/say.h"
#include "worker/record/encoding.h"
#include "worker/text/charset.h"
#include "worker/text/regular.h"
#include "worker/text/sanitize.h"

#include <string.h>

/* A line, read but not yet acted upon. */
struct decide {
    char raw[LINE_MAX_MAX + 1]; /* UTF-8 */
    char text[LINE_MAX_MAX + 1];
    size_t raw_len;
    enum encoding used; /* by its sender */
    struct regular regular;
};

/* False: it is too long. */
static bool decide_read(const struct worker *w, const struct client *c, const struct line *line,
                        struct decide *d) {
    enum encoding enc = client_read(client_facts(c));
    if (line->overlong)
        return false;
    ptrdiff_t len =
        charset_decode(line->bytes, line->len, enc, d->raw, w->config.line_max, &d->used);
    if (len < 0)
        return false;
    d->raw_len = (size_t)len;
    d->raw[len] = '\0';
    memcpy(d->text, d->raw, d->raw_len);
    d->regular = regular_read(d->text, sanitize(d->text, d->raw_len));
    return true;
}

/* Without a slash.  Before login a bare word is no name: scanners, and people who try `hello`,
 * would become people.  In the room `login` is none before a whole sentence. */
static bool decide_is_bare(const struct command *command, const struct regular *line,
                           uint32_t flags) {
    bool alone = *line->argument == '\0';
    if (!(flags & FACT_IN_ROOM))
        return command->how & COMMAND_LOGIN || (command->how & COMMAND_FIRST && alone);
    if (!(flags & FACT_NAMED)) /* in the open room a line is speech */
        return false;
    if (command->how & COMMAND_LOGIN)
        return line->argument[regular_word(line->argument)] == '\0';
    return command->how & COMMAND_CLASSIC && !(command->how & COMMAND_TEXT) == alone;
}

static bool decide_is_slashed(const struct command *command, uint32_t flags) {
    if (!(flags & FACT_IN_ROOM))
        return command->how & COMMAND_EARLY;
    return flags & FACT_NAMED || !(command->how & COMMAND_NAMED);
}

/* The command that the line is.  NULL: none. */
static const struct command *decide_command(const struct regular *line, const struct facts *f) {
    uint32_t flags = f->flags;
    bool browser = f->ring == RING_JSON;
    const struct command *command = command_find(line->word);
    if (!command || (command->how & COMMAND_TERMINAL && browser))
        return NULL;
    bool is = line->mark == REGULAR_BARE ? decide_is_bare(command, line, flags)
                                         : decide_is_slashed(command, flags);
    return is ? command : NULL;
}

static enum line_outcome decide_unknown(const struct invocation *inv, const struct regular *line) {
    line->text[line->first] = '\0';
    return invocation_say_text(inv, SAY_UNKNOWN, line->text);
}

/* A newcomer's `HELP` in the open room may be a scanner's: that is answered, and nobody else is
 * shown it. */
static enum line_outcome decide_regular(struct invocation *inv, const struct regular *line) {
    uint32_t flags = client_facts(inv->c)->flags;
    bool probe = inv->line->probe && command_in_open_room(inv);
    const struct command *command =
        probe ? command_find("help") : decide_command(line, client_facts(inv->c));
    if (*line->text == '\0')
        inv->line->len = 0; /* a line of blanks is an empty one */
    inv->text = line->argument;
    if (command)
        return command_run(inv, command);
    if (!(flags & FACT_IN_ROOM))
        return invocation_say_text(inv, SAY_LOG_IN, NULL);
    if (line->mark == REGULAR_SLASH)
        return decide_unknown(inv, line);
    if (*line->text == '\0')
        return invocation_nothing(inv);
    if (command_muted(inv))
        return invocation_say_text(inv, SAY_MUTED, NULL);
    return say_speech(inv->w, inv->c, inv->line, line->text, false);
}

/* A client that is sent UTF-8 by default and types Chinese in GBK has a GBK terminal: it is
 * switched, once. */
static bool decide_switches(const struct invocation *inv, enum encoding used) {
    const struct facts *f = client_facts(inv->c);
    return used == ENC_GBK && client_wire(f) == ENC_UTF8 &&
           !(f->flags & (FACT_ENC_CHOSEN | FACT_SWITCHED)) &&
           charset_is_chinese(inv->line->bytes, inv->line->len);
}

/* A client that types UTF-8 beyond ASCII is read as nothing else from then on. */
static bool decide_settles(const struct invocation *inv, enum encoding used) {
    const struct line *line = inv->line;
    return used == ENC_UTF8 && !(client_facts(inv->c)->flags & FACT_READ_UTF8) &&
           unicode_ascii(line->bytes, line->len) < line->len &&
           unicode_valid((const char *)line->bytes, line->len) &&
           !charset_is_chinese(line->bytes, line->len); /* C0 to DF, 80 to BF is both */
}

/* What the line says of its client; it is not consumed, but decided again. */
static enum line_outcome decide_learn(const struct invocation *inv, enum encoding used) {
    struct change ch;
    struct words words = {.text = charset_label(ENC_GBK)};
    change_begin(&ch, inv->w, inv->c);
    if (used == ENC_GBK) {
        encoding_switch(&ch, ENC_GBK);
        ch.f->flags |= FACT_SWITCHED;
        change_sentence(&ch, SAY_ENCODING_IS, &words);
    } else {
        ch.f->flags |= FACT_READ_UTF8;
    }
    return invocation_done(inv, &ch);
}

enum line_outcome decide_too_long(const struct invocation *inv) {
    struct words words = {.n = inv->line->max};
    return inv->line->plain_only ? LINE_LATER : invocation_say(inv, SAY_TOO_LONG, &words);
}

enum line_outcome decide_line(struct worker *w, struct client *c, struct line *line) {
    struct invocation inv = {.w = w, .c = c, .line = line};
    struct decide d;
    if (!decide_read(w, c, line, &d))
        return decide_too_long(&inv);
    if (decide_switches(&inv, d.used) || decide_settles(&inv, d.used))
        return line->plain_only ? LINE_LATER : decide_learn(&inv, d.used);
    /* Where key sequences were left out, a terminal without echo showed something else. */
    inv.as_typed = regular_as_typed(d.raw, d.raw_len, d.regular.argument) && !line->keyed;
    return decide_regular(&inv, &d.regular);
}

bool decide_leaves(const struct worker *w, const struct client *c, const struct line *line) {
    struct decide d;
    if (!decide_read(w, c, line, &d))
        return false;
    const struct command *command = decide_command(&d.regular, client_facts(c));
    return command && command_leaves(command);
}
