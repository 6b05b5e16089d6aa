#include <catch2/catch.hpp>

#include "tests/proxy/config/sample.h"

namespace ravelin::proxy {
namespace {

using Errors = std::vector<std::string>;

TEST_CASE("Values that contradict each other") {
  struct Row {
    const char* name;
    std::string_view text;  // its first line is line 2
    Errors want;
  };
  const auto row = GENERATE(values<Row>({
      {"delay and window",
       "[greylist]\ndelay = \"5m\"\nwindow = \"5m\"",
       {"4:10: window (5m) must be above delay (5m): no retry could pass"}},
      {"window alone, below the default of delay",
       "[greylist]\nwindow = \"1m\"",
       {"3:10: window (1m) must be above delay (4m): no retry could pass"}},
      {"delay just below window", "[greylist]\ndelay = \"5m\"\nwindow = \"301s\"", {}},
      {"keep below window",
       "[greylist]\nkeep = \"23h\"",
       {"3:8: keep (23h) must not be below window (1d)"}},
      {"more per client than in all",
       "[limits]\nsessions = 5\nsessions_per_client = 6",
       {"4:23: sessions_per_client (6) is above sessions (5)"}},
      {"more per network than in all",
       "[limits]\nsessions = 5\nsessions_per_network = 6",
       {"4:24: sessions_per_network (6) is above sessions (5)"}},
      {"more per client than per network",
       "[limits]\nsessions_per_client = 6\nsessions_per_network = 5",
       {"3:23: sessions_per_client (6) is above sessions_per_network (5)"}},
      {"a default is no contradiction", "[limits]\nsessions = 5", {}},
      {"nor is a network limit below the default per client",
       "[limits]\nsessions_per_network = 5",
       {}},
      {"0 is no limit", "[limits]\nsessions = 0\nsessions_per_client = 6", {}},
      {"listening nowhere",
       "listen.smtp = []",
       {"2:15: smtp is empty: Ravelin would listen nowhere"}},
      {"listening twice",
       "listen.smtp = [\"[::1]:25\", \"[0::1]:25\"]",
       {"2:28: smtp: \"[0::1]:25\" is there twice"}},
      {"allowed and denied",
       "[access]\nallow = [\"192.0.2.1\"]\ndeny = [\"192.0.2.1/32\"]",
       {"4:9: deny: \"192.0.2.1/32\" is in allow, too"}},
      {"a wider network denied is meant so",
       "[access]\nallow = [\"192.0.2.1\"]\ndeny = [\"192.0.2.0/24\"]",
       {}},
      {"a log that goes nowhere",
       "log.file = \"\"",
       {"2:12: file must not be empty; \"-\" is stderr"}},
      {"to syslogd alone", "[log]\nfile = \"\"\nsyslog = \"/dev/null/none\"", {}},
      {"a socket without a root",
       "log.syslog = \"log\"",
       {"2:14: syslog: \"log\" is not a path from the root (\"/run/...\")"}},
      {"no name in the log", "log.syslog_name = \"\"", {"2:19: syslog_name must not be empty"}},
  }));
  CAPTURE(row.name);
  CHECK(errors_of(row.text) == row.want);
}

TEST_CASE("A backend must not be ourselves") {
  struct Row {
    std::string_view listen;
    std::string_view backend;
    bool loop;
  };
  const auto row = GENERATE(values<Row>({
      {"127.0.0.1:25", "127.0.0.1:25", true},
      {"127.0.0.1:25", "localhost:25", true},
      {"0.0.0.0:25", "127.0.0.1:25", true},
      {"[::]:25", "[::1]:25", true},
      {"[::]:25", "127.0.0.1:25", false},
      {"127.0.0.1:25", "127.0.0.2:25", false},
      {"0.0.0.0:25", "127.0.0.1:2525", false},
      {"0.0.0.0:25", "192.0.2.1:25", false},
      {"0.0.0.0:25", "mail.internal:25", false},
  }));
  CAPTURE(row.listen, row.backend);
  const auto found = errors_of("listen.smtp = [\"" + std::string(row.listen) +
                               "\"]\n[[route]]\ndomains = [\"example.org\"]\nbackends = [\"" +
                               std::string(row.backend) + "\"]");
  CHECK(found == (row.loop ? Errors{"5:13: backends: \"" + std::string(row.backend) +
                                    "\" is where Ravelin itself listens"}
                           : Errors{}));
}

TEST_CASE("A backend speaks one protocol") {
  const auto second = [](const std::string& rest) {
    return errors_of("[[route]]\ndomains = [\"example.org\"]\nbackends = [\"b:24\", \"c:24\"]\n" +
                     rest);
  };
  const std::string lmtp = "protocol = \"lmtp\"\n";
  const std::string third = "[[route]]\ndomains = [\"example.net\"]\nbackends = [\"c:24\"]\n";
  CHECK(second(lmtp + third) ==
        Errors{"8:13: backends: \"c:24\" has another protocol in the [[route]] of line 2"});
  CHECK(second(lmtp + third + lmtp).empty());
  CHECK(second(third).empty());
}

TEST_CASE("A domain belongs to one route") {
  CHECK(errors_of("[[route]]\ndomains = [\"a.example\", \"Example.COM\"]\nbackends = [\"b:25\"]") ==
        Errors{"6:12: domain \"example.com\" belongs to the [[route]] of line 2 already"});
  CHECK(errors_of("[[route]]\ndomains = [\".example.com\"]\nbackends = [\"b:25\"]").empty());
}

}  // namespace
}  // namespace ravelin::proxy
