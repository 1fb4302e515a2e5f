/* json.c - see json.h. */
#include "worker/protocol/json.h"

#include "ipc/unicode.h"

#include <stdio.h>
#include <string.h>

/* What the next byte belongs to. */
enum json_step {
    STEP_START, /* nothing but blanks so far */
    STEP_SPEECH,
    STEP_FIRST_KEY, /* or the object's end */
    STEP_KEY,
    STEP_COLON,
    STEP_FIRST_VALUE, /* or the array's end */
    STEP_VALUE,
    STEP_STRING,
    STEP_ESCAPE,
    STEP_HEX,
    STEP_NUMBER,
    STEP_LITERAL,
    STEP_AFTER, /* a value: a comma, or the end of what it is in */
    STEP_END,   /* the object is complete */
    STEP_BAD
};

static const char *const json_keys[] = {
    [JSON_DO] = "do", [JSON_TEXT] = "text",   [JSON_BOT] = "bot",
    [JSON_RE] = "re", [JSON_N] = "n",         [JSON_NAME] = "name",
    [JSON_TO] = "to", [JSON_TOKEN] = "token", [JSON_SINCE] = "since",
};
static const char *const json_verbs[] = {
    [JSON_DO_LOGIN] = "login",     [JSON_DO_SAY] = "say",       [JSON_DO_ME] = "me",
    [JSON_DO_MSG] = "msg",         [JSON_DO_NICK] = "nick",     [JSON_DO_LOOK] = "look",
    [JSON_DO_WHO] = "who",         [JSON_DO_IGNORE] = "ignore", [JSON_DO_UNIGNORE] = "unignore",
    [JSON_DO_HISTORY] = "history", [JSON_DO_SINCE] = "since",   [JSON_DO_PING] = "ping",
    [JSON_DO_QUIT] = "quit",
};
_Static_assert((int)JSON_KEYS <= 16 && (int)JSON_DO_UNKNOWN <= 16, "a bit for each");

static void json_fail(struct json *j, enum json_wrong wrong) {
    j->step = STEP_BAD;
    j->wrong = (uint8_t)wrong;
}

static bool json_blank(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* ---- words: keys, and what "do" says ---- */

static void json_word_begins(struct json *j, unsigned count) {
    j->word = (uint16_t)((1u << count) - 1);
    j->at = 0;
}

/* Of `word` the bits stay whose names have the byte there. */
static void json_match(struct json *j, const char *const *names, unsigned count, uint8_t c) {
    for (unsigned i = 0; i < count; i++)
        if (!(j->word & 1u << i) || strlen(names[i]) <= j->at || names[i][j->at] != (char)c)
            j->word &= (uint16_t) ~(1u << i);
    j->at += j->word != 0;
}

/* The word is ended: which name it is; `count` if none. */
static unsigned json_matched(const struct json *j, const char *const *names, unsigned count) {
    unsigned i = 0;
    while (i < count && !(j->word & 1u << i && names[i][j->at] == '\0'))
        i++;
    return i;
}

/* ---- what is kept ---- */

static void json_text(struct json *j, struct json_into *into, uint8_t c) {
    if (into->text_len < into->text_max)
        into->text[into->text_len++] = c;
    else
        j->too_long = true;
}

/* Where JSON_NAME and those that follow it lie. */
static const struct {
    uint16_t at, size;
} json_slots[] = {
    {offsetof(struct json_kept, name), sizeof((struct json_kept *)0)->name},
    {offsetof(struct json_kept, to), sizeof((struct json_kept *)0)->to},
    {offsetof(struct json_kept, token), sizeof((struct json_kept *)0)->token},
    {offsetof(struct json_kept, since), sizeof((struct json_kept *)0)->since},
};

static bool json_is_kept(uint8_t key) {
    return key >= JSON_NAME && key != JSON_KEYS;
}

/* A character's first byte makes room for the others. */
static void json_keep(struct json *j, struct json_kept *kept, uint8_t c) {
    size_t need = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1, i = j->key - JSON_NAME;
    if (j->cut || j->kept[i] + need >= json_slots[i].size)
        j->cut = true;
    else
        ((char *)kept)[json_slots[i].at + j->kept[i]++] = (char)c;
}

/* The string is complete. */
static void json_keep_end(struct json *j, struct json_kept *kept) {
    size_t i = j->key - JSON_NAME;
    ((char *)kept)[json_slots[i].at + j->kept[i]] = '\0';
}

/* ---- strings ---- */

static void json_string_begins(struct json *j, bool in_key) {
    j->step = STEP_STRING;
    j->in_key = in_key;
    j->cut = false;
    if (in_key)
        json_word_begins(j, j->depth == 1 ? JSON_KEYS : 0);
    else if (j->key == JSON_DO)
        json_word_begins(j, JSON_DO_UNKNOWN);
}

/* One byte of what the string says. */
static void json_string_byte(struct json *j, struct json_into *into, uint8_t c) {
    if (j->in_key)
        json_match(j, json_keys, JSON_KEYS, c);
    else if (j->key == JSON_DO)
        json_match(j, json_verbs, JSON_DO_UNKNOWN, c);
    else if (j->key == JSON_TEXT)
        json_text(j, into, c);
    else if (json_is_kept(j->key))
        json_keep(j, into->kept, c);
}

static void json_string_point(struct json *j, struct json_into *into, int32_t cp) {
    char bytes[4];
    bool no_nul = cp == 0 && !j->in_key && json_is_kept(j->key);
    size_t n = unicode_encode(no_nul ? UNICODE_REPLACEMENT : cp, bytes);
    for (size_t i = 0; i < n; i++)
        json_string_byte(j, into, (uint8_t)bytes[i]);
    j->step = STEP_STRING;
}

static void json_key_ends(struct json *j) {
    j->key = (uint8_t)json_matched(j, json_keys, JSON_KEYS);
    j->step = STEP_COLON;
    if (j->key == JSON_KEYS)
        return;
    if (j->seen & 1u << j->key)
        json_fail(j, JSON_WRONG_TWICE);
    j->seen |= (uint16_t)(1u << j->key);
}

static void json_value_ends(struct json *j, bool given) {
    if (j->key != JSON_KEYS && given)
        j->given |= (uint16_t)(1u << j->key);
    j->step = STEP_AFTER;
}

static void json_string_ends(struct json *j, struct json_into *into) {
    if (j->in_key) {
        json_key_ends(j);
        return;
    }
    if (j->key == JSON_DO)
        j->what = (uint8_t)json_matched(j, json_verbs, JSON_DO_UNKNOWN);
    else if (json_is_kept(j->key))
        json_keep_end(j, into->kept);
    json_value_ends(j, true);
}

static void json_in_string(struct json *j, struct json_into *into, uint8_t c) {
    if (c < 0x20 || (j->high && c != '\\'))
        json_fail(j, JSON_WRONG_FORM);
    else if (c == '\\')
        j->step = STEP_ESCAPE;
    else if (c == '"')
        json_string_ends(j, into);
    else
        json_string_byte(j, into, c);
}

static void json_in_escape(struct json *j, struct json_into *into, uint8_t c) {
    static const char letters[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    const char *letter = c ? strchr(letters, c) : NULL;
    j->digits = 0;
    j->code = 0;
    if (c == 'u')
        j->step = STEP_HEX;
    else if (!letter || j->high)
        json_fail(j, JSON_WRONG_FORM);
    else
        json_string_point(j, into, means[letter - letters]);
}

/* The four digits of \uXXXX are there. */
static void json_code(struct json *j, struct json_into *into) {
    bool high = j->code >= 0xD800 && j->code < 0xDC00, low = j->code >> 10 == 0xDC00 >> 10;
    if (low != (j->high != 0)) {
        json_fail(j, JSON_WRONG_FORM);
    } else if (high) {
        j->high = j->code;
        j->step = STEP_STRING;
    } else {
        int32_t cp =
            low ? 0x10000 + (((int32_t)j->high - 0xD800) << 10) + j->code - 0xDC00 : j->code;
        j->high = 0;
        json_string_point(j, into, cp);
    }
}

static void json_in_hex(struct json *j, struct json_into *into, uint8_t c) {
    unsigned digit = c >= '0' && c <= '9'   ? c - '0'
                     : c >= 'a' && c <= 'f' ? c - 'a' + 10
                     : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                            : 16;
    j->code = (uint16_t)(j->code << 4 | (digit & 15));
    if (digit == 16)
        json_fail(j, JSON_WRONG_FORM);
    else if (++j->digits == 4)
        json_code(j, into);
}

/* ---- numbers and literals ---- */

enum { NUM_NONE, NUM_MINUS, NUM_ZERO, NUM_INT, NUM_POINT, NUM_FRACTION, NUM_E, NUM_SIGN, NUM_EXP };
enum { BYTE_OTHER, BYTE_MINUS, BYTE_PLUS, BYTE_ZERO, BYTE_DIGIT, BYTE_POINT, BYTE_E, BYTE_KINDS };

/* clang-format off */
static const uint8_t json_number_next[][BYTE_KINDS] = {
    /*                 -          +         0             1 to 9        .          e */
    [NUM_NONE]     = {0, NUM_MINUS, 0,        NUM_ZERO,     NUM_INT,      0,         0},
    [NUM_MINUS]    = {0, 0,         0,        NUM_ZERO,     NUM_INT,      0,         0},
    [NUM_ZERO]     = {0, 0,         0,        0,            0,            NUM_POINT, NUM_E},
    [NUM_INT]      = {0, 0,         0,        NUM_INT,      NUM_INT,      NUM_POINT, NUM_E},
    [NUM_POINT]    = {0, 0,         0,        NUM_FRACTION, NUM_FRACTION, 0,         0},
    [NUM_FRACTION] = {0, 0,         0,        NUM_FRACTION, NUM_FRACTION, 0,         NUM_E},
    [NUM_E]        = {0, NUM_SIGN,  NUM_SIGN, NUM_EXP,      NUM_EXP,      0,         0},
    [NUM_SIGN]     = {0, 0,         0,        NUM_EXP,      NUM_EXP,      0,         0},
    [NUM_EXP]      = {0, 0,         0,        NUM_EXP,      NUM_EXP,      0,         0},
};
/* clang-format on */

static unsigned json_number_byte(uint8_t c) {
    return c == '-'               ? BYTE_MINUS
           : c == '+'             ? BYTE_PLUS
           : c == '0'             ? BYTE_ZERO
           : c >= '1' && c <= '9' ? BYTE_DIGIT
           : c == '.'             ? BYTE_POINT
           : c == 'e' || c == 'E' ? BYTE_E
                                  : BYTE_OTHER;
}

/* Known keys take whole numbers, written as such. */
static void json_number_value(struct json *j, uint8_t c) {
    uint64_t value = (uint64_t)j->value * 10 + (uint64_t)(c - '0');
    if (j->key == JSON_KEYS)
        return;
    if ((j->number != NUM_ZERO && j->number != NUM_INT) || value > UINT32_MAX)
        json_fail(j, JSON_WRONG_VALUE);
    j->value = (uint32_t)value;
}

static void json_number_ends(struct json *j) {
    if (j->key == JSON_RE)
        j->re = j->value;
    else if (j->key == JSON_N)
        j->n = j->value;
    json_value_ends(j, true);
}

/* False: the number ends before the byte. */
static bool json_in_number(struct json *j, uint8_t c) {
    unsigned next = json_number_next[j->number][json_number_byte(c)];
    bool whole = j->number == NUM_ZERO || j->number == NUM_INT || j->number == NUM_FRACTION ||
                 j->number == NUM_EXP;
    if (next == NUM_NONE) {
        if (whole)
            json_number_ends(j);
        else
            json_fail(j, JSON_WRONG_FORM);
        return !whole;
    }
    j->number = (uint8_t)next;
    json_number_value(j, c);
    return true;
}

static const char *const json_literals[] = {"true", "false", "null"};

static void json_in_literal(struct json *j, uint8_t c) {
    const char *literal = json_literals[j->literal];
    if (c != (uint8_t)literal[j->at]) {
        json_fail(j, JSON_WRONG_FORM);
    } else if (literal[++j->at] == '\0') {
        if (j->key == JSON_BOT)
            j->bot = *literal == 't';
        json_value_ends(j, *literal != 'n');
    }
}

/* ---- values ---- */

static void json_opens(struct json *j, uint8_t c) {
    if (j->depth == 2) {
        json_fail(j, JSON_WRONG_DEPTH);
        return;
    }
    j->depth++;
    j->array = c == '[';
    j->step = j->array ? STEP_FIRST_VALUE : STEP_FIRST_KEY;
}

static void json_closes(struct json *j) {
    j->key = JSON_KEYS;
    j->array = false;
    j->step = --j->depth > 0 ? STEP_AFTER : STEP_END;
}

/* Whether the known key may have a value that begins so. */
static bool json_suits(enum json_key key, uint8_t c) {
    switch (key) {
    case JSON_KEYS: return true;
    case JSON_BOT: return c == 't' || c == 'f' || c == 'n';
    case JSON_RE:
    case JSON_N: return json_number_byte(c) != BYTE_OTHER || c == 'n';
    default: return c == '"' || c == 'n';
    }
}

static void json_in_value(struct json *j, uint8_t c) {
    if (!json_suits(j->key, c)) {
        json_fail(j, JSON_WRONG_VALUE);
    } else if (c == '"') {
        json_string_begins(j, false);
    } else if (c == '{' || c == '[') {
        json_opens(j, c);
    } else if (c == 't' || c == 'f' || c == 'n') {
        j->step = STEP_LITERAL;
        j->literal = c == 't' ? 0 : c == 'f' ? 1 : 2;
        j->at = 1;
    } else {
        j->step = STEP_NUMBER;
        j->number = NUM_NONE;
        j->value = 0;
        json_in_number(j, c);
    }
}

static void json_after_value(struct json *j, uint8_t c) {
    if (c == ',')
        j->step = j->array ? STEP_VALUE : STEP_KEY;
    else if (c == (j->array ? ']' : '}'))
        json_closes(j);
    else
        json_fail(j, JSON_WRONG_FORM);
}

/* ---- a message ---- */

static void json_in_start(struct json *j, struct json_into *into, uint8_t c) {
    static const uint8_t mark[] = {0xEF, 0xBB, 0xBF}; /* U+FEFF */
    if (c == mark[j->at]) {
        j->at = (uint8_t)((j->at + 1u) % sizeof mark);
    } else if (c == '{' && j->at == 0) {
        j->key = JSON_KEYS;
        json_opens(j, c);
    } else if (!json_blank(c) || j->at > 0) {
        j->step = STEP_SPEECH;
        for (uint8_t i = 0; i < j->at && i < sizeof mark; i++)
            json_text(j, into, mark[i]);
        json_text(j, into, c);
    }
}

static void json_between(struct json *j, uint8_t c) {
    if (json_blank(c))
        return;
    if (j->step == STEP_AFTER)
        json_after_value(j, c);
    else if ((j->step == STEP_FIRST_KEY && c == '}') || (j->step == STEP_FIRST_VALUE && c == ']'))
        json_closes(j);
    else if (j->step == STEP_VALUE || j->step == STEP_FIRST_VALUE)
        json_in_value(j, c);
    else if (j->step == STEP_COLON && c == ':')
        j->step = STEP_VALUE;
    else if ((j->step == STEP_KEY || j->step == STEP_FIRST_KEY) && c == '"')
        json_string_begins(j, true);
    else
        json_fail(j, JSON_WRONG_FORM);
}

static void json_byte(struct json *j, struct json_into *into, uint8_t c) {
    switch ((enum json_step)j->step) {
    case STEP_START: json_in_start(j, into, c); break;
    case STEP_SPEECH: json_text(j, into, c); break;
    case STEP_STRING: json_in_string(j, into, c); break;
    case STEP_ESCAPE: json_in_escape(j, into, c); break;
    case STEP_HEX: json_in_hex(j, into, c); break;
    case STEP_NUMBER:
        if (!json_in_number(j, c))
            json_between(j, c);
        break;
    case STEP_LITERAL: json_in_literal(j, c); break;
    case STEP_BAD: break;
    default: json_between(j, c);
    }
}

void json_read(struct json *j, struct json_into *into, const uint8_t *in, size_t n) {
    for (size_t i = 0; i < n && j->step != STEP_BAD; i++)
        json_byte(j, into, in[i]);
}

enum json_result json_end(struct json *j) {
    if (j->step == STEP_START || j->step == STEP_SPEECH)
        return JSON_SPEECH;
    if (j->step == STEP_END)
        return JSON_OBJECT;
    if (j->step != STEP_BAD)
        json_fail(j, JSON_WRONG_FORM);
    return JSON_BAD;
}

const char *json_wrong_key(const struct json *j) {
    return j->key < JSON_KEYS ? json_keys[j->key] : "";
}

void json_verbs_list(char out[JSON_VERBS_MAX]) {
    size_t len = 0;
    for (unsigned i = 0; i < JSON_DO_UNKNOWN; i++)
        len +=
            (size_t)snprintf(out + len, JSON_VERBS_MAX - len, "%s%s", i ? ", " : "", json_verbs[i]);
}

enum json_do json_what(const struct json *j) {
    return json_given(j, JSON_DO) ? (enum json_do)j->what : JSON_DO_UNKNOWN;
}

const char *json_string(const struct json *j, const struct json_kept *kept, enum json_key key) {
    return json_given(j, key) ? (const char *)kept + json_slots[key - JSON_NAME].at : NULL;
}
