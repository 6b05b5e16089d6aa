// What the smuggling tests send: every short string of what ends lines and data, and of what some
// servers skip.
#pragma once

#include <catch2/catch.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ravelin::test {

constexpr std::string_view kAlphabet{"\r\n.\0 x", 6};

// All strings over the alphabet of 1 to |longest| octets, one after the other.
class Mixtures {
 public:
  explicit Mixtures(size_t longest) : longest_(longest) {}

  bool next() {
    for (auto& letter : letters_) {
      if (++letter < kAlphabet.size()) return true;
      letter = 0;
    }
    letters_.push_back(0);
    return letters_.size() <= longest_;
  }
  std::string text() const {
    std::string out;
    for (const size_t letter : letters_) out += kAlphabet[letter];
    return out;
  }
  // How many there are.
  static size_t count(size_t longest) {
    size_t all = 0;
    size_t of_length = 1;
    for (size_t length = 1; length <= longest; ++length) all += of_length *= kAlphabet.size();
    return all;
  }

 private:
  const size_t longest_;
  std::vector<size_t> letters_;
};

// What stands behind the mixture: the text of a message that will not be one, or, if the mixture
// holds CRLF "." CRLF, the client's own next message.
constexpr std::string_view kEvilMail = "MAIL FROM:<evil@example.org>";
constexpr std::string_view kPayload =
    "MAIL FROM:<evil@example.org>\r\nRCPT TO:<bob@mx.example>\r\nDATA\r\nSubject: y\r\n\r\nevil\r\n"
    ".\r\n";

inline std::string visible(std::string_view wire) {
  std::string out;
  for (const char c : wire)
    out += c == '\r' ? "<CR>" : c == '\n' ? "<LF>" : c == '\0' ? "<NUL>" : std::string(1, c);
  return out;
}

// Runs |pass| ("" or what is wrong) for each mixture behind |before|: all must pass.
template <class Pass>
void try_all(size_t longest, std::string_view before, const Pass& pass) {
  Mixtures mixtures(longest);
  size_t tried = 0;
  size_t wrong = 0;
  for (; wrong < 20 && mixtures.next(); ++tried) {
    const auto mixture = mixtures.text();
    const std::string what = pass(std::string(before) + mixture + std::string(kPayload));
    if (what.empty()) continue;
    ++wrong;
    FAIL_CHECK(what << " after " << visible(before) << " and " << visible(mixture));
  }
  CHECK(tried == Mixtures::count(longest));
}

}  // namespace ravelin::test
