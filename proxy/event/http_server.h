// The admin side's HTTP: metrics and dashboard, for browsers and scrapers on this machine.
//
// libevent's evhttp parses what comes. It has had holes, so strangers are kept from it: listened to
// is a loopback address only (the configuration refuses others), GET and HEAD only, each connection
// has one request and one answer, and connections, octets and time are bounded. A web page of
// somebody else cannot read it through its visitor's browser either: a name that was made to lead
// to 127.0.0.1 (DNS rebinding) is told by the Host header, and answers forbid being embedded.
//
// Not our Stream with a small parser of our own: HTTP's grammar is larger than it looks.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/event/fd.h"
#include "proxy/event/loop.h"

namespace ravelin::proxy {

struct HttpServerOptions {
  size_t connections = 16;            // further ones wait in the kernel's queue
  size_t header_size = 8 * 1024;      // octets of request line and headers together
  std::chrono::seconds patience{30};  // for a request to come whole and its answer to leave whole
};

// Descriptors that a server takes at most: the connections, and the socket that is listened to.
constexpr uint32_t kHttpFds = HttpServerOptions{}.connections + 1;

// Views of the request; they die with the call.
struct HttpRequest {
  std::string_view path;   // "/metrics", as it came: nothing is decoded
  std::string_view query;  // behind the "?", likewise
};

struct HttpAnswer {
  int code = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::shared_ptr<const std::string> body;  // null: none
  bool gzipped = false;                     // |body| is; sent as it is, whatever the client says
  std::string cache_control = "no-store";

  static HttpAnswer text(std::string body, int code = 200);
};

// Used on one thread, that of |loop|, which must outlive it.
class HttpServer {
 public:
  // Must not take long: the main loop waits. What it throws is answered with 500.
  using Handler = std::function<HttpAnswer(const HttpRequest&)>;
  // For what takes its time: the answer is given later, once, on the same thread. Whoever asked, or
  // the server, may be gone by then; never giving it (dropping all copies) is answered with 500.
  using Answer = std::function<void(HttpAnswer)>;
  using LateHandler = std::function<void(const HttpRequest&, Answer)>;

  // |socket| listens already, on a loopback address. Throws std::bad_alloc.
  HttpServer(Loop& loop, Fd socket, const HttpServerOptions& options = {});
  ~HttpServer();  // closes all connections

  // |path| is compared as a whole; one that nobody handles is a 404.
  void handle(std::string path, Handler handler);
  void handle_later(std::string path, LateHandler handler);

  size_t connections() const;  // that are open

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Whether a Host header names this machine by a loopback address or as localhost, with or without a
// port: through a tunnel the port is another one.
bool is_loopback_host(std::string_view host);

}  // namespace ravelin::proxy
