#include "smtp/reply.h"

#include <cassert>
#include <charconv>

namespace ravelin::smtp {
namespace {

constexpr size_t kReplyLine = 512;  // RFC 5321 §4.5.3.1.5, with code and CRLF

void append_number(int value, std::string& out) {
  char digits[8];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

void append_status(const Reply& reply, std::string& out) {
  append_number(reply.code / 100, out);
  out += '.';
  append_number(reply.enhanced.subject, out);
  out += '.';
  append_number(reply.enhanced.detail, out);
}

constexpr bool is_white(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

Reply::Reply(int reply_code, Enhanced status_code, std::string text)
    : code(reply_code), enhanced(status_code) {
  lines.push_back(std::move(text));
}

std::string Reply::status() const {
  std::string out;
  if (enhanced.present()) append_status(*this, out);
  return out;
}

std::string Reply::text() const {
  std::string out;
  for (const std::string& line : lines) {
    if (!out.empty() && !line.empty()) out += ' ';
    out += line;
  }
  return out;
}

void append_wire(const Reply& reply, std::string& out) {
  assert(reply.code >= 200 && reply.code <= 599 && !reply.lines.empty());
  for (size_t i = 0; i < reply.lines.size(); ++i) {
    const size_t begin = out.size();
    append_number(reply.code, out);
    out += i + 1 < reply.lines.size() ? '-' : ' ';
    if (reply.enhanced.present()) {
      append_status(reply, out);
      out += ' ';
    }
    const size_t room = kReplyLine - 2 - (out.size() - begin);
    out += std::string_view(reply.lines[i]).substr(0, room);
    out += "\r\n";
  }
}

std::string to_wire(const Reply& reply) {
  std::string out;
  append_wire(reply, out);
  return out;
}

std::string sanitise(std::string_view text, size_t max) {
  std::string out;
  out.reserve(text.size() < max ? text.size() : max);
  bool gap = false;  // white space that is not written yet; at the ends it never is
  for (const char c : text) {
    if (is_white(c)) {
      gap = !out.empty();
      continue;
    }
    if (out.size() + (gap ? 1 : 0) >= max) break;
    if (gap) out += ' ';
    gap = false;
    out += c > ' ' && c < '\x7f' ? c : '?';
  }
  return out;
}

}  // namespace ravelin::smtp
