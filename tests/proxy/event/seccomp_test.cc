// Each call is made in a child under the filter; the child's end says what became of it.
#include "proxy/event/seccomp.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cerrno>
#include <set>
#include <string>
#include <thread>

#include "proxy/event/seccomp_calls.h"

using namespace ravelin::proxy;

namespace {

constexpr int kNotInstalled = 250;

// Its exit code, or the signal that ended it below zero.
int in_child(int (*make_call)(), Filtering filtering = Filtering::Enforce) {
  const pid_t child = fork();
  if (child == 0) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !install_filter(filtering).empty())
      _exit(kNotInstalled);
    _exit(make_call());
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

// What a child exits with: 0, or errno.
int outcome(long result) { return result == -1 ? errno : 0; }

int run_program() {
  char name[] = "/bin/true";
  char* arguments[] = {name, nullptr};
  return outcome(execve(name, arguments, nullptr));
}

int map_code() {
  void* const page = mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? errno : 0;
}

int start_thread() {
  std::atomic<int> ran = 0;
  std::thread([&] { ran = 1; }).join();
  return ran == 1 ? 0 : 1;
}

int bind_port() {
  sockaddr_in any{};
  any.sin_family = AF_INET;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return outcome(bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any));
}

}  // namespace

TEST_CASE("what the daemon does goes on under the filter") {
  CHECK(in_child([] { return outcome(socket(AF_INET, SOCK_STREAM, 0)); }) == 0);
  CHECK(in_child([] { return outcome(socket(AF_INET6, SOCK_DGRAM, 0)); }) == 0);
  CHECK(in_child([] { return outcome(open("/dev/null", O_RDONLY | O_CLOEXEC)); }) == 0);
  CHECK(in_child(start_thread) == 0);
}

TEST_CASE("what it never does is not there") {
  CHECK(in_child([] { return outcome(socket(AF_NETLINK, SOCK_RAW, 0)); }) == ENOSYS);
  CHECK(in_child([] { return outcome(socket(AF_UNIX, SOCK_STREAM, 0)); }) == ENOSYS);
  CHECK(in_child([] { return outcome(socket(AF_PACKET, SOCK_RAW, 0)); }) == ENOSYS);
  CHECK(in_child(bind_port) == ENOSYS);
  CHECK(in_child([] { return outcome(syscall(SYS_listen, 0, 1)); }) == ENOSYS);
  CHECK(in_child([] { return outcome(syscall(SYS_mkdir, "/nowhere/at/all", 0700)); }) == ENOSYS);
  CHECK(in_child([] { return outcome(syscall(SYS_clone3, nullptr, 0)); }) == ENOSYS);
  CHECK(in_child([] { return outcome(syscall(SYS_ioctl, 0, TIOCSTI, "x")); }) ==
        (sanitizer_calls().empty() ? ENOSYS : ENOTTY));
  // Of another process than ours; the sanitizers' own list is wider here.
  if (!sanitizer_calls().empty()) return;
  CHECK(in_child([] { return outcome(syscall(SYS_tgkill, getppid(), getppid(), 0)); }) == ENOSYS);
  CHECK(in_child([] { return outcome(syscall(SYS_kill, getppid(), 0)); }) == ENOSYS);
  CHECK(in_child(map_code) == ENOSYS);
}

TEST_CASE("what only an intruder does ends the process") {
  CHECK(in_child(run_program) == -SIGSYS);
  CHECK(in_child([] { return outcome(syscall(SYS_setresuid, 0, 0, 0)); }) == -SIGSYS);
  CHECK(in_child([] { return outcome(syscall(SYS_bpf, 0, nullptr, 0)); }) == -SIGSYS);
  CHECK(in_child([] { return outcome(syscall(SYS_unshare, 0)); }) == -SIGSYS);
  CHECK(in_child([] { return outcome(syscall(SYS_memfd_create, "x", 0)); }) == -SIGSYS);
  if (sanitizer_calls().empty())
    CHECK(in_child([] { return outcome(syscall(SYS_ptrace, 0, 0, 0, 0)); }) == -SIGSYS);
}

TEST_CASE("a filter that reports refuses nothing") {
  CHECK(in_child(run_program, Filtering::Report) == 0);
  CHECK(in_child([] { return outcome(socket(AF_UNIX, SOCK_STREAM, 0)); }, Filtering::Report) == 0);
}

// TSYNC: threads that are there already, the log's for one, are filtered too.
TEST_CASE("a thread that runs already is under the filter") {
  const auto test = [] {
    std::atomic<int> step = 0, result = 0;
    std::thread other([&] {
      while (step == 0) sched_yield();
      result = outcome(socket(AF_UNIX, SOCK_STREAM, 0));
    });
    const auto why = install_filter(Filtering::Enforce);
    step = 1;
    other.join();
    return why.empty() ? result.load() : kNotInstalled;
  };
  const pid_t child = fork();
  if (child == 0) _exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? test() : kNotInstalled);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == ENOSYS);
}

TEST_CASE("every name in the lists is that of a system call") {
  for (const auto& groups : {allowed_calls(), sanitizer_calls(), deadly_calls()})
    for (const auto& group : groups)
      for (const auto& call : group.calls) {
        CAPTURE(call.name);
        CHECK(seccomp_syscall_resolve_name(std::string(call.name).c_str()) != __NR_SCMP_ERROR);
      }
}

TEST_CASE("no call is in two lists") {
  std::set<std::string> allowed;
  for (const auto& group : allowed_calls())
    for (const auto& call : group.calls) allowed.emplace(call.name);
  CHECK(allowed.size() > 50);
  for (const auto& group : deadly_calls())
    for (const auto& call : group.calls) {
      CAPTURE(call.name);
      CHECK(allowed.count(std::string(call.name)) == 0);
    }
}
