/* fuzz_config.c - parses any bytes as chatroom.conf, and asserts:
 *
 *   - they are accepted, or refused with at least one error that names the file and a line;
 *   - an accepted configuration is within the ranges that workers rely on; its strings are
 *     terminated;
 *   - the same file gives the same configuration. */
#include "ipc/config.h"
#include "ipc/relay.h"
#include "master/config.h"
#include "master/relay_url.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            __builtin_trap();                                                                      \
    } while (0)

static char path[64];
static int file = -1;

#define TERMINATED(string) MUST(memchr(string, 0, sizeof(string)))
static void check(const struct config *c) {
    TERMINATED(c->room);
    TERMINATED(c->log);
    TERMINATED(c->user);
    TERMINATED(c->group);
    TERMINATED(c->pidfile);
    TERMINATED(c->control);
    TERMINATED(c->bans);
    TERMINATED(c->transcript);
    TERMINATED(c->motd_path);
    MUST(c->workers >= 1 && c->workers <= WORKERS_MAX);
    MUST(c->listen_count >= 1 && c->listen_count <= LISTEN_MAX);
    MUST(c->proxy_from_count <= PROXY_FROM_MAX);
    MUST(c->language < LANG_COUNT && c->encoding < ENC_RINGS);
    MUST(c->slow_client <= SLOW_DISCONNECT && c->log_level <= LOG_LEVEL_DEBUG);
    MUST(c->line_max >= LINE_MAX_MIN && c->line_max <= LINE_MAX_MAX);
    MUST(c->history <= HISTORY_MAX && c->motd_len <= MOTD_MAX);
    MUST(c->max_clients >= 1 && c->max_clients <= 1000000);
    MUST(c->ring_size >= 65536 && c->ring_size <= 1u << 30);
    MUST((c->ring_size & (c->ring_size - 1)) == 0);
    MUST(c->worker_timeout_ms >= 100 && c->worker_timeout_ms <= 3600000);
    TERMINATED(c->relay_user);
    TERMINATED(c->relay_password);
    MUST(c->node[0] == '\0' ? c->relay_count == 0 : relay_is_node(c->node));
    MUST(c->relay_count <= RELAY_HOSTS_MAX && c->relay_db <= RELAY_DB_MAX);
    for (uint32_t i = 0; i < c->relay_count; i++) {
        TERMINATED(c->relay[i].host);
        MUST(c->relay[i].host[0] != '\0' && c->relay[i].port != 0);
    }
    for (uint32_t i = 0; i < c->proxy_from_count; i++)
        MUST(c->proxy_from[i].bits <= 128);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct config first, again;
    static struct config_errors errors;
    if (file < 0) {
        file = memfd_create("chatroom.conf", 0);
        MUST(file >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    if (memmem(data, size, "/dev", 4) || memmem(data, size, "/proc", 5))
        return 0; /* a message of the day read from a device may have no end */
    MUST(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
    memset(&errors, 0, sizeof errors);
    memset(&first, 0xA5, sizeof first);
    if (config_parse(path, &first, &errors) == 0) {
        check(&first);
        MUST(errors.count == 0);
        memset(&again, 0xA5, sizeof again);
        MUST(config_parse(path, &again, &errors) == 0);
        MUST(memcmp(&first, &again, sizeof first) == 0);
        config_keep(&first, &again);
        MUST(memcmp(&first, &again, sizeof first) == 0);
        return 0;
    }
    MUST(errors.count > 0);
    for (uint32_t i = 0; i < errors.count && i < CONFIG_ERRORS_MAX; i++) {
        TERMINATED(errors.text[i]);
        MUST(strncmp(errors.text[i], path, strlen(path)) == 0 &&
             errors.text[i][strlen(path)] == ':');
    }
    return 0;
}
