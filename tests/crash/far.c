/* far.c - see far.h. */
#include "tests/crash/far.h"

#include "ipc/clock.h"
#include "tests/lib/redis.h"

#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

enum {
    FAR_PEOPLE = 9, /* more than a step's (ipc/growth.h) */
    FAR_PEOPLE_MOST = 200,
};
#define FAR_LIFE "00000000000000aa"

static struct redis *far_engine; /* NULL: it is not installed */

void far_begin(void) {
    if (access("/usr/bin/redis-check-rdb", X_OK) == 0)
        far_engine = redis_start("appendonly yes\n");
}

bool far_begun(void) {
    return far_engine != NULL;
}

const char *far_conf(bool relay, char out[FAR_CONF]) {
    out[0] = '\0';
    if (far_engine && relay)
        snprintf(out, FAR_CONF, "node = here\nrelay = redis://%s\n", far_engine->endpoint);
    return out;
}

static void far_item(uint32_t turn, uint32_t index, const char *kind, const char *who,
                     const char *text) {
    char item[256];
    snprintf(item, sizeof item, "1\tfar\t" FAR_LIFE "\t%u\t%u\t%u\t0\t%llu\t%s\t%s\t\t%s", turn,
             index > 0 ? index - 1 : 0, index, (unsigned long long)clock_wall_ms(), kind, who,
             text);
    redis_do(far_engine, "XADD", "chatroom:lines", "MAXLEN", "~", "1000", "*", "i", item);
}

static void far_comes(uint32_t turn, uint32_t people) {
    char name[32], life[40];
    snprintf(life, sizeof life, FAR_LIFE " %u", turn);
    for (uint32_t i = 0; i < people; i++) {
        snprintf(name, sizeof name, "p%u", i);
        redis_do(far_engine, "HSET", "chatroom:people:far", name, "");
    }
    redis_do(far_engine, "SET", "chatroom:lease:far", FAR_LIFE);
    redis_do(far_engine, "HSET", "chatroom:nodes", "far", life);
    far_item(turn, 0, "hello", "", "");
}

static void far_goes(uint32_t turn) {
    redis_do(far_engine, "HDEL", "chatroom:nodes", "far");
    redis_do(far_engine, "DEL", "chatroom:lease:far", "chatroom:people:far");
    far_item(turn, 0, "end", "", "");
}

void far_turn(void) {
    static uint32_t step, turn, people, index;
    if (!far_engine || far_engine->stopped)
        return;
    switch (step++ % 3) {
    case 0:
        turn++;
        people += people < FAR_PEOPLE_MOST ? FAR_PEOPLE : 0;
        far_comes(turn, people);
        break;
    case 1:
        far_item(turn, ++index, "join", "guest", "");
        far_item(turn, ++index, "nick", "guest", "gast");
        far_item(turn, ++index, "say", "gast", "hello");
        far_item(turn, ++index, "leave", "gast", "");
        break;
    default: far_goes(turn);
    }
}

void far_engine_turn(void) {
    if (far_engine && far_engine->stopped)
        redis_again(far_engine);
    else if (far_engine)
        redis_kill(far_engine);
}

void far_engine_back(void) {
    if (far_engine && far_engine->stopped)
        redis_again(far_engine);
}
