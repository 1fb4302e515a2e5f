/* answer.c - the table; see answer.h. */
#include "worker/protocol/answer.h"

#include "worker/protocol/websocket.h"

#include <string.h>

enum { ANSWER_SILENT = EVENT_KINDS };

struct answer {
    const char *code; /* EVENT_ERROR */
    uint16_t close;   /* 0: the connection stays */
    uint8_t kind;     /* enum event_kind, or ANSWER_SILENT: other events say it */
};

static const struct answer answers[SAY_COUNT] = {
    [SAY_GREETING] = {.kind = ANSWER_SILENT}, /* hello */
    [SAY_HELP] = {.kind = ANSWER_SILENT},
    [SAY_LOOK] = {.kind = ANSWER_SILENT}, /* people */
    [SAY_WHO] = {.kind = ANSWER_SILENT},
    [SAY_SKIPPED] = {.kind = EVENT_SKIPPED},
    [SAY_DROPPED] = {.kind = EVENT_DROPPED},
    [SAY_EARLIER] = {.kind = EVENT_HISTORY},
    [SAY_LOG_IN] = {"login", 0, EVENT_ERROR},
    [SAY_LOGGED_IN] = {"logged_in", 0, EVENT_ERROR},
    [SAY_NO_NAME] = {"name", 0, EVENT_ERROR},
    [SAY_NOT_A_NAME] = {"name", 0, EVENT_ERROR},
    [SAY_NAME_TAKEN] = {"taken", 0, EVENT_ERROR},
    [SAY_UNKNOWN] = {"unknown", 0, EVENT_ERROR},
    [SAY_NOBODY] = {"nobody", 0, EVENT_ERROR},
    [SAY_NO_REPLY_TO] = {"nobody", 0, EVENT_ERROR},
    [SAY_NOT_READING] = {"unread", 0, EVENT_ERROR},
    [SAY_LINK_DOWN] = {"link", 0, EVENT_ERROR},
    [SAY_TOO_LONG] = {"toolong", 0, EVENT_ERROR},
    [SAY_MUTED] = {"muted", 0, EVENT_ERROR},
    [SAY_WHAT_TO_SAY] = {"text", 0, EVENT_ERROR},
    [SAY_IGNORE_SELF] = {"ignore", 0, EVENT_ERROR},
    [SAY_IGNORES_FULL] = {"ignore", 0, EVENT_ERROR},
    [SAY_HISTORY_HOW] = {"history", 0, EVENT_ERROR},
    [SAY_ROOM_FULL] = {"full", WEBSOCKET_TRY_LATER, EVENT_ERROR},
    [SAY_ADDRESS_FULL] = {"address", WEBSOCKET_TRY_LATER, EVENT_ERROR},
    [SAY_NO_JSON] = {"json", 0, EVENT_ERROR},
    [SAY_NO_DO] = {"do", 0, EVENT_ERROR},
    [SAY_NO_LOGIN] = {"late", WEBSOCKET_POLICY, EVENT_ERROR},
    [SAY_NO_WORD] = {"idle", WEBSOCKET_NORMAL, EVENT_ERROR},
    [SAY_KICKED] = {"kicked", WEBSOCKET_POLICY, EVENT_ERROR},
    [SAY_KICKED_WHY] = {"kicked", WEBSOCKET_POLICY, EVENT_ERROR},
    [SAY_BANNED] = {"banned", WEBSOCKET_POLICY, EVENT_ERROR},
    [SAY_GOING_DOWN] = {"down", WEBSOCKET_GOING_AWAY, EVENT_ERROR},
};

/* A row that is not in the table has kind 0, which is no kind of an answer. */
_Static_assert(EVENT_SAY == 0, "what is not named is a note");

bool answer_refuses(enum sentence which) {
    return answers[which].kind == EVENT_ERROR;
}

/* Without its last line end; those inside become one byte. */
static size_t answer_text(char *text, size_t len) {
    size_t n = 0;
    len -= 2;
    for (size_t i = 0; i < len; i++)
        if (text[i] != '\r')
            text[n++] = text[i];
    return n;
}

size_t answer_frames(enum language language, enum sentence which, const struct words *words,
                     int64_t re, uint8_t *out, size_t size) {
    const struct answer *a = &answers[which];
    char text[SENTENCE_MAX];
    size_t n = 0, len = 0;
    if (a->kind == ANSWER_SILENT)
        return 0;
    if (a->kind == EVENT_SAY || a->kind == EVENT_ERROR)
        len = answer_text(text, sentence_render(language, which, words, text, sizeof text));
    if (a->kind == EVENT_SAY)
        n = event_text(EVENT_NOTE, text, len, out, size);
    else if (a->kind == EVENT_ERROR)
        n = event_error(re, a->code, text, len, out, size);
    else
        n = event_number((enum event_kind)a->kind, words->n, out, size);
    if (a->close != 0 && n + WEBSOCKET_CLOSE_BYTES <= size)
        n += websocket_close(a->close, out + n);
    return n;
}
