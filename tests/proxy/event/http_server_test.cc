#include "proxy/event/http_server.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <map>
#include <memory>
#include <vector>

#include "faults.h"
#include "proxy/event/open_listener.h"
#include "socket_pair.h"
#include "turns.h"

using namespace ravelin;
using namespace std::chrono_literals;
using proxy::Fd;
using proxy::HttpAnswer;
using proxy::HttpRequest;
using proxy::HttpServer;
using proxy::HttpServerOptions;
using test::Turns;

namespace {

const std::string kHost = "Host: 127.0.0.1:9025\r\n";

struct Reply {
  int code = 0;
  std::string head;
  std::string body;
  bool ended = false;  // the server has closed

  bool has(const std::string& line) const { return head.find(line + "\r\n") != head.npos; }
};

struct Server {
  Turns turns;
  dns::Endpoint at;
  std::unique_ptr<HttpServer> http;

  explicit Server(const HttpServerOptions& options = {}, const char* address = "127.0.0.1:0") {
    std::signal(SIGPIPE, SIG_IGN);
    auto socket = proxy::open_listener(*dns::Endpoint::parse(address), false);
    REQUIRE(socket);
    at = proxy::local_endpoint(socket->get());
    http = std::make_unique<HttpServer>(turns.loop, *std::move(socket), options);
    http->handle("/metrics", [](const HttpRequest& asked) {
      return HttpAnswer::text("of " + std::string(asked.query) + "\n");
    });
  }

  Fd client() const {
    auto fd = test::tcp_client(at);
    fcntl(fd.get(), F_SETFL, O_NONBLOCK);
    return fd;
  }

  // All that comes until the server closes.
  Reply reply_to(const Fd& fd) {
    std::string all;
    Reply reply;
    reply.ended = turns.until([&] {
      const auto got = test::read_all(fd);
      all += got.bytes;
      return got.error != EAGAIN;
    });
    const size_t end = all.find("\r\n\r\n");
    if (end == all.npos || !all.starts_with("HTTP/1.")) return reply;
    reply.code = std::stoi(all.substr(9, 3));
    reply.head = all.substr(0, end + 2);
    reply.body = all.substr(end + 4);
    return reply;
  }
  Reply ask(std::string_view bytes) {
    const Fd fd = client();
    turns.until([&] { return test::send_all(fd, bytes); }, 1s);
    return reply_to(fd);
  }
  Reply get(const std::string& uri, const std::string& headers = kHost) {
    return ask("GET " + uri + " HTTP/1.1\r\n" + headers + "\r\n");
  }
  bool until_open(size_t count) {
    return turns.until([&] { return http->connections() == count; });
  }
};

}  // namespace

TEST_CASE("HttpServer answers what is asked for, and closes") {
  const auto address = GENERATE("127.0.0.1:0", "[::1]:0");
  Server server({}, address);
  const auto reply = server.get("/metrics?since=5");
  CHECK(reply.code == 200);
  CHECK(reply.body == "of since=5\n");
  CHECK(reply.ended);
  CHECK(reply.has("Content-Length: 11"));
  CHECK(reply.has("Content-Type: text/plain; charset=utf-8"));
  CHECK(reply.has("Cache-Control: no-store"));
  CHECK(reply.has("Connection: close"));
  CHECK(server.until_open(0));
}

TEST_CASE("HttpServer: HEAD is GET without the body") {
  Server server;
  const auto reply = server.ask("HEAD /metrics HTTP/1.1\r\n" + kHost + "\r\n");
  CHECK(reply.code == 200);
  CHECK(reply.has("Content-Length: 4"));
  CHECK(reply.body.empty());
  CHECK(reply.ended);
}

TEST_CASE("HttpServer sends a shared body as it is, however long") {
  Server server;
  const auto body = std::make_shared<const std::string>(3'000'000, 'x');
  server.http->handle("/long", [&](const HttpRequest&) {
    HttpAnswer answer;
    answer.content_type = "text/javascript";
    answer.body = body;
    answer.gzipped = true;
    answer.cache_control = "max-age=60";
    return answer;
  });
  const auto reply = server.get("/long");
  CHECK((reply.body == *body));  // not shown
  CHECK(reply.has("Content-Encoding: gzip"));
  CHECK(reply.has("Content-Type: text/javascript"));
  CHECK(reply.has("Cache-Control: max-age=60"));
  CHECK(server.until_open(0));
  CHECK(body.use_count() == 1);
}

TEST_CASE("HttpServer: every answer of ours forbids to be shown or read elsewhere") {
  Server server;
  const auto reply = GENERATE_REF(server.get("/metrics"), server.get("/nothing"),
                                  server.get("/metrics", "Host: evil.example\r\n"));
  CHECK(reply.code != 0);
  CHECK(
      reply.has("Content-Security-Policy: default-src 'self'; base-uri 'none'; "
                "form-action 'none'; frame-ancestors 'none'"));
  CHECK(reply.has("X-Content-Type-Options: nosniff"));
  CHECK(reply.has("X-Frame-Options: DENY"));
  CHECK(reply.has("Referrer-Policy: no-referrer"));
  CHECK(reply.has("Cross-Origin-Resource-Policy: same-origin"));
}

TEST_CASE("HttpServer refuses what is not a plain question") {
  struct Row {
    const char* name;
    std::string request;
    int code;
  };
  const std::string tail = " HTTP/1.1\r\n" + kHost + "\r\n";
  const auto row = GENERATE_COPY(values<Row>({
      {"unknown path", "GET /nothing" + tail, 404},
      {"a path below", "GET /metrics/" + tail, 404},
      {"nothing is decoded", "GET /%6detrics" + tail, 404},
      {"POST", "POST /metrics" + tail, 405},
      {"DELETE", "DELETE /metrics" + tail, 405},
      {"OPTIONS", "OPTIONS /metrics" + tail, 405},
      {"TRACE", "TRACE /metrics" + tail, 405},
      {"unknown method", "BREW /metrics" + tail, 405},
      {"CONNECT", "CONNECT 127.0.0.1:25" + tail, 501},
      {"a proxy's URI", "GET http://127.0.0.1:9025/metrics" + tail, 400},
      {"without a scheme", "GET //127.0.0.1/metrics" + tail, 400},
      {"asterisk", "OPTIONS *" + tail, 400},
      {"fragment", "GET /metrics#x" + tail, 400},
      {"octets beyond ASCII", "GET /metrics\xff" + tail, 400},
      {"control character", "GET /metr\tics" + tail, 400},
      {"NUL in the URI", std::string("GET /metrics\0 HTTP/1.1\r\n", 24) + kHost + "\r\n", 400},
      {"no version", "GET /metrics\r\n\r\n", 400},
      {"another protocol", "EHLO client.example\r\n\r\n", 400},
      {"no Host", "GET /metrics HTTP/1.1\r\n\r\n", 421},
      {"a body", "POST /metrics HTTP/1.1\r\n" + kHost + "Content-Length: 5\r\n\r\nhello", 413},
      {"a bad length", "POST /metrics HTTP/1.1\r\n" + kHost + "Content-Length: -1\r\n\r\n", 400},
  }));
  CAPTURE(row.name);
  Server server({.patience = 1s});  // after CONNECT evhttp waits for more
  const auto reply = server.ask(row.request);
  CHECK(reply.code == row.code);
  CHECK(reply.ended);
  CHECK(reply.body.find("of ") != 0);
  CHECK(server.until_open(0));
}

TEST_CASE("HttpServer takes no more octets of a request than its limit") {
  Server server({.header_size = 1000});
  SECTION("headers") {
    const auto reply = server.get("/metrics", kHost + "X: " + std::string(2000, 'x') + "\r\n");
    CHECK(reply.code == 400);
  }
  SECTION("a line without end") {
    const Fd fd = server.client();
    REQUIRE(test::send_all(fd, "GET /" + std::string(4000, 'x')));
    const auto reply = server.reply_to(fd);
    CHECK(reply.ended);
    CHECK(reply.code != 200);
  }
  SECTION("many headers") {
    std::string headers = kHost;
    for (int i = 0; i < 300; ++i) headers += "A: b\r\n";
    CHECK(server.get("/metrics", headers).code == 400);
  }
}

TEST_CASE("HttpServer: a Host of another name is a page of somebody else asking") {
  Server server;
  CHECK(server.get("/metrics", "Host: rebound.example:9025\r\n").code == 421);
  CHECK(server.get("/metrics", "Host: localhost:8080\r\n").code == 200);
}

TEST_CASE("is_loopback_host() knows this machine by its addresses and as localhost") {
  const auto host = GENERATE(as<std::string>{}, "127.0.0.1", "127.0.0.1:9025", "127.8.8.8:1",
                             "[::1]", "[::1]:9025", "localhost", "LocalHost:65535");
  CAPTURE(host);
  CHECK(proxy::is_loopback_host(host));
}

TEST_CASE("is_loopback_host() takes no other") {
  const auto host =
      GENERATE(as<std::string>{}, "", ":", ":9025", "example.com", "localhost.example",
               "127.0.0.1.example", "192.0.2.1", "192.0.2.1:9025", "[2001:db8::1]:9025", "0.0.0.0",
               "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:123456", "localhost:80:80", "[::1", "::1]",
               "127.1", "2130706433", "[127.0.0.1", "localhost.", "evil.example#127.0.0.1");
  CAPTURE(host);
  CHECK_FALSE(proxy::is_loopback_host(host));
}

TEST_CASE("HttpServer: connections beyond the limit wait, and their turn comes") {
  Server server({.connections = 4});
  std::vector<Fd> idle;
  for (int i = 0; i < 4; ++i) idle.push_back(server.client());
  REQUIRE(server.until_open(4));
  const Fd late = server.client();
  REQUIRE(test::send_all(late, "GET /metrics HTTP/1.1\r\n" + kHost + "\r\n"));
  server.turns.poll(50);
  CHECK(server.http->connections() == 4);
  CHECK(test::read_all(late).error == EAGAIN);
  idle.pop_back();
  CHECK(server.reply_to(late).code == 200);
}

TEST_CASE("HttpServer: a crowd at once is served one after the other") {
  Server server({.connections = 4});
  std::vector<Fd> crowd;
  for (int i = 0; i < 100; ++i) {
    crowd.push_back(server.client());
    REQUIRE(test::send_all(crowd.back(), "GET /metrics HTTP/1.1\r\n" + kHost + "\r\n"));
  }
  size_t most = 0;
  const auto watch =
      server.turns.loop.on_turn_end([&] { most = std::max(most, server.http->connections()); });
  for (const auto& fd : crowd) CHECK(server.reply_to(fd).code == 200);
  CHECK(most <= 4);
}

TEST_CASE("HttpServer: who takes too long is gone, however busy he is") {
  Server server({.patience = 1s});
  const Fd fd = server.client();
  REQUIRE(server.until_open(1));
  std::string_view rest =
      "GET /metrics HTTP/1.1\r\nX: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
  const auto drip = server.turns.loop.every(100ms, [&] {
    (void)test::send_all(fd, rest.substr(0, 1));
    if (rest.size() > 1) rest.remove_prefix(1);
  });
  CHECK(server.until_open(0));
  CHECK(rest.size() > 10);
}

TEST_CASE("HttpServer: who does not read his answer is gone after a while") {
  Server server({.patience = 1s});
  server.http->handle(
      "/long", [](const HttpRequest&) { return HttpAnswer::text(std::string(20'000'000, 'x')); });
  const Fd fd = server.client();
  REQUIRE(test::send_all(fd, "GET /long HTTP/1.1\r\n" + kHost + "\r\n"));
  REQUIRE(server.until_open(1));
  CHECK(server.until_open(0));
}

TEST_CASE("HttpServer: an answer may come later") {
  Server server;
  HttpServer::Answer answer;
  server.http->handle_later(
      "/later", [&](const HttpRequest&, HttpServer::Answer later) { answer = std::move(later); });
  Fd fd = server.client();
  REQUIRE(test::send_all(fd, "GET /later HTTP/1.1\r\n" + kHost + "\r\n"));
  REQUIRE(server.turns.until([&] { return answer != nullptr; }));

  SECTION("and is sent then") {
    answer(HttpAnswer::text("now\n"));
    CHECK(server.reply_to(fd).body == "now\n");
  }
  SECTION("a second one is nobody's") {
    answer(HttpAnswer::text("now\n"));
    answer(HttpAnswer::text("again\n"));
    CHECK(server.reply_to(fd).body == "now\n");
  }
  SECTION("without one it is 500") {
    answer = nullptr;
    CHECK(server.reply_to(fd).code == 500);
  }
  SECTION("the client has gone") {
    const bool hard = GENERATE(true, false);
    if (hard) test::reset_connection(fd);
    fd.reset();
    server.turns.poll(20);
    answer(HttpAnswer::text("now\n"));
    CHECK(server.until_open(0));
  }
  SECTION("the server has gone") {
    server.http.reset();
    answer(HttpAnswer::text("now\n"));
    CHECK(test::read_all(fd).error != EAGAIN);
  }
  SECTION("client and server have gone") {
    test::reset_connection(fd);
    server.turns.poll(20);
    server.http.reset();
    answer(HttpAnswer::text("now\n"));
  }
}

TEST_CASE("HttpServer: a handler that fails is a 500") {
  Server server;
  server.http->handle(
      "/bad", [](const HttpRequest&) -> HttpAnswer { throw std::runtime_error("no such thing"); });
  CHECK(server.get("/bad").code == 500);
  CHECK(server.get("/metrics").code == 200);
}

TEST_CASE("HttpServer ends with connections in every state") {
  Server server;
  const Fd idle = server.client();
  const Fd half = server.client();
  REQUIRE(test::send_all(half, "GET /metrics HT"));
  REQUIRE(server.until_open(2));
  server.http.reset();
  CHECK(test::read_all(idle).error != EAGAIN);
  CHECK(test::read_all(half).error != EAGAIN);
}
