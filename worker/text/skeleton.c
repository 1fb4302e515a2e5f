/* skeleton.c - see skeleton.h.  All tables are sorted and searched by halves. */
#include "worker/text/skeleton.h"

#include "worker/text/skeleton_table.h"

#include <stdbool.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* One map of code points to one or more. */
struct skeleton_map {
    const struct skeleton_run *runs;
    const struct skeleton_row *rows;
    size_t run_count, row_count;
};
#define MAP(name)                                                                                  \
    {                                                                                              \
        skeleton_##name##_runs, skeleton_##name##_rows, LENGTH(skeleton_##name##_runs),            \
            LENGTH(skeleton_##name##_rows)                                                         \
    }
static const struct skeleton_map skeleton_decomposed = MAP(decomposed);
static const struct skeleton_map skeleton_capitals = MAP(capital);
static const struct skeleton_map skeleton_looks = MAP(look);

/* Code points on their way through the maps. */
struct skeleton_text {
    int32_t at[SKELETON_MAX];
    size_t len;
};

static void skeleton_append(struct skeleton_text *text, int32_t cp) {
    if (text->len < SKELETON_MAX)
        text->at[text->len++] = cp;
}

/* Korean syllables are computed, not looked up (Unicode, section 3.12). */
static void skeleton_hangul(int32_t cp, struct skeleton_text *out) {
    int32_t index = cp - 0xAC00;
    skeleton_append(out, 0x1100 + index / 588);
    skeleton_append(out, 0x1161 + index % 588 / 28);
    if (index % 28 != 0)
        skeleton_append(out, 0x11A7 + index % 28);
}

static int32_t skeleton_search_run(const struct skeleton_map *map, uint32_t cp) {
    size_t lo = 0, hi = map->run_count;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (map->runs[middle].first <= cp)
            lo = middle + 1;
        else
            hi = middle;
    }
    if (lo == 0)
        return (int32_t)cp;
    const struct skeleton_run *run = &map->runs[lo - 1];
    uint32_t distance = cp - run->first;
    bool within = distance % run->step == 0 && distance / run->step < run->count;
    return (int32_t)cp + (within ? run->delta : 0);
}

static const struct skeleton_row *skeleton_search_row(const struct skeleton_map *map, uint32_t cp) {
    size_t lo = 0, hi = map->row_count;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (map->rows[middle].from < cp)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo < map->row_count && map->rows[lo].from == cp ? &map->rows[lo] : NULL;
}

static void skeleton_map_one(const struct skeleton_map *map, int32_t cp,
                             struct skeleton_text *out) {
    const struct skeleton_row *row = skeleton_search_row(map, (uint32_t)cp);
    if (!row)
        skeleton_append(out, skeleton_search_run(map, (uint32_t)cp));
    for (uint32_t i = 0; row && i < row->count; i++)
        skeleton_append(out, (int32_t)skeleton_points[row->at + i]);
}

static void skeleton_decompose(int32_t cp, struct skeleton_text *out) {
    if (cp >= 0xAC00 && cp <= 0xD7A3)
        skeleton_hangul(cp, out);
    else if (cp < 0x80)
        skeleton_append(out, cp);
    else
        skeleton_map_one(&skeleton_decomposed, cp, out);
}

static size_t skeleton_look(const struct skeleton_text *text, bool digits,
                            int32_t out[SKELETON_MAX]) {
    struct skeleton_text looks = {.len = 0};
    for (size_t i = 0; i < text->len; i++) {
        if (!digits && text->at[i] >= '0' && text->at[i] <= '9')
            skeleton_append(&looks, text->at[i]);
        else
            skeleton_map_one(&skeleton_looks, text->at[i], &looks);
    }
    for (size_t i = 0; i < looks.len; i++)
        out[i] = looks.at[i];
    return looks.len;
}

/* As the tables have it; most names are ASCII. */
static size_t skeleton_ascii(int32_t cp, int32_t out[SKELETON_MAX]) {
    bool pair = cp == 'm';
    out[0] = cp == '0' ? 'O' : cp == '1' || cp == 'I' ? 'l' : pair ? 'r' : cp;
    out[1] = 'n';
    return pair ? 2 : 1;
}

static int32_t skeleton_ascii_capital(int32_t cp) {
    return cp == 'i' || cp == 'I' ? 'l' : cp >= 'a' && cp <= 'z' ? cp - 'a' + 'A' : cp;
}

size_t skeleton_typed(int32_t cp, int32_t out[SKELETON_MAX]) {
    struct skeleton_text parts = {.len = 0};
    if (cp >= 0 && cp < 0x80)
        return skeleton_ascii(cp, out);
    skeleton_decompose(cp, &parts);
    return skeleton_look(&parts, true, out);
}

size_t skeleton_capital(int32_t cp, int32_t out[SKELETON_MAX]) {
    struct skeleton_text parts = {.len = 0}, capitals = {.len = 0};
    if (cp >= 0 && cp < 0x80) {
        out[0] = skeleton_ascii_capital(cp);
        return 1;
    }
    skeleton_decompose(cp, &parts);
    for (size_t i = 0; i < parts.len; i++)
        skeleton_map_one(&skeleton_capitals, parts.at[i], &capitals);
    return skeleton_look(&capitals, false, out);
}
