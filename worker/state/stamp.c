/* stamp.c - see stamp.h. */
#include "worker/state/stamp.h"

#include "ipc/clock.h"

#include <string.h>
#include <time.h>

enum { STAMP_AHEAD = 6000 }; /* ticks: an entry's may be read a moment after `now` */

struct stamp_now stamp_now(const struct segment *seg) {
    return (struct stamp_now){(int64_t)clock_wall_ms(), segment_ticks(seg)};
}

static void stamp_write(struct stamp *stamp, int64_t when) {
    struct tm local;
    time_t at = (time_t)when;
    if (when >= stamp->from && when < stamp->from + 60)
        return;
    memset(&local, 0, sizeof local);
    localtime_r(&at, &local);
    strftime(stamp->text, sizeof stamp->text, "%m-%d %H:%M", &local);
    stamp->from = when - local.tm_sec % 60;
}

int64_t stamp_ms(const struct stamp_now *now, uint32_t ticks) {
    uint32_t age = now->ticks - ticks;
    if (age > UINT32_MAX - STAMP_AHEAD)
        age = 0;
    return now->wall_ms - (int64_t)age * 10;
}

uint32_t stamp_text(struct stamp *stamp, const struct stamp_now *now, uint32_t ticks,
                    char out[STAMP_MAX]) {
    uint32_t age = now->ticks - ticks;
    stamp_write(stamp, stamp_ms(now, ticks) / 1000);
    const char *text =
        stamp->text +
        (age <= UINT32_MAX - STAMP_AHEAD && age / 100 > STAMP_DAY_S ? 0 : strlen("11-24 "));
    uint32_t len = (uint32_t)strlen(text);
    out[0] = '[';
    memcpy(out + 1, text, len);
    memcpy(out + 1 + len, "] ", 2);
    return len + 3;
}

size_t stamp_len(const char *text, size_t len) {
    const char *end = len > 0 && text[0] == '[' ? memchr(text, ']', len) : NULL;
    size_t n = end ? (size_t)(end - text) + 2 : 0;
    return n <= len && n < STAMP_MAX ? n : 0;
}
