// The printed pages are the files in etc/ and docs/, to the last byte: this program has all checks.
#include <catch2/catch.hpp>

#include "proxy/checks/check.h"
#include "proxy/checks/print_docs.h"
#include "proxy/config/loader.h"
#include "proxy/metrics.h"
#include "proxy/print_sandbox.h"
#include "support/temp_dir.h"

using namespace ravelin;
using namespace ravelin::proxy;

namespace {

std::string file(const std::string& path) { return test::read_file(RAVELIN_SOURCE_DIR "/" + path); }

}  // namespace

TEST_CASE("printed pages are the files") {
  CHECK(file("etc/ravelin.toml") == print_defaults());
  CHECK(file("docs/parameters.md") == print_parameter_docs());
  CHECK(file("docs/checks.md") == print_check_docs());
  CHECK(file("docs/metrics.md") == print_metrics_docs());
  CHECK(file("docs/sandbox.md") == print_sandbox_docs());
  CHECK(file("docs/man/ravelin.toml.5") == print_parameter_man());
}

TEST_CASE("the sample loads as it stands") {
  const auto loaded = load_config(RAVELIN_SOURCE_DIR "/etc/ravelin.toml");
  REQUIRE(loaded.config);
  CHECK(loaded.warnings.empty());
}

TEST_CASE("every check says what it looks at and what it finds") {
  const auto page = print_check_docs();
  REQUIRE(registered_checks().size() >= 4);
  for (const CheckDef* def : registered_checks()) {
    CAPTURE(def->name);
    CHECK(page.find("\n## " + std::string(def->name) + "\n\n" + std::string(def->section.doc)) !=
          page.npos);
    CHECK_FALSE(def->section.doc.empty());
    CHECK_FALSE(def->signs.empty());
    CHECK(def->rule == def->section.params.empty());
    // A test with a key of its own is called like it in the log.
    for (const Sign* sign : def->signs) {
      if (sign->test.empty() || def->name != "helo") continue;
      CHECK(page.find("| `" + std::string(sign->test) + "` | ") != page.npos);
    }
  }
  CHECK(page.find("\n## early_talker\n") != page.npos);
}
