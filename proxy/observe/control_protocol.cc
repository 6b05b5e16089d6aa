#include "proxy/observe/control_protocol.h"

#include <algorithm>

namespace ravelin::proxy {
namespace {

constexpr uint32_t kMore = 0x80000000U;

}  // namespace

void append_frame(std::string& out, std::string_view& message) {
  const auto page = message.substr(0, kControlPage);
  message.remove_prefix(page.size());
  const auto length = static_cast<uint32_t>(page.size()) | (message.empty() ? 0 : kMore);
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(length >> shift & 0xff);
  out += page;
}

FrameReader::FrameReader(size_t max_frame, size_t max_message)
    : max_frame_(max_frame), max_message_(max_message) {}

FrameReader::Result FrameReader::feed(std::string_view& data) {
  if (finished_) {
    finished_ = false;
    message_.clear();
  }
  while (!data.empty()) {
    if (!in_frame_) {
      header_[header_size_++] = static_cast<unsigned char>(data.front());
      data.remove_prefix(1);
      if (header_size_ < sizeof header_) continue;
      if (begin_frame() == Result::TooLong) return Result::TooLong;
    }
    const auto piece = data.substr(0, left_);
    message_ += piece;
    left_ -= piece.size();
    data.remove_prefix(piece.size());
    if (left_ > 0) break;
    in_frame_ = false;
    if (more_) continue;
    finished_ = true;
    return Result::Message;
  }
  return Result::NeedMore;
}

FrameReader::Result FrameReader::begin_frame() {
  uint32_t length = 0;
  for (const auto byte : header_) length = length << 8 | byte;
  header_size_ = 0;
  more_ = (length & kMore) != 0;
  left_ = length & ~kMore;
  // An empty page that announces another one would let a peer send for ever.
  const bool empty_page = more_ && left_ == 0;
  const bool paged = more_ && max_message_ <= max_frame_;
  if (left_ > max_frame_ || left_ > max_message_ - message_.size() || empty_page || paged)
    return Result::TooLong;
  in_frame_ = true;
  return Result::NeedMore;
}

bool is_shallow(std::string_view json, int limit) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char byte = json[i];
    if (in_string && byte == '\\') {
      ++i;
    } else if (byte == '"') {
      in_string = !in_string;
    } else if (!in_string && (byte == '[' || byte == '{')) {
      if (++depth > limit) return false;
    } else if (!in_string && (byte == ']' || byte == '}')) {
      --depth;
    }
  }
  return true;
}

}  // namespace ravelin::proxy
