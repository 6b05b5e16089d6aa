#include "proxy/config/list_file.h"

#include "proxy/config/loader.h"
#include "proxy/config/read_file.h"

namespace ravelin::proxy {
namespace {

constexpr size_t kMaxListSize = 64'000'000;  // bytes; about two million addresses
constexpr std::string_view kBlanks = " \t\r\f\v";

std::string_view without_comment(std::string_view line) {
  for (size_t at = line.find('#'); at != line.npos; at = line.find('#', at + 1))
    if (at == 0 || kBlanks.find(line[at - 1]) != kBlanks.npos) return line.substr(0, at);
  return line;
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace

ListFile parse_list(std::string_view text) {
  ListFile list;
  int number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const auto entry = trimmed(without_comment(text.substr(0, end)));
    ++number;
    if (!entry.empty()) list.entries.push_back({std::string(entry), number});
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return list;
}

ListFile read_list(const std::string& file) {
  ListFile list;
  const auto text = read_file(file, kMaxListSize, list.error);
  return text ? parse_list(*text) : list;
}

std::vector<std::string> read_list_file(const std::string& file, std::string& error) {
  auto list = read_list(file);
  if (!list.error.empty()) error = std::move(list.error);
  std::vector<std::string> entries;
  for (ListEntry& entry : list.entries) entries.push_back(std::move(entry.text));
  return entries;
}

}  // namespace ravelin::proxy
