/* link_state.h - struct link, for link_connect.c, which connects and keeps time, link_ask.c, which
 * writes commands, and link_answer.c, which reads what comes back. */
#ifndef WORKER_RELAY_LINK_STATE_H
#define WORKER_RELAY_LINK_STATE_H

#include "ipc/client.h"
#include "worker/relay/find.h"
#include "worker/relay/link.h"
#include "worker/relay/script.h"

/* clang-format off */
enum {
    LINK_TX = 256 << 10,      /* bytes */
    LINK_RX = 128 << 10,
    LINK_READER_TX = 4096,
    LINK_SPARE = 4096,        /* bytes of LINK_TX that PASS leaves to other commands */
    LINK_QUESTIONS = LINK_WINDOW + 64,
    LINK_PEOPLE = 64,         /* in one command */
    /* Up for so long: may say that others are gone.  After the engine's absence they have had the
     * longest pause between two attempts, and some seconds. */
    LINK_JUDGE_MS = 15000,
    LINK_STEADY_MS = 10000,   /* up for so long: what goes wrong now is tried again at once */
    LINK_PAUSES = 6,
    LINK_SLOW_MS = 10000,     /* a pause where only people can help */
    LINK_TAKEN_MS = 2000,     /* the longest where another holds the name */
};
/* clang-format on */

enum link_phase {
    LINK_WAITING,   /* until retry_at */
    LINK_FINDING,   /* the primary, by `writer` */
    LINK_PREPARING, /* `reader` is greeted, the scripts are loaded */
    LINK_ENTERING,  /* claim, people, enter */
    LINK_IS_UP
};

/* What an answer is to; enum script, then these. */
enum { LINK_LOAD = SCRIPTS, LINK_INFO, LINK_PAST };

struct link_question {
    uint64_t index; /* of PASS */
    uint32_t kind;
};

/* What is configured.  Without padding that is not zeroed, so it can be compared as bytes. */
struct link_target {
    struct relay_host hosts[RELAY_HOSTS_MAX];
    struct account account;
    uint32_t count; /* of hosts; 0: no link */
    uint32_t keep;
    char node[NODE_NAME_MAX];
};

struct link_name {
    char text[NAME_BYTES_MAX + 1];
    size_t len;
};

struct link {
    const struct link_owner *owner;
    struct link_target target;
    enum link_phase phase;
    uint64_t now;
    struct trouble trouble;
    char state[TROUBLE_TEXT];

    /* connecting */
    struct find find;
    struct engine writer, reader;
    struct greet greet; /* the reader's */
    bool reader_ready;
    bool gone; /* a goodbye was said */
    bool policy_said;
    uint32_t failures; /* without a steady link between them */
    uint64_t retry_at, up_at, beat_at;

    /* questions to the writer without an answer: a ring */
    struct link_question question[LINK_QUESTIONS];
    uint32_t first, count, passing; /* passing: PASSes among them */

    /* entering */
    struct link_hello hello;
    char life[17]; /* hello.life */
    bool claim_due, claimed, enter_sent;
    uint32_t person_at;

    /* reading */
    bool reading;
    struct stream_id after;

    /* events */
    bool lost, later, entered; /* due: LINK_LOST, LINK_LATER, LINK_HELLO */
    uint64_t later_life;
    uint32_t ending; /* due: an event without more in it, enum link_event_kind + 1; 0: none */
    struct link_event event; /* that is being put together */
    struct link_name held;   /* the name in it, until its value is there */

    char writer_tx[LINK_TX], writer_rx[LINK_RX], reader_tx[LINK_READER_TX], reader_rx[LINK_RX];
};

/* Ends both connections and says why, a sentence without a subject.  `pause`: LINK_SLOW_MS at
 * least, LINK_TAKEN_MS at most, 0: the usual one. */
void link_fail(struct link *l, uint32_t pause, const char *why);
/* Ends them after a goodbye, until link_configure. */
void link_leave(struct link *l);

#endif
