#include "smtp/backend_dialog.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

namespace ravelin::smtp {
namespace {

struct StepTraits {
  std::string_view name;
  bool synchronising;  // nothing may follow it before its reply             RFC 2920 §3.1
};

// In the order of Step. The end of data is the text's, and stands behind a 354 by itself.
constexpr std::array<StepTraits, 13> kSteps = {{{"banner", true},
                                                {"EHLO", true},
                                                {"HELO", true},
                                                {"STARTTLS", true},
                                                {"XCLIENT", true},
                                                {"XFORWARD", false},
                                                {"MAIL", false},
                                                {"RCPT", false},
                                                {"DATA", true},
                                                {"end of DATA", true},
                                                {"RSET", false},
                                                {"NOOP", true},
                                                {"QUIT", true}}};
static_assert(kSteps[static_cast<size_t>(Step::Quit)].name == "QUIT");

constexpr size_t kRoomForDots = 64;

[[maybe_unused]] bool is_one_line(std::string_view line) {
  return line.find('\r') == line.npos && line.find('\n') == line.npos;
}

bool synchronises(Step step) { return kSteps[static_cast<size_t>(step)].synchronising; }

}  // namespace

std::string_view step_name(Step step) { return kSteps[static_cast<size_t>(step)].name; }

BackendDialog::BackendDialog(const ReplyLimits& limits, Events& events, bool expect_banner)
    : events_(events), parser_(limits) {
  if (!expect_banner) return;
  commands_.push_back({Step::Banner, 0});
  released_ = taken_ = 1;
}

void BackendDialog::send(Step step, std::string_view line) {
  assert(step != Step::Banner && step != Step::Dot);
  assert(is_one_line(line));
  held_ += line;
  held_ += "\r\n";
  commands_.push_back({step, line.size() + 2});
  release();
}

void BackendDialog::send_text(std::string_view text, bool last, size_t replies) {
  assert(in_text_ && replies > 0);
  // Once for all, with room for some dots and the last one, which most often follows in the same
  // turn.
  if (output_.empty() && !text.empty()) output_.reserve(text.size() + kRoomForDots);
  stuffer_.append(text, output_);
  if (!last) return;
  stuffer_.finish(output_);
  in_text_ = false;
  // In front of what was queued behind DATA.
  commands_.insert(commands_.begin() + static_cast<std::ptrdiff_t>(released_), replies,
                   {Step::Dot, 0});
  released_ += replies;
}

bool BackendDialog::text_due() const {
  const auto is_data = [](const Queued& command) { return command.step == Step::Data; };
  return in_text_ || std::any_of(commands_.begin() + static_cast<std::ptrdiff_t>(answered_),
                                 commands_.end(), is_data);
}

// May the next command leave, with those in front of it not all answered?
bool BackendDialog::may_release() const {
  if (in_text_ || broken_) return false;
  if (released_ == answered_) return true;
  return pipelining_ && !synchronises(commands_[released_ - 1].step);
}

void BackendDialog::release() {
  size_t length = 0;
  while (released_ < commands_.size() && may_release()) length += commands_[released_++].length;
  output_.append(held_, 0, length);
  held_.erase(0, length);
}

std::string BackendDialog::take_output() {
  taken_ = released_;
  return std::exchange(output_, {});
}

bool BackendDialog::feed(std::string_view bytes) {
  while (!broken_ && !bytes.empty()) {
    const ReplyParser::Step step = parser_.feed(bytes);
    bytes.remove_prefix(step.consumed);
    if (step.status == ReplyParser::Status::Broken)
      nonsense(parser_.why());
    else if (answered_ == taken_ || early_)
      unasked(step.status);
    else if (step.status == ReplyParser::Status::Reply)
      on_reply(parser_.take());
  }
  return !broken_;
}

// A server that will not have the text may say so half-way, and only that is worth hearing; how the
// rest of its reply comes does not matter, not even behind our dot: it was not made for that.
// Outside of the text it is most often a 421 before the server closes an idle connection: for the
// log.
void BackendDialog::unasked(ReplyParser::Status status) {
  early_ = early_ || in_text_;
  if (status != ReplyParser::Status::Reply)
    return early_ ? void() : nonsense("bytes that answer nothing");
  const Reply reply = parser_.take();
  if (early_ && !reply.positive()) {
    broken_ = true;
    return events_.on_text_refused(reply);
  }
  nonsense("a reply that answers nothing: " + std::to_string(reply.code) + ' ' + reply.text());
}

// The owner hears it before the next command is released: it may have learned that the backend
// takes pipelined commands, or have more to say in the same piece.
void BackendDialog::on_reply(const Reply& reply) {
  const Step step = commands_[answered_++].step;
  if (answered_ == commands_.size()) {
    commands_.clear();
    answered_ = taken_ = released_ = 0;
  }
  if (step == Step::Data && reply.code == 354) in_text_ = true;
  events_.on_reply(step, reply);
  release();
}

void BackendDialog::nonsense(std::string_view what) {
  broken_ = true;
  events_.on_nonsense(what);
}

}  // namespace ravelin::smtp
