/* manager.h - a service manager for tests: what systemd 252 does for a service with Type=notify,
 * NotifyAccess=main and a descriptor store, in place of process 1.
 *
 *     struct server *s = server_prepare();
 *     struct manager *m = manager_begin(1000);
 *     server_configure(s, "%s", server_quiet);
 *     manager_launch(m, s);
 *     manager_await_kept(m, "c", 2);
 *     manager_kill_all(m, s);                every process of the service at one moment
 *     manager_launch(m, s);                  with what was kept
 *
 * It has a datagram socket, named in NOTIFY_SOCKET, and a thread that reads it: messages of the
 * main process alone count.  FDSTORE=1 keeps the descriptors under FDNAME, unless there is no room
 * or the same open file is there already; FDSTOREREMOVE=1 drops those of a name; the descriptor
 * that comes with BARRIER=1 is closed.  A kept descriptor that reports EPOLLHUP or EPOLLERR is
 * dropped. */
#ifndef TESTS_LIB_MANAGER_H
#define TESTS_LIB_MANAGER_H

#include "tests/lib/server.h"

#include <stdbool.h>
#include <sys/types.h>

struct manager;

/* `most`: FileDescriptorStoreMax. */
struct manager *manager_begin_at(struct where where, int most);
#define manager_begin(most) manager_begin_at(HERE, most)
/* The path of its socket, for NOTIFY_SOCKET. */
const char *manager_path(const struct manager *m);
/* Whose messages count; manager_launch sets it to the server's. */
void manager_main(struct manager *m, pid_t pid);

/* Starts the configured server with what is kept as numbers 3 and up, and waits until it is ready.
 * manager_start does not wait. */
void manager_launch_at(struct where where, struct manager *m, struct server *s);
#define manager_launch(m, s) manager_launch_at(HERE, m, s)
void manager_start_at(struct where where, struct manager *m, struct server *s);
#define manager_start(m, s) manager_start_at(HERE, m, s)

/* SIGKILL to every process of the service; returns when all are gone. */
void manager_kill_all_at(struct where where, struct manager *m, struct server *s);
#define manager_kill_all(m, s) manager_kill_all_at(HERE, m, s)
/* SIGKILL to the main process alone; returns when it is gone.  What is left of the service is in
 * another process group than its next life, and is cleaned up with the test. */
void manager_kill_main_at(struct where where, struct manager *m, struct server *s);
#define manager_kill_main(m, s) manager_kill_main_at(HERE, m, s)
/* SIGPWR; returns when the main process has ended with status 0, and no process is left. */
void manager_store_at(struct where where, struct manager *m, struct server *s);
#define manager_store(m, s) manager_store_at(HERE, m, s)

/* How many descriptors are kept under names that begin so. */
int manager_kept(struct manager *m, const char *name);
void manager_await_kept_at(struct where where, struct manager *m, const char *name, int count);
#define manager_await_kept(m, name, count) manager_await_kept_at(HERE, m, name, count)
/* The nth that is kept under such a name, counted from 0; -1: none.  It stays the manager's. */
int manager_fd(struct manager *m, const char *name, int nth);
/* Keeps one more, as if it had been sent. */
void manager_keep(struct manager *m, const char *name, int fd);

/* How many lines of messages began so, such as "READY=1", since the last launch. */
int manager_told(struct manager *m, const char *line);
void manager_await_told_at(struct where where, struct manager *m, const char *line, int count);
#define manager_await_told(m, line, count) manager_await_told_at(HERE, m, line, count)

/* While it is held, it reads nothing: its queue fills. */
void manager_hold(struct manager *m, bool hold);

void manager_end(struct manager *m);

#endif
