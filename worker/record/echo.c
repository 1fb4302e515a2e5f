/* echo.c - see echo.h. */
#include "worker/record/echo.h"

struct drawn echo_lay(const struct segment *seg, const struct facts *f, char text[ECHO_MAX]) {
    enum encoding enc = client_wire(f);
    const uint8_t *line;
    if (f->line_len == 0)
        return draw_lay(enc, f->columns, text, 0);
    if (f->line_buffer != NO_BUFFER)
        line = ((struct tx_buffer *)buffer_at(&seg->tx_buffers, f->line_buffer))->data;
    else
        line = ((struct rx_buffer *)buffer_at(&seg->rx_buffers, f->rx))->line;
    size_t cursor = (size_t)f->line_len - f->behind;
    size_t from = typed_tail(client_read(f), line, cursor, f->columns);
    size_t n = typed_shown(client_read(f), enc, line + from, cursor - from, text);
    struct drawn drawn = draw_lay(enc, f->columns, text, n);
    if (f->behind > 0) {
        size_t head = typed_head(f->behind, f->columns);
        draw_lay_behind(enc, &drawn,
                        typed_shown(client_read(f), enc, line + cursor, head, text + n));
    }
    return drawn;
}

/* A line changes only by what is consumed. */
bool echo_same(const struct facts *was, const struct facts *f) {
    return was->consumed == f->consumed && was->line_len == f->line_len &&
           client_wire(was) == client_wire(f) && client_read(was) == client_read(f) &&
           was->behind == f->behind && was->columns == f->columns;
}

size_t echo_change(const struct segment *seg, const struct facts *was, const struct facts *f,
                   char out[DRAW_MAX]) {
    char old_text[ECHO_MAX], new_text[ECHO_MAX];
    struct drawn old = echo_lay(seg, was, old_text), new = echo_lay(seg, f, new_text);
    return draw_change(client_wire(f), &old, &new, out);
}
