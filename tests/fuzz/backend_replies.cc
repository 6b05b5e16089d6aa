// What a backend says, read whole and octet by octet: the same replies to the same commands.
#include <string>
#include <vector>

#include "fuzz/script.h"
#include "smtp/backend_dialog.h"
#include "smtp/capabilities.h"
#include "smtp/reply_parser.h"

namespace ravelin::fuzz {
namespace {

using smtp::BackendDialog;
using smtp::Reply;
using smtp::ReplyParser;

// What goes on to a client or a log.
void check(const Reply& reply) {
  must(reply.code >= 200 && reply.code <= 599, "a reply has a code");
  must(!reply.lines.empty(), "a reply has a line");
  const auto wire = smtp::to_wire(reply);
  must(is_clean(wire), "a reply is clean");
  for (const char c : wire)
    must(c == '\r' || c == '\n' || (c >= ' ' && c <= '~'), "a reply is printable");

  const auto offers = smtp::parse_ehlo_reply(reply);
  const auto both = smtp::intersect(offers, smtp::parse_ehlo_reply(Reply(250, "hi")));
  must(!both.eightbitmime && !both.smtputf8 && !both.dsn, "nothing is offered that one side lacks");
  must(smtp::intersect(offers, offers).offered().size == offers.size, "intersect() with itself");
}

struct Read {
  std::vector<Reply> replies;
  bool broken = false;
  bool operator==(const Read&) const = default;
};

Read read(std::string_view wire, size_t chunk, const smtp::ReplyLimits& limits) {
  Read result;
  ReplyParser parser(limits);
  while (!wire.empty() && !result.broken) {
    auto piece = wire.substr(0, chunk);
    wire.remove_prefix(piece.size());
    while (!piece.empty() && !result.broken) {
      const auto step = parser.feed(piece);
      must(step.consumed <= piece.size(), "no more is consumed than there is");
      piece.remove_prefix(step.consumed);
      result.broken = step.status == ReplyParser::Status::Broken;
      if (step.status == ReplyParser::Status::Reply) result.replies.push_back(parser.take());
    }
  }
  for (const auto& reply : result.replies) check(reply);
  return result;
}

// One side of a dialog, by a script: what the backend says, and "s" n to send command n, "p" n for
// PIPELINING, "t" n for text, its end if n is odd.
class Dialog final : BackendDialog::Events {
 public:
  Dialog(Script script, size_t chunk, const smtp::ReplyLimits& limits)
      : dialog_(limits, *this), chunk_(chunk) {
    script.play([this](std::string_view words) { hear(words); },
                [this](char letter, uint8_t number) { act(letter, number); });
    must(replies_ <= commands_, "no reply without a command");
    must(is_clean(output_), "what is sent is clean");
  }
  std::string log;
  const std::string& output() const { return output_; }

 private:
  void hear(std::string_view words) {
    while (!words.empty() && alive_) {
      alive_ = dialog_.feed(words.substr(0, chunk_));
      words.remove_prefix(std::min(chunk_, words.size()));
    }
    output_ += dialog_.take_output();
  }
  void act(char letter, uint8_t number) {
    if (!alive_) return;
    if (letter == 's') send(number);
    if (letter == 'p') dialog_.set_pipelining(number % 2 == 1);
    if (letter == 't' && dialog_.in_text()) dialog_.send_text(".a\r\n.\r\n", number % 2 == 1);
    if (letter == 't' && number % 2 == 1) ++commands_;
    output_ += dialog_.take_output();
  }
  void send(uint8_t number) {
    using smtp::Step;
    constexpr Step kSteps[] = {Step::Ehlo, Step::Mail, Step::Rcpt, Step::Data,    Step::Rset,
                               Step::Quit, Step::Helo, Step::Noop, Step::Xforward};
    const auto step = kSteps[number % std::size(kSteps)];
    dialog_.send(step, smtp::step_name(step));
    ++commands_;
  }
  void on_reply(smtp::Step step, const Reply& reply) override {
    ++replies_;
    log.append(smtp::step_name(step)).append(": ").append(smtp::to_wire(reply));
  }
  void on_text_refused(const Reply& reply) override { log += "refused: " + smtp::to_wire(reply); }
  void on_nonsense(std::string_view what) override {
    must(is_one_line(what), "what is said of nonsense is a line");
    log += "nonsense\n";
  }

  BackendDialog dialog_;
  const size_t chunk_;
  bool alive_ = true;
  size_t commands_ = 1;  // with the banner, which nobody asks for
  size_t replies_ = 0;
  std::string output_;
};

}  // namespace

void run(std::string_view input) {
  Script script(input);
  smtp::ReplyLimits limits;
  if (script.octet() % 2 == 1) limits = {64, 5, 200};
  must(read(script.rest(), 1, limits) == read(script.rest(), SIZE_MAX, limits),
       "replies do not depend on how they arrive");

  const Dialog whole(script, SIZE_MAX, limits);
  const Dialog slow(script, 1, limits);
  must(whole.log == slow.log, "a dialog does not depend on how replies arrive");
  must(whole.output() == slow.output(), "what is sent does not depend on how replies arrive");
}

}  // namespace ravelin::fuzz
