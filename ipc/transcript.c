/* transcript.c - the form of a transcript's lines; see transcript.h. */
#include "ipc/transcript.h"

#include <stdio.h>
#include <string.h>

static const char *const transcript_words[TRANSCRIPT_KINDS] = {
    [TRANSCRIPT_NONE] = "",     [TRANSCRIPT_SAY] = "say",     [TRANSCRIPT_ME] = "me",
    [TRANSCRIPT_JOIN] = "join", [TRANSCRIPT_LEAVE] = "leave", [TRANSCRIPT_NICK] = "nick",
    [TRANSCRIPT_KICK] = "kick", [TRANSCRIPT_SYS] = "sys",
};

const char *transcript_kind_word(enum transcript_kind kind) {
    return transcript_words[kind];
}

/* How much of a word and the blank behind it text[0, len) begins with. */
static size_t transcript_read_word(const char *text, size_t len, const char *word) {
    size_t i = 0, n = strlen(word);
    while (i < len && i < n && text[i] == word[i])
        i++;
    return i == n && i < len && text[i] == ' ' ? n + 1 : i;
}

size_t transcript_read_head(const char *text, size_t len, struct transcript_head *head) {
    *head = (struct transcript_head){0, TRANSCRIPT_NONE, 0};
    size_t at = timestamp_fits(text, len, TIMESTAMP_MILLIS);
    if (at < TRANSCRIPT_TIME || at == len || text[at] != ' ')
        return at;
    size_t best = ++at;
    for (int kind = TRANSCRIPT_NONE + 1; kind < TRANSCRIPT_KINDS; kind++) {
        const char *word = transcript_words[kind];
        size_t n = transcript_read_word(text + at, len - at, word);
        if (n == strlen(word) + 1) {
            *head = (struct transcript_head){timestamp_read(text, TIMESTAMP_MILLIS),
                                             (enum transcript_kind)kind, at + n};
            return len;
        }
        if (at + n > best)
            best = at + n;
    }
    return best;
}

size_t transcript_write_head(char out[TRANSCRIPT_HEAD], int64_t ms, enum transcript_kind kind) {
    char time[TIMESTAMP_TEXT];
    timestamp_write(time, ms, TIMESTAMP_MILLIS);
    return (size_t)snprintf(out, TRANSCRIPT_HEAD, "%s %s ", time, transcript_words[kind]);
}
