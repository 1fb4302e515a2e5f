/* machines.c - see machines.h. */
#include "tests/lib/machines.h"

#include "tests/lib/ctl.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

const char *const machine_node[MACHINES_MAX] = {"paris", "london", "tokyo"};
const char *const machine_name[MACHINES_MAX] = {"ann", "bob", "cat"};

/* ---- servers ---- */

const char *machine_url(const struct redis *r) {
    static char url[256];
    snprintf(url, sizeof url, "redis://%s%s%s%s%s", r->password && r->user ? r->user : "",
             r->password ? ":" : "", r->password ? r->password : "", r->password ? "@" : "",
             r->endpoint);
    return url;
}

const char *machine_conf(const struct server *s, const struct redis *r, const char *node,
                         const char *conf) {
    static char text[4096];
    snprintf(text, sizeof text,
             "%s%sflood_rate = 0\nconnect_rate = 0\nrelay = %s\nnode = %s\ncontrol = %s\n%s",
             strstr(conf, "workers = ") ? "" : "workers = 2\n",
             strstr(conf, "history = ") ? "" : "history = 0\n", machine_url(r), node, ctl_socket(s),
             conf);
    return text;
}

void machine_linked_at(struct where where, const struct redis *r, const char *node) {
    redis_until_at(where, r, "1", (const char *[]){"HEXISTS", "chatroom:nodes", node, NULL});
}

struct server *machine_start_at(struct where where, const struct redis *r, const char *node,
                                const char *conf) {
    struct server *s = server_prepare_at(where);
    server_launch_at(where, s, "%s", machine_conf(s, r, node, conf));
    machine_linked_at(where, r, node);
    return s;
}

void machines_over_at(struct where where, struct machines *m, int n, struct redis *r,
                      const char *conf) {
    *m = (struct machines){.n = n, .redis = r};
    for (int i = 0; i < n; i++)
        m->s[i] = machine_start_at(where, r, machine_node[i], conf);
    for (int i = 0; i < n; i++)
        m->g[i] = guest_enter_at(where, m->s[i], machine_name[i], (struct guest_how){0});
    machines_meet_at(where, m);
}

void machines_start_at(struct where where, struct machines *m, int n, const char *conf) {
    machines_over_at(where, m, n, redis_start_at(where, "%s", ""), conf);
}

void machines_stop_at(struct where where, struct machines *m) {
    for (int i = 0; i < m->n; i++)
        if (m->s[i])
            server_stop_at(where, m->s[i]);
}

void machine_kill(struct server *s) {
    kill(-s->pid, SIGKILL);
    /* Its processes are adopted by this one as they end; those of others are left alone. */
    while (waitpid(-s->pid, NULL, 0) > 0 || errno == EINTR)
        ;
}

pid_t machine_relay_pid_at(struct where where, struct server *s) {
    return (pid_t)atoi(strstr(server_logged_at(where, s, "relay: pid "), "pid ") + 4);
}

void machine_kill_relay_at(struct where where, struct server *s) {
    pid_t pid = machine_relay_pid_at(where, s);
    int64_t deadline = wait_deadline();
    if (kill(pid, SIGKILL) != 0)
        fail_at(where, "relay %d: %s", pid, strerror(errno));
    while (machine_relay_pid_at(where, s) == pid) {
        if (wait_left_ms(deadline) == 0)
            fail_at(where, "the relay is not started again");
        wait_breath();
    }
}

/* ---- guests ---- */

const char *machine_person(int from, int to) {
    static char names[8][64];
    static unsigned turn;
    char *name = names[turn++ % 8];
    snprintf(name, sizeof names[0], "%s%s%s", machine_name[from], from == to ? "" : "@",
             from == to ? "" : machine_node[from]);
    return name;
}

void machines_hear_at(struct where where, struct machines *m, int from, const char *text) {
    guest_say_at(where, m->g[from], "%s", text);
    for (int to = 0; to < m->n; to++)
        guest_expect_at(where, m->g[to], "%s: %s", machine_person(from, to), text);
}

void machines_talk_at(struct where where, struct machines *m) {
    static int turn;
    for (int from = 0; from < m->n; from++) {
        char text[32];
        snprintf(text, sizeof text, "talk %d", ++turn);
        machines_hear_at(where, m, from, text);
    }
}

void machines_settle_at(struct where where, struct machines *m) {
    static int turn;
    turn++;
    for (int i = 0; i < m->n; i++)
        guest_say_at(where, m->g[i], "settle %d", turn);
    for (int to = 0; to < m->n; to++) {
        bool heard[MACHINES_MAX] = {false};
        for (int left = m->n; left > 0;) {
            const char *line = guest_next_at(where, m->g[to]);
            for (int from = 0; from < m->n; from++) {
                char want[96];
                size_t at = strlen(line);
                snprintf(want, sizeof want, "%s: settle %d", machine_person(from, to), turn);
                if (heard[from] || at < strlen(want) || strcmp(line + at - strlen(want), want) != 0)
                    continue;
                heard[from] = true;
                left--;
            }
        }
    }
}

const char *machine_list_at(struct where where, struct guest *g, const char *command) {
    static char *list;
    static size_t size;
    size_t len = 0;
    guest_say_at(where, g, "%s", command);
    guest_say_at(where, g, "/zz");
    guest_until_at(where, g, "%s", strcmp(command, "who") == 0 ? told(TOLD_WHO) : told(TOLD_LOOK));
    for (const char *line; strcmp(line = guest_next_at(where, g), "Unknown command: /zz") != 0;) {
        size_t n = strlen(line);
        char *more = len + n + 2 > size ? realloc(list, size = 2 * (len + n + 2)) : list;
        if (!more)
            abort();
        list = more;
        memcpy(list + len, line, n);
        len += n;
        list[len++] = '\n';
    }
    guest_expect_at(where, g, "%s", told(TOLD_HELP));
    if (!list)
        list = calloc(1, size = 64);
    list[len] = '\0';
    return list;
}

bool machine_lists(const char *list, const char *name) {
    size_t len = strlen(name);
    for (const char *at = list; (at = strstr(at, name)); at += len)
        if ((at == list || at[-1] == '\n') && (at[len] == '\n' || at[len] == ' '))
            return true;
    return false;
}

void machine_until_listed_at(struct where where, struct guest *g, const char *name, bool listed) {
    int64_t deadline = wait_deadline();
    const char *list;
    while (machine_lists(list = machine_list_at(where, g, "who"), name) != listed) {
        if (wait_left_ms(deadline) == 0)
            fail_at(where, "%s is %s in who:\n%s", name, listed ? "not" : "still", list);
        wait_breath();
    }
}

void machines_meet_at(struct where where, struct machines *m) {
    for (int to = 0; to < m->n; to++)
        for (int from = 0; from < m->n; from++)
            machine_until_listed_at(where, m->g[to], machine_person(from, to), true);
    /* A relay that has found people before their machine tells at its next look that it is back. */
    for (int to = 0; to < m->n; to++)
        for (int from = 0; from < m->n; from++)
            if (from != to)
                server_logged_at(where, m->s[to], "node \"%s\" is in reach", machine_node[from]);
    machines_settle_at(where, m);
}
