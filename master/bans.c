/* bans.c - see bans.h. */
#include "master/bans.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "master/config_value.h"
#include "master/path.h"
#include "master/trusted_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BANS_LINE_MAX = 1024, BANS_MODE = 0600, BANS_PATH = PATH_LEN_MAX + 8 };

static const char bans_head[] =
    "# Bans: ADDRESS[/BITS] UNTIL REASON, one a line; UNTIL is a time in UTC, such as\n"
    "# 2026-12-31T23:59:59Z, or - for no end.  Written anew by chatroom-ctl, which keeps comments\n"
    "# and drops bans that have ended.  After editing by hand: kill -HUP, or chatroom-ctl "
    "reload.\n";

static bool bans_refuse(const struct config *config, char *err, size_t err_size,
                        const char *reason) {
    snprintf(err, err_size, "bans %s: %s", config->bans, reason);
    return false;
}

bool bans_check(const struct config *config, char *err, size_t err_size) {
    const struct trusted_file file = {.what = "bans", .path = config->bans, .user = config->user};
    return config->bans[0] == '\0' || trusted_file_check(&file, err, err_size);
}

uint32_t bans_find(const struct ban_list *list, const struct network *network) {
    uint32_t i = 0;
    while (i < list->count && !network_same(&list->ban[i].network, network))
        i++;
    return i;
}

static struct ban_file bans_identity(const struct stat *is) {
    return (struct ban_file){is->st_dev, is->st_ino, (uint64_t)is->st_size,
                             (uint64_t)is->st_mtim.tv_sec * 1000000000 +
                                 (uint64_t)is->st_mtim.tv_nsec};
}

/* ---- reading ---- */

/* The next word of the line, NUL-terminated; *rest then begins at the one after it. */
static char *bans_word(char **rest) {
    char *word = *rest + strspn(*rest, " \t");
    char *end = word + strcspn(word, " \t");
    *rest = end + strspn(end, " \t");
    *end = '\0';
    return word;
}

/* The line without its end, blanks around it, and a byte order mark before it. */
static char *bans_strip(char *line, bool first) {
    static const char bom[] = "\xEF\xBB\xBF";
    char *text = first && strncmp(line, bom, 3) == 0 ? line + 3 : line;
    text += strspn(text, " \t");
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]))
        text[--len] = '\0';
    return text;
}

/* False with a sentence.  The line is neither empty nor a comment. */
static bool bans_parse(char *line, struct ban *ban, char *err, size_t err_size) {
    char *rest = line;
    const char *network = bans_word(&rest), *until = bans_word(&rest);
    memset(ban, 0, sizeof *ban);
    if (!restriction_parse_network(network, &ban->network, err, err_size))
        return false;
    if (!restriction_parse_time(until, &ban->until_ms)) {
        snprintf(err, err_size,
                 "%s%.60s%s: a time in UTC, such as 2026-12-31T23:59:59Z, or - for none",
                 *until ? "\"" : "", until,
                 *until ? "\" is not the end of a ban" : "the end of the ban is missing");
        return false;
    }
    if (restriction_clean(rest, strlen(rest), ban->reason, sizeof ban->reason))
        return true;
    snprintf(err, err_size, "the reason is longer than %d bytes", BAN_REASON_MAX - 1);
    return false;
}

struct bans_reader {
    const char *path;
    uint64_t now;
    unsigned line;
    struct ban_list *list;
    unsigned lines[BANS_MAX]; /* of each ban */
    struct config_errors *errors;
};

static void bans_error(struct bans_reader *r, const char *reason) {
    config_errors_add(r->errors, r->path, r->line, reason);
}

static void bans_read_ban(struct bans_reader *r, char *line) {
    char err[256], text[NETWORK_TEXT];
    struct ban ban;
    if (!bans_parse(line, &ban, err, sizeof err)) {
        bans_error(r, err);
        return;
    }
    if (ban.until_ms != 0 && ban.until_ms <= r->now)
        return;
    uint32_t same = bans_find(r->list, &ban.network);
    if (same < r->list->count) {
        snprintf(err, sizeof err, "%s is banned in line %u already",
                 network_format(&ban.network, text), r->lines[same]);
        bans_error(r, err);
    } else if (r->list->count == BANS_MAX) {
        snprintf(err, sizeof err, "more than %d bans", BANS_MAX);
        bans_error(r, err);
    } else {
        r->lines[r->list->count] = r->line;
        r->list->ban[r->list->count++] = ban;
    }
}

static bool bans_is_comment(const char *line) {
    return *line == '\0' || *line == '#';
}

static void bans_read_lines(struct bans_reader *r, FILE *file) {
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    while ((len = getline(&line, &size, file)) > 0) {
        r->line++;
        bool nul = memchr(line, '\0', (size_t)len) != NULL;
        char *text = bans_strip(line, r->line == 1);
        if (len > BANS_LINE_MAX)
            bans_error(r, "the line is longer than 1024 bytes");
        else if (nul)
            bans_error(r, "the line has a NUL byte");
        else if (!bans_is_comment(text))
            bans_read_ban(r, text);
    }
    free(line);
    if (ferror(file)) {
        r->line = 0;
        bans_error(r, strerror(errno));
    }
}

bool bans_read(const char *path, uint64_t now, struct ban_list *out, struct config_errors *errors) {
    static struct bans_reader r;
    const char *wrong;
    struct stat is;
    uint32_t before = errors->count;
    r = (struct bans_reader){.path = path, .now = now, .list = out, .errors = errors};
    out->count = 0;
    out->missing = false;
    out->file = (struct ban_file){0};
    if (*path == '\0')
        return true;
    errno = 0;
    FILE *file = value_open(path, &wrong);
    if (!file) {
        out->missing = errno == ENOENT;
        if (!out->missing)
            bans_error(&r, wrong);
        return out->missing;
    }
    if (fstat(fileno(file), &is) == 0) /* before it is read: bans_is_unchanged */
        out->file = bans_identity(&is);
    bans_read_lines(&r, file);
    fclose(file);
    return errors->count == before;
}

/* ---- writing ---- */

static void bans_put(FILE *to, const struct ban *ban) {
    char network[NETWORK_TEXT], until[RESTRICTION_TIME];
    fprintf(to, "%s %s%s%s\n", network_format(&ban->network, network),
            restriction_format_time(ban->until_ms, until), ban->reason[0] ? " " : "", ban->reason);
}

/* Lines of the old file in their order: comments as they are, bans of the list as the list has
 * them.  `done`: for each of the list, whether it is written. */
static void bans_copy(FILE *to, FILE *from, const struct ban_list *list, bool *done) {
    char *line = NULL, err[256];
    size_t size = 0;
    struct ban ban;
    for (bool first = true; getline(&line, &size, from) > 0; first = false) {
        char *text = bans_strip(line, first);
        if (bans_is_comment(text)) {
            fprintf(to, "%s\n", text);
            continue;
        }
        uint32_t i =
            bans_parse(text, &ban, err, sizeof err) ? bans_find(list, &ban.network) : list->count;
        if (i < list->count && !done[i]) {
            bans_put(to, &list->ban[i]);
            done[i] = true;
        }
    }
    free(line);
}

/* False with errno. */
static bool bans_fill(FILE *to, const char *path, const struct ban_list *list) {
    static bool done[BANS_MAX];
    const char *wrong;
    memset(done, 0, sizeof done);
    FILE *from = value_open(path, &wrong);
    if (!from)
        fputs(bans_head, to);
    else
        bans_copy(to, from, list, done);
    if (from)
        fclose(from);
    for (uint32_t i = 0; i < list->count; i++)
        if (!done[i])
            bans_put(to, &list->ban[i]);
    return fflush(to) == 0 && !ferror(to) && fsync(fileno(to)) == 0;
}

/* The new file as the old one was.  False with errno. */
static bool bans_keep_owner(int fd, const char *path) {
    struct stat old, new;
    if (stat(path, &old) != 0)
        return errno == ENOENT && fchmod(fd, BANS_MODE) == 0;
    if (fstat(fd, &new) != 0)
        return false;
    bool owned = (old.st_uid == new.st_uid &&old.st_gid == new.st_gid) ||
                 fchown(fd, old.st_uid, old.st_gid) == 0;
    return owned && fchmod(fd, old.st_mode & 07777) == 0;
}

/* False with errno. */
static bool bans_make(const char *path, const char *temporary, const struct ban_list *list) {
    unlink(temporary); /* of a master that died here */
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, BANS_MODE);
    FILE *to = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!to)
        return false;
    errno = ENOSPC; /* of a write that is cut short */
    bool good = bans_fill(to, path, list) && bans_keep_owner(fd, path);
    int error = errno;
    good = fclose(to) == 0 && good;
    if (!good)
        unlink(temporary);
    errno = error;
    return good;
}

/* Whether no other program has changed the file since it was read. */
static bool bans_is_unchanged(const char *path, const struct ban_file *read) {
    struct stat is;
    struct ban_file now = {0};
    if (stat(path, &is) == 0)
        now = bans_identity(&is);
    return memcmp(&now, read, sizeof now) == 0;
}

/* False with a sentence. */
static bool bans_replace(const struct config *config, const struct ban_list *list,
                         const char *temporary, char *err, size_t err_size) {
    if (!bans_is_unchanged(config->bans, &list->file))
        bans_refuse(config, err, err_size, "another program has changed it just now; ask again");
    else if (rename(temporary, config->bans) != 0)
        bans_refuse(config, err, err_size, strerror(errno));
    else
        return true;
    unlink(temporary);
    return false;
}

bool bans_write(const struct config *config, const struct ban_list *list, char *err,
                size_t err_size) {
    char temporary[BANS_PATH];
    const char *path = config->bans;
    if (!bans_check(config, err, err_size))
        return false;
    snprintf(temporary, sizeof temporary, "%s.new", path);
    FAULT("bans.write.before");
    if (!bans_make(path, temporary, list))
        return bans_refuse(config, err, err_size, strerror(errno));
    FAULT("bans.rename.before");
    if (!bans_replace(config, list, temporary, err, err_size))
        return false;
    FAULT("bans.rename.after");
    if (!path_sync_folder(path)) /* the rename has happened, whatever comes of this */
        log_warn_errno("bans %s: the folder cannot be synced; a power cut may bring the old file "
                       "back",
                       path);
    FAULT("bans.write.after");
    return true;
}
