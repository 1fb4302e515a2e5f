/* web_page.h - the page for browsers, as the workers send it: straight from the segment.
 *
 * Two places.  The master fills the one that is not in effect, and then `version` names it: at the
 * start, and after an upgrade whose binary brings another page.  A client that is being sent a page
 * keeps its version, by which it finds the same bytes until the next upgrade but one; from the
 * moment that one is `begun`, they count as gone.
 *
 * Written by the master alone; read by any process. */
#ifndef IPC_WEB_PAGE_H
#define IPC_WEB_PAGE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { WEB_PAGE_MAX = 65536, WEB_PAGE_POLICY_MAX = 512 }; /* bytes; of a policy with its NUL */

struct web_page {
    uint32_t len;
    char policy[WEB_PAGE_POLICY_MAX]; /* Content-Security-Policy */
    uint8_t bytes[WEB_PAGE_MAX];
};
struct web_pages {
    _Atomic uint32_t begun;   /* the version that was written last, perhaps not wholly */
    _Atomic uint32_t version; /* place[version & 1] is in effect; 0: none has been written */
    struct web_page place[2];
};

/* No effect if these bytes are in effect: so no page under way ends because a server was upgraded
 * twice.  A death in the middle of it leaves the page in effect as it was; clients that are still
 * being sent the one before are ended.  `len` is at most WEB_PAGE_MAX. */
void web_page_publish(struct web_pages *pages, const void *bytes, size_t len, const char *policy);

/* The page in effect, and the low byte of its version. */
const struct web_page *web_page_current(const struct web_pages *pages, uint8_t *version);
/* The page of that version; NULL: its bytes are gone. */
const struct web_page *web_page_of(const struct web_pages *pages, uint8_t version);

#endif
