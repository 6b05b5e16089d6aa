// Message text on its way from the client to the backend: what the backend gets, read as plainly as
// RFC 5321 has it, is what the client said, or there is a fault; however the text was cut.
#include <string>

#include "fuzz/script.h"
#include "smtp/backend_dialog.h"
#include "smtp/data_reader.h"
#include "support/plain_text.h"

namespace ravelin::fuzz {
namespace {

using Status = smtp::DataReader::Status;

// A backend's side, just behind its 354.
class Relay final : smtp::BackendDialog::Events {
 public:
  Relay() : dialog_({}, *this, /*expect_banner=*/false) {
    dialog_.send(smtp::Step::Data, "DATA");
    dialog_.take_output();
    dialog_.feed("354 go\r\n");
  }
  void text(std::string_view text, bool last) {
    dialog_.send_text(text, last);
    wire += dialog_.take_output();
  }
  std::string wire;

 private:
  void on_reply(smtp::Step, const smtp::Reply&) override {}
  void on_nonsense(std::string_view) override { must(false, "nobody spoke nonsense"); }

  smtp::BackendDialog dialog_;
};

struct Outcome {
  Status status = Status::More;
  smtp::DataFault fault = smtp::DataFault::None;
  size_t consumed = 0;
  size_t discarded = 0;  // up to the end of data behind a fault; 0: none came
  std::string wire;      // of what may be sent on
  std::string message_id;
  uint32_t received = 0;
};

class Reading {
 public:
  Reading(std::string_view input, size_t chunk, const smtp::DataLimits& limits) : reader_(limits) {
    for (size_t at = 0; at < input.size() && !over_; at += chunk) take(input.substr(at, chunk));
    result.fault = reader_.fault();
    result.wire = relay_.wire;
    result.message_id = reader_.message_id();
    result.received = reader_.received_lines();
    must(result.message_id.size() <= smtp::HeaderScan::kMessageId, "a Message-ID is bounded");
    if (result.status == Status::End) must(reader_.size() == size_, "octets are counted");
  }
  Outcome result;

 private:
  void take(std::string_view piece) {
    if (result.status == Status::More) {
      std::string text;
      const auto step = reader_.feed(piece, text);
      must(step.consumed <= piece.size(), "no more is consumed than there is");
      must(step.status != Status::More || step.consumed == piece.size(), "all is consumed");
      result.status = step.status;
      result.consumed += step.consumed;
      discarded_ = result.consumed;
      size_ += text.size();
      if (step.status != Status::Fault) relay_.text(text, step.status == Status::End);
      over_ = step.status == Status::End;
      if (step.status != Status::Fault) return;
      piece.remove_prefix(step.consumed);
    }
    const auto step = reader_.discard(piece);
    discarded_ += step.consumed;
    over_ = step.status == Status::End;
    if (over_) result.discarded = discarded_;
  }

  smtp::DataReader reader_;
  Relay relay_;
  bool over_ = false;
  size_t discarded_ = 0;
  uint64_t size_ = 0;
};

// The backend's reading of a whole message. Its first end of data must be the last thing that it
// gets.
std::string unstuffed(const std::string& wire) {
  const auto read = test::expect_text(wire, /*normalise=*/false);
  must(read.status == Status::End && read.consumed == wire.size(), "there is one end of data");
  return read.text;
}

void compare(const Outcome& whole, const Outcome& pieces) {
  must(whole.status == pieces.status, "the end does not depend on how text arrives");
  must(whole.fault == pieces.fault, "a fault does not depend on how text arrives");
  // A limit is seen at the end of a piece or within it; only where the refused text ends matters.
  if (whole.status == Status::End)
    must(whole.consumed == pieces.consumed, "where it ends does not depend on how text arrives");
  must(whole.discarded == pieces.discarded, "where a refused text ends does not, either");
  if (whole.status != Status::End) return;
  must(whole.wire == pieces.wire, "what is sent on does not depend on how text arrives");
  must(whole.message_id == pieces.message_id, "the Message-ID does not depend on it");
  must(whole.received == pieces.received, "the count of Received: does not depend on it");
}

}  // namespace

void run(std::string_view input) {
  Script script(input);
  const auto kind = script.octet();
  smtp::DataLimits limits;
  limits.normalise = (kind & 1) != 0;
  if ((kind & 2) != 0) limits.size = script.octet();
  if ((kind & 4) != 0) limits.line = 1 + script.octet();
  if ((kind & 8) != 0) limits.received = 2;
  const size_t chunk = 1 + (kind >> 4);

  const auto whole = Reading(script.rest(), SIZE_MAX / 2, limits).result;
  const auto pieces = Reading(script.rest(), chunk, limits).result;
  compare(whole, pieces);
  for (const auto* one : {&whole, &pieces})
    must(is_clean(one->wire) || one->wire.ends_with('\r'), "what is sent on is clean");

  const auto plain = test::expect_text(script.rest(), limits.normalise);
  if (whole.status == Status::End) {
    must(plain.status == Status::End && plain.consumed == whole.consumed, "the end is the end");
    must(unstuffed(whole.wire) == plain.text, "the backend gets what the client said");
  }
  if ((kind & 14) != 0) return;  // the plain reading knows no limits
  if (whole.received > limits.received) return;
  must(whole.fault == smtp::DataFault::TooManyHops || whole.status == plain.status,
       "the reader and the plain reading agree");
}

}  // namespace ravelin::fuzz
