#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "tests/bench/drill/sink.h"

namespace ravelin::drill {

// One connection to the sink.
class SinkDialog {
 public:
  SinkDialog(Sink& sink, int fd, bool welcome);
  ~SinkDialog();
  SinkDialog(const SinkDialog&) = delete;
  SinkDialog& operator=(const SinkDialog&) = delete;

  // False for one connection too many, which only hears so.
  bool welcome() const { return welcome_; }

 private:
  enum class State { Commands, Text };

  void on_readable();
  void arrive();  // what has been under way long enough
  bool take(std::string_view bytes);
  // Takes commands until one has to wait, or there is none; false when the dialog is over.
  bool work();
  bool take_text();
  // Its reply, in its time.
  bool begin(std::string_view line);
  bool finish();
  std::string answer(std::string_view line);
  std::string answer_rcpt(std::string_view line);
  std::string answer_dot();
  Seconds cost() const;
  void reset() { sender_ = false, accepted_ = 0; }
  bool write(std::string_view reply);
  void watch_input();

  Sink& sink_;
  const int fd_;
  const bool welcome_;
  event readable_{};
  Timer timer_, arrival_;
  std::deque<std::pair<Seconds, std::string>> under_way_;  // and when each is here
  std::string input_;
  std::string pending_;  // the command that takes its time
  State state_ = State::Commands;
  bool waiting_ = false;
  bool reading_ = true;
  bool over_ = false;  // after the next reply
  bool sender_ = false;
  uint32_t accepted_ = 0;
  uint32_t refused_ = 0;  // on this connection, since its last message
};

}  // namespace ravelin::drill
