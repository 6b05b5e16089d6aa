#include "proxy/event/http_server.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <new>
#include <utility>
#include <vector>

#include "dns/ip.h"
#include "proxy/event/sys.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr auto kSweepPeriod = 1s;

// All that there are: evhttp would answer others itself, without our headers. But for CONNECT,
// which it refuses and then leaves open, whatever was said, until our patience ends.
constexpr ev_uint16_t kHeardMethods = 0xffff & ~EVHTTP_REQ_CONNECT;
// A GET has none. Whoever sends one hears 413 from evhttp.
constexpr ev_ssize_t kMaxBody = 0;

// Nothing is inline and nothing comes from elsewhere; no other page may show or load an answer.
constexpr std::pair<const char*, const char*> kSecurityHeaders[] = {
    {"Content-Security-Policy",
     "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Connection", "close"},
};

// Adds what |answer| says of itself; false without memory.
bool add_headers(evhttp_request* request, const HttpAnswer& answer, size_t size) {
  auto* const headers = evhttp_request_get_output_headers(request);
  const auto add = [headers](const char* name, const char* value) {
    return evhttp_add_header(headers, name, value) == 0;
  };
  const bool known =
      std::all_of(std::begin(kSecurityHeaders), std::end(kSecurityHeaders),
                  [&](const auto& header) { return add(header.first, header.second); });
  return known && add("Content-Type", answer.content_type.c_str()) &&
         add("Content-Length", std::to_string(size).c_str()) &&
         add("Cache-Control", answer.cache_control.c_str()) &&
         (answer.code != 405 || add("Allow", "GET, HEAD")) &&
         (!answer.gzipped || add("Content-Encoding", "gzip"));
}

using Buffer = std::unique_ptr<evbuffer, decltype(&evbuffer_free)>;
using Body = std::shared_ptr<const std::string>;

// The text is not copied: many may look at one.
bool add_body(evbuffer* buffer, const Body& body) {
  auto owner = std::make_unique<Body>(body);
  const auto forget = [](const void*, size_t, void* kept) { delete static_cast<Body*>(kept); };
  if (evbuffer_add_reference(buffer, body->data(), body->size(), forget, owner.get()) != 0)
    return false;
  (void)owner.release();
  return true;
}

// |request| is evhttp's again.
void send(evhttp_request* request, const HttpAnswer& answer) noexcept try {
  const size_t size = answer.body ? answer.body->size() : 0;
  const bool head = evhttp_request_get_command(request) == EVHTTP_REQ_HEAD;
  const Buffer buffer(evbuffer_new(), &evbuffer_free);
  if (!buffer || !add_headers(request, answer, size)) throw std::bad_alloc();
  if (size > 0 && !head && !add_body(buffer.get(), answer.body)) throw std::bad_alloc();
  evhttp_send_reply(request, answer.code, nullptr, buffer.get());
} catch (const std::bad_alloc&) {
  evhttp_send_error(request, 503, nullptr);
}

void send(evhttp_request* request, int code, const char* text) noexcept try {
  const auto answer = HttpAnswer::text(text, code);
  send(request, answer);
} catch (const std::bad_alloc&) {
  evhttp_send_error(request, 503, nullptr);
}

// A request until it is answered. Its owner is the one Answer that knows it; the server only looks.
class Waiting {
 public:
  explicit Waiting(evhttp_request* request) : request_(request) {}
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    if (request_ != nullptr) send(request_, 500, "this could not be answered\n");
  }

  void answer(const HttpAnswer& answer) {
    if (request_ != nullptr) send(std::exchange(request_, nullptr), answer);
  }
  // The server ends. A request goes with its connection; without one, because the client has gone
  // meanwhile, evhttp has left it to us.
  void forget() {
    if (request_ != nullptr && evhttp_request_get_connection(request_) == nullptr)
      evhttp_request_free(request_);
    request_ = nullptr;
  }

 private:
  evhttp_request* request_;
};

HttpRequest parts_of(std::string_view uri) {
  const size_t mark = uri.find('?');
  if (mark == uri.npos) return {uri, {}};
  return {uri.substr(0, mark), uri.substr(mark + 1)};
}

// What stands before the path is for proxies, "*" and a fragment for nobody; evhttp has looked at
// the line as a string, so a NUL has ended it already.
bool is_plain(std::string_view uri) {
  return uri.starts_with('/') && !uri.starts_with("//") && uri.find('#') == uri.npos &&
         std::all_of(uri.begin(), uri.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_localhost(std::string_view host) {
  constexpr std::string_view kName = "localhost";
  return host.size() == kName.size() &&
         std::equal(host.begin(), host.end(), kName.begin(), [](char given, char lower) {
           return given == lower || (given >= 'A' && given <= 'Z' && given - 'A' + 'a' == lower);
         });
}

}  // namespace

bool is_loopback_host(std::string_view host) {
  const size_t colon = host.rfind(':');
  if (colon != host.npos && colon > 0 && is_port(host.substr(colon + 1)) &&
      (host.find(':') == colon || host[colon - 1] == ']'))
    host = host.substr(0, colon);
  if (is_localhost(host)) return true;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto address = dns::IpAddress::parse(host);
  return address && address->is_loopback();
}

HttpAnswer HttpAnswer::text(std::string body, int code) {
  HttpAnswer answer;
  answer.code = code;
  answer.body = std::make_shared<const std::string>(std::move(body));
  return answer;
}

class HttpServer::Impl {
 public:
  Impl(Loop& loop, Fd socket, const HttpServerOptions& options);
  ~Impl();

  void handle(std::string path, LateHandler handler) {
    handlers_[std::move(path)] = std::move(handler);
  }
  size_t connections() const;

 private:
  struct FreeHttp {
    void operator()(evhttp* http) const { evhttp_free(http); }
  };
  // evhttp does not tell when a connection ends. But we may hold a share of its bufferevent, and
  // evhttp takes its callbacks away when it lets go.
  struct Peer {
    bufferevent* stream;
    dns::Time since;
  };

  static bufferevent* on_accept(event_base* base, void* self) noexcept;
  static void on_accept_error(evconnlistener*, void* self) noexcept;
  static void on_request(evhttp_request* request, void* self) noexcept;
  static bool has_ended(const Peer& peer);

  void listen(Fd socket);
  void serve(evhttp_request* request, const std::shared_ptr<Waiting>& waiting);
  void forget_ended();
  void look_at_clocks();

  Loop& loop_;
  const HttpServerOptions options_;
  std::map<std::string, LateHandler, std::less<>> handlers_;
  std::vector<Peer> peers_;
  std::vector<std::weak_ptr<Waiting>> waiting_;
  const std::unique_ptr<evhttp, FreeHttp> http_;
  evconnlistener* listener_ = nullptr;  // of |http_|
  bool full_ = false;                   // nothing is accepted until a connection has ended
  const dns::Handle after_turn_;
  const dns::Handle sweeper_;
};

HttpServer::Impl::Impl(Loop& loop, Fd socket, const HttpServerOptions& options)
    : loop_(loop),
      options_(options),
      http_(evhttp_new(loop.base())),
      after_turn_(loop.on_turn_end([this] { forget_ended(); })),
      sweeper_(loop.every(kSweepPeriod, [this] { look_at_clocks(); })) {
  if (!http_) throw std::bad_alloc();
  peers_.reserve(options_.connections);
  evhttp_set_allowed_methods(http_.get(), kHeardMethods);
  evhttp_set_max_headers_size(http_.get(), static_cast<ev_ssize_t>(options_.header_size));
  evhttp_set_max_body_size(http_.get(), kMaxBody);
  evhttp_set_timeout(http_.get(), static_cast<int>(options_.patience.count()));
  evhttp_set_bevcb(http_.get(), &Impl::on_accept, this);
  evhttp_set_gencb(http_.get(), &Impl::on_request, this);
  listen(std::move(socket));
}

HttpServer::Impl::~Impl() {
  for (const auto& each : waiting_)
    if (const auto still = each.lock()) still->forget();
  for (const auto& peer : peers_) bufferevent_decref(peer.stream);
}

// From here on the socket is evhttp's.
void HttpServer::Impl::listen(Fd socket) {
  auto* const bound = evhttp_accept_socket_with_handle(http_.get(), socket.get());
  if (bound == nullptr) throw std::bad_alloc();
  (void)socket.release();
  listener_ = evhttp_bound_socket_get_listener(bound);
  evconnlistener_set_error_cb(listener_, &Impl::on_accept_error);
}

// Called in the middle of evhttp's accepting, and the only place where it asks us. Without memory
// it makes a bufferevent by itself, or fails itself.
bufferevent* HttpServer::Impl::on_accept(event_base* base, void* self) noexcept {
  auto& impl = *static_cast<Impl*>(self);
  impl.forget_ended();
  auto* const stream = bufferevent_socket_new(base, -1, 0);
  if (stream == nullptr || impl.peers_.size() >= impl.peers_.capacity()) return stream;
  bufferevent_incref(stream);
  impl.peers_.push_back({stream, impl.loop_.now()});
  impl.full_ = impl.peers_.size() >= impl.options_.connections;
  if (impl.full_) evconnlistener_disable(impl.listener_);
  return stream;
}

// No descriptors: evconnlistener would try again at once, and for ever.
void HttpServer::Impl::on_accept_error(evconnlistener* listener, void*) noexcept {
  evconnlistener_disable(listener);
}

void HttpServer::Impl::on_request(evhttp_request* request, void* self) noexcept {
  std::shared_ptr<Waiting> waiting;
  try {
    waiting = std::make_shared<Waiting>(request);
    static_cast<Impl*>(self)->serve(request, waiting);
  } catch (
      const std::exception&) {  // whoever still has |waiting| may answer; else it does so itself
    if (!waiting) evhttp_send_error(request, 503, nullptr);
  }
}

void HttpServer::Impl::serve(evhttp_request* request, const std::shared_ptr<Waiting>& waiting) {
  const auto refuse = [&](int code, const char* why) {
    waiting->answer(HttpAnswer::text(why, code));
  };
  const auto* const uri = evhttp_request_get_uri(request);
  if (uri == nullptr || !is_plain(uri)) return refuse(400, "a path is asked for, like /metrics\n");
  const auto method = evhttp_request_get_command(request);
  if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD)
    return refuse(405, "nothing can be changed here: GET and HEAD only\n");
  const auto* const host = evhttp_find_header(evhttp_request_get_input_headers(request), "Host");
  if (host == nullptr || !is_loopback_host(host))
    return refuse(421, "ask for a loopback address, or localhost\n");
  const auto asked = parts_of(uri);
  const auto found = handlers_.find(asked.path);
  if (found == handlers_.end()) return refuse(404, "there is nothing here\n");
  std::erase_if(waiting_, [](const auto& each) { return each.expired(); });
  waiting_.push_back(waiting);
  found->second(asked, [waiting](const HttpAnswer& answer) { waiting->answer(answer); });
}

bool HttpServer::Impl::has_ended(const Peer& peer) {
  bufferevent_event_cb on_event = nullptr;
  bufferevent_getcb(peer.stream, nullptr, nullptr, &on_event, nullptr);
  return on_event == nullptr;
}

void HttpServer::Impl::forget_ended() {
  if (peers_.empty()) return;
  std::erase_if(peers_, [](const Peer& peer) {
    if (!has_ended(peer)) return false;
    bufferevent_decref(peer.stream);
    return true;
  });
  if (!full_ || peers_.size() >= options_.connections) return;
  full_ = false;
  evconnlistener_enable(listener_);
}

// evhttp's own timeout begins anew with each octet, so a client of one octet a second would stay
// for hours. What is shut down ends in evhttp's hands.
void HttpServer::Impl::look_at_clocks() {
  const auto now = loop_.now();
  for (const auto& peer : peers_)
    if (!has_ended(peer) && now - peer.since > options_.patience)
      sys.shutdown(bufferevent_getfd(peer.stream), SHUT_RDWR);
  if (!full_) evconnlistener_enable(listener_);  // after on_accept_error()
}

size_t HttpServer::Impl::connections() const {
  return static_cast<size_t>(std::count_if(peers_.begin(), peers_.end(),
                                           [](const Peer& peer) { return !has_ended(peer); }));
}

HttpServer::HttpServer(Loop& loop, Fd socket, const HttpServerOptions& options)
    : impl_(std::make_unique<Impl>(loop, std::move(socket), options)) {}

HttpServer::~HttpServer() = default;

void HttpServer::handle(std::string path, Handler handler) {
  handle_later(std::move(path),
               [handler = std::move(handler)](const HttpRequest& asked, const Answer& answer) {
                 answer(handler(asked));
               });
}

void HttpServer::handle_later(std::string path, LateHandler handler) {
  impl_->handle(std::move(path), std::move(handler));
}

size_t HttpServer::connections() const { return impl_->connections(); }

}  // namespace ravelin::proxy
