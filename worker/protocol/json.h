/* json.h - what browsers and bots send: the bytes of one text message in, speech or one object out.
 *
 *     struct json j = {0};
 *     json_read(&j, &into, bytes, n); ...        as the message's bytes arrive
 *     switch (json_end(&j))                      the message is complete
 *
 * A message that does not begin with `{` is speech, a line as it would be typed.  Blanks and a byte
 * order mark before it are dropped, as they are around any line.  Of an object the known keys are
 * kept, each at most once; null is as good as no key.  Unknown keys are skipped, whatever their
 * values, but no value lies deeper than in one object or array within the object.  What is no such
 * object is JSON_BAD, and the rest of its message is skipped.  Any split of the input gives the
 * same result.
 *
 * The message is valid UTF-8 already (websocket.h).  Strings are kept decoded.  U+0000 in a text
 * stays, for the sanitiser to drop; in a string of struct json_kept it becomes U+FFFD, which no
 * name has, so that these are C strings.
 *
 * Replay.  Everything kept is only appended to while a message is read, so that a committed struct
 * json (with text_len) stays true while later bytes are handled and a death throws them away.
 *
 * Source: RFC 8259, with its grammar to the letter.  Pure functions; safe anywhere. */
#ifndef WORKER_PROTOCOL_JSON_H
#define WORKER_PROTOCOL_JSON_H

#include "ipc/client.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Known keys; the last are kept in struct json_kept. */
enum json_key {
    JSON_DO,
    JSON_TEXT,
    JSON_BOT, /* true or false */
    JSON_RE,  /* 0 to 2^32-1 */
    JSON_N,   /* likewise */
    JSON_NAME,
    JSON_TO,
    JSON_TOKEN,
    JSON_SINCE,
    JSON_KEYS
};

/* What "do" says. */
enum json_do {
    JSON_DO_LOGIN,
    JSON_DO_SAY,
    JSON_DO_ME,
    JSON_DO_MSG,
    JSON_DO_NICK,
    JSON_DO_LOOK,
    JSON_DO_WHO,
    JSON_DO_IGNORE,
    JSON_DO_UNIGNORE,
    JSON_DO_HISTORY,
    JSON_DO_SINCE,
    JSON_DO_PING,
    JSON_DO_QUIT,
    JSON_DO_UNKNOWN, /* another word, or no "do" at all */
};

enum json_wrong {
    JSON_WELL,
    JSON_WRONG_FORM,  /* no JSON, or bytes behind the object */
    JSON_WRONG_DEPTH, /* a value in a value in a value */
    JSON_WRONG_TWICE, /* a known key came again */
    JSON_WRONG_VALUE, /* a known key has a value of another kind, or beyond its range */
};

/* Plain data, zero at the start of a message; it may be copied anywhere between two calls. */
struct json {
    uint8_t step; /* of the reader: json.c */
    uint8_t wrong;
    uint8_t what;    /* enum json_do, once JSON_DO is given */
    bool bot;        /* JSON_BOT */
    bool too_long;   /* the text, or the speech, is longer than allowed and not whole */
    uint8_t depth;   /* objects and arrays under way */
    bool array;      /* the second of these is an array */
    bool in_key;     /* the string under way is a key */
    bool cut;        /* the string under way is too long for its place */
    uint8_t key;     /* of the value under way; JSON_KEYS: an unknown one */
    uint8_t at;      /* bytes of the word under way */
    uint8_t digits;  /* of \uXXXX under way */
    uint16_t word;   /* what the word under way may be: a bit each */
    uint16_t code;   /* of \uXXXX under way */
    uint16_t high;   /* a surrogate whose other half is to follow */
    uint16_t seen;   /* known keys that came: a bit each */
    uint16_t given;  /* those whose value was complete, and not null */
    uint8_t number;  /* where in a number: json.c */
    uint8_t literal; /* which one is under way */
    uint8_t kept[4]; /* bytes of JSON_NAME and those that follow it */
    uint32_t value;  /* of the number under way */
    uint32_t re, n;  /* JSON_RE, JSON_N */
};
_Static_assert(sizeof(struct json) <= 48, "two copies of it lie beside what is kept");

/* Longer strings are cut between characters, and stay longer than any that is valid. */
struct json_kept {
    char name[112]; /* at most 96 bytes, and beyond 110 one of another machine is not found by it */
    char to[NAME_BYTES_MAX + 2];
    char token[34]; /* 32 digits */
    char since[31]; /* an id of 29 */
};

/* Where a message's strings go; memory is the caller's. */
struct json_into {
    struct json_kept *kept;
    uint8_t *text; /* of JSON_TEXT, or the speech */
    uint32_t text_len, text_max;
};

void json_read(struct json *j, struct json_into *into, const uint8_t *in, size_t n);

enum json_result { JSON_SPEECH, JSON_OBJECT, JSON_BAD };

/* The message is complete.  Of a bad one, what was given before it went wrong is still there, so
 * that its answer may carry its `re`. */
enum json_result json_end(struct json *j);

static inline bool json_given(const struct json *j, enum json_key key) {
    return j->given & 1u << key;
}
/* "do", or JSON_DO_UNKNOWN. */
enum json_do json_what(const struct json *j);
/* A bad message's key that came again, or whose value is wrong. */
const char *json_wrong_key(const struct json *j);
/* All words of "do". */
enum { JSON_VERBS_MAX = 128 };
void json_verbs_list(char out[JSON_VERBS_MAX]);
/* JSON_NAME and those that follow it; NULL: not given. */
const char *json_string(const struct json *j, const struct json_kept *kept, enum json_key key);

#endif
