// Reads the configuration file: all errors at once, each with its place.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/config.h"

namespace ravelin::proxy {

struct ConfigError {
  int line = 0;  // 1-based; 0 if the error has no place in the file
  int column = 0;
  std::string message;  // one line, with "did you mean" where a known name is near
  std::string source;   // the offending line of the file
  std::string file;     // the list file that it is in; empty: the configuration itself

  // "file:line:column: message", then the line and a caret below it; no line end after the last.
  // |config_file| is used where |file| is empty.
  std::string format(std::string_view config_file) const;
};

// Either |config| or at least one error. Warnings do not keep a configuration from being used.
struct Loaded {
  std::shared_ptr<const Config> config;
  std::vector<ConfigError> errors;
  std::vector<std::string> warnings;
};

// |file_name| is not opened: it is what the text came from, for ConfigError::format() by the
// caller. Files that the text names (domains_file, allow_file, ...) are read too, relative to the
// working directory, and faults in them are errors. Never throws for bad input.
Loaded load_config(const std::string& file);
Loaded parse_config(std::string_view text, std::string_view file_name);

// The commented sample, as etc/ravelin.toml has it; all parameters, defaults in place.
std::string print_defaults();
// docs/parameters.md.
std::string print_parameter_docs();
std::string print_parameter_man();  // docs/man/ravelin.toml.5

// The entries of a list file: one a line, # comments, white space trimmed. |error| is filled if it
// cannot be read, and left alone otherwise.
std::vector<std::string> read_list_file(const std::string& file, std::string& error);

}  // namespace ravelin::proxy
