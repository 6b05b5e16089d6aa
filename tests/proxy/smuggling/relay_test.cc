// Every mixture of up to six octets through the reader and the relay's writer, which together
// decide what a backend gets: one message as it was sent, or none.   RFC 5321 §2.3.8, §4.1.1.4,
// §4.5.2
#include <catch2/catch.hpp>

#include "proxy/smuggling/lax_reading.h"
#include "proxy/smuggling/mixtures.h"
#include "smtp/backend_dialog.h"
#include "smtp/data_support.h"

namespace ravelin::test {
namespace {

using namespace std::string_view_literals;
using Status = smtp::DataReader::Status;

struct Nobody final : smtp::BackendDialog::Events {
  void on_reply(smtp::Step, const smtp::Reply&) override {}
  void on_nonsense(std::string_view) override {}
};

struct Relayed {
  std::string bytes;  // to the backend, until the end or a fault
  Status status = Status::More;
  size_t consumed = 0;
};

// As a session does it: clean text goes on at once, that of a call that ends in a fault does not,
// and the dot is sent when the reader has seen the end.
Relayed relay(std::string_view wire, size_t chunk, bool normalise) {
  Relayed result;
  smtp::DataLimits limits;
  limits.normalise = normalise;
  smtp::DataReader reader(limits);
  Nobody nobody;
  smtp::BackendDialog dialog({}, nobody, /*expect_banner=*/false);
  dialog.send(smtp::Step::Data, "DATA");
  result.bytes = dialog.take_output();
  dialog.feed("354 go on\r\n");
  in_chunks(wire, chunk, [&](std::string_view piece) {
    std::string text;
    const auto step = reader.feed(piece, text);
    result.status = step.status;
    result.consumed += step.consumed;
    if (step.status == Status::Fault) return false;
    dialog.send_text(text, step.status == Status::End);
    result.bytes += dialog.take_output();
    return step.status == Status::More;
  });
  return result;
}

std::string pass(const std::string& wire, size_t chunk, bool normalise) {
  const auto want = expect_text(wire, normalise);
  const auto got = relay(wire, chunk, normalise);
  if (auto danger = danger_in(got.bytes); !danger.empty()) return danger;
  if (got.status != want.status) return "accepted or refused otherwise";
  const auto reading = LaxReader({}, got.bytes).read();
  if (reading.commands != std::vector<std::string>{"DATA"}) return "a command";
  if (want.status == Status::Fault) return reading.messages.empty() ? "" : "a dot after a fault";
  if (got.consumed != want.consumed) return "the end is elsewhere";
  return reading.messages == std::vector<std::string>{want.text} ? "" : "the text";
}

TEST_CASE("Whatever is in a text, the relay writes one message or none") {
  const bool normalise = GENERATE(false, true);
  const size_t chunk = GENERATE(as<size_t>{}, 1, 1 << 20);
  const std::string before = GENERATE("Subject: x\r\n\r\nbody", "Subject: x\r\n\r\nbody\r\n");
  CAPTURE(normalise, chunk);
  try_all(6, before, [&](const std::string& wire) { return pass(wire, chunk, normalise); });
}

// The oracle itself: each habit that is known to have smuggled mail sees a second message here.
TEST_CASE("A lax reader is fooled by what is known to fool it") {
  const auto end = GENERATE(values<std::string_view>(
      {"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\n", "\n.\r", "\r.\r\n", "\r\n.\r",
       "\r\n.\r\r\n", "\r\r\n.\r\r\n", "\r\n\0.\r\n"sv, "\r\n.\0\r\n"sv, "\r\n. \r\n"}));
  CAPTURE(visible(end));
  const auto bytes =
      "DATA\r\nbody" + std::string(end) + "MAIL FROM:<evil@example.org>\r\nDATA\r\nx\r\n.\r\n";
  CHECK(LaxReader({}, bytes).read().messages.size() == 1);
  size_t fooled = 0;
  for (size_t number = 0; number < Habits::kAll; ++number)
    fooled += LaxReader(Habits::mixture(number), bytes).read().messages.size() == 2 ? 1 : 0;
  CHECK(fooled > 0);
  CHECK_FALSE(danger_in(bytes).empty());
}

}  // namespace
}  // namespace ravelin::test
