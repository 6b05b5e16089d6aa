// A configuration with all that is required, and room for what a test is about.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/loader.h"

namespace ravelin::proxy {

inline constexpr std::string_view kRoute =
    "[[route]]\ndomains = [\"example.com\"]\nbackends = [\"mail.internal:25\"]\n";

// |text| comes below `hostname`, above the route: line 2 is its first.
inline Loaded load(std::string_view text) {
  return parse_config(
      "hostname = \"mx.example.net\"\n" + std::string(text) + '\n' + std::string(kRoute),
      "test.toml");
}

// "line:column: message" of each error, or the file's name first if it is a list file.
inline std::vector<std::string> errors(const Loaded& loaded) {
  std::vector<std::string> result;
  for (const ConfigError& error : loaded.errors) {
    const auto place =
        std::to_string(error.line) + ':' + std::to_string(error.column) + ": " + error.message;
    result.push_back(error.file.empty() ? place : error.file + ':' + place);
  }
  return result;
}

inline std::vector<std::string> errors_of(std::string_view text) { return errors(load(text)); }

}  // namespace ravelin::proxy
