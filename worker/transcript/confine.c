/* confine.c - see confine.h.  The filter is a program for the kernel's BPF machine (seccomp(2)): it
 * looks at the architecture, then at the number of the call. */
#include "worker/transcript/confine.h"

#include "ipc/log.h"
#include "ipc/system.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2u
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CONFINE_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CONFINE_SANITIZER 1
#endif
#endif

/* ---- descriptors ---- */

static int confine_next(const int *keep, size_t count, int from) {
    int next = -1;
    for (size_t i = 0; i < count; i++) {
        if (keep[i] >= from && (next < 0 || keep[i] < next))
            next = keep[i];
    }
    return next;
}

static int confine_last(const int *keep, size_t count) {
    int last = -1;
    for (size_t i = 0; i < count; i++)
        last = keep[i] > last ? keep[i] : last;
    return last;
}

/* Those between two that are kept.  Without close_range, one by one. */
static void confine_close(unsigned first, unsigned last) {
    if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
        return;
    for (unsigned fd = first; fd <= last; fd++)
        close((int)fd);
}

void confine_descriptors(const int *keep, size_t count) {
    int last = confine_last(keep, count);
    if (syscall(SYS_close_range, (unsigned)last + 1, ~0u, CLOSE_RANGE_UNSHARE) != 0) {
        if (unshare(CLONE_FILES) != 0) {
            log_warn_errno("cannot leave the shared descriptor table"); /* it is only read from */
            return;
        }
        system_close_from((unsigned)last + 1);
    }
    unsigned from = 0;
    for (int fd; (fd = confine_next(keep, count, (int)from)) >= 0; from = (unsigned)fd + 1) {
        if (fd > 0)
            confine_close(from, (unsigned)fd - 1);
    }
}

/* ---- system calls ---- */

#if defined(__x86_64__)
#define CONFINE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define CONFINE_ARCH AUDIT_ARCH_AARCH64
#endif

#if defined(CONFINE_ARCH) && !defined(CONFINE_SANITIZER)

/* clang-format off */
static const int confine_allowed[] = {
    SYS_write, SYS_pread64, SYS_ftruncate, SYS_fdatasync, SYS_fsync, SYS_close, SYS_fstat,  /* the file */
    SYS_read, SYS_ppoll, SYS_clock_gettime, SYS_clock_nanosleep, SYS_nanosleep,  /* bell, waiting */
    SYS_sendto, SYS_gettimeofday,                                                /* the log */
    SYS_getpid, SYS_gettid, SYS_tgkill, SYS_kill, SYS_rt_sigaction, SYS_rt_sigprocmask,
    SYS_rt_sigreturn, SYS_restart_syscall, SYS_exit, SYS_exit_group,             /* its end */
    SYS_brk, SYS_mmap, SYS_munmap,                                               /* libc's own memory */
#ifdef SYS_newfstatat
    SYS_newfstatat,                                                              /* fstat, of glibc 2.33 on */
#endif
#ifdef SYS_poll
    SYS_poll, SYS_time,
#endif
};
/* clang-format on */
enum { CONFINE_CALLS = sizeof confine_allowed / sizeof confine_allowed[0] };

static void confine_refused(int signo, siginfo_t *info, void *context) {
    (void)context;
    log_error("system call %d is not one of the transcript's", info->si_syscall);
    signal(signo, SIG_DFL);
    raise(signo);
}

/* A filter that does `listed` with the calls of the list, and `others` with all others. */
static bool confine_load(const int *calls, size_t count, uint32_t listed, uint32_t others) {
    enum { HEAD = 4, TAIL = 2 };
    struct sock_filter code[HEAD + CONFINE_CALLS + TAIL];
    size_t n = 0;
    code[n++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONFINE_ARCH, 1, 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    code[n++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < count; i++)
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i],
                                                 (uint8_t)(count - i), 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, others);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, listed);
    struct sock_fprog program = {.len = (unsigned short)n, .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

void confine_calls(void) {
    struct sigaction refused = {.sa_sigaction = confine_refused,
                                .sa_flags = SA_SIGINFO | SA_RESETHAND | SA_NODEFER};
    sigaction(SIGSYS, &refused, NULL);
    if (!confine_load(confine_allowed, CONFINE_CALLS, SECCOMP_RET_ALLOW, SECCOMP_RET_TRAP))
        log_warn_errno("no filter of system calls: going on without");
}

void confine_programs(void) {
    static const int denied[] = {
        SYS_execve,           SYS_execveat,          SYS_ptrace,
        SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_send_signal};
    enum { DENIED = sizeof denied / sizeof denied[0] };
    _Static_assert((int)DENIED <= (int)CONFINE_CALLS, "the list fits the filter");
    if (!confine_load(denied, DENIED, SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_ALLOW))
        log_warn_errno("no filter of system calls: going on without");
}

#else

void confine_calls(void) {
    log_debug("this build has no filter of system calls");
}

void confine_programs(void) {
    confine_calls();
}

#endif
