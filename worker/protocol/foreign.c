/* foreign.c - see foreign.h. */
#include "worker/protocol/foreign.h"

#include <string.h>
#include <strings.h>

static const char *const foreign_reasons[FOREIGN_COUNT] = {
    [FOREIGN_BINARY] = "it speaks a binary protocol",
    [FOREIGN_TLS] = "it speaks TLS",
    [FOREIGN_RDP] = "it speaks RDP",
    [FOREIGN_SMB] = "it speaks SMB",
    [FOREIGN_HTTP] = "it speaks HTTP",
    [FOREIGN_RTSP] = "it speaks RTSP",
    [FOREIGN_SIP] = "it speaks SIP",
    [FOREIGN_SSH] = "it speaks SSH",
    [FOREIGN_SMTP] = "it speaks SMTP",
    [FOREIGN_FTP] = "it speaks FTP or POP",
    [FOREIGN_IMAP] = "it speaks IMAP",
    [FOREIGN_IRC] = "it speaks IRC",
    [FOREIGN_REDIS] = "it speaks the Redis protocol",
    [FOREIGN_JSON] = "it speaks JSON-RPC",
    [FOREIGN_STOMP] = "it speaks STOMP",
    [FOREIGN_RSYNC] = "it speaks rsync",
    [FOREIGN_LPD] = "it speaks LPD",
    [FOREIGN_PROXY] = "it begins with a PROXY header",
    [FOREIGN_SCANNER] = "it sent a scanner's probe",
};

const char *foreign_reason(enum foreign kind) {
    return foreign_reasons[kind];
}

/* ---- bytes ---- */

/* `^A default LF`: a command byte, a queue, LF alone.  A person's line has blanks in it, or ends
 * with CR, or begins with no such byte. */
static enum foreign foreign_lpd(const uint8_t *bytes, size_t len) {
    enum { QUEUE_MAX = 32 };
    for (size_t i = 1; i < len && i <= QUEUE_MAX + 1; i++) {
        uint8_t b = bytes[i];
        bool name = (b >= '0' && b <= '9') || (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z') ||
                    b == '_' || b == '-' || b == '.';
        if (!name)
            return b == '\n' && i > 1 ? FOREIGN_LPD : FOREIGN_NONE;
    }
    return len <= QUEUE_MAX ? FOREIGN_MORE : FOREIGN_NONE;
}

/* IAC begins telnet, but two doubled ones, or the end of a subnegotiation, do not. */
static enum foreign foreign_iac(const uint8_t *bytes, size_t len) {
    enum { IAC = 0xFF, IACS = 4, SE = 0xF0 };
    size_t n = 0;
    while (n < len && bytes[n] == IAC)
        n++;
    if (n >= IACS || (n == 1 && len > 1 && bytes[1] == SE))
        return FOREIGN_BINARY;
    return n == len ? FOREIGN_MORE : FOREIGN_NONE;
}

/* A printer is asked for its language by what would be a key's sequence. */
static enum foreign foreign_printer(const uint8_t *bytes, size_t len) {
    static const uint8_t exit_language[] = "\x1b%-12345X";
    const size_t most = sizeof exit_language - 1;
    if (memcmp(bytes, exit_language, len < most ? len : most) != 0)
        return FOREIGN_NONE;
    return len < most ? FOREIGN_MORE : FOREIGN_SCANNER;
}

enum foreign foreign_opening(const uint8_t *bytes, size_t len) {
    static const uint8_t proxy[] = "\r\n\r\n\0\r\nQUIT\n";
    if (bytes[0] == 0x16) /* a TLS record; ^V may be typed, ^V ^C hardly */
        return len == 1 ? FOREIGN_MORE : bytes[1] == 0x03 ? FOREIGN_TLS : FOREIGN_NONE;
    if (len >= 2 && bytes[0] == 0x03 && bytes[1] == 0) /* TPKT */
        return FOREIGN_RDP;
    if (len >= 8 && bytes[0] == 0 && (bytes[4] == 0xFF || bytes[4] == 0xFE) &&
        memcmp(bytes + 5, "SMB", 3) == 0)
        return FOREIGN_SMB;
    if (len >= sizeof proxy - 1 && memcmp(bytes, proxy, sizeof proxy - 1) == 0)
        return FOREIGN_PROXY;
    if (bytes[0] == 1 || bytes[0] == 2 || bytes[0] == 4 || bytes[0] == 5)
        return foreign_lpd(bytes, len);
    if (bytes[0] == 0xFF)
        return foreign_iac(bytes, len);
    if (bytes[0] == 0x1B)
        return foreign_printer(bytes, len);
    return bytes[0] == 0 ? foreign_text(bytes, len) : FOREIGN_NONE;
}

enum foreign foreign_text(const uint8_t *text, size_t len) {
    return memchr(text, 0, len) ? FOREIGN_BINARY : FOREIGN_NONE;
}

enum { FOREIGN_TYPED = 3 }; /* ^A, ^E and the like, typed by a person in line mode */

enum foreign foreign_controls(const uint8_t *text, size_t len, uint8_t *count) {
    for (size_t i = 0; i < len && *count <= FOREIGN_TYPED; i++)
        *count += text[i] < 0x20 && text[i] != '\t' && text[i] != 0x1B;
    return *count > FOREIGN_TYPED ? FOREIGN_BINARY : FOREIGN_NONE;
}

void foreign_key(uint8_t *count) {
    *count += *count > 0 && *count <= FOREIGN_TYPED;
}

/* ---- lines ---- */

/* A line as its first two words, its last one, and their number; whether one begins with a colon.
 */
struct foreign_words {
    const char *first, *second, *last;
    size_t first_len, second_len, last_len;
    int count;
    bool colon;
};

static bool foreign_is(const char *word, size_t len, const char *text) {
    return len == strlen(text) && memcmp(word, text, len) == 0;
}
static bool foreign_begins(const char *word, size_t len, const char *text) {
    return len >= strlen(text) && memcmp(word, text, strlen(text)) == 0;
}
/* A word of a list, in which each is followed by one blank. */
static bool foreign_listed(const char *word, size_t len, const char *list) {
    for (const char *at = list; *at;) {
        size_t n = strcspn(at, " ");
        if (n == len && memcmp(at, word, n) == 0)
            return true;
        at += n + (at[n] == ' ');
    }
    return false;
}

static void foreign_split(const char *line, size_t len, struct foreign_words *w) {
    *w = (struct foreign_words){line, line, line, 0, 0, 0, 0, false};
    for (size_t at = 0; at < len;) {
        size_t begin = at;
        while (at < len && line[at] != ' ')
            at++;
        if (at > begin) {
            w->last = line + begin;
            w->last_len = at - begin;
            w->colon |= *w->last == ':';
            if (++w->count == 1)
                w->first = w->last, w->first_len = w->last_len;
            if (w->count == 2)
                w->second = w->last, w->second_len = w->last_len;
        }
        at += at < len;
    }
}

/* `HTTP/1.1`, `RTSP/1.0`, `SIP/2.0` at the end of a request line. */
static enum foreign foreign_version(const struct foreign_words *w) {
    static const struct {
        const char *name;
        enum foreign kind;
    } versions[] = {{"HTTP/", FOREIGN_HTTP}, {"RTSP/", FOREIGN_RTSP}, {"SIP/", FOREIGN_SIP}};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        size_t n = strlen(versions[i].name);
        if (foreign_begins(w->last, w->last_len, versions[i].name) && w->last_len > n &&
            w->last[n] >= '0' && w->last[n] <= '9')
            return versions[i].kind;
    }
    return FOREIGN_NONE;
}

/* A program's method: capitals, `M-SEARCH`. */
static bool foreign_capitals(const char *word, size_t len) {
    enum { SHORTEST = 3 }; /* PUT */
    for (size_t i = 0; i < len; i++)
        if ((word[i] < 'A' || word[i] > 'Z') && ((word[i] != '-' && word[i] != '_') || i == 0))
            return false;
    return len >= SHORTEST;
}

/* A method, a target, a version; HTTP/0.9 has no version.  A line that is cut off is a request when
 * its beginning is. */
static enum foreign foreign_request(const struct foreign_words *w, bool finished) {
    static const char methods[] = "GET POST HEAD PUT DELETE OPTIONS PATCH TRACE CONNECT PROPFIND "
                                  "DESCRIBE SETUP PLAY REGISTER INVITE ";
    bool method = foreign_listed(w->first, w->first_len, methods);
    bool path = foreign_begins(w->second, w->second_len, "/") ||
                foreign_begins(w->second, w->second_len, "http://") ||
                foreign_begins(w->second, w->second_len, "https://");
    bool target =
        path || foreign_is(w->second, w->second_len, "*") || memchr(w->second, ':', w->second_len);
    enum foreign kind = w->count >= 3 && target ? foreign_version(w) : FOREIGN_NONE;
    bool capitals = foreign_capitals(w->first, w->first_len);
    if (kind != FOREIGN_NONE && (method || (w->count == 3 && capitals)))
        return kind;
    if (!finished)
        return (method || capitals) && path ? FOREIGN_HTTP : FOREIGN_NONE;
    return method && path && w->count == 2 ? FOREIGN_HTTP : FOREIGN_NONE;
}

/* The same word in capitals or small letters; `text` is in capitals. */
static bool foreign_verb(const char *word, size_t len, const char *text) {
    return len == strlen(text) && strncasecmp(word, text, len) == 0;
}

/* `EHLO`, `HELO mail.example.org`, `HELO x`; a person greets people (`HELO people`). */
static bool foreign_smtp(const struct foreign_words *w) {
    const char *dot = memchr(w->second, '.', w->second_len);
    bool host = (dot && dot > w->second && dot + 1 < w->second + w->second_len) ||
                (w->second_len > 0 && *w->second == '[') ||
                foreign_is(w->second, w->second_len, "localhost");
    bool hello = foreign_verb(w->first, w->first_len, "HELO") ||
                 foreign_verb(w->first, w->first_len, "EHLO");
    if (foreign_is(w->first, w->first_len, "EHLO") && w->count <= 2)
        return true;
    if (foreign_is(w->first, w->first_len, "HELO"))
        host |= w->second_len == 1;
    if (hello && w->count == 2 && host)
        return true;
    if (foreign_is(w->first, w->first_len, "MAIL"))
        return foreign_begins(w->second, w->second_len, "FROM:");
    return foreign_verb(w->first, w->first_len, "MAIL") && w->second_len > 6 &&
           strncasecmp(w->second, "FROM:<", 6) == 0;
}

/* `{"id":1,"method":"mining.subscribe"`; in any order, alone or in a list. */
static bool foreign_json(const char *line, size_t len) {
    size_t at = 0;
    while (at < len && (line[at] == ' ' || line[at] == '['))
        at++;
    if (at == len || line[at] != '{')
        return false;
    return memmem(line + at, len - at, "\"jsonrpc\"", 9) ||
           memmem(line + at, len - at, "\"method\"", 8);
}

/* `t3 12.1.2`: WebLogic's client and its version. */
static bool foreign_t3(const struct foreign_words *w) {
    size_t dots = 0;
    if (w->count != 2 || !foreign_listed(w->first, w->first_len, "t3 t3s "))
        return false;
    for (size_t i = 0; i < w->second_len; i++) {
        if (w->second[i] != '.' && (w->second[i] < '0' || w->second[i] > '9'))
            return false;
        dots += w->second[i] == '.';
    }
    return dots >= 2;
}

/* Greetings of protocols in which the client speaks first, and log-ins of those where it does not
 * wait.  In capitals, as programs write them. */
static enum foreign foreign_greeting(const struct foreign_words *w) {
    if (foreign_begins(w->first, w->first_len, "SSH-1.") ||
        foreign_begins(w->first, w->first_len, "SSH-2."))
        return FOREIGN_SSH;
    if (foreign_smtp(w))
        return FOREIGN_SMTP;
    if (foreign_begins(w->first, w->first_len, "@RSYNCD:"))
        return FOREIGN_RSYNC;
    if (w->count == 1 && foreign_listed(w->first, w->first_len, "CONNECT STOMP "))
        return FOREIGN_STOMP;
    if (w->count == 2 && foreign_listed(w->first, w->first_len, "USER PASS AUTH "))
        return FOREIGN_FTP;
    if ((foreign_is(w->first, w->first_len, "USER") && w->count >= 5 && w->colon) ||
        (foreign_is(w->first, w->first_len, "NICK") && w->count == 2) ||
        (foreign_is(w->first, w->first_len, "CAP") &&
         foreign_listed(w->second, w->second_len, "LS REQ END ")))
        return FOREIGN_IRC;
    return FOREIGN_NONE;
}

/* `a001 CAPABILITY`, `1 LOGIN name password`. */
static bool foreign_imap(const struct foreign_words *w) {
    bool digit = false;
    for (size_t i = 0; i < w->first_len; i++)
        digit |= w->first[i] >= '0' && w->first[i] <= '9';
    return digit && ((w->count == 2 && foreign_listed(w->second, w->second_len,
                                                      "CAPABILITY NOOP STARTTLS LOGOUT ")) ||
                     (w->count == 4 && foreign_is(w->second, w->second_len, "LOGIN")));
}

/* `*2`: an array in RESP. */
static bool foreign_redis(const struct foreign_words *w) {
    if (w->count != 1 || *w->first != '*' || w->first_len < 2)
        return false;
    for (size_t i = 1; i < w->first_len; i++)
        if (w->first[i] < '0' || w->first[i] > '9')
            return false;
    return true;
}

/* First lines of nmap's and Nessus' probes that are no protocol's of a name. */
static bool foreign_probe(const char *line, size_t len) {
    static const char *const whole[] = {"WWWOFFLE STATUS",
                                        "< NTP/1.0 >",
                                        "< NTP/1.1 >",
                                        "< NTP/1.2 >",
                                        "GET SERVER INFO",
                                        "LO_SERVER_CLIENT_PAIR",
                                        ">version",
                                        "#ST",
                                        "init",
                                        "show info",
                                        "get_info"};
    static const char *const begins[] = {"DIST00000001",   "fox a 1 -1 fox ", "TVNM1 ",
                                         "NXSH-",          "CONNECT01 v",     "@PJL ",
                                         "<?xml version=", "JDWP-Handshake",  "<stream:stream ",
                                         "<methodCall>",   "MGLNDD_"};
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++)
        if (foreign_is(line, len, whole[i]))
            return true;
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++)
        if (foreign_begins(line, len, begins[i]))
            return true;
    return false;
}

enum foreign foreign_line(const uint8_t *line, size_t len, bool finished) {
    static const char said[] = "HELP INFO PING STAT STATUS QUIT VERSION NOOP LIST CAPA FEAT SYST "
                               "STARTTLS stats version ver login Query Subscribe serverstatus ";
    const char *text = (const char *)line;
    struct foreign_words w;
    foreign_split(text, len, &w);
    enum foreign kind = foreign_request(&w, finished);
    if (kind == FOREIGN_NONE)
        kind = foreign_greeting(&w);
    if (kind != FOREIGN_NONE)
        return kind;
    if (foreign_json(text, len))
        return FOREIGN_JSON;
    if (foreign_probe(text, len) || foreign_t3(&w))
        return FOREIGN_SCANNER;
    if (!finished)
        return FOREIGN_NONE;
    if (foreign_redis(&w))
        return FOREIGN_REDIS;
    if (foreign_imap(&w))
        return FOREIGN_IMAP;
    return foreign_listed(text, len, said) ? FOREIGN_WORD : FOREIGN_NONE;
}
