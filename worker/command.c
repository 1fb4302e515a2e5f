/* command.c - the table of commands, and what a line means; see command.h. */
#include "worker/command.h"

#include "worker/apply.h"
#include "worker/charset.h"
#include "worker/flush.h"
#include "worker/history.h"
#include "worker/ignore.h"
#include "worker/leave.h"
#include "worker/list.h"
#include "worker/name.h"
#include "worker/talk.h"
#include "worker/text.h"

#include <stdlib.h>
#include <string.h>

const char *const encoding_names[ENC_COUNT] = {"utf-8", "gbk", "big5"};

/* A line on its way through: clean UTF-8, NUL-terminated; `raw` is the same before cleaning,
 * because names are checked as typed. */
struct call {
    struct worker *w;
    struct client *c;
    struct line *line;
    char *text, *raw; /* what follows the command's name and blanks */
};

/* ---- committing an answer ---- */

/* What was said before is shown before the answer, unless the client does not read. */
static void call_edit(struct edit *e, const struct call *call) {
    const struct line *line = call->line;
    if (!line->plain_only)
        flush_client(call->w, call->c);
    edit_begin(e, call->w, call->c);
    struct facts *f = e->f;
    f->raw_off = (uint16_t)(f->raw_off + (line->consumed - f->handled));
    f->handled = line->consumed;
    f->line_len = 0;
    f->sub_len = 0;
    f->flags &= ~(uint32_t)FACT_OVERLONG;
    if (f->flags & FACT_IN_ROOM)
        f->heard = call->w->now;
    f->tat = flood_charge(&call->w->config, f->tat, call->w->now);
    memcpy(f->telnet, line->telnet, sizeof f->telnet);
    edit_give_line_box(e);
}

/* An answer would commit past the lines that are staged and not yet in the ledger: not then. */
static enum line_outcome call_done(const struct call *call, struct edit *e) {
    if (call->line->plain_only) {
        edit_abandon(e);
        return LINE_LATER;
    }
    return edit_commit(e) ? LINE_DONE : LINE_NO_BOX;
}

static enum line_outcome call_say(const struct call *call, enum sentence which,
                                  const struct words *words) {
    struct edit e;
    call_edit(&e, call);
    edit_sentence(&e, which, words);
    return call_done(call, &e);
}

static enum line_outcome call_say_text(const struct call *call, enum sentence which,
                                       const char *text) {
    struct words words = {
        .text = text, .name = text, .room = call->w->config.room, .n = HISTORY_MAX};
    return call_say(call, which, &words);
}

static enum line_outcome call_nothing(const struct call *call) {
    struct edit e;
    call_edit(&e, call);
    return call_done(call, &e);
}

/* ---- names ---- */

/* One word, off the front; the rest begins behind the blanks after it. */
static char *word_off(char **rest) {
    char *word = *rest;
    size_t len = strcspn(word, " ");
    char *after = word + len;
    *rest = after + strspn(after, " ");
    *after = '\0';
    return word;
}

static bool name_good(const struct call *call, const char *name) {
    return name_check(name, strlen(name), call->w->config.room) == NAME_OK;
}

/* In the open room people are named by address:port. */
static bool find_endpoint(struct worker *w, const char *name, uint32_t *client, uint32_t *birth) {
    uint32_t high = atomic_load(&w->seg->header->fd_high);
    for (uint32_t fd = 0; fd <= high && fd < w->seg->clients.len; fd++) {
        const struct client *c = worker_client(w, fd);
        char endpoint[80];
        struct facts facts;
        if (!client_peek(c, &facts, birth) || !(facts.flags & FACT_IN_ROOM))
            continue;
        client_endpoint(c, endpoint);
        if (strcmp(endpoint, name) == 0) {
            *client = fd;
            return true;
        }
    }
    return false;
}

/* ---- the commands ---- */

static enum line_outcome do_login(struct call *call) {
    if (*call->raw == '\0')
        return call_say_text(call, SAY_NO_NAME, NULL);
    if (!name_good(call, call->raw))
        return call_say_text(call, SAY_NOT_A_NAME, call->text);
    return talk_join(call->w, call->c, call->line, call->raw);
}

static enum line_outcome do_quit(struct call *call) {
    flush_client(call->w, call->c);
    leave_begin(call->w, call->c, NULL);
    return LINE_GONE;
}

static enum line_outcome do_list(struct call *call, uint32_t which) {
    struct edit e;
    call_edit(&e, call);
    list_begin(&e, which);
    return call_done(call, &e);
}

static enum line_outcome do_look(struct call *call) {
    return do_list(call, FACT_LIST_ROOM);
}
static enum line_outcome do_who(struct call *call) {
    return do_list(call, FACT_LIST_ALL);
}

static enum line_outcome do_say(struct call *call) {
    if (*call->text == '\0')
        return call_say_text(call, SAY_WHAT_TO_SAY, "say TEXT");
    return talk_speech(call->w, call->c, call->line, call->text, strlen(call->text), false);
}

static enum line_outcome do_me(struct call *call) {
    if (*call->text == '\0')
        return call_say_text(call, SAY_WHAT_TO_SAY, "/me TEXT");
    return talk_speech(call->w, call->c, call->line, call->text, strlen(call->text), true);
}

static enum line_outcome do_nick(struct call *call) {
    if (!(client_facts(call->c)->flags & FACT_NAMED))
        return call_say_text(call, SAY_UNKNOWN, "/nick");
    if (*call->raw == '\0')
        return call_say_text(call, SAY_NO_NAME, NULL);
    if (!name_good(call, call->raw))
        return call_say_text(call, SAY_NOT_A_NAME, call->text);
    return talk_nick(call->w, call->c, call->line, call->raw);
}

static enum line_outcome do_msg(struct call *call) {
    char *text = call->text, *name = word_off(&text);
    struct worker *w = call->w;
    if (*name == '\0' || *text == '\0')
        return call_say_text(call, SAY_WHAT_TO_SAY, "/msg NAME TEXT");
    if (client_facts(call->c)->flags & FACT_NAMED)
        return talk_private(w, call->c, call->line, name,
                            name_key(name, strlen(name), w->seg->header->name_key), NOBODY, 0,
                            text);
    uint32_t client, birth;
    if (!find_endpoint(w, name, &client, &birth))
        return call_say_text(call, SAY_NOBODY, name);
    return talk_private(w, call->c, call->line, name, 0, client, birth, text);
}

static enum line_outcome do_reply(struct call *call) {
    const struct facts *f = client_facts(call->c);
    struct worker *w = call->w;
    uint32_t client = f->reply_client, expected = f->reply_birth, birth;
    struct facts other;
    char called[80 + NAME_BYTES_MAX];
    if (*call->text == '\0')
        return call_say_text(call, SAY_WHAT_TO_SAY, "/reply TEXT");
    if (expected == 0 || client >= w->seg->clients.len ||
        !client_peek(worker_client(w, client), &other, &birth) || birth != expected)
        return call_say_text(call, SAY_NO_REPLY_TO, NULL);
    if (other.flags & FACT_NAMED)
        client_called(worker_client(w, client), &other, called);
    else
        client_endpoint(worker_client(w, client), called);
    return talk_private(w, call->c, call->line, called, 0, client, birth, call->text);
}

/* The mark that ledger entries carry for the person of that name; false if nobody here has it. */
static bool find_mark(struct call *call, const char *name, uint32_t *mark) {
    struct worker *w = call->w;
    uint32_t client, birth;
    if (client_facts(call->c)->flags & FACT_NAMED) {
        uint64_t key = name_key(name, strlen(name), w->seg->header->name_key);
        struct segment *seg = w->seg;
        worker_lock(w);
        bool found = roster_find(&seg->roster, &seg->room, &seg->clients, room_count(&seg->room),
                                 key, &client, &birth);
        worker_unlock(w);
        *mark = (uint32_t)key;
        return found;
    }
    if (!find_endpoint(w, name, &client, &birth))
        return false;
    struct facts facts = {0};
    *mark = talk_speaker(w, worker_client(w, client), &facts);
    return true;
}

static enum line_outcome do_ignoring(struct call *call, bool ignore) {
    char *rest = call->text, *name = word_off(&rest);
    uint32_t mark = 0;
    if (*name == '\0')
        return call_say_text(call, SAY_NO_NAME, NULL);
    bool here = find_mark(call, name, &mark);
    if (ignore && !here)
        return call_say_text(call, SAY_NOBODY, name);
    struct edit e;
    struct words words = {.name = name, .n = IGNORE_MAX};
    call_edit(&e, call);
    edit_settle_map(&e); /* the filter goes line by line from here */
    edit_sentence(&e, ignore ? ignore_add(&e, mark) : ignore_drop(&e, mark), &words);
    return call_done(call, &e);
}

static enum line_outcome do_ignore(struct call *call) {
    return do_ignoring(call, true);
}
static enum line_outcome do_unignore(struct call *call) {
    return do_ignoring(call, false);
}

static enum line_outcome do_encoding(struct call *call) {
    const struct charset_name *found = charset_find(call->text, strlen(call->text));
    if (!found)
        return call_say_text(call, SAY_ENCODING_WHICH, NULL);
    enum encoding to = found->encoding;
    struct edit e;
    struct words words = {.text = encoding_names[to]};
    call_edit(&e, call);
    command_switch(&e, to);
    e.f->flags |= FACT_ENC_CHOSEN;
    edit_sentence(&e, SAY_ENCODING, &words);
    return call_done(call, &e);
}

static enum line_outcome do_timestamps(struct call *call) {
    bool on = strcmp(call->text, "on") == 0;
    if (!on && strcmp(call->text, "off") != 0)
        return call_say_text(call, SAY_TIMESTAMPS_HOW, NULL);
    struct edit e;
    struct words words = {0};
    call_edit(&e, call);
    edit_settle_map(&e);
    e.f->flags = on ? e.f->flags | FACT_TIMESTAMPS : e.f->flags & ~(uint32_t)FACT_TIMESTAMPS;
    edit_sentence(&e, on ? SAY_TIMESTAMPS_ON : SAY_TIMESTAMPS_OFF, &words);
    return call_done(call, &e);
}

static enum line_outcome do_history(struct call *call) {
    char *end;
    unsigned long n = strtoul(call->text, &end, 10);
    if (end == call->text || *end != '\0' || n < 1 || n > HISTORY_MAX)
        return call_say_text(call, SAY_HISTORY_HOW, NULL);
    struct edit e;
    call_edit(&e, call);
    history_show(&e, room_count(&call->w->seg->room), (uint32_t)n);
    return call_done(call, &e);
}

static enum line_outcome do_help(struct call *call);

static const struct command {
    const char *name;
    enum line_outcome (*run)(struct call *call);
    bool before_login;
    bool plain; /* may join a batch behind other lines of the same client */
    const char *help[LANG_COUNT];
} commands[] = {
    {"say", do_say, false, true, {"say TEXT            speak", "say TEXT            说话"}},
    {"look",
     do_look,
     false,
     false,
     {"look                who is in the room", "look                谁在聊天室里"}},
    {"who",
     do_who,
     false,
     false,
     {"who                 who is logged in, and how long idle",
      "who                 谁已登录, 空闲多久"}},
    {"logout", do_quit, true, false, {"logout, /quit       leave", "logout, /quit       离开"}},
    {"quit", do_quit, true, false, {NULL, NULL}},
    {"me",
     do_me,
     false,
     true,
     {"/me TEXT            * NAME TEXT", "/me TEXT            * 名字 TEXT"}},
    {"msg",
     do_msg,
     false,
     false,
     {"/msg NAME TEXT      to one person, privately", "/msg NAME TEXT      悄悄话"}},
    {"reply",
     do_reply,
     false,
     false,
     {"/reply TEXT         to whoever wrote to you last", "/reply TEXT         回复悄悄话"}},
    {"nick",
     do_nick,
     false,
     false,
     {"/nick NAME          change your name", "/nick NAME          改名"}},
    {"ignore",
     do_ignore,
     false,
     false,
     {"/ignore NAME        hide somebody's lines", "/ignore NAME        屏蔽某人"}},
    {"unignore",
     do_unignore,
     false,
     false,
     {"/unignore NAME      show them again", "/unignore NAME      取消屏蔽"}},
    {"encoding",
     do_encoding,
     true,
     false,
     {"/encoding NAME      utf-8, gbk or big5", "/encoding NAME      utf-8、gbk 或 big5"}},
    {"timestamps",
     do_timestamps,
     false,
     false,
     {"/timestamps on|off  times before lines", "/timestamps on|off  显示时间"}},
    {"history",
     do_history,
     false,
     false,
     {"/history N          the last N lines again", "/history N          再看最后N行"}},
    {"help",
     do_help,
     true,
     false,
     {"/help               this list; //TEXT says a line that begins with a slash",
      "/help               本列表; //TEXT 说以斜杠开头的话"}},
};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static enum line_outcome do_help(struct call *call) {
    struct edit e;
    call_edit(&e, call);
    for (int i = 0; i < COMMAND_COUNT; i++) {
        const char *help = commands[i].help[call->w->config.language];
        if (!help)
            continue;
        edit_utf8(&e, help, strlen(help));
        edit_bytes(&e, "\r\n", 2);
    }
    return call_done(call, &e);
}

static const struct command *command_find(const char *name, size_t len) {
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strlen(commands[i].name) == len && memcmp(commands[i].name, name, len) == 0)
            return &commands[i];
    }
    return NULL;
}

/* ---- what a line means ---- */

static void call_args(struct call *call, size_t name_len) {
    call->text += name_len;
    call->text += strspn(call->text, " ");
    call->raw += name_len;
    call->raw += strspn(call->raw, " ");
}

static enum line_outcome call_run(struct call *call, const struct command *command,
                                  size_t name_len) {
    if (call->line->plain_only && !command->plain)
        return LINE_LATER;
    call_args(call, name_len);
    return command->run(call);
}

static enum line_outcome slash_line(struct call *call, bool in_room) {
    size_t len = strcspn(call->text, " ");
    const struct command *command = command_find(call->text + 1, len - 1);
    if (!in_room && (!command || !command->before_login))
        return call_say_text(call, SAY_LOG_IN, NULL);
    if (command)
        return call_run(call, command, len);
    if (call->line->plain_only)
        return LINE_LATER;
    call->text[len] = '\0';
    return call_say_text(call, SAY_UNKNOWN, call->text);
}

static enum line_outcome stranger_line(struct call *call) {
    size_t len = strcspn(call->text, " ");
    if (len == 5 && memcmp(call->text, "login", 5) == 0) {
        call_args(call, 5);
        return do_login(call);
    }
    if (strcmp(call->text, "logout") == 0)
        return do_quit(call);
    bool word = len > 0 && call->text[len] == '\0';
    const struct command *command = command_find(call->text, len);
    bool classic = command && command - commands < 4; /* say look who logout */
    if (!word || classic)
        return call_say_text(call, SAY_LOG_IN, NULL);
    return do_login(call);
}

static enum line_outcome room_line(struct call *call, bool open) {
    const char *text = call->text;
    size_t len = strcspn(text, " ");
    if (open || (*text == '\0'))
        return *text == '\0' && !open
                   ? call_nothing(call)
                   : talk_speech(call->w, call->c, call->line, text, strlen(text), false);
    const struct command *command = command_find(text, len);
    bool say = command == &commands[0] && text[len] != '\0';
    bool alone = command && command > &commands[0] && command - commands < 4 && text[len] == '\0';
    if (say || alone)
        return call_run(call, command, len);
    return talk_speech(call->w, call->c, call->line, text, strlen(text), false);
}

/* Somebody who is sent UTF-8 by default and types GBK plainly has a GBK terminal. */
static bool call_switches(const struct call *call, enum encoding used) {
    const struct facts *f = client_facts(call->c);
    return used == ENC_GBK && f->encoding == ENC_UTF8 &&
           !(f->flags & (FACT_ENC_CHOSEN | FACT_SWITCHED));
}

static enum line_outcome call_switch(const struct call *call) {
    struct edit e;
    struct words words = {.text = encoding_names[ENC_GBK]};
    edit_begin(&e, call->w, call->c); /* the line itself is handled anew */
    command_switch(&e, ENC_GBK);
    e.f->flags |= FACT_SWITCHED;
    edit_sentence(&e, SAY_ENCODING_IS, &words);
    return call_done(call, &e);
}

enum line_outcome command_line(struct worker *w, struct client *c, struct line *line) {
    char text[LINE_MAX_MAX + 1], raw[LINE_MAX_MAX + 1];
    struct call call = {w, c, line, text, raw};
    const struct facts *f = client_facts(c);
    if (line->overlong && line->plain_only)
        return LINE_LATER;
    if (line->overlong)
        return call_say_text(&call, SAY_TOO_LONG, NULL);
    enum encoding used = ENC_UTF8;
    ptrdiff_t len = charset_decode(line->bytes, line->len, (enum encoding)f->encoding, raw,
                                   w->config.line_max, &used);
    if (len < 0 || call_switches(&call, used)) {
        if (line->plain_only)
            return LINE_LATER;
        return len < 0 ? call_say_text(&call, SAY_TOO_LONG, NULL) : call_switch(&call);
    }
    raw[len] = '\0';
    memcpy(text, raw, (size_t)len);
    text[text_clean(text, (size_t)len)] = '\0';
    /* A NUL in the line ends `raw` as a string, so such a name differs from its clean form; names
     * are never clean if cleaning changed them. */
    if (strlen(raw) != (size_t)len)
        memset(raw, 1, (size_t)len);
    bool in_room = f->flags & FACT_IN_ROOM;
    bool open = in_room && !(f->flags & FACT_NAMED);
    if (text[0] == '/' && text[1] == '/' && in_room) {
        call.text++;
        return talk_speech(w, c, line, call.text, strlen(call.text), false);
    }
    if (text[0] == '/')
        return slash_line(&call, in_room);
    return in_room ? room_line(&call, open) : stranger_line(&call);
}
