/* foreign.h - other protocols on the chat's port: whether a connection's first bytes are a
 * browser's, a mail server's, a scanner's.  Nothing of these may be spoken, obeyed or answered.
 *
 *     foreign_opening   the first raw bytes, before the telnet codec sees them
 *     foreign_text      text of the first line, as it comes: may it be text at all?
 *     foreign_controls  the same text: has it too many control bytes?
 *     foreign_line      the first line, finished, or what there is of it when it is too long
 *
 * Any split of the input gives the same answer to "is it foreign"; which name it has may depend on
 * how much came at once.  A line that a person may say is never foreign: requests are recognised by
 * their whole form (`GET /x HTTP/1.1`, but not `GET me some tea`), binary protocols by bytes that
 * no terminal sends.  A PROXY header of version 1 is text, where it is none (input/header.h).
 *
 * Sources: RFC 9112 3 (HTTP), 7826 20.2 (RTSP), 3261 7.1 (SIP), 4253 4.2 (SSH), 8446 5.1 (TLS),
 * 5321 4.1 (SMTP), 959 4.1 (FTP), 1939 (POP), 3501 2.2 (IMAP), 1459 4.1 (IRC), 1179 5 (LPD),
 * MS-RDPBCGR 2.2.1.1, MS-SMB2 2.1, haproxy's proxy-protocol.txt, the Redis protocol, the
 * JSON-RPC and STOMP specifications, nmap's list of probes.  Pure functions; safe anywhere. */
#ifndef WORKER_PROTOCOL_FOREIGN_H
#define WORKER_PROTOCOL_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum foreign {
    FOREIGN_NONE, /* text, as far as can be seen */
    FOREIGN_MORE, /* foreign_opening only: another byte decides */
    FOREIGN_WORD, /* foreign_line only: a word that scanners send and people say */
    FOREIGN_BINARY,
    FOREIGN_TLS,
    FOREIGN_RDP,
    FOREIGN_SMB,
    FOREIGN_HTTP,
    FOREIGN_RTSP,
    FOREIGN_SIP,
    FOREIGN_SSH,
    FOREIGN_SMTP,
    FOREIGN_FTP, /* or POP: both begin with USER, PASS */
    FOREIGN_IMAP,
    FOREIGN_IRC,
    FOREIGN_REDIS,
    FOREIGN_JSON,
    FOREIGN_STOMP,
    FOREIGN_RSYNC,
    FOREIGN_LPD,
    FOREIGN_PROXY,
    FOREIGN_SCANNER,
    FOREIGN_COUNT
};

/* Whether the connection is to be closed. */
static inline bool foreign_closes(enum foreign kind) {
    return kind > FOREIGN_WORD;
}

/* For the log: `it speaks HTTP`; NULL where nothing is closed. */
const char *foreign_reason(enum foreign kind);

/* bytes[0, len), len > 0, are the first of the connection. */
enum foreign foreign_opening(const uint8_t *bytes, size_t len);

/* A NUL in text is what no terminal sends, but for a telnet client's that pads its line ends; the
 * codec has taken that one away. */
enum foreign foreign_text(const uint8_t *text, size_t len);

/* Counts control bytes of a line, before editing keys act on it; `count` is 0 where it begins.
 * People type few of them (^A, ^E). */
enum foreign foreign_controls(const uint8_t *text, size_t len, uint8_t *count);
/* The same for ^C, ^R, ^U, ^W: behind another control they are bytes like it; before it, keys. */
void foreign_key(uint8_t *count);

/* The line without its end.  `finished`: false if more of it is still to come. */
enum foreign foreign_line(const uint8_t *line, size_t len, bool finished);

#endif
