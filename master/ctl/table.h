/* table.h - a table in aligned columns, as wide as a terminal shows it (UAX 11: Chinese takes two).
 *
 *     struct table t;
 *     table_begin(&t, "NAME|ADDRESS|>IDLE");      > to the right
 *     table_cell(&t, "%s", name); ...             row by row
 *     table_print(&t, stdout);                    and it is freed
 *
 * Whatever a cell is given, it cannot steer the terminal: it is made clean (print.h). */
#ifndef MASTER_CTL_TABLE_H
#define MASTER_CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { TABLE_COLUMNS = 16, TABLE_CELL = 512 };

struct table {
    uint32_t columns;
    bool right[TABLE_COLUMNS];
    char **cell; /* [len], row by row; the first row is the heading */
    size_t len, size;
};

void table_begin(struct table *table, const char *heading);
void table_cell(struct table *table, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void table_print(struct table *table, FILE *out);

/* Columns that a clean text takes. */
uint32_t table_width(const char *text);
/* Bytes of it that take at most so many columns. */
size_t table_fits(const char *text, uint32_t columns);

#endif
