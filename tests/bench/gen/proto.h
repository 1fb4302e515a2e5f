/* proto.h - how the generator talks to each kind of server.  Adding a protocol is adding a row. */
#ifndef BENCH_PROTO_H
#define BENCH_PROTO_H

#include <stdbool.h>
#include <stdint.h>

enum { STEPS_MAX = 4, TYPED_MAX = 4000 };

/* Who receives a speaker's line. */
enum audience {
    HEARD_BY_ALL,         /* the speaker too */
    HEARD_BY_OTHERS,      /* all but its speaker */
    HEARD_BY_SUBSCRIBERS, /* all but those clients that are speakers */
};

/* One step of the handshake: send (may be NULL; %u is the client's number, ~ a NUL) and `typed`
 * bytes of a line without its end, then wait until `wait` (may be NULL) has been received. */
struct step {
    const char *send, *wait;
    uint32_t typed;
};

struct proto {
    const char *name;
    bool web; /* after the `accept` step's request and the answer's head, both speak frames */
    enum audience audience;
    uint32_t burst; /* clients of a child that connect at a time: below the server's backlog */
    uint32_t crowd; /* that log in at a time; 0: as burst.  What a server lends a client only for
                       its login must not count as what a client costs */
    struct step accept; /* command `accept`: until the server has shown that it accepted */
    struct step login[STEPS_MAX]; /* command `login`, until a step with neither */
    struct step habit;  /* command `habit`, when all have logged in: of those that do not speak */
    const char *before; /* a line's wrapping; %u is its length without its end */
};

const struct proto *proto_find(const char *name); /* NULL: there is none */
void proto_list(char *out, uint32_t size);

#endif
