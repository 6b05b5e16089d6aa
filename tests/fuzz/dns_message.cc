// What a stranger's name server sends: the answer is what it may be, or "don't know".
#include <algorithm>
#include <iterator>
#include <span>

#include "dns/answer.h"
#include "dns/message.h"
#include "dns/name.h"
#include "fuzz/script.h"

namespace ravelin::fuzz {
namespace {

using dns::Status;
using dns::Type;

const dns::Question kQuestions[] = {{Type::A, "mx.example"},
                                    {Type::Aaaa, "mx.example"},
                                    {Type::Ptr, "1.2.0.192.in-addr.arpa"},
                                    {Type::Mx, "mx.example"}};

void check_answer(const dns::Answer& answer, Type type) {
  const bool addresses = type == Type::A || type == Type::Aaaa;
  must(addresses || answer.addresses.empty(), "addresses only where they were asked for");
  must(type == Type::Ptr || answer.names.empty(), "names only where they were asked for");
  must(type == Type::Mx || answer.mx.empty(), "MX only where it was asked for");
  must(answer.addresses.size() <= dns::kMaxAddresses, "not too many addresses");
  must(answer.names.size() <= dns::kMaxNames, "not too many names");
  must(answer.mx.size() <= dns::kMaxMx, "not too many MX");
  must(!addresses || answer.status != Status::Ok || !answer.addresses.empty(), "Ok has an address");

  for (const auto& address : answer.addresses)
    must(type == Type::Aaaa || address.is_v4(), "an A record has an IPv4 address");
  for (const auto& name : answer.names)
    must(dns::is_host_name(name) && name == dns::canonical_name(name), "a name is a host name");
  for (const auto& mx : answer.mx)
    must(mx.exchange.empty() || dns::is_host_name(mx.exchange), "an exchange is a host name");
  must(std::is_sorted(answer.mx.begin(), answer.mx.end(),
                      [](const auto& a, const auto& b) { return a.preference < b.preference; }),
       "the best MX is first");
  if (answer.status == Status::Ok) return;
  must(answer.addresses.empty() && answer.names.empty() && answer.mx.empty(), "no is no");
}

void check_message(std::span<const uint8_t> bytes) {
  const auto message = dns::parse_message(bytes);
  if (!message) return;
  must(message->answers.size() <= dns::Message::kMaxAnswers, "not too many records");
  must(message->authority.size() <= dns::Message::kMaxAuthority, "not too much authority");
  for (const auto* records : {&message->answers, &message->authority}) {
    for (const auto& record : *records)
      must(record.at <= bytes.size() && record.size <= bytes.size() - record.at,
           "a record is inside its message");
  }
}

// A name in the midst of anything.
void check_name(std::span<const uint8_t> bytes, size_t at) {
  const auto before = at;
  const auto name = dns::read_name(bytes, at);
  if (!name) return;
  must(name->size() <= 255 && !name->empty() && name->back() == '\0', "a name ends with the root");
  must(at > before && at <= bytes.size(), "a name has a length");
  const auto text = dns::host_name_of(*name);
  if (text.empty()) return;
  must(dns::is_host_name(text), "a host name is one");
  must(dns::is_query_name(text) && dns::to_wire(text) == *name, "a host name is its name");
}

}  // namespace

// The first octet: what is asked for. The second: where else a name is read.
void run(std::string_view input) {
  Script script(input);
  const auto& question = kQuestions[script.octet() % std::size(kQuestions)];
  const size_t at = script.octet();
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(script.rest().data()),
                                       script.rest().size());
  check_message(bytes);
  if (at < bytes.size()) check_name(bytes, at);
  const auto reading = dns::read_answer(question, bytes);
  check_answer(reading.answer, question.type);
  must(!reading.truncated || reading.answer.status == Status::TempFail, "half an answer is none");
  must(!reading.ttl || reading.ttl->count() >= 0, "a TTL is not in the past");

  const auto text = script.rest().substr(0, 300);
  if (dns::is_query_name(text)) must(!dns::to_wire(text).empty(), "a query name has a wire form");
}

}  // namespace ravelin::fuzz
