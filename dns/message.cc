#include "dns/message.h"

#include <utility>

namespace ravelin::dns {
namespace {

// Reads big-endian numbers and names; once something was missing, everything fails.
class Cursor {
 public:
  explicit Cursor(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  bool failed() const { return failed_; }
  bool at_end() const { return !failed_ && at_ == bytes_.size(); }
  size_t at() const { return at_; }

  uint16_t take16() {
    if (!has(2)) return 0;
    const int value = bytes_[at_] << 8 | bytes_[at_ + 1];
    at_ += 2;
    return static_cast<uint16_t>(value);
  }
  uint32_t take32() {
    const uint32_t high = take16();
    return high << 16 | take16();
  }
  WireName take_name() {
    auto name = failed_ ? std::nullopt : read_name(bytes_, at_);
    failed_ = !name;
    return name ? *std::move(name) : WireName(1, '\0');
  }
  void skip(size_t count) {
    if (has(count)) at_ += count;
  }

 private:
  bool has(size_t count) {
    failed_ = failed_ || count > bytes_.size() - at_;
    return !failed_;
  }

  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
  bool failed_ = false;
};

// RFC 1035 §4.1.3
Record take_record(Cursor& in) {
  Record record;
  record.owner = in.take_name();
  record.type = static_cast<RrType>(in.take16());
  record.klass = in.take16();
  record.ttl = in.take32();
  record.size = in.take16();
  record.at = in.at();
  in.skip(record.size);
  // RFC 2181 §8: a TTL with the top bit set is to be treated as zero.
  if (record.type != RrType::Opt && record.ttl > 0x7fffffff) record.ttl = 0;
  return record;
}

void take_section(Cursor& in, int count, size_t keep, std::vector<Record>& out) {
  while (count-- > 0 && !in.failed()) {
    auto record = take_record(in);
    if (out.size() < keep && !in.failed()) out.push_back(std::move(record));
  }
}

void take_additional(Cursor& in, int count, Message& message) {
  while (count-- > 0 && !in.failed()) {
    const auto record = take_record(in);
    // An error that only EDNS can express looks like NOERROR in the header.
    if (record.type == RrType::Opt) message.rcode |= static_cast<int>(record.ttl >> 24) << 4;
  }
}

}  // namespace

std::optional<Message> parse_message(std::span<const uint8_t> bytes) {
  Cursor in(bytes);
  Message message;
  in.take16();  // the id is c-ares' business
  const int flags = in.take16();
  message.response = (flags & 0x8000) != 0;
  message.opcode = flags >> 11 & 15;
  message.truncated = (flags & 0x0200) != 0;
  message.rcode = flags & 15;
  const int questions = in.take16();
  const int answers = in.take16();
  const int authority = in.take16();
  const int additional = in.take16();

  message.name = in.take_name();
  message.type = static_cast<RrType>(in.take16());
  message.klass = in.take16();
  if (in.failed() || questions != 1) return {};
  if (message.truncated) return message;

  take_section(in, answers, Message::kMaxAnswers, message.answers);
  take_section(in, authority, Message::kMaxAuthority, message.authority);
  take_additional(in, additional, message);
  if (!in.at_end()) return {};
  return message;
}

}  // namespace ravelin::dns
