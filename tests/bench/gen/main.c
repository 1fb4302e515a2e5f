/* main.c - the load generator's parent: options, children, commands, results.
 *
 * gen -t PROTOCOL -p PORT [-f FAR-PORT] [-a ADDRESS] -n CLIENTS [-s SPEAKERS] [-j CHILDREN] [-c
 * CORE,CORE...]
 *
 * Commands on standard input, one a line; each is answered by one line of JSON:
 *   accept                    connect all clients and wait until the server has greeted them
 *   login                     the rest of the protocol's handshake
 *   habit                     what the protocol's receivers do before the lines
 *   run seconds=5 window=64 speakers=4 bytes=64 rate=0
 * It ends at the end of the input. */
#include "tests/bench/gen/gen.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct parent {
    struct options o;
    struct shared *sh;
    int child[CHILDREN_MAX]; /* control sockets */
};

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fatal(const char *what) {
    perror(what);
    exit(1);
}

/* Gives the command to the first `count` children and waits for all of them. */
static void command_give(struct parent *p, char command, uint32_t count) {
    char answer;
    for (uint32_t k = 0; k < count; k++)
        if (write(p->child[k], &command, 1) != 1)
            fatal("generator: child");
    for (uint32_t k = 0; k < count; k++)
        if (read(p->child[k], &answer, 1) != 1)
            fatal("generator: child");
}

static uint64_t lost_clients(const struct parent *p) {
    uint64_t sum = 0;
    for (uint32_t k = 0; k < p->o.children; k++)
        sum += p->sh->result[k].closed;
    return sum;
}

static void connect_report(struct parent *p, char command) {
    double began = seconds();
    command_give(p, command, p->o.children);
    printf("{\"seconds\": %.6f, \"clients\": %u, \"closed\": %llu}\n", seconds() - began,
           p->o.clients, (unsigned long long)lost_clients(p));
}

static void hist_print(const char *name, const struct hist *h) {
    printf(", \"%s_p50\": %.1f, \"%s_p99\": %.1f, \"%s_max\": %.1f", name,
           (double)hist_at(h, 0.5) / 1e3, name, (double)hist_at(h, 0.99) / 1e3, name,
           (double)h->max / 1e3);
}

/* Latencies are printed in microseconds. */
static void run_report(struct parent *p) {
    static struct result sum;
    static struct hist side[2]; /* near, far */
    sum = (struct result){0};
    memset(side, 0, sizeof side);
    double busiest = 0;
    for (uint32_t k = 0; k < p->o.children; k++) {
        const struct result *r = &p->sh->result[k];
        sum.deliveries += r->deliveries;
        sum.gaps += r->gaps;
        sum.torn += r->torn;
        sum.closed += r->closed;
        sum.segments += r->segments;
        hist_merge(&sum.receiver, &r->receiver);
        hist_merge(&side[share_is_far(&p->o, k)], &r->receiver);
        hist_merge(&sum.last, &r->last);
        busiest = r->cpu > busiest ? r->cpu : busiest;
    }
    printf("{\"lines\": %llu, \"deliveries\": %llu, \"seconds\": %.6f, \"segments\": %llu, "
           "\"lost\": %llu, \"gaps\": %llu, \"torn\": %llu, \"closed\": %llu, \"busiest\": %.3f",
           (unsigned long long)p->sh->lines, (unsigned long long)sum.deliveries, p->sh->elapsed,
           (unsigned long long)sum.segments, (unsigned long long)p->sh->lost,
           (unsigned long long)sum.gaps, (unsigned long long)sum.torn,
           (unsigned long long)sum.closed, busiest);
    hist_print("receiver", &sum.receiver);
    hist_print("last", &sum.last);
    if (p->o.far_port) {
        hist_print("near", &side[0]);
        hist_print("far", &side[1]);
    }
    printf("}\n");
}

static void run_parse(struct run *run, char *words) {
    *run = (struct run){.seconds = 1, .window = 1, .speakers = 1, .bytes = 64};
    for (char *word; (word = strsep(&words, " \n"));) {
        sscanf(word, "seconds=%lf", &run->seconds);
        sscanf(word, "rate=%lf", &run->rate);
        sscanf(word, "window=%u", &run->window);
        sscanf(word, "speakers=%u", &run->speakers);
        sscanf(word, "bytes=%u", &run->bytes);
    }
}

static bool run_valid(const struct run *run, const struct options *o) {
    return run->speakers >= 1 && run->speakers <= o->speakers &&
           (run->rate > 0 || run->window >= run->speakers) && run->window / run->speakers < SLOTS &&
           run->bytes >= BYTES_MIN && run->bytes <= BYTES_MAX;
}

static void command_run(struct parent *p, char *words) {
    run_parse(&p->sh->run, words);
    if (!run_valid(&p->sh->run, &p->o)) {
        printf("{\"error\": \"bad run\"}\n");
        return;
    }
    command_give(p, COMMAND_BEGIN, p->o.children);
    command_give(p, COMMAND_GO, 1);
    command_give(p, COMMAND_END, p->o.children);
    run_report(p);
}

static void children_start(struct parent *p) {
    int kick = eventfd(0, EFD_NONBLOCK);
    for (uint32_t k = 0; k < p->o.children; k++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
            fatal("generator: socketpair");
        pid_t parent = getpid(), pid = fork();
        if (pid < 0)
            fatal("generator: fork");
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != parent)
                _exit(1);
            close(STDIN_FILENO);
            for (uint32_t other = 0; other < k; other++)
                close(p->child[other]);
            close(pair[0]);
            child_run(p->sh, &p->o, k, pair[1], kick);
        }
        close(pair[1]);
        p->child[k] = pair[0];
    }
}

static bool options_parse(struct options *o, int argc, char **argv) {
    int option;
    *o = (struct options){.address = "127.0.0.1", .speakers = 1, .children = 1};
    while ((option = getopt(argc, argv, "t:p:f:a:n:s:j:c:")) != -1) {
        switch (option) {
        case 't': o->proto = proto_find(optarg); break;
        case 'p': o->port = (uint16_t)atoi(optarg); break;
        case 'f': o->far_port = (uint16_t)atoi(optarg); break;
        case 'a': o->address = optarg; break;
        case 'n': o->clients = (uint32_t)atoi(optarg); break;
        case 's': o->speakers = (uint32_t)atoi(optarg); break;
        case 'j': o->children = (uint32_t)atoi(optarg); break;
        case 'c':
            for (char *word; (word = strsep(&optarg, ",")) && o->cores < CHILDREN_MAX;)
                o->core[o->cores++] = atoi(word);
            break;
        default: return false;
        }
    }
    return o->proto && o->port && o->children >= 1 && o->children <= CHILDREN_MAX &&
           (o->far_port == 0 || o->children % 2 == 0) && o->speakers >= 1 &&
           o->speakers <= SPEAKERS_MAX && o->clients / o->children >= o->speakers;
}

int main(int argc, char **argv) {
    struct parent p;
    if (!options_parse(&p.o, argc, argv)) {
        char names[256];
        proto_list(names, sizeof names);
        fprintf(
            stderr,
            "usage: gen -t PROTOCOL -p PORT [-f FAR-PORT] [-a ADDRESS] -n CLIENTS [-s SPEAKERS] "
            "[-j CHILDREN] [-c CORE,CORE...]\nprotocols:%s\n",
            names);
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    p.sh = mmap(NULL, sizeof *p.sh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p.sh == MAP_FAILED)
        fatal("generator: mmap");
    signal(SIGPIPE, SIG_IGN);
    children_start(&p);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (char words[256]; fgets(words, sizeof words, stdin);) {
        if (strncmp(words, "accept", 6) == 0)
            connect_report(&p, COMMAND_ACCEPT);
        else if (strncmp(words, "login", 5) == 0)
            connect_report(&p, COMMAND_LOGIN);
        else if (strncmp(words, "habit", 5) == 0)
            connect_report(&p, COMMAND_HABIT);
        else if (strncmp(words, "run", 3) == 0)
            command_run(&p, words);
        else
            printf("{\"error\": \"what?\"}\n");
    }
    return 0;
}
