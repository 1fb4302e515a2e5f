/* item.h - an entry of the stream that machines share: a line of text, fields between TABs, the
 * version first and the text last.
 *
 *     1 NODE LIFE TURN PREV INDEX LINES MS KIND WHO TO TEXT
 *
 * LIFE has 16 hexadecimal digits, other numbers are decimal.  Every field is checked when it is
 * read, because another machine may be of another version, or lie: a reader gets texts that may be
 * shown, or a reason.  WHO is a name, or an address with its port: both are read, whatever the room
 * here is.  TO is that with @NODE behind it.  A field that a kind does not have is empty; no field
 * has a TAB or a NUL.  Of any version the second field is the machine's name.
 *
 * Pure functions; the strings of an item that was read lie in its own memory, NUL-terminated. */
#ifndef WORKER_PROTOCOL_ITEM_H
#define WORKER_PROTOCOL_ITEM_H

#include "ipc/client.h"
#include "ipc/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
enum item_kind {
    ITEM_SAY, ITEM_ME,
    ITEM_BARE,   /* speech of an open room: as it was typed */
    ITEM_JOIN,   /* text: "b": a bot */
    ITEM_LEAVE,
    ITEM_NICK,   /* text: the new name */
    ITEM_KICK,   /* who: of whom */
    ITEM_SYS,    /* an announcement */
    ITEM_MSG,    /* private; to: NAME@NODE */
    ITEM_NOBODY, /* to: NAME@NODE, a speaker; who: the name that nobody has */
    ITEM_UNREAD, /* likewise; who: a person that does not read */
    ITEM_HELLO,  /* the life is in reach: items behind `index` follow, `lines` as of it */
    ITEM_END,    /* the life, in that turn, is out of reach */
    ITEM_KINDS
};
/* clang-format on */

struct item {
    char node[NODE_NAME_MAX];
    uint64_t life, prev, index;
    uint32_t turn, lines;
    int64_t ms; /* since 1970 */
    enum item_kind kind;
    char who[NAME_BYTES_MAX + 1], to[NAME_BYTES_MAX + 1];
    size_t text_len;
    char text[LINE_MAX_MAX + 1];
};

enum { ITEM_MAX = LINE_MAX_MAX + 2 * NAME_BYTES_MAX + NODE_NAME_MAX + 160 };

/* Above it a time is none: the end of the year 9999. */
#define ITEM_MS_MAX INT64_C(253402300799999)

/* Writes the item, not terminated; its length.  Its strings are names that were checked and text
 * that is clean (sanitize.h). */
size_t item_write(const struct item *item, char out[ITEM_MAX]);

/* NULL, or why it is refused, in words for a log.  `room`: this machine's (names are not equal to
 * it).  The machine's name is in out->node even then, or "" if there is none; no other field of a
 * refused item means anything. */
const char *item_read(const char *bytes, size_t len, const char *room, struct item *out);

/* Whether it is that machine's: looked at alone, because each machine reads its own items, too. */
bool item_is_of(const char *bytes, size_t len, const char *node);

/* Whether it is a name, or an address with its port, as the rooms of all machines write it. */
bool item_is_person(const char *text, size_t len, const char *room);

#endif
