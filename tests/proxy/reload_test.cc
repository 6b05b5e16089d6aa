#include "proxy/reload.h"

#include <catch2/catch.hpp>

#include "proxy/config/builtin.h"
#include "proxy/config/loader.h"
#include "proxy/config/sample.h"
#include "proxy/sandbox_settings.h"

using namespace ravelin::proxy;

namespace {

std::shared_ptr<const Config> config(std::string_view text) {
  auto loaded = load(text);
  REQUIRE(loaded.config);
  return loaded.config;
}

constexpr std::string_view kNow =
    "user = 'mail'\n[listen]\nsmtp = ['127.0.0.1:25']\nworkers = 2\n"
    "[state]\npath = '/s'\n[capture]\ndirectory = '/m'\n[admin]\nsocket = '/c'\nhttp = "
    "'127.0.0.1:9025'\n[log]\nfile = "
    "'/l'\n[sandbox]\nseccomp = 'log'\n";

std::string changed(std::string_view from, std::string_view to) {
  std::string text(kNow);
  const auto at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("each setting that is fixed at start keeps a reload from happening") {
  struct Row {
    std::string_view from, to;
    std::string want;
  };
  const auto row = GENERATE(values<Row>({
      {"127.0.0.1:25", "127.0.0.1:2525", "listen.smtp"},
      {"['127.0.0.1:25']", "['127.0.0.1:25', '[::1]:25']", "listen.smtp"},
      {"workers = 2", "workers = 3", "listen.workers"},
      {"'mail'", "'nobody'", "user"},
      {"127.0.0.1:9025", "[::1]:9025", "admin.http"},
      {"'log'", "'enforce'", "sandbox.seccomp"},
      {"'/m'", "'/elsewhere'", "capture.directory"},
      {"'/s'", "'/elsewhere'", "state.path"},
      {"'/c'", "'/elsewhere'", "admin.socket"},
  }));
  CAPTURE(row.want);
  CHECK(needs_restart(*config(kNow), *config(changed(row.from, row.to))) ==
        std::vector{row.want + ": needs restart; nothing was changed"});
}

TEST_CASE("everything else can be changed") {
  const auto now = config(kNow);
  CHECK(needs_restart(*now, *now).empty());
  for (const auto* more : {"[limits]\nsessions = 5\n", "[dns]\nservers = ['127.0.0.1']\n",
                           "[relay]\ndrain_timeout = '1s'\n", "[greylist]\ndelay = '1s'\n"})
    CHECK(needs_restart(*now, *config(std::string(kNow) + more)).empty());
  CHECK(needs_restart(*now, *config(changed("'/l'", "'-'"))).empty());
}

TEST_CASE("just what the pages say needs a restart does") {
  auto next = *config("[listen]\nsmtp = ['127.0.0.2:25']\nworkers = 1\n[state]\npath = ''\n");
  auto sandbox = std::make_shared<SandboxSettings>(sandbox_settings(next));
  sandbox->chroot = "/elsewhere";
  next.sections["sandbox"] = sandbox;

  std::vector<std::string> wanted;
  for (const Section* section : all_sections()) {
    const auto path = section->path.empty() ? "" : std::string(section->path) + ".";
    for (const Param& row : section->params)
      if (row.fixed)
        wanted.push_back(path + std::string(row.name) + ": needs restart; nothing was changed");
  }
  CHECK_THAT(needs_restart(*config(kNow), next), Catch::UnorderedEquals(wanted));
}

TEST_CASE("all that needs a restart is named at once") {
  const auto next = config("[listen]\nsmtp = ['127.0.0.2:25']\nworkers = 1\n[state]\npath = ''\n");
  CHECK(needs_restart(*config(kNow), *next).size() == 8);
}
