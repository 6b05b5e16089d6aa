#include "proxy/event/seccomp_calls.h"

#include <asm/ioctls.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RAVELIN_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RAVELIN_SANITIZED 1
#endif
#endif

namespace ravelin::proxy {
namespace {

// System calls look at the lower half of an int and of an unsigned only.
constexpr uint64_t kInt = 0xffff'ffff;

constexpr CallCondition is(unsigned argument, uint64_t value, std::string_view words) {
  return {argument, kInt, value, words};
}
constexpr CallCondition without(unsigned argument, uint64_t flag, std::string_view words) {
  return {argument, flag, 0, words};
}

constexpr SystemCall kNetwork[] = {
    {"socket", is(0, AF_INET, "IPv4")},
    {"socket", is(0, AF_INET6, "IPv6")},
    {"connect"},
    {"accept4"},
    {"shutdown"},
    {"getsockname"},
    {"getpeername"},
    {"getsockopt"},
    {"setsockopt"},
    {"sendto"},
    {"recvfrom"},
    {"sendmsg"},
    {"recvmsg"},
    {"sendmmsg"},
};
constexpr SystemCall kDescriptors[] = {
    {"read"},
    {"write"},
    {"readv"},
    {"writev"},
    {"close"},
    {"fcntl"},
    {"epoll_ctl"},
    {"epoll_wait"},
    {"epoll_pwait"},
    {"epoll_pwait2"},
    {"epoll_create1"},
    {"poll"},
    {"ppoll"},
    {"eventfd2"},
    {"signalfd4"},
    {"timerfd_create"},
    {"timerfd_settime"},
    {"ioctl", is(1, FIONBIO, "FIONBIO")},
    {"ioctl", is(1, FIONREAD, "FIONREAD")},
    {"ioctl", is(1, TCGETS, "TCGETS")},
};
constexpr SystemCall kFiles[] = {
    {"open"},      {"openat"},     {"stat"},      {"lstat"},      {"fstat"},     {"newfstatat"},
    {"statfs"},    {"fstatfs"},    {"statx"},     {"access"},     {"faccessat"}, {"faccessat2"},
    {"readlink"},  {"readlinkat"}, {"getcwd"},    {"getdents64"}, {"lseek"},     {"pread64"},
    {"pwrite64"},  {"ftruncate"},  {"fallocate"}, {"fsync"},      {"fdatasync"}, {"unlink"},
    {"unlinkat"},  {"rename"},     {"renameat"},  {"renameat2"},  {"fchmod"},    {"fchown"},
    {"fadvise64"}, {"umask"},
};
constexpr SystemCall kMemory[] = {
    {"brk"},
    {"munmap"},
    {"mremap"},
    {"madvise"},
    {"mmap", without(2, PROT_EXEC, "not executable")},
    {"mprotect", without(2, PROT_EXEC, "not executable")},
};
// A thread, not a process. The flags of clone3() are behind a pointer, where no filter can look: it
// stays away, and the C library takes clone() as on an older kernel.
constexpr SystemCall kThreads[] = {
    {"clone", {0, CLONE_THREAD, CLONE_THREAD, "a thread"}},
    {"futex"},
    {"futex_waitv"},
    {"set_robust_list"},
    {"rseq"},
    {"sched_yield"},
    {"sched_getaffinity"},
    {"membarrier"},
    {"prctl", is(0, PR_SET_NAME, "PR_SET_NAME")},
    {"exit"},
    {"exit_group"},
};
constexpr SystemCall kSignals[] = {
    {"rt_sigaction"},    {"rt_sigprocmask"}, {"rt_sigreturn"},
    {"restart_syscall"}, {"sigaltstack"},    {"tgkill", {0, kInt, 0, "to itself: abort()", true}},
};
constexpr SystemCall kTime[] = {
    {"clock_gettime"}, {"clock_getres"}, {"gettimeofday"},
    {"time"},          {"nanosleep"},    {"clock_nanosleep"},
};
constexpr SystemCall kQuestions[] = {
    {"getrandom"}, {"getpid"},
    {"gettid"},    {"getuid"},
    {"geteuid"},   {"getgid"},
    {"getegid"},   {"uname"},
    {"sysinfo"},   {"prlimit64", {2, ~uint64_t{0}, 0, "asking only"}},
    {"getrlimit"}, {"getrusage"},
};
constexpr CallGroup kAllowed[] = {
    {"Connections: clients, backends, DNS. Nothing new is listened to: no `bind`, no `listen`.",
     kNetwork},
    {"The event loop.", kDescriptors},
    {"Configuration and its files at a reload, the log, the state.", kFiles},
    {"Memory, never executable.", kMemory},
    {"Threads, never processes.", kThreads},
    {"Signals.", kSignals},
    {"Clocks.", kTime},
    {"Randomness, and who we are.", kQuestions},
};

#ifdef RAVELIN_SANITIZED
// At its end the leak checker stops all threads by ptrace() from a process that shares the memory.
// A map of shadow memory may be made at any time, and reports ask for names.
constexpr SystemCall kSanitizers[] = {
    {"clone"},
    {"ptrace"},
    {"wait4"},
    {"prctl"},
    {"kill"},
    {"tgkill"},
    {"mmap"},
    {"mprotect"},
    {"prlimit64"},
    {"getppid"},
    {"setrlimit"},
    {"dup"},
    {"dup2"},
    {"pipe"},
    {"pipe2"},
    {"personality"},
    {"getdents"},
    {"arch_prctl"},
    {"set_tid_address"},
    {"sched_getparam"},
    {"sched_getscheduler"},
    {"mincore"},
    {"msync"},
    {"ioctl"},
    {"socketpair"},
    {"process_vm_readv"},
};
constexpr CallGroup kSanitizerGroups[] = {{"Sanitizers.", kSanitizers}};
#else
constexpr std::span<const CallGroup> kSanitizerGroups;
#endif

constexpr SystemCall kOtherProgram[] = {
    {"execve"}, {"execveat"}, {"fork"}, {"vfork"}, {"memfd_create"},
};
constexpr SystemCall kOtherProcess[] = {
    {"ptrace"}, {"process_vm_readv"}, {"process_vm_writev"}, {"pidfd_getfd"}, {"kcmp"},
};
constexpr SystemCall kRights[] = {
    {"setuid"},     {"setgid"},     {"setreuid"}, {"setregid"}, {"setresuid"}, {"setresgid"},
    {"setgroups"},  {"setfsuid"},   {"setfsgid"}, {"capset"},   {"chroot"},    {"unshare"},
    {"setns"},      {"pivot_root"}, {"mount"},    {"umount2"},  {"fsopen"},    {"open_tree"},
    {"move_mount"}, {"mknod"},      {"mknodat"},
};
constexpr SystemCall kKernel[] = {
    {"bpf"},
    {"perf_event_open"},
    {"userfaultfd"},
    {"io_uring_setup"},
    {"add_key"},
    {"request_key"},
    {"keyctl"},
    {"init_module"},
    {"finit_module"},
    {"delete_module"},
    {"kexec_load"},
    {"kexec_file_load"},
    {"reboot"},
    {"swapon"},
    {"swapoff"},
    {"acct"},
    {"quotactl"},
    {"settimeofday"},
    {"clock_settime"},
    {"adjtimex"},
    {"clock_adjtime"},
    {"sethostname"},
    {"setdomainname"},
    {"syslog"},
    {"iopl"},
    {"ioperm"},
    {"modify_ldt"},
    {"personality"},
    {"name_to_handle_at"},
    {"open_by_handle_at"},
};
constexpr CallGroup kDeadly[] = {
    {"Running another program.", kOtherProgram},
    {"Looking into another process.", kOtherProcess},
    {"Other rights, another root.", kRights},
    {"The kernel's own affairs.", kKernel},
};

}  // namespace

std::span<const CallGroup> allowed_calls() { return kAllowed; }
std::span<const CallGroup> sanitizer_calls() { return kSanitizerGroups; }
std::span<const CallGroup> deadly_calls() { return kDeadly; }

}  // namespace ravelin::proxy
