/* last_words.c - see last_words.h. */
#include "worker/ledger/last_words.h"

#include <sys/socket.h>
#include <unistd.h>

void last_words(int fd, const char *said, size_t len) {
    char unread[4096];
    (void)!send(fd, said, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    (void)!recv(fd, unread, sizeof unread, MSG_DONTWAIT); /* or close() would reset it */
    close(fd);
}
