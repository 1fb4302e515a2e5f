/* fuzz_item.c - reads any bytes as an entry of the stream that another machine wrote, and asserts:
 *
 *   - a machine's name is one, or is not there, whether the item is refused or not;
 *   - an item that is not refused has names that are names, numbers in order, and text that is
 * clean and whole;
 *   - it is written as it came, but for its text, and what is written is read as the same. */
#include "ipc/address.h"
#include "ipc/relay.h"
#include "ipc/unicode.h"
#include "worker/protocol/item.h"
#include "worker/text/name.h"
#include "worker/text/sanitize.h"

#include <stdlib.h>
#include <string.h>

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            __builtin_trap();                                                                      \
    } while (0)

static const char room[] = "Room";

static bool is_person(const char *text) {
    struct in6_addr addr;
    uint16_t port;
    return name_check(text, strlen(text), room) == NAME_OK || endpoint_parse(text, &addr, &port);
}

static void check_people(const struct item *item) {
    bool nobody = item->kind == ITEM_SYS || item->kind == ITEM_HELLO || item->kind == ITEM_END;
    bool to = item->kind == ITEM_MSG || item->kind == ITEM_NOBODY || item->kind == ITEM_UNREAD;
    MUST(nobody ? item->who[0] == '\0' : is_person(item->who));
    MUST(to == (item->to[0] != '\0'));
    MUST(!to || relay_is_node(strrchr(item->to, '@') + 1));
    MUST(!strpbrk(item->who, "@\t\r\n") && !strpbrk(item->to, "\t\r\n"));
}

static void check_text(const struct item *item) {
    char clean[LINE_MAX_MAX];
    MUST(item->text_len <= LINE_MAX_MAX && strlen(item->text) == item->text_len);
    MUST(unicode_valid(item->text, item->text_len) && !strchr(item->text, '\t'));
    memcpy(clean, item->text, item->text_len);
    MUST(sanitize(clean, item->text_len) == item->text_len);
    MUST(memcmp(clean, item->text, item->text_len) == 0);
}

static void check_written(const struct item *item, const uint8_t *data, size_t size) {
    static struct item again;
    char *out = malloc(ITEM_MAX);
    size_t n = item_write(item, out), head = n - item->text_len;
    MUST(n <= ITEM_MAX && head <= size && memcmp(out, data, head) == 0);
    MUST(item_read(out, n, room, &again) == NULL);
    MUST(again.life == item->life && again.turn == item->turn && again.prev == item->prev);
    MUST(again.index == item->index && again.lines == item->lines && again.ms == item->ms);
    MUST(again.kind == item->kind && again.text_len == item->text_len);
    MUST(strcmp(again.node, item->node) == 0 && strcmp(again.who, item->who) == 0);
    MUST(strcmp(again.to, item->to) == 0 && strcmp(again.text, item->text) == 0);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct item item;
    memset(&item, 0xA5, sizeof item);
    const char *why = item_read((const char *)data, size, room, &item);
    MUST(memchr(item.node, '\0', sizeof item.node));
    MUST(item.node[0] == '\0' ? why != NULL : relay_is_node(item.node));
    if (why)
        return 0;
    MUST(item.kind < ITEM_KINDS && item.life != 0 && item.ms >= 0 && item.ms <= ITEM_MS_MAX);
    MUST(item.prev < item.index || item.kind == ITEM_HELLO || item.kind == ITEM_END);
    check_people(&item);
    check_text(&item);
    check_written(&item, data, size);
    return 0;
}
