// A table of the configuration file. Sections of checks register themselves, so that a new check
// with parameters is one new file and config/ need not know of it.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "proxy/config/param.h"

namespace ravelin::proxy {

struct Config;
struct Value;
class Report;

struct Section {
  std::string_view path;  // "limits", "checks.rdns"
  std::string_view doc;
  std::span<const Param> params;
  // A new settings object with its members unset; the loader fills it, defaults first.
  std::shared_ptr<void> (*make)() = nullptr;
  // Called last, if the rest of the file is sound so far: reads the files that |settings| name,
  // checks what only their owner can.
  void (*complete)(const Value& root, const Config& config, void* settings,
                   Report& report) = nullptr;
};

template <class S>
std::shared_ptr<void> make_settings() {
  return std::make_shared<S>();
}

// Static initialisation only; the list does not change after main() has begun. |section| must
// live as long as the program, and its path be nobody else's.
class RegisterSection {
 public:
  explicit RegisterSection(const Section& section);
};
std::span<const Section* const> registered_sections();  // in order of path

}  // namespace ravelin::proxy
