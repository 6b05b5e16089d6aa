#include "proxy/ctl/commands.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace ravelin::proxy;

TEST_CASE("a report is waited for longer than the daemon reads for one, all else as told") {
  for (const Command& command : commands()) {
    CAPTURE(command.words);
    CHECK(command.patience_s == (command.words == "report" ? 60 : 30));
  }
  const auto common = common_options();
  const auto timeout = std::find_if(common.begin(), common.end(),
                                    [](const Arg& arg) { return arg.name == "--timeout"; });
  REQUIRE(timeout != common.end());
  CHECK(timeout->by_default == "30");
}
