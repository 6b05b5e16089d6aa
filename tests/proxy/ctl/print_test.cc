#include "proxy/ctl/print.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace ravelin::proxy {
namespace {

using nlohmann::json;

TEST_CASE("Results are printed as aligned lines and tables") {
  const json status = {
      {"version", "0.1.0"},
      {"uptime_s", 93784},
      {"sessions", {{"open", 5}, {"peak", 9}, {"limit", 4000}}},
      {"backends",
       {{{"name", "mail:25"}, {"healthy", true}, {"addresses", {"192.0.2.7", "::1"}}},
        {{"name", "b:25"}, {"healthy", false}, {"learned_cap", 3}}}}};
  CHECK(print_result(status) ==
        "version   0.1.0\n"
        "uptime    1d 02:03:04\n"
        "sessions  open 5, peak 9, limit 4000\n"
        "\n"
        "backends\n"
        "  name     addresses       healthy  learned cap\n"
        "  mail:25  192.0.2.7, ::1  yes      -\n"
        "  b:25     -               no       3\n");
  CHECK(print_result(json::array()) == "-\n");
  CHECK(print_result(json::parse(R"([{"route":"a","open":false}])")) == "route  open\na      no\n");
  CHECK(print_result(nullptr) == "-\n");
}

TEST_CASE("Nothing in a result drives the terminal") {
  const json hostile = {{"kind\x1b", "\x1b[2J\nx\xc2\x9b"}};
  CHECK(print_result(hostile) == "kind\\x1B  \\x1B[2J\\x0Ax\\xC2\\x9B\n");
}

TEST_CASE("Durations are written for people") {
  CHECK(print_duration(0) == "0s");
  CHECK(print_duration(1.25) == "1.25s");
  CHECK(print_duration(59) == "59s");
  CHECK(print_duration(61) == "1m 01s");
  CHECK(print_duration(3661) == "01:01:01");
  CHECK(print_duration(86400 * 3) == "3d 00:00:00");
  CHECK(print_duration(-1) == "-1s");
}

}  // namespace
}  // namespace ravelin::proxy
