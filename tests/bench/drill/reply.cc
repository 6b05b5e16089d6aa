#include "tests/bench/drill/reply.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace ravelin::drill {
namespace {

constexpr size_t kMostText = 4096;

bool digit(char c) { return c >= '0' && c <= '9'; }

// enhanced = class "." subject "." detail                                    RFC 3463 §2
std::string enhanced_of(std::string_view text) {
  const auto end = text.find(' ');
  const auto word = text.substr(0, end);
  const bool shaped =
      word.size() >= 5 && word.size() <= 9 && digit(word[0]) && word[1] == '.' &&
      digit(word.back()) && std::count(word.begin(), word.end(), '.') == 2 &&
      std::all_of(word.begin(), word.end(), [](char c) { return digit(c) || c == '.'; });
  return shaped ? std::string(word) : std::string();
}

}  // namespace

bool Reply::offers(std::string_view keyword) const {
  for (size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = std::string_view(text).substr(at, end - at);
    const auto same = [](char a, char b) { return std::toupper(a) == b; };
    if (line.size() >= keyword.size() &&
        (line.size() == keyword.size() || line[keyword.size()] == ' ') &&
        std::equal(keyword.begin(), keyword.end(), line.begin(),
                   [&](char want, char is) { return same(is, want); }))
      return true;
    at = end + 1;
  }
  return false;
}

std::optional<Reply> ReplyReader::feed(std::string_view line) {
  if (line.size() < 3 || !std::all_of(line.begin(), line.begin() + 3, digit)) {
    reset();
    return Reply{};
  }
  const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
  const auto rest = line.size() > 4 ? line.substr(4) : std::string_view();
  if (reply_.code == 0) {
    reply_.code = code;
    reply_.enhanced = enhanced_of(rest);
  }
  if (reply_.text.size() + rest.size() < kMostText) reply_.text.append(rest).push_back('\n');
  if (line.size() > 3 && line[3] == '-') return std::nullopt;
  return std::exchange(reply_, {});
}

}  // namespace ravelin::drill
