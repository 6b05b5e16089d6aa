// Collects what is wrong with one configuration text, each fault with its place and line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/document.h"
#include "proxy/config/loader.h"

namespace ravelin::proxy {

class Report {
 public:
  // |text| must outlive the report; it may be empty if all faults have no place.
  explicit Report(std::string_view text);

  void error(Place place, std::string message);
  // A fault in a list file that the text names.
  void list_error(const std::string& file, int line, std::string source, std::string message);
  void warn(std::string message) { warnings_.push_back(std::move(message)); }

  bool clean() const { return errors_.empty(); }
  // In order of place, those of list files after those of the text.
  std::vector<ConfigError> take_errors();
  std::vector<std::string> take_warnings() { return std::move(warnings_); }

 private:
  std::string line_at(int number) const;
  void add(ConfigError error);

  std::string_view text_;
  std::vector<size_t> starts_;  // of each line
  std::vector<ConfigError> errors_;
  size_t dropped_ = 0;
  std::vector<std::string> warnings_;
};

// |text| in double quotes, fit for a message: control characters and what is
// no UTF-8 become '?', long text is cut.
std::string quoted(std::string_view text);

}  // namespace ravelin::proxy
