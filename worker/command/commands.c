/* commands.c - see commands.h. */
#include "worker/command/commands.h"

#include "ipc/fault.h"
#include "worker/command/preferences.h"
#include "worker/command/say.h"
#include "worker/command/whom.h"
#include "worker/output/flush.h"
#include "worker/output/goodbye.h"
#include "worker/output/who.h"
#include "worker/protocol/websocket.h"
#include "worker/record/leave.h"
#include "worker/state/label.h"
#include "worker/state/limits.h"
#include "worker/state/speaker.h"
#include "worker/text/name.h"

#include <stdio.h>
#include <string.h>

bool command_in_open_room(const struct invocation *inv) {
    return (client_facts(inv->c)->flags & (FACT_IN_ROOM | FACT_NAMED)) == FACT_IN_ROOM;
}

/* The answer to a name that is none. */
static enum line_outcome command_bad_name(struct invocation *inv) {
    return *inv->text == '\0' ? invocation_say_text(inv, SAY_NO_NAME, NULL)
                              : invocation_say_text(inv, SAY_NOT_A_NAME, inv->text);
}
static bool command_good_name(const struct invocation *inv) {
    return inv->as_typed && !command_is_called(inv->text) &&
           name_check(inv->text, strlen(inv->text), inv->w->config.room) == NAME_OK;
}

/* Of the client itself. */
static uint64_t command_number(const struct invocation *inv) {
    uint64_t tag = client_tag(inv->w, inv->c);
    return client_number(inv->w, (uint32_t)tag, (uint32_t)(tag >> 32));
}

/* `login` inside the room, where the client has a name already. */
static enum line_outcome command_logged_in(struct invocation *inv) {
    char label[LABEL_TEXT], number[LABEL_TEXT];
    enum encoding enc = client_wire(client_facts(inv->c));
    client_label(inv->w, inv->c, client_facts(inv->c), label);
    return invocation_say_text(inv, SAY_LOGGED_IN,
                               label_shown(enc, label, command_number(inv), number));
}

/* Limits that hold for a browser from here on: one that comes back to its place is no newcomer
 * (takeover.c). */
static bool command_crowded(const struct invocation *inv) {
    struct worker *w = inv->w;
    bool full = max_clients_exceeded(w, 0);
    if (client_facts(inv->c)->ring != RING_JSON ||
        (!full && !per_address_full(w, &inv->c->addr, inv->c)))
        return false;
    atomic_fetch_add_explicit(&w->slot->refused[full ? REFUSED_FULL : REFUSED_ADDRESS], 1,
                              memory_order_relaxed);
    if (full)
        goodbye(w, inv->c, SAY_ROOM_FULL, "max_clients");
    else
        goodbye(w, inv->c, SAY_ADDRESS_FULL, "max_clients_per_address");
    return true;
}

static enum line_outcome command_login(struct invocation *inv) {
    if (client_facts(inv->c)->flags & FACT_IN_ROOM)
        return command_logged_in(inv);
    if (!command_good_name(inv))
        return command_bad_name(inv);
    if (command_crowded(inv))
        return LINE_GONE;
    return say_join(inv->w, inv->c, inv->line, inv->text);
}

/* What its terminal says of the end begins a row of its own, below the typed command.  The line is
 * not consumed: a successor obeys it again, and does not end it again. */
static void command_end_drawn_line(const struct invocation *inv) {
    struct change ch;
    if (!(client_facts(inv->c)->flags & FACT_DRAWN))
        return;
    change_begin(&ch, inv->w, inv->c);
    change_raw(&ch, "\r\n", 2);
    ch.f->flags &= ~(uint32_t)(FACT_DRAWN | FACT_ECHOED);
    change_commit(&ch);
}

/* A browser's close frame.  The message is consumed, so that a successor sends no other one: it
 * finds a client that will end the connection. */
static void command_close_frame(const struct invocation *inv) {
    struct change ch;
    uint8_t out[WEBSOCKET_CLOSE_BYTES];
    if (client_facts(inv->c)->ring != RING_JSON)
        return;
    invocation_begin(&ch, inv);
    if (ch.asked)
        change_ok(&ch);
    change_frames(&ch, out, websocket_close(WEBSOCKET_NORMAL, out));
    FAULT("command.close.before");
    change_commit(&ch);
    FAULT("command.close.after");
}

static enum line_outcome command_quit(struct invocation *inv) {
    flush_client(inv->w, inv->c);
    command_end_drawn_line(inv);
    command_close_frame(inv);
    flush_client(inv->w, inv->c);
    leave_begin(inv->w, inv->c, NULL);
    return LINE_GONE;
}

static enum line_outcome command_list(struct invocation *inv, uint32_t which) {
    struct change ch;
    invocation_begin(&ch, inv);
    who_begin(&ch, which);
    return invocation_done(inv, &ch);
}

static enum line_outcome command_look(struct invocation *inv) {
    return command_list(inv, FACT_LIST_ROOM);
}
static enum line_outcome command_who(struct invocation *inv) {
    return command_list(inv, FACT_LIST_ALL);
}

static enum line_outcome command_say(struct invocation *inv) {
    if (*inv->text == '\0')
        return invocation_say_text(inv, SAY_WHAT_TO_SAY, "say TEXT");
    return say_speech(inv->w, inv->c, inv->line, inv->text, false);
}

static enum line_outcome command_me(struct invocation *inv) {
    if (*inv->text == '\0')
        return invocation_say_text(inv, SAY_WHAT_TO_SAY, "/me TEXT");
    return say_speech(inv->w, inv->c, inv->line, inv->text, true);
}

static enum line_outcome command_nick(struct invocation *inv) {
    char label[LABEL_TEXT];
    if (strcmp(client_label(inv->w, inv->c, client_facts(inv->c), label), inv->text) == 0)
        return command_logged_in(inv); /* no news for others */
    if (!command_good_name(inv))
        return command_bad_name(inv);
    return say_nick(inv->w, inv->c, inv->line, inv->text);
}

static enum line_outcome command_msg(struct invocation *inv) {
    char *text = inv->text;
    struct addressee to = {.label = invocation_word(&text), .client = NO_CLIENT};
    if (*to.label == '\0' || *text == '\0')
        return invocation_say_text(inv, SAY_WHAT_TO_SAY, "/msg NAME TEXT");
    struct whom whom;
    if (client_facts(inv->c)->flags & FACT_NAMED && *to.label != '#' && *to.label != '?') {
        to.key = speaker_key(inv->w, to.label); /* which client has it is decided under the gate */
        if (whom_find(inv->w, inv->c, to.label, &whom))
            to.label = whom.label; /* the copy has the name as its holder writes it */
    } else {
        if (!whom_find(inv->w, inv->c, to.label, &whom))
            return invocation_say_text(inv, SAY_NOBODY, to.label);
        to = (struct addressee){whom.label, 0, whom.client, whom.generation};
    }
    return say_private(inv->w, inv->c, inv->line, &to, text);
}

/* What the client calls the addressee of its /reply: its present name, the last one that it had, or
 * the one under which it wrote. */
static void command_reply_label(const struct invocation *inv, char label[LABEL_TEXT]) {
    const struct facts *f = client_facts(inv->c);
    struct worker *w = inv->w;
    struct correspondent *kept = &w->seg->correspondents[client_index(w, inv->c)];
    struct client_view view;
    if (client_peek_last(&w->seg->clients, f->reply_client, f->reply_generation, &view)) {
        label_unique(client_view_name(&view), &view.addr, view.port, label);
        correspondent_label(kept, label);
    } else {
        memcpy(label, kept->label, sizeof kept->label);
        label[sizeof kept->label] = '\0';
    }
}

/* To the connection that wrote, never to another one that has its name now: if it has left, the
 * line is refused under the gate. */
static enum line_outcome command_reply(struct invocation *inv) {
    const struct facts *f = client_facts(inv->c);
    char label[LABEL_TEXT];
    struct addressee to = {label, 0, f->reply_client, f->reply_generation};
    if (*inv->text == '\0')
        return invocation_say_text(inv, SAY_WHAT_TO_SAY, "/reply TEXT");
    if (to.generation == 0 || !segment_has_client(inv->w->seg, to.client))
        return invocation_say_text(inv, SAY_NO_REPLY_TO, NULL);
    command_reply_label(inv, label);
    return say_private(inv->w, inv->c, inv->line, &to, inv->text);
}

static enum line_outcome command_help(struct invocation *inv);

/* clang-format off */
static const struct command commands[] = {
    {"login", command_login, COMMAND_LOGIN | COMMAND_NAMED,
     {"login NAME          enter the room",
      "login NAME          进入聊天室",
      "login NAME          進入聊天室"}},
    {"say", command_say, COMMAND_CLASSIC | COMMAND_PLAIN | COMMAND_TEXT | COMMAND_ALOUD,
     {"say TEXT            speak",
      "say TEXT            说话",
      "say TEXT            說話"}},
    {"look", command_look, COMMAND_CLASSIC,
     {"look                who is in the room",
      "look                谁在聊天室里",
      "look                誰在聊天室裡"}},
    {"who", command_who, COMMAND_CLASSIC,
     {"who                 who is logged in, and how long idle",
      "who                 谁已登录, 空闲多久",
      "who                 誰已登入, 空閒多久"}},
    {"logout", command_quit, COMMAND_CLASSIC | COMMAND_FIRST,
     {"logout, /quit       leave",
      "logout, /quit       离开",
      "logout, /quit       離開"}},
    {"quit", command_quit, COMMAND_EARLY | COMMAND_FIRST, {NULL, NULL}},
    {"exit", command_quit, COMMAND_FIRST, {NULL, NULL}},
    {"bye", command_quit, COMMAND_FIRST, {NULL, NULL}},
    {"me", command_me, COMMAND_PLAIN | COMMAND_ALOUD,
     {"/me TEXT            * NAME TEXT",
      "/me TEXT            * 名字 TEXT",
      "/me TEXT            * 名字 TEXT"}},
    {"msg", command_msg, COMMAND_ALOUD,
     {"/msg NAME TEXT      to one person, privately",
      "/msg NAME TEXT      悄悄话",
      "/msg NAME TEXT      悄悄話"}},
    {"reply", command_reply, COMMAND_ALOUD,
     {"/reply TEXT         to whoever wrote to you last",
      "/reply TEXT         回复悄悄话",
      "/reply TEXT         回覆悄悄話"}},
    {"nick", command_nick, COMMAND_NAMED | COMMAND_ALOUD,
     {"/nick NAME          change your name",
      "/nick NAME          改名",
      "/nick NAME          改名"}},
    {"ignore", preferences_ignore, 0,
     {"/ignore NAME        hide somebody's lines",
      "/ignore NAME        屏蔽某人",
      "/ignore NAME        封鎖某人"}},
    {"unignore", preferences_unignore, 0,
     {"/unignore NAME      show them again",
      "/unignore NAME      取消屏蔽",
      "/unignore NAME      取消封鎖"}},
    {"encoding", preferences_encoding, COMMAND_EARLY | COMMAND_TERMINAL,
     {"/encoding NAME      utf-8, gbk, big5 or another one",
      "/encoding NAME      utf-8、gbk、big5 或其他",
      "/encoding NAME      utf-8、gbk、big5 或其他"}},
    {"timestamps", preferences_timestamps, COMMAND_TERMINAL,
     {"/timestamps on|off  times before lines",
      "/timestamps on|off  显示时间",
      "/timestamps on|off  顯示時間"}},
    {"history", preferences_history, 0,
     {"/history N          the last N lines again",
      "/history N          再看最后N行",
      "/history N          再看最後N行"}},
    {"?", command_help, COMMAND_FIRST, {NULL, NULL}},
    {"help", command_help, COMMAND_EARLY | COMMAND_FIRST,
     {"/help               this list; //TEXT says a line that begins with a slash",
      "/help               本列表; //TEXT 说以斜杠开头的话",
      "/help               本列表; //TEXT 說以斜線開頭的話"}},
};
/* clang-format on */
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0], COMMAND_HELP = 256 };

/* `login` is of use only before login. */
static bool command_is_listed(const struct command *command, const struct facts *f) {
    bool in_room = f->flags & FACT_IN_ROOM, named = f->flags & FACT_NAMED;
    return command->help[0] && !(command->how & COMMAND_TERMINAL && f->ring == RING_JSON) &&
           !(command->how & COMMAND_NAMED && in_room && !named) &&
           !(command->how & COMMAND_LOGIN && in_room);
}

static void command_help_line(struct change *ch, const struct command *command, bool open) {
    const char *help = command->help[sentence_language(ch->w->config.language, client_wire(ch->f))];
    char line[COMMAND_HELP];
    const char *space = strstr(help, "  ");
    if (open && command->how & COMMAND_CLASSIC) /* with a slash there; the columns stay */
        snprintf(line, sizeof line, "/%.*s%s", (int)(space - help), help, space + 1);
    else
        snprintf(line, sizeof line, "%s", help);
    change_line(ch, line, strlen(line));
}

static enum line_outcome command_help(struct invocation *inv) {
    struct change ch;
    invocation_begin(&ch, inv);
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (command_is_listed(&commands[i], client_facts(inv->c)))
            command_help_line(&ch, &commands[i], command_in_open_room(inv));
    return invocation_done(inv, &ch);
}

const struct command *command_find(const char *name) {
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

bool command_is_called(const char *name) {
    struct name_forms forms;
    name_forms(name, strlen(name), &forms);
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (name_is(&forms, commands[i].name))
            return true;
    return false;
}

bool command_leaves(const struct command *command) {
    return command->run == command_quit;
}

enum line_outcome command_run(struct invocation *inv, const struct command *command) {
    if (inv->line->plain_only && !(command->how & COMMAND_PLAIN))
        return LINE_LATER;
    if (command->how & COMMAND_ALOUD && command_muted(inv))
        return invocation_say_text(inv, SAY_MUTED, NULL);
    return command->run(inv);
}
