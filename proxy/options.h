// The daemon's command line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ravelin::proxy {

struct Options {
  enum class Task : uint8_t { Run, Check, CheckLive, PrintDefaults, PrintDocs, Version, Help };
  Task task = Task::Run;
  std::string config_file;
  std::string user;   // --user; "" if not given
  std::string docs;   // --print-docs: "parameters" or "checks"
  std::string error;  // not empty: the command line is wrong, and this is why
};

// |argv| as main() has it. Never exits; prints nothing.
Options parse_options(int argc, char** argv);
std::string_view usage();

}  // namespace ravelin::proxy
