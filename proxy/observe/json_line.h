// One JSON object on one line, appended field by field. By hand because it is on the way of every
// dialog; the admin side, which is not, uses a library.                             RFC 8259
#pragma once

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/observe/escape.h"
#include "proxy/observe/log_text.h"

namespace ravelin::proxy {

// |out| must outlive the line. Keys are ours and plain. end() closes it.
class JsonLine {
 public:
  explicit JsonLine(std::string& out) : out_(out) { out_ += '{'; }

  JsonLine& text(std::string_view name, std::string_view value) {
    key(name);
    out_ += '"';
    append_json_text(out_, value);
    out_ += '"';
    return *this;
  }
  JsonLine& number(std::string_view name, uint64_t value) {
    key(name);
    append_number(out_, value);
    return *this;
  }
  JsonLine& millis(std::string_view name, std::chrono::nanoseconds value) {
    key(name);
    append_millis(out_, value);
    return *this;
  }
  JsonLine& flag(std::string_view name, bool value) {
    key(name);
    out_ += value ? "true" : "false";
    return *this;
  }
  JsonLine& id(std::string_view name, Id value) {
    key(name);
    out_ += '"';
    append_id(out_, value);
    out_ += '"';
    return *this;
  }
  // "name":null for no address at all, "" for the null reverse-path.
  JsonLine& address(std::string_view name, const smtp::Address* value) {
    if (value != nullptr) return text(name, address_text(value));
    key(name);
    out_ += "null";
    return *this;
  }
  // |append| writes the value, which must be JSON.
  template <class Append>
  JsonLine& value(std::string_view name, Append&& append) {
    key(name);
    append(out_);
    return *this;
  }

  void end() { out_ += "}\n"; }
  void end_object() { out_ += '}'; }

 private:
  static constexpr size_t kLongestKey = 32;

  // In one piece: the account of a message has sixty.
  void key(std::string_view name) {
    char piece[kLongestKey + 4] = {',', '"'};
    assert(name.size() <= kLongestKey);
    auto* const end = std::copy(name.begin(), name.end(), piece + 2);
    std::copy_n("\":", 2, end);
    const auto* const begin = std::exchange(first_, false) ? piece + 1 : piece;
    out_.append(begin, static_cast<size_t>(end + 2 - begin));
  }

  std::string& out_;
  bool first_ = true;
};

// {"rcpt":[0,1]}: taken, all.
void append_counts(std::string& out, VerbCounts counts);

}  // namespace ravelin::proxy
