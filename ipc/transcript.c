/* transcript.c - the form of a transcript's lines; see transcript.h. */
#include "ipc/transcript.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const transcript_words[TRANSCRIPT_KINDS] = {
    [TRANSCRIPT_NONE] = "",     [TRANSCRIPT_SAY] = "say",     [TRANSCRIPT_ME] = "me",
    [TRANSCRIPT_JOIN] = "join", [TRANSCRIPT_LEAVE] = "leave", [TRANSCRIPT_NICK] = "nick",
    [TRANSCRIPT_KICK] = "kick", [TRANSCRIPT_SYS] = "sys",
};

const char *transcript_kind_word(enum transcript_kind kind) {
    return transcript_words[kind];
}

/* 0 is any digit. */
static const char transcript_form[] = "0000-00-00T00:00:00.000Z ";
_Static_assert(sizeof transcript_form == TRANSCRIPT_TIME + 2, "the form is as long as a time");

static size_t transcript_read_time(const char *text, size_t len) {
    size_t i = 0;
    for (; i < len && transcript_form[i]; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (transcript_form[i] == '0' ? !digit : text[i] != transcript_form[i])
            break;
    }
    return i;
}

/* How much of a word and the blank behind it text[0, len) begins with. */
static size_t transcript_read_word(const char *text, size_t len, const char *word) {
    size_t i = 0, n = strlen(word);
    while (i < len && i < n && text[i] == word[i])
        i++;
    return i == n && i < len && text[i] == ' ' ? n + 1 : i;
}

static int transcript_number(const char *text, size_t at, int digits) {
    int value = 0;
    for (int i = 0; i < digits; i++)
        value = value * 10 + (text[at + (size_t)i] - '0');
    return value;
}

static int64_t transcript_ms(const char *text) {
    struct tm at;
    memset(&at, 0, sizeof at);
    at.tm_year = transcript_number(text, 0, 4) - 1900;
    at.tm_mon = transcript_number(text, 5, 2) - 1;
    at.tm_mday = transcript_number(text, 8, 2);
    at.tm_hour = transcript_number(text, 11, 2);
    at.tm_min = transcript_number(text, 14, 2);
    at.tm_sec = transcript_number(text, 17, 2);
    return (int64_t)timegm(&at) * 1000 + transcript_number(text, 20, 3);
}

/* Where the text is another than the time's own form, such as at the month of 2026-13-01; no less
 * than TRANSCRIPT_TIME: nowhere. */
static size_t transcript_wrong_time(const char *text, int64_t ms) {
    char form[TRANSCRIPT_HEAD];
    size_t i = 0;
    transcript_write_head(form, ms, TRANSCRIPT_SAY);
    while (i < TRANSCRIPT_TIME && text[i] == form[i])
        i++;
    return i;
}

size_t transcript_read_head(const char *text, size_t len, struct transcript_head *head) {
    *head = (struct transcript_head){0, TRANSCRIPT_NONE, 0};
    size_t at = transcript_read_time(text, len), best = at;
    if (at < TRANSCRIPT_TIME + 1)
        return at;
    size_t wrong = transcript_wrong_time(text, transcript_ms(text));
    if (wrong < TRANSCRIPT_TIME)
        return wrong;
    for (int kind = TRANSCRIPT_NONE + 1; kind < TRANSCRIPT_KINDS; kind++) {
        const char *word = transcript_words[kind];
        size_t n = transcript_read_word(text + at, len - at, word);
        if (n == strlen(word) + 1) {
            *head =
                (struct transcript_head){transcript_ms(text), (enum transcript_kind)kind, at + n};
            return len;
        }
        if (at + n > best)
            best = at + n;
    }
    return best;
}

size_t transcript_write_head(char out[TRANSCRIPT_HEAD], int64_t ms, enum transcript_kind kind) {
    struct tm at;
    char text[80]; /* the years of a wild clock have more digits; they are cut off */
    time_t seconds = (time_t)(ms / 1000);
    memset(&at, 0, sizeof at);
    gmtime_r(&seconds, &at);
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", at.tm_year + 1900,
             at.tm_mon + 1, at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec, (int)(ms % 1000));
    text[TRANSCRIPT_TIME] = '\0';
    return (size_t)snprintf(out, TRANSCRIPT_HEAD, "%s %s ", text, transcript_words[kind]);
}
