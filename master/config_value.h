/* config_value.h - one parser a type of value.
 *
 * Each checks `text` against the rule and stores it into the configuration; false with a reason (at
 * most VALUE_ERR_SIZE bytes) that names what is wrong.  Whatever the text, nothing outside the
 * rule's field is written (listen, proxy_from and motd also write the count beside it). */
#ifndef MASTER_CONFIG_VALUE_H
#define MASTER_CONFIG_VALUE_H

#include "ipc/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { VALUE_ERR_SIZE = 256, VALUE_RANGE_SIZE = 64, VALUE_FILE_MAX = 1 << 20 };

/* For reading; NULL with what is wrong.  Only a regular file of at most VALUE_FILE_MAX bytes, or
 * /dev/null: the end of a pipe or of a device may never come, and the master waits for nobody. */
FILE *value_open(const char *path, const char **wrong);

/* Units a number may have, ended by a NULL name, with the name of such a number. */
struct value_unit {
    const char *name;
    uint64_t factor;
};
struct value_kind {
    const char *a; /* "a size (such as 64K)" */
    struct value_unit units[6];
};
extern const struct value_kind value_count, value_size, value_time;

struct value_rule {
    size_t offset, size; /* of the field in struct config */
    uint64_t min, max;
    const struct value_kind *kind; /* of a number */
    const char *const *words;      /* of a word, NULL at the end: its index is stored */
};

typedef bool value_parser(const struct value_rule *rule, const char *text, struct config *config,
                          char *err);

value_parser value_number;  /* any kind; a time is stored in ms, and bare it is seconds */
value_parser value_power;   /* a number that is a power of two */
value_parser value_workers; /* `auto`, or a number */
value_parser value_word;
value_parser value_text; /* a path */
value_parser value_file; /* of a file that will be made if need be: in a folder that is there */
value_parser value_user, value_group;
value_parser value_room; /* printable UTF-8 */
value_parser value_socket;
value_parser value_motd; /* reads the file: UTF-8, stored with CR LF */
value_parser value_listen;
value_parser value_network;

/* "1 to 64", "64K to 1G", "utf-8, gbk, big5"; empty where there is neither range nor words. */
const char *value_range(const struct value_rule *rule, char out[VALUE_RANGE_SIZE]);

#endif
