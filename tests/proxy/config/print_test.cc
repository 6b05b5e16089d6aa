// What the program prints of its parameters, and that the files in etc/ and docs/ are just that.
#include "proxy/config/print.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "proxy/config/builtin.h"
#include "proxy/config/loader.h"
#include "tests/proxy/config/sample.h"

namespace ravelin::proxy {
namespace {

std::string read(const std::string& path) {
  std::ifstream file(RAVELIN_SOURCE_DIR "/" + path);
  REQUIRE(file);
  return (std::ostringstream() << file.rdbuf()).str();
}

// |text| without the paragraphs or chapters of sections that others register: this program has its
// own. |head| is what a part begins with.
std::string without_registered(const std::string& text, std::string_view head) {
  std::string result;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t next = std::min(text.find(head, begin + 1), text.size());
    const auto part = text.substr(begin, next - begin);
    if (part.find("[checks.") == part.npos && part.find("[tls]") == part.npos &&
        part.find("[sandbox]") == part.npos)
      result += part;
    begin = next;
  }
  return result;
}

TEST_CASE("The sample in etc/ is what the program prints") {
  CHECK(without_registered(read("etc/ravelin.toml"), "\n\n") ==
        without_registered(print_defaults(), "\n\n"));
}

TEST_CASE("docs/parameters.md is what the program prints") {
  CHECK(without_registered(read("docs/parameters.md"), "\n## ") ==
        without_registered(print_parameter_docs(), "\n## "));
}

TEST_CASE("The printed sample loads without a word, and changes no default") {
  const auto sample = parse_config(print_defaults(), "sample");
  CHECK(errors(sample).empty());
  CHECK(sample.warnings.empty());
  const auto plain = load("");
  REQUIRE((sample.config && plain.config));
  CHECK(sample.config->limits.sessions == plain.config->limits.sessions);
  CHECK(sample.config->routes[0].max_age == plain.config->routes[0].max_age);
  CHECK(sample.config->access.allow == plain.config->access.allow);
}

TEST_CASE("The sections stand in the order of a dialog") {
  std::string order;
  for (const Section* section : all_sections()) order += std::string(section->path) + ' ';
  CHECK(order ==
        " listen route limits pressure pressure.busy pressure.attack pressure.siege harvest dns "
        "checks.early_talker checks.helo checks.rdns checks.sender_domain access greylist standing "
        "verify relay origin state history capture log admin ");
}

TEST_CASE("The printed sample is a hundred columns wide") {
  std::istringstream sample(print_defaults());
  for (std::string line; std::getline(sample, line);) {
    CAPTURE(line);
    CHECK(line.size() <= 100);
  }
}

TEST_CASE("Every row is complete") {
  for (const Section* section : all_sections()) {
    CHECK_FALSE(section->doc.empty());
    for (const Param& row : section->params) {
      CAPTURE(section->path, row.name);
      CHECK(row.doc.find_first_of("\n|") == row.doc.npos);
      CHECK((row.doc.ends_with('.') || row.doc.ends_with(',')));
      CHECK((row.required() ? !row.example.empty() : true));
      CHECK(row.max >= row.min);
    }
  }
}

TEST_CASE("The documents say the range") {
  const auto docs = print_parameter_docs();
  CHECK(docs.find("| `hostname` | text | required |") != docs.npos);
  CHECK(docs.find("| `command_timeout` | duration | `\"5m\"` | 1s to 1h |") != docs.npos);
  CHECK(docs.find("one of \"none\", \"xforward\", \"xclient\", \"proxy-v2\" |") != docs.npos);
  CHECK(docs.find("mail from \\<\\> is") != docs.npos);
}

TEST_CASE("Comments are the first sentence, wrapped") {
  CHECK(first_sentence("One. Two.") == "One.");
  CHECK(first_sentence("See RFC 5321 §4.5.3.1.8 there.") == "See RFC 5321 §4.5.3.1.8 there.");
  CHECK(wrapped("a bb ccc", "# ", 6) == "# a bb\n# ccc\n");
  CHECK(wrapped("", "# ", 6) == "# \n");
}

}  // namespace
}  // namespace ravelin::proxy
