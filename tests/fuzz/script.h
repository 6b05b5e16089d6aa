// What the fuzz targets share: the entry, a way to say what did not hold, and how an input of
// octets is read as a script.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace ravelin::fuzz {

// Each target defines it: one whole run, from nothing, so that an input that fails does so again.
void run(std::string_view input);

// Ends the process where libFuzzer and the replay both see it.
inline void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

// Reads an input from the front; what is not there is zero.
class Script {
 public:
  explicit Script(std::string_view input) : rest_(input) {}

  bool at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  uint8_t octet() {
    if (rest_.empty()) return 0;
    const auto first = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  size_t number() {  // 0 to 65535
    const size_t high = octet();
    return high << 8 | octet();
  }
  std::string_view take(size_t size) {
    const auto piece = rest_.substr(0, size);
    rest_.remove_prefix(piece.size());
    return piece;
  }

  // A dialog: octets that one side says, as they are, so that dictionaries and real dialogs fit;
  // and in between "\xff" <letter> <octet> for what else happens. UTF-8 has no such octet;
  // "\xff\xff" is one of them.
  template <class Say, class Act>
  void play(Say say, Act act) {
    while (!at_end()) {
      const auto words = take(rest_.find(kEscape));
      if (!words.empty()) say(words);
      if (at_end()) return;
      octet();
      const auto letter = static_cast<char>(octet());
      if (letter == kEscape)
        say(std::string_view("\xff", 1));
      else
        act(letter, octet());
    }
  }

 private:
  static constexpr char kEscape = '\xff';
  std::string_view rest_;
};

// No line that |text| holds can be read as two: every CR and LF stands in a CRLF, and there is no
// NUL.
inline bool is_clean(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\0') return false;
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) return false;
    if (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')) return false;
  }
  return true;
}

// One line and no more.
inline bool is_one_line(std::string_view text) {
  using namespace std::string_view_literals;
  return text.find_first_of("\r\n\0"sv) == text.npos;
}

}  // namespace ravelin::fuzz
