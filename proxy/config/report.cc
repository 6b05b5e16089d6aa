#include "proxy/config/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace ravelin::proxy {
namespace {

// A machine wrote it, or it is no configuration at all: nobody reads on.
constexpr size_t kMaxErrors = 500;
// Longer lines are not shown: the caret would be out of sight.
constexpr size_t kMaxShownLine = 500;
constexpr size_t kMaxQuoted = 80;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool is_utf8_tail(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// Bytes of the UTF-8 sequence that begins at |at|, 0 if none does. Overlong forms and surrogates
// pass: all this keeps off the terminal is bytes that are no text at all.
size_t sequence_at(std::string_view text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const size_t size = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (lead > 0xf4 || at + size > text.size()) return 0;
  for (size_t i = 1; i < size; ++i)
    if (!is_utf8_tail(text[at + i])) return 0;
  return size;
}

std::string harmless(std::string_view text) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    const size_t size = sequence_at(text, at);
    const bool bad = size == 0 || (is_control(text[at]) && text[at] != '\t');
    result += bad ? std::string_view("?") : text.substr(at, size);
    at += std::max<size_t>(size, 1);
  }
  return result;
}

// What stands before the caret: a tab for each tab, else a blank for each code point.
std::string caret_indent(std::string_view source, int column) {
  std::string indent;
  for (const char c : source) {
    if (is_utf8_tail(c)) continue;
    if (--column <= 0) break;
    indent += c == '\t' ? '\t' : ' ';
  }
  indent.append(static_cast<size_t>(std::clamp(column - 1, 0, 1)), ' ');  // just behind the line
  return indent;
}

}  // namespace

std::string ConfigError::format(std::string_view config_file) const {
  const std::string_view where = file.empty() ? config_file : std::string_view(file);
  if (line == 0) return fmt::format("{}: {}", where, message);
  std::string text = fmt::format("{}:{}:{}: {}", where, line, column, message);
  if (!source.empty()) text += fmt::format("\n  {}\n  {}^", source, caret_indent(source, column));
  return text;
}

Report::Report(std::string_view text) : text_(text), starts_{0} {
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n') starts_.push_back(i + 1);
}

std::string Report::line_at(int number) const {
  if (number < 1 || static_cast<size_t>(number) > starts_.size()) return {};
  auto line = text_.substr(starts_[static_cast<size_t>(number) - 1]);
  line = line.substr(0, line.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line.size() > kMaxShownLine ? std::string() : harmless(line);
}

// The TOML library's words quote the text as it is, line ends and all.
void Report::add(ConfigError error) {
  error.message = harmless(error.message);
  if (errors_.size() < kMaxErrors) {
    errors_.push_back(std::move(error));
  } else {
    ++dropped_;
  }
}

void Report::error(Place place, std::string message) {
  add({place.line, place.column, std::move(message), line_at(place.line), {}});
}

void Report::list_error(const std::string& file, int line, std::string source,
                        std::string message) {
  if (source.size() > kMaxShownLine) source.clear();
  add({line, 1, std::move(message), harmless(source), file});
}

std::vector<ConfigError> Report::take_errors() {
  std::stable_sort(errors_.begin(), errors_.end(), [](const auto& a, const auto& b) {
    return std::tie(a.file, a.line, a.column) < std::tie(b.file, b.line, b.column);
  });
  if (dropped_ > 0) errors_.push_back({0, 0, fmt::format("and {} more errors", dropped_), {}, {}});
  return std::move(errors_);
}

std::string quoted(std::string_view text) {
  size_t end = std::min(text.size(), kMaxQuoted);
  while (end > 0 && end < text.size() && is_utf8_tail(text[end])) --end;
  std::string result = harmless(text.substr(0, end));
  std::replace(result.begin(), result.end(), '\t', '?');
  return fmt::format("\"{}{}\"", result, end < text.size() ? "..." : "");
}

}  // namespace ravelin::proxy
