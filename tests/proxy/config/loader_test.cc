#include "proxy/config/loader.h"

#include <catch2/catch.hpp>

#include "tests/proxy/config/sample.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

TEST_CASE("What is not written has its default") {
  const auto loaded = load("");
  REQUIRE(loaded.config);
  const Config& config = *loaded.config;
  CHECK(config.hostname == "mx.example.net");
  CHECK(config.mode == Mode::Enforce);
  CHECK(config.user.empty());
  CHECK(config.listen.smtp == std::vector<std::string>{"0.0.0.0:25", "[::]:25"});
  CHECK(config.listen.workers == 0);
  CHECK(config.limits.sessions == 4000);
  CHECK(config.limits.reserved_for_known == 0.25);
  CHECK(config.limits.message_size == 50'000'000);
  CHECK(config.limits.command_timeout == 5min);
  CHECK(config.limits.data_min_rate == 500);
  CHECK(config.dns.servers.empty());
  CHECK(config.greylist.apply_to == GreylistScope::Unknown);
  CHECK(config.greylist.keep == 36 * 24h);
  CHECK(config.greylist.null_sender == NullSender::Data);
  CHECK(config.standing.good_unknown == 0.1);
  CHECK(config.verify.order == VerifyOrder::AfterGreylist);
  CHECK(config.relay.final_timeout == 9min);
  CHECK(config.relay.line_endings == LineEndings::Reject);
  CHECK(config.log.flood == 10'000);
  CHECK(config.log.syslog_name == "postfix");
  CHECK_FALSE(config.log.rfc3339);
  REQUIRE(config.routes.size() == 1);
  CHECK(config.routes[0].connections == 15);
  CHECK(config.routes[0].max_age == 4min);
  CHECK(config.routes[0].client_info == ClientInfo::None);
  CHECK(config.routes[0].protocol == BackendProtocol::Smtp);
}

TEST_CASE("What is written is taken, of every kind") {
  const auto loaded = load(R"(
mode = "shadow"
limits = {sessions = 7, reserved_for_known = "50%", message_size = 123456, data_timeout = "250s"}
dns.servers = ["127.0.0.1:5353", "::1"]
[log]
flood = "20/s"
rfc3339 = true
file = "/var/log/ravelin.log"
[[route]]
domains = ["Example.ORG", ".Example.org"]
backends = ["a:25", "[::1]:2525"]
client_info = "xforward"
unknown_codes = ["5.4.1"])");
  for (const auto& error : loaded.errors) UNSCOPED_INFO(error.format("test"));
  REQUIRE(loaded.config);
  const Config& config = *loaded.config;
  CHECK(config.mode == Mode::Shadow);
  CHECK(config.limits.sessions == 7);
  CHECK(config.limits.reserved_for_known == 0.5);
  CHECK(config.limits.message_size == 123'456);
  CHECK(config.limits.data_timeout == 250s);
  CHECK(config.dns.servers == std::vector<std::string>{"127.0.0.1:5353", "::1"});
  CHECK(config.log.flood == 20);
  CHECK(config.log.rfc3339);
  CHECK(config.log.file == "/var/log/ravelin.log");
  REQUIRE(config.routes.size() == 2);
  CHECK(config.routes[0].domains == std::vector<std::string>{"example.org", ".example.org"});
  CHECK(config.routes[0].backends == std::vector<std::string>{"a:25", "[::1]:2525"});
  CHECK(config.routes[0].client_info == ClientInfo::Xforward);
  CHECK(config.routes[0].unknown_codes == std::vector<std::string>{"5.4.1"});
}

TEST_CASE("Patterns of greylist lists are in lower case") {
  const auto loaded = load(
      "[greylist]\nexcept_recipients = [\"Info@\"]\nexcept_senders = [\"@Example.COM\"]\n"
      "except_clients = [\".Example.com\"]");
  REQUIRE(loaded.config);
  CHECK(loaded.config->greylist.except_recipients == std::vector<std::string>{"info@"});
  CHECK(loaded.config->greylist.except_senders == std::vector<std::string>{"@example.com"});
  CHECK(loaded.config->greylist.except_clients == std::vector<std::string>{".example.com"});
}

TEST_CASE("A hostname without a dot is warned of, and taken") {
  const auto loaded = parse_config("hostname = \"mx\"\n" + std::string(kRoute), "test.toml");
  CHECK(loaded.config);
  REQUIRE(loaded.warnings.size() == 1);
  CHECK(loaded.warnings[0].starts_with("hostname \"mx\" has no dot"));
}

TEST_CASE("A syslogd that is not there is warned of, and may come later") {
  const auto warnings = [](std::string_view path) {
    const auto loaded = load("log.syslog = \"" + std::string(path) + '"');
    CHECK(loaded.config);
    return loaded.warnings;
  };
  using Warnings = std::vector<std::string>;
  CHECK(warnings("") == Warnings{});
  CHECK(warnings("/nonexistent/log") ==
        Warnings{"log.syslog: \"/nonexistent/log\": No such file or directory; lines will wait for "
                 "it"});
  CHECK(warnings("/dev/null") == Warnings{"log.syslog: \"/dev/null\" is not a socket"});
}

TEST_CASE("A file that cannot be read is one error without a place") {
  struct Row {
    std::string file;
    std::string want;
  };
  const auto row = GENERATE(values<Row>({
      {"/nonexistent/ravelin.toml", "cannot read the file: No such file or directory"},
      {"/", "cannot read the file: Is a directory"},
      {"/dev/zero", "the file is larger than 4000000 bytes"},
  }));
  const auto loaded = load_config(row.file);
  CHECK_FALSE(loaded.config);
  REQUIRE(loaded.errors.size() == 1);
  CHECK(loaded.errors[0].format(row.file) == row.file + ": " + row.want);
}

}  // namespace
}  // namespace ravelin::proxy
