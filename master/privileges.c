/* privileges.c - see privileges.h. */
#include "master/privileges.h"

#include "ipc/log.h"
#include "master/log_file.h"
#include "master/path.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* setuid takes root's capabilities away, but not the inheritable ones, and none at all from a
 * process whose starter has set SECBIT_NO_SETUID_FIXUP (capabilities(7)). */
static bool privileges_forget(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    static const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];
    return syscall(SYS_capset, &header, none) == 0;
}

static bool privileges_become(const struct passwd *user, gid_t gid) {
    if (user)
        return initgroups(user->pw_name, gid) == 0 && setgid(gid) == 0 &&
               setuid(user->pw_uid) == 0 && privileges_forget();
    return setgroups(1, &gid) == 0 && setgid(gid) == 0;
}

/* Before the change, while fchown is still allowed.  The kernel lets sockets share a port only if
 * all of them belong to one user: a reload binds more sockets on the ports of these as the new
 * user. The segment's mode lets only its owner open it.  If fchown fails, such a reload is refused
 * with a sentence, and an operator's tool cannot open the segment. */
static void privileges_give(const struct segment *seg, uid_t user) {
    (void)!fchown(seg->fd, user, (gid_t)-1);
    for (int i = 0; i < LISTENERS_MAX; i++) {
        for (int k = 0; k < WORKERS_MAX; k++) {
            if (seg->header->listeners[i].fd[k] >= 0)
                (void)!fchown(seg->header->listeners[i].fd[k], user, (gid_t)-1);
        }
    }
}

/* ---- what the user cannot do ---- */

/* The kernel answers for the user that the process has become. */
static void privileges_check(const char *path, int mode, const char *consequence) {
    if (path[0] != '\0' && access(path, mode) != 0)
        log_warn_errno("as its user the server cannot %s %s, so %s",
                       mode & W_OK   ? "write to"
                       : mode & X_OK ? "execute"
                                     : "read",
                       path, consequence);
}

static void privileges_check_folder(const char *path, const char *consequence) {
    char folder[PATH_LEN_MAX];
    path_folder(path, folder);
    if (path[0] != '\0')
        privileges_check(folder, W_OK | X_OK, consequence);
}

/* In a sticky folder only the owner of a file, or of the folder, removes it: root made it. */
static bool privileges_can_remove(const char *path) {
    struct stat file, folder;
    char parent[PATH_LEN_MAX];
    path_folder(path, parent);
    return stat(parent, &folder) != 0 || !(folder.st_mode & S_ISVTX) || lstat(path, &file) != 0 ||
           folder.st_uid == geteuid() || file.st_uid == geteuid();
}

static void privileges_check_pidfile(const char *path) {
    static const char consequence[] = "the pidfile will be emptied at the end, not removed";
    privileges_check_folder(path, consequence);
    if (path[0] != '\0' && !privileges_can_remove(path))
        log_warn("as its user the server cannot remove %s from a sticky folder, so %s", path,
                 consequence);
}

/* Each ban writes the file anew. */
static void privileges_check_bans(const char *path) {
    static const char consequence[] = "bans will be refused";
    struct stat is;
    privileges_check_folder(path, consequence);
    if (path[0] == '\0' || stat(path, &is) != 0)
        return;
    privileges_check(path, R_OK, "bans and reloads will be refused");
    if (is.st_uid != geteuid())
        log_warn("as its user the server cannot keep the owner of %s, so %s", path, consequence);
}

static void privileges_check_log(const struct config *config) {
    struct stat is;
    if (!log_file_is_path(config))
        return;
    bool moves = stat(config->log, &is) != 0 || S_ISREG(is.st_mode);
    privileges_check(config->log, W_OK,
                     moves ? "the log cannot be opened again (kill -USR1) before it is moved away"
                           : "it cannot be opened again (kill -USR1)");
    if (moves)
        privileges_check_folder(config->log,
                                "a log that was moved away cannot be made anew (kill -USR1)");
}

static void privileges_check_all(const struct master_state *state, const struct config *config) {
    privileges_check(state->conf_path, R_OK, "a reload will be refused");
    privileges_check(config->motd_path, R_OK, "a reload will be refused");
    privileges_check(state->binary_path, X_OK, "an upgrade will be refused");
    privileges_check_log(config);
    privileges_check_pidfile(config->pidfile);
    privileges_check_folder(config->control, "the control socket's file will be left at the end");
    privileges_check_bans(config->bans);
    privileges_check_folder(config->transcript,
                            "a transcript that was moved away cannot be made anew (kill -USR1)");
}

bool privileges_drop(const struct segment *seg, const struct config *config, char *err,
                     size_t err_size) {
    const struct passwd *user = config->user[0] ? getpwnam(config->user) : NULL;
    const struct group *group = config->group[0] ? getgrnam(config->group) : NULL;
    if (config->user[0] && !user) {
        snprintf(err, err_size, "user %s: there is none of that name", config->user);
        return false;
    }
    if (config->group[0] && !group) {
        snprintf(err, err_size, "group %s: there is none of that name", config->group);
        return false;
    }
    gid_t gid = group ? group->gr_gid : user ? user->pw_gid : getegid();
    bool already = (!user || user->pw_uid == geteuid()) && gid == getegid();
    if (!user && geteuid() == 0)
        log_warn("running as root: set `user`, so that a server that is taken over is not root");
    if (already)
        return true;
    if (user)
        privileges_give(seg, user->pw_uid);
    if (!privileges_become(user, gid)) {
        snprintf(err, err_size, "cannot become user %s, group %s: %s",
                 config->user[0] ? config->user : "(unchanged)",
                 config->group[0] ? config->group : "(its own)", strerror(errno));
        return false;
    }
    prctl(PR_SET_DUMPABLE, 1); /* the change has cleared it */
    if (user)
        privileges_check_all(&seg->header->master, config);
    return true;
}
