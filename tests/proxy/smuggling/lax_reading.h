// Reads what a backend got as the laxest mail servers would, and shares no code with the program:
// where two servers could see different commands or messages, a message can be smuggled.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ravelin::test {

// Each is a known habit of some server; together they are the laxest. CRLF always ends a line, and
// a line that is "." ends the data, so LF.LF, LF.CRLF, CRLF.LF, CR.CR, CR.CRLF, CRLF.CR and the
// rest of their kind are ends of data wherever the parts are ends of lines.
struct Habits {
  bool lf = false;                    // LF alone ends a line
  bool cr = false;                    // CR alone ends a line
  bool double_cr = false;             // CRs in front of a line end belong to it: "." CR CR LF
  bool skips_nul = false;             // NUL is dropped before anything is looked at
  bool trims = false;                 // white space at the end of a line does not count
  static constexpr size_t kAll = 32;  // how many mixtures there are; 0 is what RFC 5321 says

  static Habits mixture(size_t number) {
    const auto has = [number](unsigned bit) { return (number >> bit & 1) != 0; };
    return {has(0), has(1), has(2), has(3), has(4)};
  }
};

struct Reading {
  std::vector<std::string> commands;
  std::vector<std::string> messages;  // without stuffing, every line ended by CRLF
  bool in_text = false;               // a message has begun and not ended
};

// What follows an unfinished last line is not known, so the line is not looked at.
class LaxReader {
 public:
  LaxReader(Habits habits, std::string_view bytes) : habits_(habits), bytes_(bytes) {}

  Reading read() {
    std::string line;
    while (next_line(line)) take(line);
    return std::move(reading_);
  }

 private:
  bool next_line(std::string& line) {
    line.clear();
    while (at_ < bytes_.size()) {
      const char c = bytes_[at_++];
      if (c == '\0' && habits_.skips_nul) continue;
      const bool crlf = c == '\r' && take_lf();
      if (crlf || (c == '\n' && habits_.lf) || (c == '\r' && habits_.cr)) {
        strip(line);
        return true;
      }
      line += c;
    }
    return false;
  }
  bool take_lf() {
    auto next = at_;
    while (habits_.skips_nul && next < bytes_.size() && bytes_[next] == '\0') ++next;
    if (next == bytes_.size() || bytes_[next] != '\n') return false;
    at_ = next + 1;
    return true;
  }
  void strip(std::string& line) const {
    const auto goes = [this](char c) {
      return (c == '\r' && habits_.double_cr) || ((c == ' ' || c == '\t') && habits_.trims);
    };
    while (!line.empty() && goes(line.back())) line.pop_back();
  }
  void take(const std::string& line) {
    if (!reading_.in_text) {
      reading_.commands.push_back(line);
      reading_.in_text = line == "DATA";
      if (reading_.in_text) text_.clear();
    } else if (line == ".") {
      reading_.messages.push_back(text_);
      reading_.in_text = false;
    } else {
      text_.append(line, line.starts_with('.') ? 1 : 0).append("\r\n");
    }
  }

  const Habits habits_;
  const std::string_view bytes_;
  size_t at_ = 0;
  Reading reading_;
  std::string text_;
};

// "" or what no backend may ever see, and what must never depend on the reader.
inline std::string danger_in(std::string_view bytes) {
  if (bytes.find('\0') != bytes.npos) return "a NUL";
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] == '\n' && (i == 0 || bytes[i - 1] != '\r')) return "a bare LF";
    if (bytes[i] == '\r' && (i + 1 == bytes.size() || bytes[i + 1] != '\n')) return "a bare CR";
  }
  // In what has no bare CR, LF or NUL the mixtures of habits differ no more: each alone, and all.
  const auto strict = LaxReader({}, bytes).read();
  for (const size_t number : {1u, 2u, 4u, 8u, 16u, 31u}) {
    const auto lax = LaxReader(Habits::mixture(number), bytes).read();
    if (lax.commands != strict.commands) return "other commands for a lax reader";
    if (lax.messages.size() != strict.messages.size()) return "other messages for a lax reader";
    if (lax.in_text != strict.in_text) return "another end of data for a lax reader";
  }
  return {};
}

}  // namespace ravelin::test
