// Lists in files of their own: one entry a line, # comments.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ravelin::proxy {

struct ListEntry {
  std::string text;
  int line;  // 1-based
};

struct ListFile {
  std::vector<ListEntry> entries;
  std::string error;  // why it cannot be read; then there are no entries
};

// White space around entries is trimmed, CR included; empty lines are skipped. A comment begins
// with a # at the start of the line or after white space: a local part may contain one.
ListFile parse_list(std::string_view text);
ListFile read_list(const std::string& file);  // at most 64 MB

}  // namespace ravelin::proxy
