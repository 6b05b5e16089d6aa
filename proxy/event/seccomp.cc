// Why ENOSYS and not EPERM for what is not in the table: a C library or OpenSSL of next year makes
// calls that we do not know. They try the new one, and take the old one if the kernel says that it
// has no such call; "not permitted" is an error to them (clone3() was: no thread could be started).
// Why not the end of the process: mail would end with it, for a call that does no harm. The end is
// for calls that no library makes here by itself.
#include "proxy/event/seccomp.h"

#include <seccomp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "proxy/event/seccomp_calls.h"

namespace ravelin::proxy {
namespace {

struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, Release>;

// 0 or an errno below zero, as libseccomp returns it.
int add(const Filter& filter, uint32_t action, const SystemCall& call) {
  const int number = seccomp_syscall_resolve_name(std::string(call.name).c_str());
  // Newer than this library: then it is as if it were not in the table.
  if (number == __NR_SCMP_ERROR) return 0;
  const auto& only = call.only;
  if (only.words.empty()) return seccomp_rule_add(filter.get(), action, number, 0);
  const uint64_t value = only.own_process ? static_cast<uint64_t>(getpid()) : only.value;
  const scmp_arg_cmp compare{only.argument, SCMP_CMP_MASKED_EQ, only.mask, value};
  return seccomp_rule_add_array(filter.get(), action, number, 1, &compare);
}

bool allowed_for_sanitizer(std::string_view name) {
  for (const auto& group : sanitizer_calls())
    for (const auto& call : group.calls)
      if (call.name == name) return true;
  return false;
}

int add_all(const Filter& filter, Filtering filtering) {
  for (const auto& groups : {allowed_calls(), sanitizer_calls()})
    for (const auto& group : groups)
      for (const auto& call : group.calls)
        if (const int error = add(filter, SCMP_ACT_ALLOW, call); error != 0) return error;
  if (filtering == Filtering::Report) return 0;  // the default action says it already
  for (const auto& group : deadly_calls())
    for (const auto& call : group.calls) {
      if (allowed_for_sanitizer(call.name)) continue;
      if (const int error = add(filter, SCMP_ACT_KILL_PROCESS, call); error != 0) return error;
    }
  return 0;
}

// 32-bit calls have other numbers: nothing of ours makes them.
int set_up(const Filter& filter, Filtering filtering) {
  const uint32_t foreign = filtering == Filtering::Report ? SCMP_ACT_LOG : SCMP_ACT_KILL_PROCESS;
  int error = seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, foreign);
  if (error == 0) error = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  if (error == 0) error = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_LOG, 1);
  // A tree instead of a list: a dozen comparisons for a call instead of a hundred.
  if (error == 0) error = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  return error;
}

}  // namespace

std::string install_filter(Filtering filtering) {
  const uint32_t rest = filtering == Filtering::Report ? SCMP_ACT_LOG : SCMP_ACT_ERRNO(ENOSYS);
  const Filter filter(seccomp_init(rest));
  if (!filter) return "out of memory";
  int error = set_up(filter, filtering);
  if (error == 0) error = add_all(filter, filtering);
  if (error == 0) error = seccomp_load(filter.get());
  return error == 0 ? "" : std::strerror(-error);
}

}  // namespace ravelin::proxy
