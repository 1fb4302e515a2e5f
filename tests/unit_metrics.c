/* unit_metrics.c - the text that Prometheus reads: its form, its length at most, and that it says
 * what the slots hold.  With promtool where it is installed. */
#include "ipc/metrics.h"
#include "tests/lib/skip.h"
#include "tests/unit_segment.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

TestSuite(metrics, .timeout = 180);

static struct segment seg;
static char text[METRICS_MAX + 1];

static void render(void) {
    text[metrics_render(&seg, text)] = '\0';
}

/* The value of a sample, whole with its labels. */
static const char *sample(const char *name) {
    char want[256];
    snprintf(want, sizeof want, "\n%s ", name);
    char *at = strstr(text, want);
    cr_assert(at, "no %s", name);
    cr_assert_null(strstr(at + 1, want), "%s twice", name);
    return at + strlen(want);
}
static void is(const char *name, const char *value) {
    const char *at = sample(name);
    cr_expect(strncmp(at, value, strlen(value)) == 0 && at[strlen(value)] == '\n', "%s: %.20s",
              name, at);
}

/* Numbers as long as they can be, in every slot. */
static void fill(void) {
    seg.header->epoch_boot_ms = (uint64_t)1 << 63;
    atomic_store(&seg.header->slots_used, WORKERS_MAX);
    atomic_store(&seg.header->workers, WORKERS_MAX);
    memset(&seg.header->relay, 0xff, sizeof seg.header->relay);
    for (int i = 0; i < RELAY_NODES; i++)
        sprintf(seg.header->relay.place[1].node[i].name, "abcdefghijklmnopqrstuvwxyz-%04d", i);
    for (int i = 0; i < WORKERS_MAX; i++) {
        struct slot *slot = &seg.slots[i];
        memset((void *)&slot->stats, 0xff, sizeof slot->stats);
        memset((void *)slot->refused, 0xff, sizeof slot->refused);
        atomic_store(&slot->died, UINT64_MAX);
        atomic_store(&slot->clients, UINT32_MAX);
    }
}

Test(metrics, say_what_is_known_of_other_machines) {
    struct relay *relay = NULL;
    unit_segment(&seg, 65536);
    render();
    is("chatroom_relay_up", "0");
    cr_assert_null(strstr(text, "machine=\""));
    struct config config = unit_config(65536);
    config.relay_count = 1;
    segment_publish_config(&seg, &config);
    relay = &seg.header->relay;
    relay->place[0].node[2] = (struct relay_node){"london", .people = 4, .state = RELAY_NODE_HERE};
    relay->place[0].node[4] = (struct relay_node){"oslo", .people = 1, .state = RELAY_NODE_AWAY};
    unit_slot(&seg, RELAY_SLOT, SLOT_SERVING);
    atomic_store(&relay->link, RELAY_UP);
    atomic_store(&relay->lag, 3);
    atomic_store(&relay->lines_out, 11);
    atomic_store(&relay->lines_in, 12);
    atomic_store(&relay->skipped_out, 13);
    atomic_store(&relay->skipped_in, 14);
    atomic_store(&relay->refused, 15);
    render();
    is("chatroom_relay_up", "1");
    is("chatroom_relay_lag_items", "3");
    is("chatroom_relay_lines_out_total", "11");
    is("chatroom_relay_lines_in_total", "12");
    is("chatroom_relay_skipped_out_total", "13");
    is("chatroom_relay_skipped_in_total", "14");
    is("chatroom_relay_refused_total", "15");
    is("chatroom_machine_people{machine=\"london\"}", "4");
    is("chatroom_machine_people{machine=\"oslo\"}", "1");
    is("chatroom_machine_in_reach{machine=\"london\"}", "1");
    is("chatroom_machine_in_reach{machine=\"oslo\"}", "0");
}

Test(metrics, say_what_the_slots_hold) {
    unit_segment(&seg, 65536);
    atomic_store(&seg.header->slots_used, 2);
    atomic_store(&seg.slots[0].stats.accepted, 7);
    atomic_store(&seg.slots[1].stats.bytes_out, 1ull << 40);
    atomic_store(&seg.slots[1].died, 3);
    atomic_store(&seg.slots[0].refused[REFUSED_FULL], 1);
    atomic_store(&seg.slots[5].refused[REFUSED_FULL], 1); /* used once, no longer */
    atomic_store(&seg.slots[1].state, SLOT_SERVING);
    render();
    is("chatroom_connections_accepted_total{worker=\"0\"}", "7");
    is("chatroom_connections_accepted_total{worker=\"1\"}", "0");
    is("chatroom_sent_bytes_total{worker=\"1\"}", "1099511627776");
    is("chatroom_worker_deaths_total{worker=\"1\"}", "3");
    is("chatroom_worker_serving{worker=\"0\"}", "0");
    is("chatroom_worker_serving{worker=\"1\"}", "1");
    is("chatroom_connections_refused_total{reason=\"max_clients\"}", "2");
    is("chatroom_connections_refused_total{reason=\"connect_rate\"}", "0");
    is("chatroom_ring_size_bytes{ring=\"gbk\"}", "65536");
    is("chatroom_max_clients", "32");
    is("chatroom_people", "0");
    is("chatroom_ledger_entries_total", "0");
    cr_assert_null(strstr(text, "worker=\"2\""));
}

/* Each family is said once, before its samples, which follow in one piece. */
Test(metrics, each_line_has_its_form) {
    char family[256] = "";
    unit_segment(&seg, 65536);
    fill();
    render();
    int lines = 0, families = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        char name[256], type[32];
        if (sscanf(line, "# HELP %255s", name) == 1) {
            cr_assert(line[strlen("# HELP ") + strlen(name) + 1], "%s: no help", name);
            strcpy(family, name);
            families++;
            continue;
        }
        if (sscanf(line, "# TYPE %255s %31s", name, type) == 2) {
            bool counter = strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0;
            cr_assert_str_eq(name, family);
            cr_assert_str_eq(type, counter ? "counter" : "gauge");
            continue;
        }
        cr_assert(strncmp(line, "chatroom_", 9) == 0, "%s", line);
        size_t len = strcspn(line, "{ ");
        cr_assert(len == strlen(family) && strncmp(line, family, len) == 0, "%s in %s", line,
                  family);
        const char *value = strrchr(line, ' ') + 1;
        cr_assert(isdigit((unsigned char)*value) && strspn(value, "0123456789.") == strlen(value),
                  "%s", line);
    }
    cr_assert_gt(families, 20);
    cr_assert_gt(lines, 10 * WORKERS_MAX);
}

Test(metrics, no_line_is_left_out_with_all_slots_in_use) {
    unit_segment(&seg, 65536);
    fill();
    render();
    cr_assert_lt(strlen(text), METRICS_MAX - 4096, "%zu", strlen(text));
    sample("chatroom_worker_serving{worker=\"63\"}");
    sample("chatroom_connections_refused_total{reason=\"metrics\"}");
}

Test(metrics, promtool_accepts_them) {
    if (system("command -v promtool >/dev/null") != 0)
        skip_test("promtool is not installed");
    for (int full = 0; full < 2; full++) {
        char command[128], said[4096];
        unit_segment(&seg, 65536);
        if (full)
            fill();
        render();
        int fd = memfd_create("metrics", 0);
        cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        sprintf(command, "promtool check metrics </proc/%d/fd/%d 2>&1", (int)getpid(), fd);
        FILE *promtool = popen(command, "r");
        said[fread(said, 1, sizeof said - 1, promtool)] = '\0';
        cr_expect(pclose(promtool) == 0 && *said == '\0', "%s", said);
        close(fd);
        segment_close(&seg);
    }
}
