#include "proxy/openings.h"

#include <optional>
#include <thread>
#include <utility>

#include "dns/ip.h"
#include "proxy/event/open_listener.h"
#include "proxy/event/privileges.h"

namespace ravelin::proxy {
namespace {

// "" or what is wrong.
std::string find_target(const std::string& name, std::optional<User>& user) {
  if (name.empty()) return "";
  if (!running_as_root()) return "cannot become " + name + ": not started as root";
  user = find_user(name);
  return user ? "" : "there is no user " + name;
}

std::string open_listeners(const Config& config, Openings& openings) {
  const auto workers = worker_count(config);
  openings.listeners.resize(workers);
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
  return slash == path.npos ? "." : path.substr(0, slash);
}

// What the user must be able to write later: at a reload of the log, at each commit of the state.
std::string give(const Config& config, const User& user) {
  if (!config.state.path.empty()) {
    // A state that cannot be written is no reason not to start: the store says so and goes on.
    (void)give_directory(directory_of(config.state.path), user, 0750);
  }
  if (config.log.file != "-")
    if (auto why = give_file(config.log.file, user, 0640); !why.empty()) return why;
  if (!config.admin.socket.empty())
    return give_directory(directory_of(config.admin.socket), user, 0755);
  return "";
}

std::string open_control(const Config& config, const std::optional<User>& user,
                         Openings& openings) {
  const auto& path = config.admin.socket;
  if (path.empty()) return "";
  auto opened = open_unix_listener(path);
  if (!opened) return "control socket " + opened.error();
  openings.control = std::move(*opened);
  return user ? give_socket(path, *user) : "";
}

std::string open_all(const Config& config, const std::string& user_name, Openings& openings) {
  std::optional<User> user;
  openings.file_limit = raise_fd_limit();
  auto why = find_target(user_name, user);
  if (why.empty()) why = open_listeners(config, openings);
  if (why.empty() && user) why = give(config, *user);
  if (why.empty()) why = open_control(config, user, openings);
  if (why.empty() && user) why = become(*user);
  return why;
}

}  // namespace

smtp::Expected<Openings, std::string> open_and_drop(const Config& config, const std::string& user) {
  Openings openings;
  if (auto why = open_all(config, user, openings); !why.empty()) return why;
  return openings;
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
  for (const auto& route : config.routes)
    needs.backend_connections += route.connections * static_cast<uint32_t>(route.backends.size());
  return needs;
}

}  // namespace ravelin::proxy
