#include "dns/answer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dns/message.h"

namespace ravelin::dns {
namespace {

using std::chrono::seconds;

constexpr int kNoError = 0;
constexpr int kNxDomain = 3;

RrType rr_type(Type type) {
  switch (type) {
    case Type::A:
      return RrType::A;
    case Type::Aaaa:
      return RrType::Aaaa;
    case Type::Ptr:
      return RrType::Ptr;
    case Type::Mx:
      return RrType::Mx;
  }
  return RrType::A;
}

// One message, seen from one question.
class Reader {
 public:
  Reader(const Message& message, std::span<const uint8_t> bytes, RrType type)
      : message_(message), bytes_(bytes), type_(type), owner_(message.name) {}

  Reading read() {
    if (!follow_aliases()) return {};
    for (const auto& record : message_.answers)
      if (is_ours(record)) take(record);
    if (message_.rcode == kNxDomain) return found_ ? Reading{} : negative(Status::NoName);
    if (!found_) return negative(Status::NoData);
    if (good_ == 0) return {};  // only broken records: a fault, not a "no"
    std::stable_sort(answer_.mx.begin(), answer_.mx.end(), [](const auto& one, const auto& other) {
      return one.preference < other.preference;
    });
    if (answer_.mx.size() > kMaxMx) {
      answer_.mx.resize(kMaxMx);
      answer_.partial = true;
    }
    answer_.status = Status::Ok;
    return {std::move(answer_), ttl_, false};
  }

 private:
  bool belongs(const Record& record, RrType type) const {
    return record.type == type && record.klass == kClassIn && record.owner == owner_;
  }
  bool is_ours(const Record& record) const { return belongs(record, type_); }
  bool has_ours() const {
    return std::any_of(message_.answers.begin(), message_.answers.end(),
                       [this](const Record& record) { return is_ours(record); });
  }

  // Leads |owner_| from the name asked for to the name that the records belong to, RFC 1034 §3.6.2.
  // At a reverse name an alias is normal: RFC 2317 delegates parts of a /24 that way. False if
  // there is no end to it.
  bool follow_aliases() {
    for (int hops = 0; !has_ours(); ++hops) {
      const auto alias =
          std::find_if(message_.answers.begin(), message_.answers.end(),
                       [this](const Record& record) { return belongs(record, RrType::Cname); });
      if (alias == message_.answers.end()) return true;
      auto target = name_in(*alias, 0);
      if (!target || hops == kMaxAliases) return false;
      keep_at_most(seconds(alias->ttl));
      owner_ = *std::move(target);
    }
    return true;
  }

  // The name that begins |skip| bytes into the record's data and ends with it.
  std::optional<WireName> name_in(const Record& record, size_t skip) const {
    size_t at = record.at + skip;
    const auto end = record.at + record.size;
    if (at >= end) return {};
    auto name = read_name(bytes_, at);
    if (at != end) return {};
    return name;
  }

  void take(const Record& record) {
    found_ = true;
    if (!take_data(record)) {
      answer_.partial = true;
      return;
    }
    ++good_;
    keep_at_most(seconds(record.ttl));
  }

  // False if the data are broken. A sound name that is not a host name is no fault: left out.
  bool take_data(const Record& record) {
    switch (type_) {
      case RrType::A:
        return take_address<4>(record, IpAddress::v4);
      case RrType::Aaaa:
        return take_address<16>(record, IpAddress::v6);
      case RrType::Mx:
        return take_mx(record);
      default:
        return take_host(record);
    }
  }

  template <size_t kSize, typename Make>
  bool take_address(const Record& record, Make make) {
    if (record.size != kSize) return false;
    std::array<uint8_t, kSize> data{};
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(record.at), kSize, data.begin());
    keep(answer_.addresses, kMaxAddresses, make(data));
    return true;
  }

  bool take_host(const Record& record) {
    const auto name = name_in(record, 0);
    if (!name) return false;
    auto host = host_name_of(*name);
    if (!host.empty()) keep(answer_.names, kMaxNames, std::move(host));
    return true;
  }

  // RFC 1035 §3.3.9; RFC 7505 §3: the root as exchange says that the domain takes no mail.
  bool take_mx(const Record& record) {
    const auto name = name_in(record, 2);
    if (!name) return false;
    const int preference = bytes_[record.at] << 8 | bytes_[record.at + 1];
    auto host = host_name_of(*name);
    if (host.empty() && name->size() != 1)
      answer_.partial = true;
    else
      answer_.mx.push_back({static_cast<uint16_t>(preference), std::move(host)});
    return true;
  }

  template <class Item>
  void keep(std::vector<Item>& items, size_t most, Item item) {
    if (items.size() < most)
      items.push_back(std::move(item));
    else
      answer_.partial = true;
  }

  // RFC 2308 §5: a "no" lives as long as the lesser of the SOA's TTL and its last field.
  Reading negative(Status status) {
    for (const auto& record : message_.authority) {
      if (record.type != RrType::Soa || record.klass != kClassIn || record.size < 22) continue;
      const auto minimum = bytes_.subspan(record.at + record.size - 4, 4);
      uint32_t value = 0;
      for (const auto byte : minimum) value = value << 8 | byte;
      keep_at_most(seconds(std::min(record.ttl, value)));
      Reading no{{}, ttl_, false};
      no.answer.status = status;
      return no;
    }
    Reading no;
    no.answer.status = status;
    return no;
  }

  void keep_at_most(seconds ttl) { ttl_ = std::min(ttl, ttl_.value_or(ttl)); }

  const Message& message_;
  const std::span<const uint8_t> bytes_;
  const RrType type_;
  WireName owner_;
  Answer answer_;
  std::optional<seconds> ttl_;
  bool found_ = false;  // a record of the type, sound or not
  size_t good_ = 0;     // sound ones
};

}  // namespace

uint16_t number_of(Type type) { return static_cast<uint16_t>(rr_type(type)); }

Reading read_answer(const Question& question, std::span<const uint8_t> bytes) {
  const auto message = parse_message(bytes);
  if (!message || !message->response || message->opcode != 0) return {};
  const auto type = rr_type(question.type);
  if (message->type != type || message->klass != kClassIn) return {};
  if (message->name != to_wire(question.name)) return {};
  if (message->truncated) return {.answer = {}, .ttl = {}, .truncated = true};
  if (message->rcode != kNoError && message->rcode != kNxDomain) return {};
  return Reader(*message, bytes, type).read();
}

}  // namespace ravelin::dns
