// Registers sections as the checks do: with them the sample of the design loads as a whole.
#include "proxy/config/section.h"

#include <catch2/catch.hpp>

#include "proxy/config/loader.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

struct OneAction {
  Action action;
};
struct Helo {
  Action syntax, own_name, literal, not_fqdn, unresolvable, ptr_mismatch;
};
struct EarlyTalker {
  Action action;
  milliseconds pause;
};

constexpr Param kHelo[] = {
    action_param<&Helo::syntax>("syntax", "Test.", "\"note\""),
    action_param<&Helo::own_name>("own_name", "Test.", "\"note\""),
    action_param<&Helo::literal>("literal", "Test.", "\"note\""),
    action_param<&Helo::not_fqdn>("not_fqdn", "Test.", "\"note\""),
    action_param<&Helo::unresolvable>("unresolvable", "Test.", "\"note\""),
    action_param<&Helo::ptr_mismatch>("ptr_mismatch", "Test.", "\"off\""),
};
constexpr Param kEarlyTalker[] = {
    action_param<&EarlyTalker::action>("action", "Test.", "\"note\""),
    duration_param<&EarlyTalker::pause>("pause", "Test.", "\"1s\"", 0s, 60s),
};
constexpr Param kOneAction[] = {
    action_param<&OneAction::action>("action", "Test.", "\"off\""),
};

// Not in order of path, so that the order cannot come by itself.
constinit const Section helo = {"checks.helo", "Test.", kHelo, &make_settings<Helo>};
constinit const Section sender_domain = {"checks.sender_domain", "Test.", kOneAction,
                                         &make_settings<OneAction>};
constinit const Section early_talker = {"checks.early_talker", "Test.", kEarlyTalker,
                                        &make_settings<EarlyTalker>};
constinit const Section rdns = {"checks.rdns", "Test.", kOneAction, &make_settings<OneAction>};
const RegisterSection kRegistered[] = {RegisterSection(helo), RegisterSection(sender_domain),
                                       RegisterSection(early_talker), RegisterSection(rdns)};

TEST_CASE("Registered sections come in order of path") {
  std::vector<std::string_view> paths;
  for (const Section* section : registered_sections()) paths.push_back(section->path);
  CHECK(paths == std::vector<std::string_view>{"checks.early_talker", "checks.helo", "checks.rdns",
                                               "checks.sender_domain"});
}

TEST_CASE("The sample of the design loads as it stands") {
  const auto loaded = load_config(RAVELIN_SOURCE_DIR "/tests/proxy/config/design_sample.toml");
  for (const auto& error : loaded.errors) UNSCOPED_INFO(error.format("sample"));
  REQUIRE(loaded.config);
  CHECK(loaded.warnings.empty());

  CHECK(loaded.config->section<OneAction>("checks.rdns").action == Action::Greylist);
  CHECK(loaded.config->section<Helo>("checks.helo").own_name == Action::Reject);
  CHECK(loaded.config->section<EarlyTalker>("checks.early_talker").pause == 2s);
}

}  // namespace
}  // namespace ravelin::proxy
