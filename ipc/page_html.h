/* page_html.h - the page for browsers, as it lies in the binary.
 *
 * Made at build time by scripts/page from worker/page.html into $(B)/page_html.c: no file has to be
 * installed or opened.  Constant data of the program, so each version's page comes with its binary:
 * the master copies it into the segment, from where workers of any version send it.
 */
#ifndef IPC_PAGE_HTML_H
#define IPC_PAGE_HTML_H

#include <stddef.h>

extern const unsigned char page_html[]; /* UTF-8, not terminated */
extern const size_t page_html_len;      /* bytes, below 30,000 */

/* The value of the page's Content-Security-Policy (W3C, CSP Level 3): nothing is loaded from
 * anywhere, only the style and the script with these hashes take effect, connections lead to the
 * page's own host. */
extern const char page_csp[];

#endif
