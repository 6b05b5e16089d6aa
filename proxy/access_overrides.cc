#include "proxy/access_overrides.h"

#include <nlohmann/json.hpp>
#include <optional>

namespace ravelin::proxy {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr std::string_view kPrefix = "access ";  // of a text's name; the network follows

std::string to_text(const AccessOverrides::Entry& entry) {
  const json text = {{"allow", entry.allow},
                     {"until", entry.until.time_since_epoch() / seconds(1)},
                     {"note", entry.note},
                     {"by", entry.by}};
  return text.dump(-1, ' ', true, json::error_handler_t::replace);
}

// Nothing if the file is damaged there.
std::optional<AccessOverrides::Entry> from_text(const std::string& text) try {
  const auto entry = json::parse(text);
  return AccessOverrides::Entry{entry.at("allow"), Wall(seconds(entry.at("until").get<int64_t>())),
                                entry.at("note"), entry.at("by")};
} catch (const json::exception&) {
  return {};
}

}  // namespace

AccessOverrides::AccessOverrides(const Clock& clock, Store* store, size_t most)
    : clock_(clock), store_(store), most_(most) {
  if (store == nullptr) return;
  for (const auto& [name, text] : store->texts()) {
    if (!name.starts_with(kPrefix)) continue;
    const auto network = name.substr(kPrefix.size());
    auto entry = from_text(text);
    if (entry && dns::Cidr::parse(network) && entries_.size() < most_)
      entries_.emplace(network, *std::move(entry));
  }
  expire();
  rebuild();
}

std::string AccessOverrides::add(const dns::Cidr& network, Entry entry) {
  const auto name = network.to_string();
  if (entry.note.size() > kMaxNote) return "the note is too long: 200 octets at most";
  if (entries_.size() >= most_ && !entries_.contains(name))
    return "there are " + std::to_string(most_) +
           " entries already: take some away, or use access.deny_file and access.allow_file";
  if (store_ != nullptr) store_->put_text(std::string(kPrefix) + name, to_text(entry));
  entries_[name] = std::move(entry);
  rebuild();
  return "";
}

bool AccessOverrides::remove(const dns::Cidr& network, bool allow) {
  const auto found = entries_.find(network.to_string());
  if (found == entries_.end() || found->second.allow != allow) return false;
  forget(found->first);
  entries_.erase(found);
  rebuild();
  return true;
}

std::vector<std::pair<std::string, AccessOverrides::Entry>> AccessOverrides::expire() {
  std::vector<std::pair<std::string, Entry>> gone;
  const auto now = clock_.wall();
  std::erase_if(entries_, [&](const auto& entry) {
    if (entry.second.until > now) return false;
    forget(entry.first);
    gone.push_back(entry);
    return true;
  });
  if (!gone.empty()) rebuild();
  return gone;
}

void AccessOverrides::forget(const std::string& network) {
  if (store_ != nullptr) store_->erase_text(std::string(kPrefix) + network);
}

void AccessOverrides::rebuild() {
  if (entries_.empty()) return list_.reset();
  AccessSettings settings;
  for (const auto& [network, entry] : entries_)
    (entry.allow ? settings.allow : settings.deny).push_back(network);
  list_ = std::make_shared<const AccessList>(settings);
}

}  // namespace ravelin::proxy
