/* text.h - bytes that grow at the end and are taken from the beginning; at NULL: none yet. */
#ifndef TESTS_CRASH_TEXT_H
#define TESTS_CRASH_TEXT_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct text {
    char *at;
    size_t len, size;
};

static inline void text_add(struct text *t, const char *bytes, size_t len) {
    if (t->len + len > t->size) {
        t->size = 2 * (t->len + len);
        t->at = realloc(t->at, t->size);
        if (!t->at)
            abort();
    }
    if (len > 0)
        memcpy(t->at + t->len, bytes, len);
    t->len += len;
}

static inline void text_drop(struct text *t, size_t len) {
    if (len > 0)
        memmove(t->at, t->at + len, t->len - len);
    t->len -= len;
}

#endif
