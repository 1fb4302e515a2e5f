/* trusted_file.h - opens a file for writing, unless another user may have chosen what is written
 * to.
 *
 * The server may be root when it opens its log and its pidfile.  A user who can put a link or a
 * file where such a path leads would have root overwrite a file of that user's choice
 * (CVE-2016-1247), or would own the log or the pidfile.  Therefore:
 *
 *     the file          is never reached through a symbolic link, has one name only (no hard
 *                       links), and belongs to a trusted user unless this call creates it
 *     a folder          belongs to a trusted user, and is not writable for everybody unless it is
 *                       sticky, as /tmp is.  Asked only as root: another user risks no more than
 *                       its own files, which the other rules protect
 *     a link to a       is followed if it belongs to root or to the process's own user
 *     folder
 *
 * Trusted are root, the process's effective user, the configured `user`, and the owner of "/",
 * which is root seen from a user namespace that does not map it.  A folder that its group may write
 * to is accepted (/var/log often is one): what a member puts there belongs to that member.
 *
 * The path is walked folder by folder with openat(2), so that what is opened is what was checked.
 * The caller is the master. */
#ifndef MASTER_TRUSTED_FILE_H
#define MASTER_TRUSTED_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct trusted_file {
    const char *what; /* "log": begins the sentence */
    const char *path;
    const char *user; /* the configured one; "": none */
    int flags;        /* of open(2), without O_CREAT: a missing file is always created */
    mode_t mode;      /* of a file that is created */
    /* A pipe of a trusted user or a device is accepted too, also through a symbolic link of root's
     * or the process's own.  Otherwise the file must be a regular one. */
    bool any_kind;
    /* A file that this call creates becomes the configured user's, so that the server can open it
     * again after privileges were dropped.  Any other file keeps its owner: in a folder of its own,
     * that user may have moved a secret of root's here. */
    bool give;
    bool *created; /* stored there, unless NULL: whether this call has made the file */
};

/* Whether trusted_file_open would accept the file, or could create it by these rules; opens and
 * creates nothing.  What the caller may not see is taken to be well.  False with a sentence. */
bool trusted_file_check(const struct trusted_file *file, char *err, size_t err_size);

/* The descriptor, without FD_CLOEXEC; or -1 with a sentence "WHAT PATH: REASON". */
int trusted_file_open(const struct trusted_file *file, char *err, size_t err_size);

#endif
