/* convert.c - see convert.h. */
#include "ipc/convert.h"

#include "ipc/fault.h"
#include "ipc/layout.h"
#include "ipc/parts.h"
#include "ipc/predecessor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* How a row of ours is made from an old one. */
struct convert_row {
    const struct layout_row *was;   /* NULL: there is none, the initial value stays */
    const struct layout_row *inner; /* the row of the struct that its elements are; NULL: plain */
    uint32_t count, size, size_was; /* elements that both have, and bytes of each */
};

struct conversion {
    struct layout own, from;
    struct convert_row row[LAYOUT_ROWS_MAX]; /* for each of ours */
    uint8_t *old;                            /* the old object, mapped to be read */
    size_t size;                             /* its bytes */
    uint32_t number;                         /* of its layout */
    struct geometry geometry;
    struct parts was, is;
    struct segment *to;
    void (*progress)(void); /* NULL: no process of the old program lives */
    bool rehearsal;
    char *err;
    size_t err_size;
};

/* The numbers and words that a segment does not inherit. */
static const char *const convert_initial[][2] = {
    {"segment_header", "magic"},        {"segment_header", "layout"},
    {"segment_header", "header_size"},  {"segment_header", "rows"},
    {"segment_header", "rows_at"},      {"segment_header", "standby"},
    {"segment_header", "upgrade_beat"}, {"gate", "tokens"},
};

__attribute__((format(printf, 2, 3))) static bool convert_refuse(const struct conversion *c,
                                                                 const char *fmt, ...) {
    char why[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    snprintf(c->err, c->err_size,
             "shared memory: its layout is %08x, this program's is %08x, and converting it fails: "
             "%s",
             c->number, layout_number(), why);
    return false;
}

/* ---- the table of the old layout ---- */

/* The struct's row with this number; NULL: there is none. */
static const struct layout_row *convert_struct_row(const struct layout *layout, uint32_t unit) {
    for (size_t i = 0; unit >= LAYOUT_STRUCT && i < layout->count; i++) {
        if (layout->row[i].unit == unit && layout->row[i].field[0] == '\0')
            return &layout->row[i];
    }
    return NULL;
}

/* Bytes of an element of the field; 0: its row is nonsense. */
static uint32_t convert_element(const struct layout *layout, const struct layout_row *row) {
    const struct layout_row *inner = convert_struct_row(layout, row->unit);
    return inner ? inner->size : row->unit < LAYOUT_STRUCT ? row->unit & (LAYOUT_SIGNED - 1) : 0;
}

/* Large enough for every struct, and small enough that parts_by() does not overflow. */
enum { CONVERT_STRUCT_MAX = 1 << 24, CONVERT_MANY_MAX = 4096 };

static bool convert_row_sound(const struct layout *layout, const struct layout_row *row) {
    if (memchr(row->type, 0, sizeof row->type) == NULL ||
        memchr(row->field, 0, sizeof row->field) == NULL)
        return false;
    if (row->type[0] == '\0')
        return true;
    if (row->field[0] == '\0')
        return row->offset > 0 && row->offset <= CONVERT_MANY_MAX && row->size > 0 &&
               row->size <= CONVERT_STRUCT_MAX / row->offset;
    const struct layout_row *whole = layout_find(layout, row->type, "");
    uint32_t element = convert_element(layout, row);
    return whole && element > 0 && row->size % element == 0 && row->size <= whole->size &&
           row->offset <= whole->size - row->size;
}

/* The fixed words of a header (header.h); `rows` is nonsense in layouts that are recorded. */
struct convert_claim {
    uint64_t magic;
    uint32_t layout, header_size;
    uint64_t beat;
    uint32_t standby, unserved, rows, rows_at;
};
_Static_assert(offsetof(struct segment_header, upgrade_beat) == 16 &&
                   offsetof(struct segment_header, standby) == 24 &&
                   offsetof(struct segment_header, rows) == 32 &&
                   offsetof(struct segment_header, rows_at) == 36,
               "no layout moves these");

static bool convert_read_table(struct conversion *c) {
    const struct convert_claim *claim = (const void *)c->old;
    c->number = claim->layout;
    if (claim->magic != SEGMENT_MAGIC)
        return convert_refuse(c, "it is no chatroom's");
    c->from = layout_recorded(claim->layout);
    if (c->from.count > 0)
        return true;
    if (claim->rows == 0 || claim->rows > LAYOUT_ROWS_MAX || claim->rows_at > c->size ||
        claim->rows_at % _Alignof(struct layout_row) != 0 ||
        claim->rows * sizeof(struct layout_row) > c->size - claim->rows_at)
        return convert_refuse(c, "it carries no table of it");
    c->from = (struct layout){(const void *)(c->old + claim->rows_at), claim->rows};
    for (size_t i = 0; i < c->from.count; i++) {
        if (!convert_row_sound(&c->from, &c->from.row[i]))
            return convert_refuse(c, "row %zu of its table is nonsense", i);
    }
    return true;
}

/* ---- which old row belongs to which of ours ---- */

/* Bytes without a meaning. */
static bool convert_is_filler(const struct layout_row *row) {
    return strncmp(row->field, "pad", 3) == 0 || strcmp(row->field, "spare") == 0;
}

static bool convert_may_widen(const struct layout_row *was, const struct layout_row *is) {
    return was->unit < is->unit && is->unit <= sizeof(uint64_t);
}

static bool convert_match_field(struct conversion *c, const struct layout_row *was,
                                const struct layout_row *is) {
    struct convert_row *row = &c->row[is - c->own.row];
    const struct layout_row *inner = convert_struct_row(&c->own, is->unit);
    const struct layout_row *inner_was = convert_struct_row(&c->from, was->unit);
    uint32_t size = convert_element(&c->own, is), size_was = convert_element(&c->from, was);
    if (size == 0 || size_was == 0)
        return convert_refuse(c, "%s.%s has no size", is->type, is->field);
    uint32_t count = is->size / size, count_was = was->size / size_was;
    bool same = inner ? inner_was && strcmp(inner->type, inner_was->type) == 0
                      : was->unit == is->unit || convert_may_widen(was, is);
    if (!same)
        return convert_refuse(c, "%s.%s is of another type", is->type, is->field);
    if (count < count_was && !convert_is_filler(is))
        return convert_refuse(c, "%s.%s has %u elements and had %u", is->type, is->field, count,
                              count_was);
    *row = (struct convert_row){was, inner, count < count_was ? count : count_was, size, size_was};
    return true;
}

static bool convert_match_number(const struct conversion *c, const struct layout_row *was,
                                 const struct layout_row *is) {
    if (was->offset == is->offset || (is->unit == LAYOUT_COUNT && was->offset < is->offset))
        return true;
    return convert_refuse(c, "%s is %u and was %u", is->field, is->offset, was->offset);
}

static bool convert_match_row(struct conversion *c, size_t i) {
    const struct layout_row *is = &c->own.row[i];
    const struct layout_row *was = layout_find(&c->from, is->type, is->field);
    if (strncmp(is->type, "side_", 5) == 0 &&
        (!was || was->offset != is->offset || was->size != is->size))
        return convert_refuse(c, "%s.%s has changed, and lies in a ring", is->type, is->field);
    for (size_t k = 0; k < sizeof convert_initial / sizeof convert_initial[0]; k++) {
        if (strcmp(is->type, convert_initial[k][0]) == 0 &&
            strcmp(is->field, convert_initial[k][1]) == 0)
            was = NULL;
    }
    c->row[i] = (struct convert_row){.was = was};
    if (!was)
        return true;
    if (is->type[0] == '\0')
        return convert_match_number(c, was, is);
    return is->field[0] == '\0' || convert_match_field(c, was, is);
}

static bool convert_match(struct conversion *c) {
    for (size_t i = 0; i < c->own.count; i++) {
        if (!convert_match_row(c, i))
            return false;
    }
    return true;
}

/* ---- structs ---- */

static bool convert_is_field(const struct layout_row *row) {
    return row->type[0] != '\0' && row->field[0] != '\0';
}

static void convert_struct(const struct conversion *c, const struct layout_row *whole,
                           const uint8_t *from, uint8_t *to);

/* An unsigned number that has more bytes now. */
static void convert_widen(const uint8_t *from, uint32_t was, uint8_t *to, uint32_t is) {
    bool big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    memset(to, 0, is);
    memcpy(to + (big ? is - was : 0), from, was);
}

static void convert_field(const struct conversion *c, const struct convert_row *row,
                          const uint8_t *from, uint8_t *to) {
    if (!row->inner && row->size == row->size_was) {
        memcpy(to, from, (size_t)row->count * row->size);
        return;
    }
    for (size_t i = 0; i < row->count; i++) {
        if (row->inner)
            convert_struct(c, row->inner, from + i * row->size_was, to + i * row->size);
        else
            convert_widen(from + i * row->size_was, row->size_was, to + i * row->size, row->size);
    }
}

static void convert_struct(const struct conversion *c, const struct layout_row *whole,
                           const uint8_t *from, uint8_t *to) {
    const struct layout_row *end = c->own.row + c->own.count;
    for (const struct layout_row *is = whole + 1; is < end && convert_is_field(is); is++) {
        const struct convert_row *row = &c->row[is - c->own.row];
        if (row->was)
            convert_field(c, row, from + row->was->offset, to + is->offset);
    }
}

/* ---- parts ---- */

enum { CONVERT_BEAT = 1 << 20 }; /* bytes between two beats */

static void convert_beat(const struct conversion *c) {
    predecessor_beat();
    if (c->progress)
        c->progress();
}

static void convert_bytes(const struct conversion *c, const uint8_t *from, uint8_t *to,
                          size_t len) {
    for (size_t at = 0; at < len; at += CONVERT_BEAT) {
        memcpy(to + at, from + at, len - at < CONVERT_BEAT ? len - at : CONVERT_BEAT);
        convert_beat(c);
    }
}

static void convert_structs(const struct conversion *c, const char *type, size_t from, size_t to,
                            uint64_t count) {
    const struct layout_row *is = layout_find(&c->own, type, "");
    const struct layout_row *was = c->row[is - c->own.row].was;
    for (uint64_t i = 0; was && i < count; i++) {
        convert_struct(c, is, c->old + from + i * was->size,
                       (uint8_t *)c->to->header + to + i * is->size);
        if (i % 1024 == 0)
            convert_beat(c);
    }
}

/* As many of them as both layouts have. */
static void convert_many(const struct conversion *c, const char *type, size_t from, size_t to,
                         uint64_t times) {
    const struct layout_row *is = layout_find(&c->own, type, "");
    const struct layout_row *was = layout_find(&c->from, type, "");
    uint32_t many = was && was->offset < is->offset ? was->offset : is->offset;
    convert_structs(c, type, from, to, times * many);
}

static void convert_grown(const struct conversion *c, int which, uint32_t steps) {
    const char *type = parts_type(which);
    size_t from = c->was.grown[which].at, to = c->is.grown[which].at;
    uint32_t count = growth_at(&c->is.grown[which].growth, steps);
    if (type[0])
        convert_structs(c, type, from, to, count);
    else
        convert_bytes(c, c->old + from, (uint8_t *)c->to->header + to, count * sizeof(uint64_t));
}

static void convert_parts(const struct conversion *c) {
    const struct parts *was = &c->was, *is = &c->is;
    const struct geometry *g = &c->geometry;
    convert_many(c, "gate", was->gate, is->gate, 1);
    convert_many(c, "room_shared", was->room, is->room, 1);
    convert_many(c, "slot", was->slots, is->slots, 1);
    convert_many(c, "entry", was->ledger, is->ledger, g->ledger_len);
    convert_bytes(c, c->old + was->side_ends, (uint8_t *)c->to->room.side_end,
                  sizeof(uint64_t) * g->ledger_len);
    convert_many(c, "name_entry", was->names, is->names, g->names_len);
    convert_many(c, "origin", was->origins, is->origins, g->origins_len);
    convert_many(c, "request", was->requests, is->requests, 1);
    convert_many(c, "restrictions", was->restrictions, is->restrictions, 1);
    convert_many(c, "web_pages", was->pages, is->pages, 1);
    for (int i = 0; i < GROWN_TABLES; i++)
        convert_grown(c, i, i < GROWN_OWN ? c->to->header->steps : c->to->header->remote_steps);
    for (int e = 0; e < RING_COUNT && !c->rehearsal; e++)
        convert_bytes(c, c->old + was->ring[e], c->to->room.ring[e], parts_ring_size(g, e));
}

/* ---- the whole ---- */

/* The old header as one of ours: fields that the old one has not are 0. */
static const struct segment_header *convert_header(const struct conversion *c) {
    static struct segment_header header;
    memset(&header, 0, sizeof header);
    convert_struct(c, layout_find(&c->own, "segment_header", ""), c->old, (uint8_t *)&header);
    return &header;
}

/* Where the words lie (predecessor.h).  The standby process of layout 0x51d9f54a takes over by
 * moving its word from WATCHES to NONE, because its master's lease in the segment is what it was;
 * it gives up if the word is ACTS. */
static struct predecessor_words convert_words(const struct conversion *c) {
    const struct layout *from = &c->from;
    struct predecessor_words words = {.size = c->was.fixed,
                                      .beat = offsetof(struct segment_header, upgrade_beat),
                                      .standby = offsetof(struct segment_header, standby),
                                      .unserved = offsetof(struct segment_header, unserved),
                                      .commit = STANDBY_NONE};
    if (layout_recorded(c->number).count == 0)
        return words;
    words.unserved = 0;
    words.commit = STANDBY_ACTS;
    words.standby = layout_find(from, "segment_header", "standby")->offset;
    words.beat = c->was.slots + MASTER_SLOT * layout_find(from, "slot", "")->size +
                 layout_find(from, "slot", "heartbeat")->offset;
    memcpy(&words.pid,
           c->old + layout_find(from, "segment_header", "master")->offset +
               layout_find(from, "master_state", "standby_pid")->offset,
           sizeof words.pid);
    return words;
}

static bool convert_map_words(const struct conversion *c, int fd) {
    struct predecessor_words words = convert_words(c);
    return predecessor_map(fd, &words) || convert_refuse(c, "mmap: %s", strerror(errno));
}

/* What the old one has reserved, too. */
static bool convert_grow(const struct conversion *c, const struct segment_header *header) {
    struct segment *to = c->to;
    const struct geometry *g = &c->geometry;
    uint64_t most = (uint64_t)header->steps * GROWTH_CLIENTS;
    uint64_t remote = (uint64_t)header->remote_steps * GROWTH_CLIENTS;
    int error = 0;
    if (most > 0)
        error = segment_grow(to, (uint32_t)(most < g->clients_len ? most : g->clients_len) - 1);
    if (remote > 0 && error == 0)
        error = segment_grow_remote(
            to, g->clients_len - 1 + (uint32_t)(remote < g->remote_len ? remote : g->remote_len));
    return error == 0 || convert_refuse(c, "no memory for its clients: %s", strerror(error));
}

/* A geometry may have fields that the old one had not; the parts of these were empty then. */
static bool convert_measure(struct conversion *c, const struct segment_header *header) {
    const struct layout_row *at = layout_find(&c->from, "segment_header", "geometry");
    segment_geometry(&c->geometry, header_config(header), header->geometry.clients_len);
    if (at)
        convert_struct(c, layout_find(&c->own, "geometry", ""), c->old + at->offset,
                       (uint8_t *)&c->geometry);
    if (!at || !parts_sound(&c->geometry))
        return convert_refuse(c, "its geometry is nonsense");
    c->was = parts_by(&c->geometry, &c->from);
    c->is = parts_of(&c->geometry);
    return c->was.size == c->size ||
           convert_refuse(c, "%zu bytes where its geometry wants %zu", c->size, c->was.size);
}

/* The magic comes last: no other process takes a half of it for a segment. */
static bool convert_make(struct conversion *c, const struct segment_header *header) {
    FAULT("convert.make.before");
    if (segment_create(c->to, &c->geometry, header_config(header), c->err, c->err_size) != 0)
        return false;
    c->to->header->magic = 0;
    fcntl(c->to->fd, F_SETFD, FD_CLOEXEC);
    if (!convert_grow(c, header))
        return false;
    FAULT("convert.make.made");
    convert_parts(c);
    convert_many(c, "segment_header", 0, 0, 1);
    FAULT("convert.make.filled");
    c->to->header->magic = SEGMENT_MAGIC;
    FAULT("convert.make.after");
    return true;
}

static bool convert_run(struct conversion *c, int fd) {
    if (!convert_read_table(c))
        return false;
    if (c->size < layout_size(&c->from, "segment_header"))
        return convert_refuse(c, "it is too small");
    if (!convert_match(c))
        return false;
    const struct segment_header *header = convert_header(c);
    return convert_measure(c, header) && (!c->progress || convert_map_words(c, fd)) &&
           convert_make(c, header);
}

static int convert_object(const struct conversion *how, int fd) {
    static struct conversion c;
    struct stat st;
    c = *how;
    c.own = layout_own();
    if (fstat(fd, &st) != 0 || (c.size = (size_t)st.st_size) < sizeof(struct convert_claim) ||
        (c.old = mmap(NULL, c.size, PROT_READ, MAP_SHARED, fd, 0)) == MAP_FAILED) {
        snprintf(c.err, c.err_size, "shared memory: it is no segment, or cannot be mapped");
        return -1;
    }
    bool done = convert_run(&c, fd);
    munmap(c.old, c.size);
    if (done)
        return 0;
    segment_close(c.to);
    predecessor_forget();
    return -1;
}

static int convert_adopt(const struct conversion *how, int fd) {
    uint32_t claim[3] = {0}; /* magic and layout, which lie first in every layout */
    if (pread(fd, claim, sizeof claim, 0) != sizeof claim || claim[2] == layout_number())
        return segment_open(how->to, fd, how->err, how->err_size);
    memset(how->to, 0, sizeof *how->to);
    how->to->fd = -1;
    return convert_object(how, fd);
}

int segment_adopt(struct segment *s, int fd, void (*progress)(void), char *err, size_t err_size) {
    const struct conversion how = {.to = s, .progress = progress, .err = err, .err_size = err_size};
    return convert_adopt(&how, fd);
}

int segment_rehearse(struct segment *s, int fd, char *err, size_t err_size) {
    const struct conversion how = {.to = s, .rehearsal = true, .err = err, .err_size = err_size};
    return convert_adopt(&how, fd);
}
