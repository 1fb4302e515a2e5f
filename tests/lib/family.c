/* family.c - see family.h. */
#include "tests/lib/family.h"

#include "tests/lib/run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* False if it is gone. */
static bool family_read(struct member *m) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)m->pid);
    char *text = run_read_file(path), *name = text ? strchr(text, '(') : NULL;
    char *end = name ? strrchr(name, ')') : NULL;
    if (end) {
        snprintf(m->name, sizeof m->name, "%.*s", (int)(end - name - 1), name + 1);
        m->state = end[2];
    }
    free(text);
    return end != NULL;
}

void family_of(struct family *family, pid_t parent) {
    char path[80], *save = NULL;
    family->count = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    char *text = run_read_file(path);
    for (char *at = text ? strtok_r(text, " ", &save) : NULL; at && family->count < FAMILY_MAX;
         at = strtok_r(NULL, " ", &save)) {
        struct member *m = &family->member[family->count];
        m->pid = (pid_t)atoi(at);
        family->count += family_read(m);
    }
    free(text);
}

static bool family_is(const struct member *m, const char *name) {
    return m->state != 'Z' && m->state != 'X' && strncmp(m->name, name, strlen(name)) == 0;
}

int family_count(const struct family *family, const char *name) {
    int n = 0;
    for (int i = 0; i < family->count; i++)
        n += family_is(&family->member[i], name);
    return n;
}

void family_kill(const struct family *family, const char *name, int signal) {
    for (int i = 0; i < family->count; i++) {
        if (family_is(&family->member[i], name))
            kill(family->member[i].pid, signal);
    }
}

void family_await_at(struct where where, pid_t parent, const char *name, int count) {
    struct family family;
    int n;
    for (int64_t deadline = wait_deadline();; wait_breath()) {
        family_of(&family, parent);
        if ((n = family_count(&family, name)) == count)
            return;
        if (wait_left_ms(deadline) == 0)
            fail_at(where, "process %d has %d children \"%s\", not %d", (int)parent, n, name,
                    count);
    }
}

void family_await_reaped_at(struct where where, pid_t parent) {
    struct family family;
    for (int64_t deadline = wait_deadline();; wait_breath()) {
        family_of(&family, parent);
        int ended = 0;
        for (int i = 0; i < family.count; i++)
            ended += family.member[i].state == 'Z';
        if (ended == 0)
            return;
        if (wait_left_ms(deadline) == 0)
            fail_at(where, "process %d has not reaped %d children", (int)parent, ended);
    }
}
