// The client side of SMTP: commands out, replies in, in order. Bytes in and bytes out; no I/O, no
// policy.                                                     RFC 5321 §4.1, RFC 2920
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "smtp/capabilities.h"
#include "smtp/reply.h"
#include "smtp/reply_parser.h"

namespace ravelin::smtp {

enum class Step : uint8_t { Banner, Ehlo, Helo, Xforward, Mail, Rcpt, Data, Dot, Rset, Noop, Quit };
std::string_view step_name(Step step);  // "RCPT", "end of DATA"

// Queues commands and matches replies to them. With PIPELINING everything up to and with the next
// synchronising command (EHLO, DATA, dot, QUIT; RFC 2920 §3.1) leaves in one piece; without it, one
// command a round trip. The owner decides what is sent; the dialog never adds a command.
class BackendDialog {
 public:
  class Events {
   public:
    // The reply to |step|. The dialog may be told to send more from here.
    virtual void on_reply(Step step, const Reply& reply) = 0;
    // What came was not SMTP, was too large, or answered nothing: the connection is lost.
    virtual void on_nonsense(std::string_view what) = 0;

   protected:
    ~Events() = default;
  };

  BackendDialog(const ReplyLimits& limits, Events& events);

  // A new connection waits for its banner; nothing is sent before it.
  void send(Step step, std::string_view line);  // |line| without CRLF
  // Message text, stuffed, with its end ("." CRLF) when |last|: only after a 354 to Data.
  void send_text(std::string_view text, bool last);
  void set_pipelining(bool on) { pipelining_ = on; }

  // Bytes that may leave now; the caller writes them and calls again after feed().
  std::string take_output();
  // Input from the backend. Events come from in here. Returns false after on_nonsense().
  bool feed(std::string_view bytes);

  size_t outstanding() const { return expected_.size() + queue_.size(); }  // replies still to come
  // Nothing may answer what was not asked: bytes now would be nonsense.
  bool idle() const { return outstanding() == 0; }

 private:
  struct Queued {
    Step step;
    std::string line;
  };
  Events& events_;
  ReplyParser parser_;
  std::deque<Queued> queue_;   // not sent yet
  std::deque<Step> expected_;  // sent, not answered
  std::string output_;
  bool pipelining_ = false;
};

}  // namespace ravelin::smtp
