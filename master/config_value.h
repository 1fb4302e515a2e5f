/* config_value.h - a parser for each type of value.
 *
 * A parser checks `text` against the rule and stores the value in the configuration.  It returns
 * false with a reason in `err`, which has VALUE_ERR_SIZE bytes.  It writes nothing but the rule's
 * field; listen, metrics, web, proxy_from, web_host and motd also write the count beside it, and
 * relay what belongs to it. */
#ifndef MASTER_CONFIG_VALUE_H
#define MASTER_CONFIG_VALUE_H

#include "ipc/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { VALUE_ERR_SIZE = 256, VALUE_RANGE_SIZE = 64, VALUE_FILE_MAX = 1 << 20 };

/* Opens a file for reading; NULL, with a reason in *wrong that is not to be freed.  Accepts only a
 * regular file of at most VALUE_FILE_MAX bytes, or /dev/null: a pipe or a device may have no end,
 * and the master must not wait for one. */
FILE *value_open(const char *path, const char **wrong);

/* The units that a kind of number may have, ended by a NULL name. */
struct value_unit {
    const char *name;
    uint64_t factor;
};
struct value_kind {
    const char *a; /* what an error calls it: "a size (such as 64K)" */
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

value_parser value_number;  /* of any kind; a time is stored in ms, without a unit it is seconds */
value_parser value_power;   /* a number that is a power of two */
value_parser value_workers; /* `auto`, or a number */
value_parser value_word;
value_parser value_text; /* a path */
value_parser value_file; /* the path of a file that may be missing, in a folder that exists */
value_parser value_user, value_group;
value_parser value_room; /* printable UTF-8 */
value_parser value_socket;
value_parser value_motd; /* reads the file: UTF-8, stored with CR LF */
value_parser value_listen;
value_parser value_metrics, value_web; /* addresses as well, of other kinds */
value_parser value_web_host;
value_parser value_network;
value_parser value_node;  /* a machine's name */
value_parser value_relay; /* relay_url.h */

/* "1 to 64", "64K to 1G", "utf-8, gbk, big5"; empty if the rule has neither range nor words.
 * Returns out. */
const char *value_range(const struct value_rule *rule, char out[VALUE_RANGE_SIZE]);

#endif
