// The client side of SMTP: commands out, replies in, in order. Bytes in and bytes out; no I/O, no
// policy.                                                     RFC 5321 §4.1, RFC 2920
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/data_reader.h"
#include "smtp/reply.h"
#include "smtp/reply_parser.h"

namespace ravelin::smtp {

enum class Step : uint8_t {
  Banner,
  Ehlo,
  Helo,
  Starttls,
  Xclient,
  Xforward,
  Mail,
  Rcpt,
  Data,
  Dot,
  Rset,
  Noop,
  Quit
};
std::string_view step_name(Step step);  // "RCPT", "end of DATA"

// Queues commands and matches replies to them. With PIPELINING everything up to and with the next
// synchronising command (EHLO, STARTTLS, DATA, dot, QUIT; RFC 2920 §3.1) leaves in one piece;
// without it, one command a round trip. The owner decides what is sent; the dialog never adds a
// command.
class BackendDialog {
 public:
  class Events {
   public:
    // The reply to |step|. The dialog may be told to send more from here.
    virtual void on_reply(Step step, const Reply& reply) = 0;
    // A 4xx or 5xx while the text is still under way. As after on_nonsense() the connection is of
    // no further use.
    virtual void on_text_refused(const Reply& reply) {
      on_nonsense("the text is refused half-way: " + std::to_string(reply.code) + ' ' +
                  reply.text());
    }
    // What came was not SMTP, was too large, or answered nothing: the connection is lost. |what| is
    // printable and dies with the call.
    virtual void on_nonsense(std::string_view what) = 0;

   protected:
    ~Events() = default;
  };

  // A new connection waits for its banner; nothing is sent before it, and on_reply(Banner) comes
  // first. One that was taken over from another dialog has had its banner. |events| must outlive
  // the dialog, and must not destroy it from inside a call.
  BackendDialog(const ReplyLimits& limits, Events& events, bool expect_banner = true);

  void send(Step step, std::string_view line);  // |line| without CRLF
  // Message text, stuffed here, with its end ("." CRLF) when |last|: only between a 354 to Data and
  // |last|. What was queued behind Data waits until the end of the text was answered: by |replies|
  // replies, each a Step::Dot. LMTP has one for each recipient (RFC 2033 §4.2); a refusal half-way
  // is one for all.
  void send_text(std::string_view text, bool last, size_t replies = 1);
  bool in_text() const { return in_text_; }
  // A DATA is not answered yet, or its text is under way: nothing but that message can follow.
  bool text_due() const;
  void set_pipelining(bool on) { pipelining_ = on; }

  // Bytes that may leave now; the caller writes them and calls again after feed(). Only what was
  // taken here can be answered: a reply that comes sooner was not made for its command.
  std::string take_output();
  // Input from the backend. Events come from in here. Returns false after on_text_refused() and
  // on_nonsense(). A 421 is a
  // reply like any other, if something was asked.
  bool feed(std::string_view bytes);

  size_t outstanding() const { return commands_.size() - answered_; }  // replies still to come
  // Nothing was asked and no text is under way: the next command would go out at once, and bytes
  // that come now would be nonsense.
  bool idle() const { return outstanding() == 0 && !in_text_; }

 private:
  struct Queued {
    Step step;
    size_t length;  // of its line in |held_|
  };

  bool may_release() const;
  void release();
  void on_reply(const Reply& reply);
  void unasked(ReplyParser::Status status);
  void nonsense(std::string_view what);

  Events& events_;
  ReplyParser parser_;
  DotStuffer stuffer_;
  // In order: answered, taken by take_output(), released to |output_|, and still held back. Cleared
  // when all are answered, so that it neither grows nor allocates on a connection that is reused.
  std::vector<Queued> commands_;
  size_t answered_ = 0;
  size_t taken_ = 0;
  size_t released_ = 0;
  std::string held_;
  std::string output_;
  bool pipelining_ = false;
  bool in_text_ = false;
  bool early_ = false;  // a reply has begun before the end of the text was sent
  bool broken_ = false;
};

}  // namespace ravelin::smtp
