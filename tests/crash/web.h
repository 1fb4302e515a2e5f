/* web.h - a guest's side of a WebSocket: on one side lines as a telnet types and is sent them, on
 * the other side frames and events, so that a guest that is a browser is judged like any other.
 *
 * Requests are numbered (`re`) and written as JSON or, now and then, as a plain line, in one frame
 * or in several.  What is checked here: each numbered request is answered once, in order; the
 * room's events have rising ids of one epoch; frames are whole, unmasked and end with an event. */
#ifndef TESTS_CRASH_WEB_H
#define TESTS_CRASH_WEB_H

#include "tests/crash/text.h"

#include <stdbool.h>
#include <stdint.h>

enum { WEB_NAME_MAX = 32, WEB_EPOCH = 16, WEB_TOKEN = 32, WEB_WRONG_MAX = 200, WEB_SEEN = 64 };

struct web {
    bool returns;          /* all of its requests are numbered */
    bool inside;           /* its login was answered */
    bool resumes;          /* it came back, and no line of the room has come since */
    bool again;            /* this connection is not its first */
    bool open;             /* the HTTP request was granted */
    bool left;             /* a close frame was sent */
    uint16_t code;         /* of the server's close frame; 0: none has come */
    uint32_t random;       /* state of web_random; not 0 */
    uint32_t re, answered; /* the last request's number, and of the last one answered */
    uint32_t earlier;      /* events of a history that are still to come */
    bool listing;          /* a list goes on in the next event */
    uint64_t id;           /* of the room's last event */
    uint64_t missed;       /* so many entries lay behind it when it came back last */
    char epoch[WEB_EPOCH + 1];
    char token[WEB_TOKEN + 1]; /* from the login's answer */
    char name[WEB_NAME_MAX];   /* its own */
    char wrong[WEB_WRONG_MAX]; /* what is against the rules; "": nothing is */
    struct text in;            /* a frame that has not come whole */
    struct text pending;       /* requests not answered: each a number, a blank, a line with LF */
    /* Ids of private lines, which come again where they are newer than the event that it says it
     * has seen; `old` are those of former connections. */
    uint64_t seen[WEB_SEEN], old[WEB_SEEN];
    uint32_t seens;
};

/* Before the first connection.  random: not 0. */
void web_begin(struct web *w, uint32_t random, bool returns);
/* At the end of a connection of a browser that has a token and comes back; on the next one its
 * login follows by itself. */
void web_again(struct web *w);
void web_free(struct web *w);
/* What is to be sent first. */
void web_request(struct text *out);
/* A line as a telnet types it, with its end. */
void web_type(struct web *w, const char *line, struct text *out);
/* Leaves by a close frame. */
void web_leave(struct web *w, struct text *out);
/* What has come: adds to `lines` what a telnet would have been sent, each with a newline, and to
 * `out` what a browser answers by itself.  False: `wrong` says what is wrong. */
bool web_hear(struct web *w, const char *bytes, size_t len, struct text *lines, struct text *out);

#endif
