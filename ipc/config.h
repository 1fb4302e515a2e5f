/* config.h - the configuration as every process sees it.
 *
 * Plain data without pointers: the master parses a file into one of these (master/config.c), checks
 * it, and publishes it in the segment (ipc/segment.h); workers read the published copy in place.
 * Each field is one key of chatroom.conf, under the key's name; units stand beside the fields.
 * Everything is resolved by the parser: `workers = auto` is already a number here, the message of
 * the day is already read.  Strings are NUL-terminated; an empty string means "none". */
#ifndef IPC_CONFIG_H
#define IPC_CONFIG_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* The first ENC_RINGS have a ring of text each (room.h); the others are converted line by line. */
enum encoding {
    ENC_UTF8,
    ENC_GBK,
    ENC_BIG5,
    ENC_RINGS,
    ENC_GB18030 = ENC_RINGS,
    ENC_SHIFT_JIS,
    ENC_EUC_JP,
    ENC_EUC_KR,
    ENC_KOI8_R,
    ENC_WINDOWS_1251,
    ENC_WINDOWS_1252,
    ENC_ISO_8859_1,
    ENC_ISO_8859_15,
    ENC_COUNT,
    /* How a client is read that has typed UTF-8 beyond ASCII; none is sent it. */
    ENC_ONLY_UTF8 = ENC_COUNT
};
/* LANG_ZH_HANT is not configured: a `zh` server speaks it to a client that is sent Big5. */
enum language { LANG_EN, LANG_ZH, LANG_ZH_HANT, LANG_COUNT };
enum slow_policy { SLOW_SKIP, SLOW_DISCONNECT };
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum {
    WORKERS_MAX = 64,
    LISTEN_MAX = 16,     /* `listen` lines */
    PROXY_FROM_MAX = 16, /* `proxy_from` lines */
    WEB_HOST_MAX = 16,   /* `web_host` lines */
    WEB_HOST_LEN = 256,  /* bytes of a name, with the NUL */
    ROOM_NAME_MAX = 128, /* bytes, with the NUL */
    PATH_LEN_MAX = 256,  /* bytes, with the NUL; `control` is bounded by sun_path as well */
    MOTD_MAX = 8192,     /* bytes of the file */
    LINE_MAX_MIN = 64,
    LINE_MAX_MAX = 4096,
    HISTORY_MAX = 1000,
    NODE_NAME_MAX = 32,   /* bytes of a machine's name, with the NUL */
    RELAY_HOSTS_MAX = 8,  /* addresses in `relay` */
    RELAY_HOST_LEN = 256, /* bytes of a host, with the NUL */
    RELAY_WORD_MAX = 256, /* bytes of a user or a password, with the NUL */
};

/* One `listen` value.  `[::]` is dual-stack; on a machine without IPv6 it is served as 0.0.0.0. */
struct listen_address {
    struct in6_addr addr; /* IPv4 as ::ffff:a.b.c.d */
    uint16_t port;        /* host order; 0: the kernel picks */
    bool ipv4;            /* bind an AF_INET socket */
    uint8_t kind;         /* enum client_kind: of the clients that come there */
};

/* address/bits; IPv4 as ::ffff:a.b.c.d with bits + 96 */
struct network {
    struct in6_addr addr;
    uint8_t bits;
    uint8_t pad[3];
};

/* One HOST:PORT of `relay`. */
struct relay_host {
    char host[RELAY_HOST_LEN]; /* a name or an address */
    uint16_t port;             /* host order */
};

struct config {
    struct listen_address listen[LISTEN_MAX];
    struct network proxy_from[PROXY_FROM_MAX];
    uint32_t listen_count;
    uint32_t proxy_from_count;
    char room[ROOM_NAME_MAX];
    uint32_t workers; /* 1..WORKERS_MAX */
    bool login;
    uint8_t language; /* enum language */
    uint8_t encoding; /* enum encoding */
    uint8_t slow_client;
    uint8_t log_level;
    uint8_t pad[3];
    uint32_t history;      /* lines */
    uint32_t announce_max; /* people; 0: always announce */
    uint32_t max_clients;
    uint32_t max_clients_per_address; /* 0: no limit */
    uint32_t line_max;                /* bytes of UTF-8 */
    uint32_t flood_rate;              /* lines a second; 0: no limit */
    uint32_t flood_burst;             /* lines */
    uint32_t connect_rate;            /* connections a second from one address; 0: no limit */
    uint32_t connect_burst;           /* connections */
    uint64_t flood_wait_ms;           /* too fast for so long: its input is dropped */
    uint64_t login_timeout_ms;        /* 0: none */
    uint64_t idle_timeout_ms;         /* 0: none */
    uint64_t worker_timeout_ms;
    uint64_t ring_size; /* bytes per encoding, a power of two */
    uint64_t transcript_sync_ms;
    char log[PATH_LEN_MAX]; /* "stderr", "syslog" or a path */
    char user[64];
    char group[64];
    char pidfile[PATH_LEN_MAX];
    char control[PATH_LEN_MAX];
    char bans[PATH_LEN_MAX];
    char transcript[PATH_LEN_MAX];
    char motd_path[PATH_LEN_MAX];
    uint32_t motd_len;
    char motd[MOTD_MAX]; /* the file's bytes as UTF-8, not terminated */
    uint32_t web_host_count;
    char web_host[WEB_HOST_MAX][WEB_HOST_LEN]; /* of the page, besides addresses and localhost */
    char node[NODE_NAME_MAX];                  /* of this machine; "": the room is on one */
    uint32_t relay_keep;                       /* items that the engine keeps */
    uint32_t relay_count;                      /* 0: no relay */
    uint32_t relay_db;                         /* the engine's database */
    struct relay_host relay[RELAY_HOSTS_MAX];
    char relay_user[RELAY_WORD_MAX]; /* "": the engine's default user */
    char relay_password[RELAY_WORD_MAX];
    uint8_t pad2[4];
};

#endif
