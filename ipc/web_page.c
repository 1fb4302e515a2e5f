/* web_page.c - see web_page.h. */
#include "ipc/web_page.h"

#include "ipc/fault.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#ifdef CHATROOM_FAULTS
enum { WEB_PAGE_ALIKE = 0 }; /* so that each upgrade reaches the fault points */
#else
enum { WEB_PAGE_ALIKE = 1 };
#endif

static bool web_page_is(const struct web_page *page, const void *bytes, size_t len,
                        const char *policy) {
    return WEB_PAGE_ALIKE && page->len == len && memcmp(page->bytes, bytes, len) == 0 &&
           strcmp(page->policy, policy) == 0;
}

void web_page_publish(struct web_pages *pages, const void *bytes, size_t len, const char *policy) {
    uint32_t version = atomic_load(&pages->version);
    struct web_page *next = &pages->place[(version + 1) & 1];
    if (version > 0 && web_page_is(&pages->place[version & 1], bytes, len, policy))
        return;
    FAULT("web_page.begun.before");
    atomic_store(&pages->begun, version + 1);
    FAULT("web_page.begun.after");
    assert(len <= WEB_PAGE_MAX && strlen(policy) < WEB_PAGE_POLICY_MAX);
    next->len = (uint32_t)len;
    memcpy(next->bytes, bytes, next->len);
    strcpy(next->policy, policy);
    FAULT("web_page.version.before");
    atomic_store_explicit(&pages->version, version + 1, memory_order_release);
    FAULT("web_page.version.after");
}

const struct web_page *web_page_current(const struct web_pages *pages, uint8_t *version) {
    uint32_t now = atomic_load_explicit(&pages->version, memory_order_acquire);
    *version = (uint8_t)now;
    return &pages->place[now & 1];
}

const struct web_page *web_page_of(const struct web_pages *pages, uint8_t version) {
    uint8_t older = (uint8_t)(atomic_load(&pages->begun) - version);
    return older < 2 ? &pages->place[version & 1] : NULL;
}
