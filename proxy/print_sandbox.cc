#include "proxy/print_sandbox.h"

#include "proxy/event/seccomp_calls.h"

namespace ravelin::proxy {
namespace {

constexpr std::string_view kHead = R"(# Sandbox

Printed by the program (`ravelin --print-docs sandbox`); the lists are the ones that it filters with.

## What is left after the start

In this order, each before the first client is accepted and before a worker runs:

1. The public suffix list, the time zone and OpenSSL with its random generator are read and seeded.
2. `sandbox.chroot` becomes the root directory (below).
3. The control socket and the ports are bound; the directories of log and state are made and given to
   the user.
4. Root becomes the user that `user =` or `--user` names, with the groups of that user.
5. Every capability set is emptied, also one that a service manager gave: no `CAP_NET_BIND_SERVICE`
   is kept, because a reload binds nothing. `NoNewPrivs` is set. Who stays root (there is a warning)
   keeps `CAP_DAC_OVERRIDE` alone.
6. Log and state are opened, the resolvers made.
7. `sandbox.seccomp`: the filter is put on every thread.

A reload (HUP) and a reopened log (USR1) work under all of it; the socket that talks to syslogd is made at
the start, whatever `log.syslog` says, and only connected anew later. What a reload reads must be readable
for the user. `/proc/PID/status` shows the result (`Uid`, `Cap...`, `NoNewPrivs`, `Seccomp`).

## The chroot

All files keep the names that they have outside, and lie below the directory: the configuration itself,
`log.file`, `log.syslog`, `state.path`, `admin.socket`, `capture.directory`, list files, certificates and
keys, the databases of `[origin]`, and each route's `tls_ca_file`, which must be there with `tls = "verify"`,
since the system's certificates are outside. Ravelin leaves the directory's name away where it must. Inside
there are no links to the outside, and these:

- `dev/urandom`, the device (`mknod -m 444 dev/urandom c 1 9`): from it c-ares takes unpredictable ids,
  at a reload too. Without it `--check` says no.
- `etc/resolv.conf`, a copy, if `dns.servers` is empty or a backend has a name, and `etc/hosts`, if it
  names backends. They are looked at inside from the start, so that a reload cannot find others.

It takes root at start and a user to become: root can leave a chroot, nobody else can. The directory
itself and `etc` belong to root. Under systemd `RootDirectory=` and the unit's `ProtectSystem=` do
more with less.

## The filter of system calls

`sandbox.seccomp = "log"` refuses nothing: the kernel's log (`journalctl -k`, or that of auditd) has
a line `type=1326 ... syscall=NUMBER` for each call that `"enforce"` would refuse. It is the way to
find out whether the libraries of a system fit the list. `clone3` (435 on x86-64) is one that is meant
to be refused: the C library tries it for each thread, then takes `clone`. With `"enforce"`:

- a call of the first list is made;
- one of the second ends the process at once (SIGSYS, which a service manager answers with a restart);
- any other fails with ENOSYS, as on a kernel that does not know it, and the kernel's log says so. Not
  with EPERM: libraries that try a new call first take the old one after ENOSYS only.

The filter is off by default: the list is complete for what it is tested with, the libraries of
Debian 12 on x86-64 (`RAVELIN_SANDBOX=enforce ctest --test-dir build/asan -R ^system_` runs every
system test under it). There `"enforce"` is what we recommend, and a package that is made for one
release can make it the default. Built elsewhere, a library that insists on a call would turn mail
away, and that must be somebody's decision. It costs a dialog next to nothing: at most 0.2 us a call.

The unit in etc/ravelin.service filters by groups of systemd's; the list here is shorter by two thirds,
knows arguments, and goes without systemd. They do not disturb each other.

Builds with sanitizers allow a few calls more, for the sanitizers' own threads and leak check
(`sanitizer_calls()` in proxy/event/seccomp_calls.cc). What is installed has none of them.
)";

void append_call(std::string& out, const SystemCall& call) {
  out += "`";
  out += call.name;
  out += "`";
  if (!call.only.words.empty()) {
    out += " (";
    out += call.only.words;
    out += ")";
  }
}

void append_groups(std::string& out, std::span<const CallGroup> groups) {
  out += "\n| for | calls |\n|---|---|\n";
  for (const auto& group : groups) {
    out += "| ";
    out += group.purpose;
    out += " |";
    for (const auto& call : group.calls) {
      out += " ";
      append_call(out, call);
    }
    out += " |\n";
  }
}

}  // namespace

std::string print_sandbox_docs() {
  std::string page(kHead);
  page += "\n## Allowed\n";
  append_groups(page, allowed_calls());
  page += "\n## Deadly\n";
  append_groups(page, deadly_calls());
  return page;
}

}  // namespace ravelin::proxy
