// Frames of the control socket: four octets of length, most significant first, then that many
// octets of JSON. A set top bit of the length says that the message goes on in the next frame, so
// that a long answer leaves page by page and a slow reader bounds what waits for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ravelin::proxy {

inline constexpr size_t kMaxControlRequest = 64 * 1024;          // octets of JSON, one frame
inline constexpr size_t kControlPage = 1024 * 1024;              // octets of JSON in a frame
inline constexpr size_t kMaxControlResponse = 64 * 1024 * 1024;  // what a client takes
inline constexpr int kMaxControlDepth = 16;                      // of nested [ and {

// Appends the first frame of |message| to |out| and removes it from |message|. An empty message is
// one empty frame.
void append_frame(std::string& out, std::string_view& message);

// Bytes in, messages out.
class FrameReader {
 public:
  // |max_frame| and |max_message| in octets of JSON. With equal ones no message has two frames.
  FrameReader(size_t max_frame, size_t max_message);

  enum class Result : uint8_t {
    NeedMore,
    Message,  // message() is whole; the next feed() begins another one
    TooLong,  // a limit is exceeded: what follows cannot be told apart any more
  };
  // Takes from the front of |data| what belongs to the current message.
  Result feed(std::string_view& data);
  const std::string& message() const { return message_; }
  // In the middle of a message?
  bool begun() const { return header_size_ > 0 || left_ > 0 || more_; }

 private:
  Result begin_frame();

  const size_t max_frame_;
  const size_t max_message_;
  unsigned char header_[4] = {};
  size_t header_size_ = 0;
  size_t left_ = 0;        // of the current frame
  bool in_frame_ = false;  // the header is read
  bool more_ = false;      // another frame follows
  bool finished_ = false;  // message_ was handed out
  std::string message_;
};

// Are [ and { nested no deeper than |limit|? Cheaper than to parse, and asked before it: what a
// parser builds of a deep text costs many times its length.
bool is_shallow(std::string_view json, int limit);

}  // namespace ravelin::proxy
