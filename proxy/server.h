// The daemon: what is opened before root is given up, the workers, and the main thread's work:
// signals, reload, drain, the control socket.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/options.h"

namespace ravelin::proxy {

class Server {
 public:
  // |options| names the configuration that |config| was loaded from. Signals are blocked already,
  // and the process has one thread.
  Server(Options options, std::shared_ptr<const Config> config);
  ~Server();

  // Opens sockets, gives up root, opens log and state, starts the workers. Returns "" or why not;
  // then nothing runs.
  std::string start();
  // Until TERM or INT: 0 after the drain, 3 if a second one cut it short.
  int run();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ravelin::proxy
