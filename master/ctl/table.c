/* table.c - see table.h. */
#include "master/ctl/table.h"

#include "ipc/unicode.h"
#include "master/ctl/print.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_GAP = 2 };

size_t table_fits(const char *text, uint32_t columns) {
    size_t left = strlen(text), at = 0, len;
    for (uint32_t taken = 0; left > 0; at += len, left -= len) {
        int32_t cp = unicode_decode(text + at, left, &len);
        taken += cp == UNICODE_BAD ? 1 : unicode_properties(cp).columns;
        if (taken > columns)
            break;
    }
    return at;
}

uint32_t table_width(const char *text) {
    uint32_t columns = 0;
    size_t left = strlen(text), len;
    for (; left > 0; text += len, left -= len)
        columns += unicode_properties(unicode_decode(text, left, &len)).columns;
    return columns;
}

/* An operator's tool without memory has nothing better to do than to say so. */
static void *table_memory(void *memory) {
    if (!memory) {
        fputs("chatroom-ctl: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

static void table_add(struct table *t, const char *text) {
    if (t->len == t->size) {
        t->size = t->size ? 2 * t->size : 256;
        t->cell = table_memory(realloc(t->cell, t->size * sizeof *t->cell));
    }
    t->cell[t->len++] = table_memory(strdup(text));
}

void table_begin(struct table *t, const char *heading) {
    char names[TABLE_CELL], *save = NULL;
    memset(t, 0, sizeof *t);
    snprintf(names, sizeof names, "%s", heading);
    for (char *name = strtok_r(names, "|", &save); name && t->columns < TABLE_COLUMNS;
         name = strtok_r(NULL, "|", &save)) {
        t->right[t->columns++] = name[0] == '>';
        table_add(t, name + (name[0] == '>'));
    }
}

void table_cell(struct table *t, const char *fmt, ...) {
    char text[TABLE_CELL], clean[TABLE_CELL];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    table_add(t, print_clean(clean, sizeof clean, text));
}

static void table_print_row(const struct table *t, char *const *cell, const uint32_t *width,
                            FILE *out) {
    uint32_t owed = 0; /* blanks: none at a row's end */
    for (uint32_t c = 0; c < t->columns; c++) {
        uint32_t pad = width[c] - table_width(cell[c]);
        owed += t->right[c] ? pad : 0;
        if (cell[c][0])
            fprintf(out, "%*s%s", (int)owed, "", cell[c]);
        owed = cell[c][0] ? 0 : owed;
        owed += TABLE_GAP + (t->right[c] ? 0 : pad);
    }
    fputc('\n', out);
}

void table_print(struct table *t, FILE *out) {
    uint32_t width[TABLE_COLUMNS] = {0};
    for (size_t i = 0; i < t->len; i++) {
        uint32_t wide = table_width(t->cell[i]);
        if (wide > width[i % t->columns])
            width[i % t->columns] = wide;
    }
    for (size_t i = 0; i + t->columns <= t->len; i += t->columns)
        table_print_row(t, &t->cell[i], width, out);
    for (size_t i = 0; i < t->len; i++)
        free(t->cell[i]);
    free(t->cell);
    memset(t, 0, sizeof *t);
}
