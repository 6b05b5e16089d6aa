#include "proxy/backend_memory.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "proxy/state/row.h"
#include "proxy/state/stored_table.h"

namespace ravelin::proxy {
namespace {

constexpr std::string_view kOffers = "offers ";  // of a text's name; the backend's follows
constexpr std::string_view kEhlo = "EHLO";
constexpr uint64_t kMostRecipients = 1'000'000;
constexpr uint64_t kMostOneByOne = 100'000;

struct TimedValue {
  Seconds since = 0;  // last
};

uint64_t key_of(const Hash128& hash) { return uint64_t{hash.words[1]} << 32 | hash.words[0]; }
// The third word keeps it from being all zeros, which a table takes for a free entry.
Hash128 hash_of(uint64_t key) {
  return {{static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32), 1, 0}};
}

// What a StoredTable needs to know of keys with a time, which are of use as long as |Memory| says.
template <class Memory>
class TimedKind {
 public:
  using Value = TimedValue;

  bool expired(const Value& value, Seconds now) const { return now - value.since > kLife; }
  int64_t worth(const Value& value) const { return value.since; }
  RowWriter write(const Hash128& key, const Value& value, const WallFrame& frame) const {
    RowWriter row;
    return row.put(key_of(key)).put(frame.to_wall(value.since));
  }
  std::optional<std::pair<Hash128, Value>> read(std::string_view bytes,
                                                const WallFrame& frame) const {
    uint64_t key = 0;
    int64_t since = 0;
    RowReader row(bytes);
    row.get(key);
    row.get(since);
    if (!row.complete()) return {};
    return std::pair(hash_of(key), Value{frame.from_wall(since)});
  }
  void merge(Value& ours, const Value& row) const { ours.since = std::max(ours.since, row.since); }

 private:
  static constexpr Seconds kLife =
      static_cast<Seconds>(std::chrono::seconds(Memory::kLife).count());
};

}  // namespace

std::string offers_to_text(const smtp::Capabilities& offers) {
  std::string text;
  const auto add = [&text](std::string_view word) { text.append(word) += '\n'; };
  const auto add_names = [&text](std::string_view word, const std::vector<std::string>& names) {
    if (names.empty()) return;
    text += word;
    for (const auto& name : names) text.append(" ").append(name);
    text += '\n';
  };
  add(offers.esmtp ? kEhlo : "HELO");
  if (offers.pipelining) add("PIPELINING");
  if (offers.eightbitmime) add("8BITMIME");
  if (offers.smtputf8) add("SMTPUTF8");
  if (offers.dsn) add("DSN");
  if (offers.enhanced_codes) add("ENHANCEDSTATUSCODES");
  if (offers.starttls) add("STARTTLS");
  if (offers.size) add("SIZE " + std::to_string(offers.size_limit));
  const auto add_limit = [&add](std::string_view name, uint32_t value) {
    if (value != 0) add("LIMITS " + std::string(name) + "=" + std::to_string(value));
  };
  add_limit("MAILMAX", offers.mail_max);
  add_limit("RCPTMAX", offers.rcpt_max);
  add_limit("RCPTDOMAINMAX", offers.rcpt_domain_max);
  add_names("XFORWARD", offers.xforward);
  add_names("XCLIENT", offers.xclient);
  return text;
}

// Read as the reply that it was: its first line is passed over there, and ours is, too.
smtp::Capabilities offers_from_text(std::string_view text) {
  smtp::Reply reply;
  reply.code = text.starts_with(kEhlo) ? 250 : 502;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    reply.lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return smtp::parse_ehlo_reply(reply);
}

template <class Memory, Family kFamily>
class BackendMemory::Kept {
 public:
  Kept(const Clock& clock, Store& store, Memory& memory, uint64_t most)
      : clock_(clock), memory_(memory), table_(clock, &store, kFamily, Loading::Now) {
    table_.table().set_capacity(most);
    restore();
    memory_.set_keep([this](uint64_t key, dns::Time) { keep(key); });
  }
  ~Kept() { memory_.set_keep(nullptr); }

 private:
  void restore() {
    const auto tell = [this](uint32_t, const Hash128* key, const TimedValue& value) {
      if (key) memory_.restore(key_of(*key), dns::Time(std::chrono::seconds(value.since)));
    };
    for (uint32_t part = 0; table_.table().visit_part(part, tell);) ++part;
  }
  // On workers' threads.
  void keep(uint64_t key) {
    const auto now = boot_seconds(clock_);
    table_.table().update(hash_of(key), now, [now](TimedValue& value, bool) {
      value.since = now;
      return true;
    });
  }

  const Clock& clock_;
  Memory& memory_;
  StoredTable<TimedKind<Memory>> table_;
};

BackendMemory::BackendMemory(const Clock& clock, Store* store, Backends& backends)
    : store_(store), backends_(backends) {
  if (!store_) return;
  recipients_ = std::make_unique<Kept<Remembered, Family::Remembered>>(
      clock, *store_, backends_.remembered(), kMostRecipients);
  one_by_one_ = std::make_unique<Kept<OneByOne, Family::OneByOne>>(
      clock, *store_, backends_.one_by_one(), kMostOneByOne);
}

BackendMemory::~BackendMemory() = default;

void BackendMemory::restore_offers() {
  if (!store_) return;
  for (const auto& [name, text] : store_->texts()) {
    if (!name.starts_with(kOffers)) continue;
    const auto backend = name.substr(kOffers.size());
    backends_.restore_capabilities(backend, offers_from_text(text));
    saved_.emplace(backend, text);
  }
}

void BackendMemory::save_offers() {
  if (!store_) return;
  for (const auto& [backend, offers] : backends_.known_capabilities()) {
    auto text = offers_to_text(offers);
    const auto found = saved_.find(backend);
    if (found != saved_.end() && found->second == text) continue;
    store_->put_text(std::string(kOffers) + backend, text);
    saved_[backend] = std::move(text);
  }
}

}  // namespace ravelin::proxy
