/* unit_dashboard.c - scripts/grafana.json: it is JSON, each panel has a unit that Grafana knows,
 * and each metric in it exists; and each metric that there is can be seen in it. */
#include "ipc/metrics.h"
#include "tests/lib/skip.h"
#include "tests/unit_segment.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

TestSuite(dashboard, .timeout = 180);

static char json[256 * 1024];

static void read_dashboard(void) {
    FILE *file = fopen("scripts/grafana.json", "r");
    if (!file)
        skip_test("scripts/grafana.json is not in this folder");
    json[fread(json, 1, sizeof json - 1, file)] = '\0';
    fclose(file);
}

/* ---- JSON (RFC 8259) ---- */

static const char *space(const char *at) {
    return at + strspn(at, " \t\r\n");
}

/* Behind a string's last quote; NULL: it is none. */
static const char *string_end(const char *at) {
    if (*at++ != '"')
        return NULL;
    for (; *at != '"'; at++) {
        if ((unsigned char)*at < 0x20)
            return NULL;
        if (*at == '\\' && !strchr("\"\\/bfnrt", *++at))
            return NULL;
    }
    return at + 1;
}

/* Behind the value; NULL: it is none. */
static const char *value_end(const char *at) { // NOLINT(misc-no-recursion)
    at = space(at);
    if (*at == '"')
        return string_end(at);
    if (*at != '{' && *at != '[') {
        size_t word = strspn(at, "+-.0123456789abcdefghijklmnopqrstuvwxyzE");
        bool number = isdigit((unsigned char)*at) || (*at == '-' && isdigit((unsigned char)at[1]));
        bool known = (word == 4 && (!strncmp(at, "true", 4) || !strncmp(at, "null", 4))) ||
                     (word == 5 && !strncmp(at, "false", 5));
        return number || known ? at + word : NULL;
    }
    char close = *at == '{' ? '}' : ']';
    at = space(at + 1);
    if (*at == close)
        return at + 1;
    for (;;) {
        if (close == '}') {
            at = string_end(space(at));
            if (!at || *(at = space(at)) != ':')
                return NULL;
            at++;
        }
        at = value_end(at);
        if (!at)
            return NULL;
        at = space(at);
        if (*at == close)
            return at + 1;
        if (*at++ != ',')
            return NULL;
    }
}

/* ---- the dashboard ---- */

static int count(const char *text, const char *what) {
    int n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
        n++;
    return n;
}

Test(dashboard, is_json) {
    read_dashboard();
    const char *end = value_end(json);
    cr_assert(end, "not JSON");
    cr_assert_eq(*space(end), '\0');
}

Test(dashboard, each_panel_has_a_unit) {
    static const char *const known[] = {"none", "ops", "Bps", "bytes", "s", "percentunit"};
    read_dashboard();
    int panels = count(json, "\"gridPos\":"), units = 0;
    cr_assert_geq(panels, 7);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char unit[64];
        snprintf(unit, sizeof unit, "\"unit\": \"%s\"", known[i]);
        units += count(json, unit);
    }
    cr_assert_eq(units, panels);
    cr_assert_eq(count(json, "\"unit\":"), panels);
}

Test(dashboard, has_the_metrics_that_there_are_and_no_others) {
    static char text[METRICS_MAX + 1];
    struct segment seg;
    char want[256];
    read_dashboard();
    unit_segment(&seg, 65536);
    text[metrics_render(&seg, text)] = '\0';
    for (const char *at = json; (at = strstr(at, "chatroom_")) != NULL;) {
        size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789_");
        snprintf(want, sizeof want, "# TYPE %.*s ", (int)len, at);
        cr_expect(strstr(text, want), "no such metric: %.*s", (int)len, at);
        at += len;
    }
    for (const char *at = text; (at = strstr(at, "# TYPE ")) != NULL; at += 7) {
        snprintf(want, sizeof want, "%.*s{", (int)strcspn(at + 7, " "), at + 7);
        if (!strstr(want, "chatroom_workers{") && !strstr(want, "configurations_total"))
            cr_expect(strstr(json, want), "not shown: %s", want);
    }
    segment_close(&seg);
}
