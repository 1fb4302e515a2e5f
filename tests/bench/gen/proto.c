/* proto.c - the table of protocols. */
#include "tests/bench/gen/proto.h"

#include <stdio.h>
#include <string.h>

static const struct proto protos[] = {
    /* the bare limit without -g, and anything that echoes lines to all in silence */
    {.name = "plain", .audience = HEARD_BY_ALL, .burst = 256, .before = ""},
    /* the bare limit with -g, and our open room */
    {.name = "open",
     .audience = HEARD_BY_ALL,
     .burst = 256,
     .accept = {NULL, "Welcome"},
     .before = ""},
    /* our login; the unknown command is refused in other words before the login than after it */
    {.name = "login",
     .audience = HEARD_BY_ALL,
     .burst = 256,
     .crowd = 16,
     .accept = {NULL, "Welcome"},
     .login = {{"login u%u\r\n/bench-done\r\n", "Unknown command"}},
     .before = ""},
    {.name = "ncat",
     .audience = HEARD_BY_OTHERS,
     .burst = 4,
     .accept = {NULL, "<announce>"},
     .before = ""},
    {.name = "irc",
     .audience = HEARD_BY_OTHERS,
     .burst = 4,
     .accept = {"NICK u%u\r\nUSER u 0 * :u\r\n", " 001 "},
     .login = {{"JOIN #room\r\n", " 366 "}},
     .before = "PRIVMSG #room :"},
    {.name = "nats",
     .audience = HEARD_BY_ALL,
     .burst = 128,
     .accept = {NULL, "INFO "},
     .login = {{"CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB room 1\r\nPING\r\n",
                "PONG"}},
     .before = "PUB room %u\r\n"},
    {.name = "resp",
     .audience = HEARD_BY_SUBSCRIBERS,
     .burst = 128,
     .accept = {"PING\r\n", "+PONG"},
     .login = {{"SUBSCRIBE room\r\n", ":1\r\n"}},
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
