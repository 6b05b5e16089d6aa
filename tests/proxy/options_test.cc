#include "proxy/options.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace ravelin::proxy;
using Task = Options::Task;

namespace {

Options parse(std::vector<std::string> words) {
  words.insert(words.begin(), "ravelin");
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return parse_options(static_cast<int>(words.size()), argv.data());
}

}  // namespace

TEST_CASE("the command line says what to do") {
  struct Row {
    std::vector<std::string> words;
    Task task;
  };
  const auto row = GENERATE(values<Row>({
      {{"--config", "f"}, Task::Run},
      {{"-c", "f"}, Task::Run},
      {{"--config=f", "--user", "mail"}, Task::Run},
      {{"--config", "f", "--check"}, Task::Check},
      {{"--check", "--live", "--config", "f"}, Task::CheckLive},
      {{"--live", "--check", "--config", "f"}, Task::CheckLive},
      {{"--print-defaults"}, Task::PrintDefaults},
      {{"--print-docs", "checks"}, Task::PrintDocs},
      {{"--print-docs", "parameters"}, Task::PrintDocs},
      {{"--print-docs", "sandbox"}, Task::PrintDocs},
      {{"--version"}, Task::Version},
      {{"--help"}, Task::Help},
      {{"-h"}, Task::Help},
  }));
  CAPTURE(row.words);
  const auto options = parse(row.words);
  CHECK(options.error == "");
  CHECK(options.task == row.task);
}

TEST_CASE("values of options arrive") {
  const auto options = parse({"--config", "/etc/r.toml", "--user", "mail"});
  CHECK(options.config_file == "/etc/r.toml");
  CHECK(options.user == "mail");
  CHECK(parse({"--print-docs", "checks"}).docs == "checks");
}

TEST_CASE("a wrong command line says why") {
  struct Row {
    std::vector<std::string> words;
    std::string error;
  };
  const auto row = GENERATE(values<Row>({
      {{}, "--config FILE is missing"},
      {{"--check"}, "--config FILE is missing"},
      {{"--config"}, "--config needs a value"},
      {{"--config", ""}, "--config FILE is missing"},
      {{"--user", ""}, "--user needs a name"},
      {{"--nonsense"}, "unknown option --nonsense"},
      {{"-x"}, "unknown option -x"},
      {{"-xh"}, "unknown option -x"},
      {{"--check=yes", "--config", "f"}, "--check takes no value"},
      {{"--config", "f", "g"}, "unexpected argument g"},
      {{"--config", "f", "--live"}, "--live goes with --check"},
      {{"--print-docs", "all"}, "--print-docs takes parameters, checks, sandbox, metrics or man"},
      {{"--print-docs", ""}, "--print-docs takes parameters, checks, sandbox, metrics or man"},
      {{"--config", "f", "--check", "--version"}, "--check and --version do not go together"},
  }));
  CAPTURE(row.words);
  CHECK(parse(row.words).error == row.error);
}

TEST_CASE("usage names every option") {
  for (const auto* word :
       {"--config", "--user", "--check", "--live", "--print-defaults", "--print-docs", "--version"})
    CHECK(usage().find(word) != std::string_view::npos);
}
