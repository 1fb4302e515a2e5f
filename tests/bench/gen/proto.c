/* proto.c - the table of protocols. */
#include "tests/bench/gen/proto.h"

#include <stdio.h>
#include <string.h>

#define LOGIN                                                                                      \
    { "login u%u\r\n/bench-done\r\n", "Unknown command", 0 }
#define KIND(called, words, answer, half)                                                          \
    {                                                                                              \
        .name = (called), .audience = HEARD_BY_ALL, .burst = 256, .crowd = 16,                     \
        .accept = {NULL, "Welcome", 0}, .login = {LOGIN}, .habit = {(words), (answer), (half)},    \
        .before = ""                                                                               \
    }

/* A telnet of 80 columns in character mode: DO ECHO, DO SGA, NAWS. */
#define BY_KEY "\377\375\001\377\375\003\377\373\037\377\372\037~P~\030\377\360"

#define UPGRADE                                                                                    \
    "GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"       \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

static const struct proto protos[] = {
    /* the bare limit without -g, and anything that echoes lines to all in silence */
    {.name = "plain", .audience = HEARD_BY_ALL, .burst = 256, .before = ""},
    /* the bare limit with -g */
    {.name = "open",
     .audience = HEARD_BY_ALL,
     .burst = 256,
     .accept = {NULL, "Welcome", 0},
     .before = ""},
    /* our open room: what a guest sends brings its coming, which else would fall into the
       measurement */
    {.name = "guest",
     .audience = HEARD_BY_ALL,
     .burst = 256,
     .crowd = 16,
     .accept = {NULL, "Welcome", 0},
     .login = {{"/bench-done\r\n", "Unknown command", 0}},
     .before = ""},
    /* our login; the unknown command is refused in other words before the login than after it */
    {.name = "login",
     .audience = HEARD_BY_ALL,
     .burst = 256,
     .crowd = 16,
     .accept = {NULL, "Welcome", 0},
     .login = {LOGIN},
     .before = ""},
    /* the same, with what makes the server treat each receiver's lines by themselves */
    KIND("stamps", "/timestamps on\r\n", "begin with their time", 0),
    KIND("ignore", "/ignore u7\r\n/bench-done\r\n", "Unknown command", 0),
    KIND("keys", BY_KEY, "\377\373\003", 0),
    KIND("keys-60", BY_KEY, "h.", 60),
    KIND("keys-1000", BY_KEY, "h.", 1000),
    /* the bare limit with -f, node-ws.js, and our browsers */
    {.name = "web",
     .web = true,
     .audience = HEARD_BY_ALL,
     .burst = 256,
     .crowd = 16,
     .accept = {UPGRADE, "\"ev\":\"hello\"", 0},
     .login = {{"{\"do\":\"login\",\"name\":\"u%u\",\"re\":1}", "\"ev\":\"ok\",\"re\":1", 0}},
     .before = "{\"do\":\"say\",\"text\":\""},
    {.name = "ncat",
     .audience = HEARD_BY_OTHERS,
     .burst = 4,
     .accept = {NULL, "<announce>", 0},
     .before = ""},
    {.name = "irc",
     .audience = HEARD_BY_OTHERS,
     .burst = 4,
     .accept = {"NICK u%u\r\nUSER u 0 * :u\r\n", " 001 ", 0},
     .login = {{"JOIN #room\r\n", " 366 ", 0}},
     .before = "PRIVMSG #room :"},
    {.name = "nats",
     .audience = HEARD_BY_ALL,
     .burst = 128,
     .accept = {NULL, "INFO ", 0},
     .login = {{"CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB room 1\r\nPING\r\n", "PONG",
                0}},
     .before = "PUB room %u\r\n"},
    {.name = "resp",
     .audience = HEARD_BY_SUBSCRIBERS,
     .burst = 128,
     .accept = {"PING\r\n", "+PONG", 0},
     .login = {{"SUBSCRIBE room\r\n", ":1\r\n", 0}},
     .before = "*3\r\n$7\r\nPUBLISH\r\n$4\r\nroom\r\n$%u\r\n"},
};

enum { PROTOS = sizeof protos / sizeof protos[0] };

const struct proto *proto_find(const char *name) {
    for (uint32_t i = 0; i < PROTOS; i++)
        if (strcmp(protos[i].name, name) == 0)
            return &protos[i];
    return NULL;
}

void proto_list(char *out, uint32_t size) {
    int len = 0;
    for (uint32_t i = 0; i < PROTOS && len < (int)size; i++)
        len += snprintf(out + len, size - (uint32_t)len, " %s", protos[i].name);
}
