/* echo.c - see echo.h. */
#include "worker/record/echo.h"

size_t echo_line(const struct segment *seg, const struct facts *f, char out[TYPED_SHOWN_MAX]) {
    const uint8_t *line;
    if (f->line_len == 0)
        return 0;
    if (f->line_buffer != NO_BUFFER)
        line = ((struct tx_buffer *)buffer_at(&seg->tx_buffers, f->line_buffer))->data;
    else
        line = ((struct rx_buffer *)buffer_at(&seg->rx_buffers, f->rx))->line;
    return typed_shown((enum encoding)f->encoding, line, f->line_len, out);
}

size_t echo_away(const struct segment *seg, const struct facts *f, char out[DRAW_MAX]) {
    char shown[TYPED_SHOWN_MAX];
    size_t n = echo_line(seg, f, shown);
    return draw_away((enum encoding)f->encoding, f->columns, shown, n, out);
}

size_t echo_change(const struct segment *seg, const struct facts *was, const struct facts *f,
                   char out[DRAW_MAX]) {
    char old[TYPED_SHOWN_MAX], new[TYPED_SHOWN_MAX];
    size_t old_len = echo_line(seg, was, old), new_len = echo_line(seg, f, new);
    return draw_change((enum encoding)f->encoding, f->columns, old, old_len, new, new_len, out);
}
