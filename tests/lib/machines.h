/* machines.h - one room over several machines: servers that share a redis-server.
 *
 *     struct machines m;
 *     machines_start(&m, 2, "");
 *     machines_hear(&m, 0, "hello");       ann on paris says it, both guests read it next
 *     machines_stop(&m);
 *
 * Each machine has a guest of its own: ann is on paris, bob on london, cat on tokyo.  They know one
 * another when machines_start returns, and have read all that was said. */
#ifndef TESTS_LIB_MACHINES_H
#define TESTS_LIB_MACHINES_H

#include "tests/lib/guest.h"
#include "tests/lib/redis.h"

enum { MACHINES_MAX = 3, MACHINE_LINE_MAX = 4096 };

struct machines {
    int n;
    struct redis *redis;
    struct server *s[MACHINES_MAX];
    struct guest *g[MACHINES_MAX];
};

extern const char *const machine_node[MACHINES_MAX]; /* paris, london, tokyo */
extern const char *const machine_name[MACHINES_MAX]; /* ann, bob, cat */

/* `conf`: further lines for each of them. */
void machines_start_at(struct where where, struct machines *m, int n, const char *conf);
#define machines_start(m, n, conf) machines_start_at(HERE, m, n, conf)
/* The same, with a redis-server that runs already. */
void machines_over_at(struct where where, struct machines *m, int n, struct redis *r,
                      const char *conf);
#define machines_over(m, n, r, conf) machines_over_at(HERE, m, n, r, conf)
void machines_stop_at(struct where where, struct machines *m);
#define machines_stop(m) machines_stop_at(HERE, m)

/* One machine, which is linked when this returns; its control socket is ctl_socket(s). */
struct server *machine_start_at(struct where where, const struct redis *r, const char *node,
                                const char *conf);
#define machine_start(r, node, conf) machine_start_at(HERE, r, node, conf)
/* Its whole configuration; valid until the next call. */
const char *machine_conf(const struct server *s, const struct redis *r, const char *node,
                         const char *conf);
/* `relay` for that redis-server and redis_do's user; valid until the next call. */
const char *machine_url(const struct redis *r);
/* Waits until the machine is in reach, by what the engine has. */
void machine_linked_at(struct where where, const struct redis *r, const char *node);
#define machine_linked(r, node) machine_linked_at(HERE, r, node)

/* Waits until all of them see one another in `who`, and have read all that was said. */
void machines_meet_at(struct where where, struct machines *m);
#define machines_meet(m) machines_meet_at(HERE, m)

/* How the guest of machine `to` sees the guest of machine `from`: "ann" or "ann@paris".  Valid
 * until the eighth call after this one. */
const char *machine_person(int from, int to);
/* Guest `from` says it; it is the next line of each of them. */
void machines_hear_at(struct where where, struct machines *m, int from, const char *text);
#define machines_hear(m, from, text) machines_hear_at(HERE, m, from, text)
/* All of them say something, one after the other. */
void machines_talk_at(struct where where, struct machines *m);
#define machines_talk(m) machines_talk_at(HERE, m)
/* Each of them says something and reads until all have heard all of that: what came before, and
 * whether it came with its time, does not matter. */
void machines_settle_at(struct where where, struct machines *m);
#define machines_settle(m) machines_settle_at(HERE, m)

/* Asks for `look` or `who`: the names as they came, one a line, valid until the next call. */
const char *machine_list_at(struct where where, struct guest *g, const char *command);
#define machine_list(g, command) machine_list_at(HERE, g, command)
/* Whether such a list has the name. */
bool machine_lists(const char *list, const char *name);
/* Asks `who` until the name is in it, or is not. */
void machine_until_listed_at(struct where where, struct guest *g, const char *name, bool listed);
#define machine_until_listed(g, name, listed) machine_until_listed_at(HERE, g, name, listed)

/* Kills all of its processes at once; server_stop is not called then. */
void machine_kill(struct server *s);

/* The pid of the relay's process, by the last line of the log that names it. */
pid_t machine_relay_pid_at(struct where where, struct server *s);
#define machine_relay_pid(s) machine_relay_pid_at(HERE, s)
/* Kills the relay's process, and waits for its successor. */
void machine_kill_relay_at(struct where where, struct server *s);
#define machine_kill_relay(s) machine_kill_relay_at(HERE, s)

#endif
