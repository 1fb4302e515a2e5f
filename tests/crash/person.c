/* person.c - see person.h. */
#include "tests/crash/person.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct person person_comes(struct victim *victim, const char *name, int receive_buffer) {
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(victim->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct person p = {.victim = victim, .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (receive_buffer > 0)
        setsockopt(p.fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    if (connect(p.fd, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("connect");
        exit(2);
    }
    dprintf(p.fd, "login %s\r\n", name);
    return p;
}

void person_types(const struct person *p, const char *text) {
    (void)!send(p->fd, text, strlen(text), MSG_NOSIGNAL);
}

bool person_reads(struct person *p, size_t most) {
    struct pollfd wait = {.fd = p->fd, .events = POLLIN};
    p->heard = realloc(p->heard, p->len + most + 1);
    if (!p->heard)
        abort();
    victim_watch(p->victim);
    ssize_t n = poll(&wait, 1, PATIENCE_MS) == 1 ? recv(p->fd, p->heard + p->len, most, 0) : -1;
    if (n > 0)
        p->len += (size_t)n;
    p->heard[p->len] = '\0';
    return n > 0;
}

bool person_hears(struct person *p, const char *text) {
    while (!p->heard || !strstr(p->heard, text)) {
        if (!person_reads(p, 65536))
            return false;
    }
    return true;
}

void person_goes(struct person *p) {
    close(p->fd);
    free(p->heard);
    p->heard = NULL;
    p->len = 0;
}

uint32_t person_times(const char *text, const char *what) {
    uint32_t n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}
