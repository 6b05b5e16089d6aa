#include "proxy/event/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace ravelin::proxy {
namespace {

uint32_t kept(uid_t uid) { return uid == 0 ? 1U << CAP_DAC_OVERRIDE : 0; }

std::string failed(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

}  // namespace

void empty_bounding_set(uid_t uid) {
  const uint64_t kept_set = kept(uid);
  for (unsigned long number = 0; prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; ++number)
    if ((kept_set >> number & 1) == 0) prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
}

// By the call itself: libcap would be a library for one line.
std::string give_up_capabilities() {
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);  // cleared by capset(), too
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3]{};
  if (syscall(SYS_capget, &header, sets) != 0) return failed("capget");
  const auto keep = kept(geteuid());
  sets[0] = {sets[0].effective & keep, sets[0].permitted & keep, 0};
  sets[1] = {};
  if (syscall(SYS_capset, &header, sets) != 0) return failed("capset");
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? "" : failed("PR_SET_NO_NEW_PRIVS");
}

}  // namespace ravelin::proxy
