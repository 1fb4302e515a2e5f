/* sandbox.c - see sandbox.h. */
#include "tests/lib/sandbox.h"

#include <endian.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Offset of the low half of a 64-bit argument. */
static uint32_t low_half(unsigned argument) {
    size_t at = offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t);
    return (uint32_t)(BYTE_ORDER == LITTLE_ENDIAN ? at : at + sizeof(uint32_t));
}

bool sandbox_deny(const struct sandbox_rule *rule) {
    uint32_t refuse =
        rule->error ? SECCOMP_RET_ERRNO | (uint32_t)rule->error : SECCOMP_RET_KILL_PROCESS;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)rule->call, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low_half(rule->argument)),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, rule->mask),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rule->value & rule->mask, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, refuse),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool sandbox_works(void) {
    static const struct sandbox_rule rule = {.call = SYS_getppid, .error = ENOSYS};
    int status = 1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(sandbox_deny(&rule) && syscall(SYS_getppid) < 0 && errno == ENOSYS ? 0 : 1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}
