/* unit_label.c - what a client is called: its name where it has one, else its address. */
#include "worker/state/label.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

static struct in6_addr address_of(const char *text) {
    struct in6_addr addr;
    cr_assert_eq(inet_pton(AF_INET6, text, &addr), 1, "%s", text);
    return addr;
}

static const struct client_name ann = {"ann"};

Test(label, a_named_client_is_called_by_its_name) {
    char out[LABEL_TEXT];
    struct in6_addr addr = address_of("2001:db8::1");
    cr_assert_str_eq(label_name(ann.text, &addr, out), "ann");
    cr_assert_str_eq(label_unique(ann.text, &addr, 6666, out), "ann");
}

Test(label, a_name_without_the_flag_is_not_used) {
    char out[LABEL_TEXT];
    struct client_view view = {.name = "ann", .addr = address_of("2001:db8::1")};
    const char *name = client_view_name(&view);
    cr_assert_str_eq(label_name(name, &view.addr, out), "2001:db8::1");
    cr_assert_str_eq(label_unique(name, &view.addr, 6666, out), "[2001:db8::1]:6666");
}

/* The record has no room for a NUL behind it. */
Test(label, a_name_of_full_length_is_terminated) {
    char out[LABEL_TEXT + 1], name[NAME_BYTES_MAX + 1] = "";
    struct in6_addr addr = address_of("::1");
    struct remote_name row;
    memset(name, 'n', NAME_BYTES_MAX);
    memcpy(row.text, name, sizeof row.text);
    memset(out, '#', sizeof out);
    cr_assert_str_eq(label_name(row.text, &addr, out), name);
    cr_assert_eq(out[LABEL_TEXT], '#');
    memset(out, '#', sizeof out);
    cr_assert_str_eq(label_unique(row.text, &addr, 1, out), name);
    cr_assert_eq(out[LABEL_TEXT], '#');
}

Test(label, a_client_without_a_name_is_called_by_its_address) {
    static const struct {
        const char *address, *name, *unique;
    } cases[] = {
        {"::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1:6666"},
        {"2001:db8::1", "2001:db8::1", "[2001:db8::1]:6666"},
        {"::1", "::1", "[::1]:6666"},
        {"::", "::", "[::]:6666"},
    };
    char out[LABEL_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct in6_addr addr = address_of(cases[i].address);
        cr_expect_str_eq(label_name(NULL, &addr, out), cases[i].name, "%s", out);
        cr_expect_str_eq(label_unique(NULL, &addr, 6666, out), cases[i].unique, "%s", out);
    }
}

Test(label, ports_alone_tell_two_clients_of_one_address_apart) {
    char first[LABEL_TEXT], second[LABEL_TEXT];
    struct in6_addr addr = address_of("2001:db8::1");
    cr_assert_str_eq(label_name(NULL, &addr, first), label_name(NULL, &addr, second));
    cr_assert_str_neq(label_unique(NULL, &addr, 1, first), label_unique(NULL, &addr, 2, second));
}

Test(label, the_longest_address_fits) {
    char out[LABEL_TEXT + 1];
    struct in6_addr addr = address_of("fedc:ba98:7654:3210:fedc:ba98:7654:3210");
    memset(out, '#', sizeof out);
    cr_assert_str_eq(label_unique(NULL, &addr, 65535, out),
                     "[fedc:ba98:7654:3210:fedc:ba98:7654:3210]:65535");
    cr_assert_eq(out[LABEL_TEXT], '#');
}
