/* origin.c - see origin.h. */
#include "ipc/origin.h"

#include "ipc/fault.h"

#include <string.h>

enum { ORIGIN_LEN_MIN = 4096, ORIGIN_LEN_MAX = 1 << 18 };

uint32_t origin_table_len(uint32_t max_clients) {
    uint32_t len = ORIGIN_LEN_MIN;
    while (len < max_clients / 4 && len < ORIGIN_LEN_MAX)
        len *= 2;
    return len;
}

/* ---- places ---- */

/* Both halves of the product, in words of 64 bits, because 32-bit machines have none of 128. */
static uint64_t origin_fold(uint64_t a, uint64_t b) {
    uint64_t a_low = (uint32_t)a, a_high = a >> 32, b_low = (uint32_t)b, b_high = b >> 32;
    uint64_t cross = a_low * b_high, across = a_high * b_low;
    uint64_t middle = (a_low * b_low >> 32) + (uint32_t)cross + (uint32_t)across;
    uint64_t high = a_high * b_high + (cross >> 32) + (across >> 32) + (middle >> 32);
    return a * b ^ high;
}

/* Keyed, so that no address can be chosen for the places of another. */
static uint64_t origin_hash(const uint8_t key[16], uint64_t high, uint64_t low) {
    uint64_t k[2];
    memcpy(k, key, sizeof k);
    uint64_t hash = origin_fold(high ^ k[0], low ^ k[1]);
    return origin_fold(hash ^ k[1] ^ 0x9e3779b97f4a7c15u, k[0] | 1);
}

/* An account of one origin: its word in each row. */
struct origin_words {
    _Atomic uint64_t *at[ORIGIN_ROWS];
};

static struct origin_words origin_find(const struct origin_table *table,
                                       const struct in6_addr *addr, enum origin_account account) {
    uint64_t part[2];
    memcpy(part, addr, sizeof part);
    bool mapped = IN6_IS_ADDR_V4MAPPED(addr);
    uint64_t hash = origin_hash(table->key, part[0], mapped ? part[1] : 0);
    struct origin_words words;
    for (uint32_t row = 0; row < ORIGIN_ROWS; row++) {
        uint32_t half = table->len / 2, place = (uint32_t)(hash >> 32 * row) & (half - 1);
        words.at[row] = &table->at[row * table->len + (mapped ? half : 0) + place].tat[account];
    }
    return words;
}

bool origin_same(const struct in6_addr *a, const struct in6_addr *b) {
    return memcmp(a, b, IN6_IS_ADDR_V4MAPPED(a) ? 16 : 8) == 0 &&
           IN6_IS_ADDR_V4MAPPED(a) == IN6_IS_ADDR_V4MAPPED(b);
}

/* ---- accounts ---- */

enum {
    ORIGIN_SECOND = 1000000,       /* us */
    ORIGIN_CLOCKS = ORIGIN_SECOND, /* processes read their clocks at different moments */
};

struct origin_limit origin_limit(const struct config *config, enum origin_account account) {
    const uint64_t times = ORIGIN_LINES_TIMES;
    switch (account) {
    case ORIGIN_CONNECTIONS:
        return (struct origin_limit){config->connect_rate, config->connect_burst};
    case ORIGIN_LINES:
        return (struct origin_limit){times * config->flood_rate, times * config->flood_burst};
    case ORIGIN_LOG_CONNECTED: return (struct origin_limit){ORIGIN_LOGGED, ORIGIN_LOGGED};
    case ORIGIN_LOG_OTHERS:
        return (struct origin_limit){ORIGIN_LOGGED_OTHERS, ORIGIN_LOGGED_OTHERS};
    case ORIGIN_ACCOUNTS: break;
    }
    return (struct origin_limit){0, 0};
}

/* Of `units`, in us. */
static uint64_t origin_time(const struct origin_limit *limit, uint64_t units) {
    return units * ORIGIN_SECOND / limit->rate;
}

/* How far an account may be ahead without refusing the next. */
static uint64_t origin_slack(const struct origin_limit *limit) {
    return limit->burst > 0 ? origin_time(limit, limit->burst - 1) : 0;
}

/* How far a charge leaves an account ahead at most: the slack and another burst. */
static uint64_t origin_most(const struct origin_limit *limit) {
    return origin_slack(limit) + origin_time(limit, limit->burst > 0 ? limit->burst : 1);
}

/* By plain reading: the word that is least ahead, and how far, in us.  If that is further than any
 * charge leaves it, it was charged at a slower rate, before a reload: that is forgiven. */
static uint64_t origin_ahead(const struct origin_words *words, const struct origin_limit *limit,
                             uint64_t now, uint32_t *row, uint64_t *tat) {
    uint64_t most = origin_most(limit);
    *row = 0;
    *tat = UINT64_MAX;
    for (uint32_t i = 0; i < ORIGIN_ROWS; i++) {
        uint64_t word = atomic_load_explicit(words->at[i], memory_order_relaxed);
        if (word < *tat) {
            *tat = word;
            *row = i;
        }
    }
    uint64_t ahead = *tat > now ? *tat - now : 0;
    return ahead <= most + ORIGIN_CLOCKS ? ahead : 0;
}

static void origin_raise(_Atomic uint64_t *word, uint64_t tat) {
    uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);
    while (seen < tat && !atomic_compare_exchange_weak(word, &seen, tat))
        ;
}

/* False: the account is more than the slack ahead, and `must` does not say to charge it anyway. */
static bool origin_account(const struct origin_words *words, const struct origin_limit *limit,
                           uint64_t units, bool must, uint64_t now) {
    uint64_t tat, next, most = origin_most(limit), step = origin_time(limit, units);
    uint32_t row;
    FAULT("origin.charge.before");
    do {
        uint64_t ahead = origin_ahead(words, limit, now, &row, &tat);
        if (!must && ahead > origin_slack(limit))
            return false;
        next = now + (ahead + step < most ? ahead + step : most);
    } while (!atomic_compare_exchange_weak(words->at[row], &tat, next));
    FAULT("origin.charge.row");
    for (uint32_t i = 0; i < ORIGIN_ROWS; i++)
        origin_raise(words->at[i], next);
    FAULT("origin.charge.after");
    return true;
}

uint32_t origin_wait(const struct origin_table *table, const struct in6_addr *addr,
                     const struct config *config, enum origin_account account, uint64_t now_us) {
    struct origin_limit limit = origin_limit(config, account);
    uint64_t tat;
    uint32_t row;
    if (limit.rate == 0)
        return 0;
    struct origin_words words = origin_find(table, addr, account);
    uint64_t ahead = origin_ahead(&words, &limit, now_us, &row, &tat);
    uint64_t slack = origin_slack(&limit);
    return ahead > slack ? (uint32_t)((ahead - slack + 999) / 1000) : 0;
}

void origin_charge(struct origin_table *table, const struct in6_addr *addr,
                   const struct config *config, enum origin_account account, uint32_t units,
                   uint64_t now_us) {
    struct origin_limit limit = origin_limit(config, account);
    if (limit.rate == 0)
        return;
    struct origin_words words = origin_find(table, addr, account);
    origin_account(&words, &limit, units, true, now_us);
}

bool origin_try(struct origin_table *table, const struct in6_addr *addr,
                const struct config *config, enum origin_account account, uint64_t now_us) {
    struct origin_limit limit = origin_limit(config, account);
    if (limit.rate == 0)
        return true;
    struct origin_words words = origin_find(table, addr, account);
    return origin_account(&words, &limit, 1, false, now_us);
}
