#include <catch2/catch.hpp>

#include "tests/proxy/config/sample.h"

namespace ravelin::proxy {
namespace {

using Errors = std::vector<std::string>;

TEST_CASE("Each fault is one error at its place") {
  struct Row {
    const char* name;
    std::string_view text;  // its first line is line 2
    Errors want;
  };
  const auto row = GENERATE(values<Row>({
      {"number out of range", "[listen]\nworkers = 257", {"3:11: workers must be 0 to 256"}},
      {"negative", "[listen]\nworkers = -1", {"3:11: workers must be 0 to 256"}},
      {"no number", "[listen]\nworkers = \"2\"", {"3:11: workers must be a whole number"}},
      {"a fraction", "[listen]\nworkers = 2.0", {"3:11: workers must be a whole number"}},
      {"duration out of range",
       "limits.command_timeout = \"61m\"",
       {"2:26: command_timeout must be 1s to 1h"}},
      {"duration without a unit",
       "limits.command_timeout = 5",
       {"2:26: command_timeout must be a duration like \"5m\" (a whole number and ms, s, m, h or "
        "d)"}},
      {"size out of range",
       "limits.message_size = 1",
       {"2:23: message_size must be 100kB to 10GB"}},
      {"bad size",
       "limits.message_size = \"5 MB\"",
       {"2:23: message_size must be a size like \"10MB\" (a whole number and B, kB, MB or GB)"}},
      {"share out of range",
       "limits.reserved_for_known = \"91%\"",
       {"2:29: reserved_for_known must be 0% to 90%"}},
      {"bad share",
       "limits.reserved_for_known = 0.25",
       {"2:29: reserved_for_known must be a share like \"25%\" (a whole number)"}},
      {"bad rate", "log.flood = 5", {"2:13: flood must be a rate like \"100/s\""}},
      {"rate out of range", "log.flood = \"5/s\"", {"2:13: flood must be 10/s to 10000000/s"}},
      {"no boolean", "log.rfc3339 = \"yes\"", {"2:15: rfc3339 must be true or false"}},
      {"no text", "log.file = 2026-01-31", {"2:12: file must be text in quotes"}},
      {"NUL", "log.file = \"a\\u0000b\"", {"2:12: file: \"a?b\" contains a NUL"}},
      {"empty text", "log.file = \"\"", {"2:12: file must not be empty; \"-\" is stderr"}},
      {"no choice", "mode = \"Shadow\"", {"2:8: mode must be one of \"enforce\", \"shadow\""}},
      {"no text for a choice", "mode = 1", {"2:8: mode must be one of \"enforce\", \"shadow\""}},
      {"no list",
       "access.allow = \"192.0.2.1\"",
       {"2:16: allow must be a list of texts like [\"a\", \"b\"]"}},
      {"not for strangers",
       "admin.http = \"0.0.0.0:9025\"",
       {"2:14: http: \"0.0.0.0:9025\" is not a loopback address like \"127.0.0.1:9025\": no "
        "stranger may ask there; from another machine, use a tunnel (ssh -L)"}},
      {"elements, each by its number",
       "dns.servers = [\"a\", \"::1\", 3]",
       {"2:16: servers, element 1: \"a\" is not an address like \"127.0.0.1\", "
        "\"127.0.0.1:5353\" or \"[::1]:5353\"",
        "2:28: servers, element 3: must be text in quotes"}},
      {"unknown key",
       "[limits]\nsesions = 5",
       {"3:1: unknown key \"sesions\" in [limits]; did you mean \"sessions\"?"}},
      {"unknown section",
       "[limit]\nsesions = 5",
       {"2:2: unknown section \"limit\"; did you mean [limits]?"}},
      {"a quoted key is no path",
       "\"limits.sessions\" = 5",
       {"2:1: unknown key \"limits.sessions\" at the top of the file"}},
      {"unknown key of a parent of sections",
       "[checks]\nfoo = 1",
       {"3:1: unknown key \"foo\" in [checks]"}},
      {"a registered section",
       "[checks.rdns]\naction = \"drop\"\nacton = \"defer\"",
       {"3:10: action must be one of \"off\", \"note\", \"greylist\", \"defer\", \"reject\"",
        "4:1: unknown key \"acton\" in [checks.rdns]; did you mean \"action\"?"}},
      {"a value where a section belongs",
       "limits = 5",
       {"2:1: limits is a section: write [limits] once, and its keys below"}},
      {"a list of sections where one belongs",
       "[[limits]]",
       {"2:3: limits is a section: write [limits] once, and its keys below"}},
      {"a value for a parent of sections",
       "checks = \"off\"",
       {"2:1: checks is a section: write [checks] once, and its keys below"}},
      {"text where a check has a section",
       "checks.rdns = \"reject\"",
       {"2:8: checks.rdns is a section: write [checks.rdns] once, and its keys below"}},
  }));
  CAPTURE(row.name);
  const auto loaded = load(row.text);
  CHECK_FALSE(loaded.config);
  CHECK(errors(loaded) == row.want);
}

TEST_CASE("A syntax error ends the reading: what follows is not believed") {
  const auto text = GENERATE(as<std::string_view>{}, "a = ", "a = 1\na = 2", "[limits]\n[limits]",
                             "a = \"\xff\"", "a = \"x", "]");
  CAPTURE(text);
  const auto loaded = load(text);
  CHECK_FALSE(loaded.config);
  REQUIRE(loaded.errors.size() == 1);
  CHECK(loaded.errors[0].line >= 2);
}

TEST_CASE("What is quoted of a syntax error is fit for a log") {
  const auto text = GENERATE(as<std::string_view>{}, "a=f\n", "a=t\x1b[31m", "a=1\r\nb=f\r\n");
  CAPTURE(text);
  const auto loaded = parse_config(text, "test.toml");
  REQUIRE(loaded.errors.size() == 1);
  for (const char c : loaded.errors[0].message) CHECK((c >= ' ' && c != '\x7f'));
}

TEST_CASE("What is required and missing is named, at the section that lacks it") {
  CHECK(errors(parse_config("", "test.toml")) ==
        Errors{"0:0: hostname is missing at the top of the file, for example hostname = "
               "\"mx.example.net\"",
               "0:0: no [[route]]: at least one with domains and backends is needed"});
  CHECK(errors_of("[[route]]\n") ==
        Errors{"2:1: backends is missing in [[route]], for example backends = "
               "[\"mail.internal:25\"]",
               "2:1: this [[route]] has no domains: give domains or domains_file"});
  CHECK(errors_of("[[route]]\ndomains = []\nbackends = []") ==
        Errors{"2:1: this [[route]] has no domains: give domains or domains_file",
               "4:12: backends must not be empty"});
  CHECK(errors(parse_config("hostname = \"\"\nroute = []", "test.toml")) ==
        Errors{"0:0: no [[route]]: at least one with domains and backends is needed",
               "1:12: hostname must not be empty"});
}

TEST_CASE("A route that is no list of sections") {
  const auto text = GENERATE(as<std::string_view>{}, "route = 5", "[route]", "route = [5]");
  CAPTURE(text);
  const auto loaded = parse_config("hostname = \"a.b\"\n" + std::string(text), "test.toml");
  REQUIRE(loaded.errors.size() == 1);
  CHECK(loaded.errors[0].line == 2);
  CHECK(loaded.errors[0].message == "route is a list of sections: write [[route]], once for each");
}

TEST_CASE("A backend's port wants a PROXY header always or never") {
  const auto route = [](std::string_view domain, std::string_view info) {
    return "[[route]]\ndomains = [\"" + std::string(domain) +
           "\"]\nbackends = [\"192.0.2.7:25\"]\nclient_info = \"" + std::string(info) + "\"\n";
  };
  const auto with = [&](std::string_view first, std::string_view second) {
    return errors(parse_config(
        "hostname = \"a.b\"\n" + route("a.example", first) + route("b.example", second),
        "test.toml"));
  };
  CHECK(with("proxy-v2", "proxy-v2").empty());
  CHECK(with("xclient", "none").empty());
  CHECK(with("proxy-v2", "xclient") ==
        Errors{
            "8:13: backends: \"192.0.2.7:25\" has another client_info in the [[route]] of line 2"});
  CHECK(with("none", "proxy-v2").size() == 1);
}

TEST_CASE("All errors come at once, in order of place") {
  CHECK(errors_of("mode = 1\n[log]\nflood = 1\n[limits]\nerrors = 0") ==
        Errors{"2:8: mode must be one of \"enforce\", \"shadow\"",
               "4:9: flood must be a rate like \"100/s\"", "6:10: errors must be 1 to 10000"});
}

TEST_CASE("A file full of errors is cut short") {
  std::string text;
  for (int i = 0; i < 600; ++i) text += "\"x y " + std::to_string(i) + "\" = 1\n";
  const auto loaded = load(text);
  REQUIRE(loaded.errors.size() == 501);
  CHECK(loaded.errors.back().message == "and 100 more errors");
}

}  // namespace
}  // namespace ravelin::proxy
