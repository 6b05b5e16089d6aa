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
#include <utility>
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
  class Connection;

 public:
  // |args| is the request, an object, "command" included. Returns the result, or control_error().
  // What it throws is answered as an error too. Must not take long: the main loop waits.
  using Handler = std::function<nlohmann::json(const nlohmann::json& args)>;
  // For what takes its time: the answer is given later, once, on the same thread. Whoever asked may
  // be gone by then, and after a minute is.
  using Answer = std::function<void(nlohmann::json)>;
  using LateHandler = std::function<void(const nlohmann::json& args, Answer answer)>;

  // An answer in parts, over time; on the same thread.
  class Feed {
   public:
    // Is somebody still there?
    bool open() const { return !asker_.expired(); }
    // Also has read what was given so far? Whoever does not, does not make us keep it.
    bool ready() const;
    void part(nlohmann::json part);  // only if ready()
    void end(nlohmann::json last);   // no part after it

   private:
    friend class ControlServer;
    explicit Feed(std::weak_ptr<Connection> asker) : asker_(std::move(asker)) {}

    std::weak_ptr<Connection> asker_;
  };
  using FeedHandler = std::function<void(const nlohmann::json& args, Feed feed)>;

  ControlServer(Reactor& reactor, const ControlServerOptions& options);
  ~ControlServer();  // closes all connections
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  void handle(std::string command, Handler handler);
  void handle_later(std::string command, LateHandler handler);
  void handle_feed(std::string command, FeedHandler handler);
  // Inside a handler: who asks.
  const Credentials& asker() const { return *asker_; }
  // Heard are root, our own user, and members of the socket's group: what its mode (0660) says, but
  // asked again here, for a mode is easily changed by hand.
  void adopt(std::unique_ptr<Stream> stream, const Credentials& peer);

  // As if it came by the socket, from nobody: |answer| hears the result, or control_error().
  void ask(const nlohmann::json& request, Answer answer);

  Reactor& reactor() { return reactor_; }
  size_t connections() const { return connections_.size(); }

 private:
  using AnyHandler = std::function<void(const nlohmann::json& args,
                                        const std::shared_ptr<Connection>& asker, Answer answer)>;

  bool permits(const Credentials& peer) const;
  void serve(const std::shared_ptr<Connection>& connection, std::string_view request);
  void call(const nlohmann::json& args, const std::shared_ptr<Connection>& asker, Answer answer);
  void remove(const Connection* connection);
  void sweep();

  Reactor& reactor_;
  const ControlServerOptions options_;
  std::map<std::string, AnyHandler, std::less<>> handlers_;
  std::vector<std::shared_ptr<Connection>> connections_;
  const Credentials* asker_ = nullptr;  // inside a handler
  dns::Handle sweeper_;                 // set while there are connections
};

}  // namespace ravelin::proxy
