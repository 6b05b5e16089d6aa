// The daemon's side of the control socket: takes connections, answers commands with what handlers
// return. Its clients are administrators, but a broken or hostile one must do no harm: connections,
// octets and time are bounded, and bad input closes that one connection.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/event/credentials.h"
#include "proxy/event/stream.h"

namespace ravelin::proxy {

struct ControlServerOptions {
  uid_t own_uid = 0;
  gid_t group = 0;  // the control socket's
  size_t connections = 16;
  // For a request to arrive whole, for an answer to leave whole, and between two requests.
  std::chrono::milliseconds patience{30'000};
};

// A handler's refusal: {"ok":false,"error":text}, and "errors" if there is a list of them.
nlohmann::json control_error(std::string_view text, const std::vector<std::string>& errors = {});

// Used on one thread, that of |reactor|, which must outlive it.
class ControlServer {
 public:
  // |args| is the request, an object, "command" included. Returns the result, or control_error().
  // What it throws is answered as an error too. Must not take long: the main loop waits.
  using Handler = std::function<nlohmann::json(const nlohmann::json& args)>;
  // For what takes its time: the answer is given later, once, on the same thread. Whoever asked may
  // be gone by then, and after a minute is.
  using Answer = std::function<void(nlohmann::json)>;
  using LateHandler = std::function<void(const nlohmann::json& args, Answer answer)>;

  ControlServer(Reactor& reactor, const ControlServerOptions& options);
  ~ControlServer();  // closes all connections
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  void handle(std::string command, Handler handler);
  void handle_later(std::string command, LateHandler handler);
  // Heard are root, our own user, and members of the socket's group: what its mode (0660) says, but
  // asked again here, for a mode is easily changed by hand.
  void adopt(std::unique_ptr<Stream> stream, const Credentials& peer);

  // As if it came by the socket: |answer| hears the result, or control_error().
  void ask(const nlohmann::json& request, Answer answer) const;

  size_t connections() const { return connections_.size(); }

 private:
  class Connection;

  bool permits(const Credentials& peer) const;
  void serve(const std::shared_ptr<Connection>& connection, std::string_view request) const;
  void call(const nlohmann::json& args, Answer answer) const;
  void remove(const Connection* connection);
  void sweep();

  Reactor& reactor_;
  const ControlServerOptions options_;
  std::map<std::string, LateHandler, std::less<>> handlers_;
  std::vector<std::shared_ptr<Connection>> connections_;
  dns::Handle sweeper_;  // set while there are connections
};

}  // namespace ravelin::proxy
