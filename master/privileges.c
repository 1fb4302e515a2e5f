/* privileges.c - see privileges.h. */
#include "master/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool privileges_become(const struct passwd *user, gid_t gid) {
    if (user)
        return initgroups(user->pw_name, gid) == 0 && setgid(gid) == 0 && setuid(user->pw_uid) == 0;
    return setgroups(1, &gid) == 0 && setgid(gid) == 0;
}

/* The kernel lets sockets share a port only if all of them belong to one user.  A reload binds more
 * sockets on the ports of these as the new user, so these must belong to that user too.  If fchown
 * fails, such a reload is refused with a sentence. */
static void privileges_give_listeners(const struct segment *seg, uid_t user) {
    for (int i = 0; i < LISTENERS_MAX; i++) {
        for (int k = 0; k < WORKERS_MAX; k++) {
            if (seg->header->listeners[i].fd[k] >= 0)
                (void)!fchown(seg->header->listeners[i].fd[k], user, (gid_t)-1);
        }
    }
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
    if (!already && user)
        privileges_give_listeners(seg, user->pw_uid);
    if (already || privileges_become(user, gid))
        return true;
    snprintf(err, err_size, "cannot become user %s, group %s: %s",
             config->user[0] ? config->user : "(unchanged)",
             config->group[0] ? config->group : "(its own)", strerror(errno));
    return false;
}
