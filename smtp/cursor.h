// A position in a piece of text: what the hand-written parsers share. Private to smtp/.
#pragma once

#include <cstddef>
#include <string_view>

namespace ravelin::smtp {

constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alnum(char c) { return is_alpha(c) || is_digit(c); }
constexpr bool is_high(char c) { return static_cast<unsigned char>(c) >= 0x80; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

constexpr bool equal_nocase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

// Reads from the front. Views into the text live as long as the text.
class Cursor {
 public:
  constexpr explicit Cursor(std::string_view text) : rest_(text) {}

  constexpr bool at_end() const { return rest_.empty(); }
  constexpr char peek() const { return rest_.empty() ? '\0' : rest_[0]; }
  constexpr std::string_view rest() const { return rest_; }
  constexpr void skip(size_t count) { rest_.remove_prefix(count); }

  constexpr bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  constexpr bool take_nocase(std::string_view word) {
    if (!equal_nocase(rest_.substr(0, word.size()), word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  // The longest run of octets for which |is| holds; may be empty.
  template <class Predicate>
  constexpr std::string_view take_while(Predicate is) {
    size_t length = 0;
    while (length < rest_.size() && is(rest_[length])) ++length;
    const std::string_view run = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return run;
  }

 private:
  std::string_view rest_;
};

}  // namespace ravelin::smtp
