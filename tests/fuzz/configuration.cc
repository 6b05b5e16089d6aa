// Configuration texts: a configuration or errors, each with a place in the text.
#include <algorithm>
#include <optional>
#include <string>

#include "fuzz/script.h"
#include "proxy/config/loader.h"
#include "proxy/config/read_file.h"

// In place of the library's own, so that no input makes us open a file: every list is empty.
namespace ravelin::proxy {
std::optional<std::string> read_file(const std::string&, size_t, std::string&) { return ""; }
}  // namespace ravelin::proxy

namespace ravelin::fuzz {
namespace {

void check_error(const proxy::ConfigError& error, std::string_view text) {
  const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
  must(error.line >= 0 && error.line <= lines + 1, "an error is somewhere in the text");
  must(error.column >= 0, "a column is a number");
  must(!error.message.empty() && is_one_line(error.message), "an error is told in one line");
  must(!error.format("x.toml").empty(), "an error has words");
}

}  // namespace

void run(std::string_view input) {
  const auto loaded = proxy::parse_config(input, "x.toml");
  must((loaded.config != nullptr) == loaded.errors.empty(), "a configuration, or errors");
  for (const auto& error : loaded.errors) check_error(error, input);
  for (const auto& warning : loaded.warnings)
    must(is_one_line(warning), "a warning is told in one line");
  if (!loaded.config) return;
  must(!loaded.config->hostname.empty(), "there is a host name");
  for (const auto& route : loaded.config->routes)
    must(!route.backends.empty(), "a route leads somewhere");
}

}  // namespace ravelin::fuzz
