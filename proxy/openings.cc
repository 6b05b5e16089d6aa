#include "proxy/openings.h"

#include <cerrno>
#include <optional>
#include <thread>
#include <utility>

#include "dns/ip.h"
#include "proxy/config/root.h"
#include "proxy/event/http_server.h"
#include "proxy/event/open_listener.h"
#include "proxy/event/privileges.h"
#include "proxy/sandbox_settings.h"

namespace ravelin::proxy {
namespace {

// "" or what is wrong.
std::string find_target(const std::string& name, std::optional<User>& user) {
  if (name.empty()) return "";
  user = find_user(name);
  if (!user) return "there is no user " + name;
  if (running_as_root()) return "";
  // A service manager may have made us that user already.
  const bool done = is_us(*user);
  user.reset();
  return done ? "" : "cannot become " + name + ": not started as root";
}

// Before anything is opened, so that each file is found where a reload will look for it.
std::string change_root(const std::string& directory, const std::optional<User>& user) {
  if (directory.empty()) return "";
  if (!user || user->uid == 0)
    return "sandbox.chroot: takes root at start, and a user to become who is not root";
  if (auto why = enter_root(directory); !why.empty()) return "sandbox.chroot: " + why;
  set_root(directory);
  return "";
}

std::string open_listeners(const Config& config, Openings& openings) {
  const auto workers = worker_count(config);
  openings.listeners.resize(workers);
  for (const auto& text : config.listen.smtp)  // all of them before the first is ours
    if (is_taken(*dns::Endpoint::parse(text)))
      return "cannot listen on " + text + ": the address is in use by another process";
  for (const auto& text : config.listen.smtp) {
    const auto at = dns::Endpoint::parse(text);
    for (auto& sockets : openings.listeners) {
      auto opened = open_listener(*at, workers > 1);
      if (!opened) return "cannot listen on " + opened.error();
      sockets.push_back(std::move(*opened));
    }
  }
  return "";
}

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == path.npos ? "." : path.substr(0, slash == 0 ? 1 : slash);
}

// A state that cannot be written is no reason not to start: the store says so and goes on. Files of
// a run that stayed root, too, must be writable now; SQLite has two beside each.
void prepare_state(const std::string& path, const std::optional<User>& user) {
  if (path.empty()) return;
  (void)make_directory(directory_of(path), user, 0750);
  if (!user) return;
  for (const auto& file : {path, history_path(path)})
    for (const auto* part : {"", "-wal", "-journal"}) (void)give_existing(file + part, *user);
}

// Likewise; messages of strangers are nobody else's to read.
void prepare_capture(const std::string& directory, const std::optional<User>& user) {
  if (!directory.empty()) (void)make_directory(directory, user, 0700);
}

// The directory is ours to make so that the log can be made anew after a rotation.
std::string prepare_log(const std::string& file, const std::optional<User>& user) {
  if (file == "-" || file.empty()) return "";
  auto why = make_directory(directory_of(file), user, 0750);
  if (why.empty() && user) why = give_file(file, *user, 0640);
  return why.empty() ? "" : "log " + why;
}

std::string open_control(const Config& config, const std::optional<User>& user,
                         Openings& openings) {
  const auto path = seen_here(config.admin.socket);
  if (path.empty()) return "";
  if (auto why = make_directory(directory_of(path), user, 0755); !why.empty())
    return "control socket " + why;
  auto opened = open_unix_listener(path);
  if (!opened) return "control socket " + opened.error();
  openings.control = std::move(*opened);
  openings.control_file = SocketFile(path);
  return user ? give_socket(path, *user) : "";
}

std::string open_http(const Config& config, Openings& openings) {
  if (config.admin.http.empty()) return "";
  auto opened = open_listener(*dns::Endpoint::parse(config.admin.http), false);
  if (!opened) return "admin.http: cannot listen on " + opened.error();
  openings.http = std::move(*opened);
  return "";
}

std::string open_all(const Config& config, const std::string& user_name, Openings& openings) {
  std::optional<User> user;
  auto why = can_open(fewest_fds(fd_needs(config)));
  openings.file_limit = raise_fd_limit();
  if (why.empty()) why = find_target(user_name, user);
  if (why.empty()) why = change_root(sandbox_settings(config).chroot, user);
  // First of all: another instance that runs is found here, before we touch anything of its.
  if (why.empty()) why = open_control(config, user, openings);
  if (why.empty()) why = open_listeners(config, openings);
  if (why.empty()) why = open_http(config, openings);
  if (why.empty()) why = prepare_log(seen_here(config.log.file), user);
  if (why.empty()) prepare_state(seen_here(config.state.path), user);
  if (why.empty()) prepare_capture(seen_here(config.capture.directory), user);
  if (why.empty()) why = user ? become(*user) : stay_as_we_are();
  openings.changed_user = user.has_value();
  return why;
}

}  // namespace

std::string history_path(const std::string& state_path) {
  return state_path.empty() ? "" : directory_of(state_path) + "/history.db";
}

smtp::Expected<Openings, std::string> open_and_drop(const Config& config, const std::string& user) {
  Openings openings;
  if (auto why = open_all(config, user, openings); !why.empty()) return why;
  return openings;
}

std::string can_open(uint64_t files) {
  const auto limit = raise_fd_limit();
  std::vector<Fd> all;
  while (all.size() < files) {
    all.emplace_back(sys.open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (all.back()) continue;
    if (errno != EMFILE && errno != ENFILE) break;  // no /dev/null says nothing about the others
    return "cannot open the " + std::to_string(files) +
           " files that it takes at least; the limit of open files is " + std::to_string(limit) +
           ": raise it (LimitNOFILE=, ulimit -n)";
  }
  return "";
}

unsigned worker_count(const Config& config) {
  if (config.listen.workers > 0) return config.listen.workers;
  const auto cores = std::thread::hardware_concurrency();
  return cores > 0 ? cores : 1;
}

FdNeeds fd_needs(const Config& config) {
  FdNeeds needs;
  needs.workers = worker_count(config);
  needs.listeners = static_cast<uint32_t>(config.listen.smtp.size());
  if (!config.admin.http.empty()) needs.http = kHttpFds;
  for (const auto& route : config.routes)
    needs.backend_connections += route.connections * static_cast<uint32_t>(route.backends.size());
  return needs;
}

}  // namespace ravelin::proxy
