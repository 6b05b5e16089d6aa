#include "proxy/profile/census.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>

#include "dns/ip.h"
#include "proxy/profile/entropy.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

constexpr size_t kMaxWords = 100'000;   // a further one is "other"
constexpr size_t kMaxSeen = 2'000'000;  // client, sender and recipient together
constexpr size_t kMaxGroups = 10'000;   // domains, patterns
constexpr size_t kGroupsShown = 10;
constexpr size_t kGaps = 16;
constexpr std::string_view kOther = "other";

std::string text(const json& from, const char* name) {
  const auto found = from.find(name);
  return found != from.end() && found->is_string() ? found->get<std::string>() : "";
}

double number(const json& from, const char* name) {
  const auto found = from.find(name);
  return found != from.end() && found->is_number() ? found->get<double>() : 0;
}

std::string source_of(const std::string& client) {
  const auto address = dns::IpAddress::parse(client);
  return address ? address->client_key().to_string() : "";
}

std::string domain_of(const std::string& address) {
  return address.substr(std::min(address.rfind('@'), address.size() - 1) + 1);
}

std::string local_of(const std::string& address) { return address.substr(0, address.rfind('@')); }

// What kept a recipient out. As Cause, for who has the account only.
std::string stopped_by(const json& event) {
  const auto verify = text(event, "verify");
  const auto greylist = text(event, "greylist");
  if (verify == "unknown" || verify == "shared") return "unknown recipient";
  if (verify == "shielded") return "harvest shield";
  if (verify == "refused") return "mail server";
  if (verify == "trouble") return "our trouble";
  if (greylist == "first" || greylist == "early") return "greylist";
  return "check";
}

// What kind of name a client says it has; whether it is honest is seen by its confirmed name.
std::string helo_shape(const json& dialog) {
  const auto helo = text(dialog, "helo");
  if (helo.empty()) return "none";
  if (helo.front() == '[') return "address literal";
  if (dns::IpAddress::parse(helo)) return "bare address";
  if (!text(dialog, "name").empty() && helo == text(dialog, "name")) return "its own name";
  return helo.find('.') == helo.npos ? "one word" : "another name";
}

void count_in(std::map<std::string, uint64_t>& groups, const std::string& name, uint64_t count) {
  const bool room = groups.size() < kMaxGroups || groups.contains(name);
  groups[room ? name : std::string(kOther)] += count;
}

void keep_example(std::vector<std::string>& examples, const std::string& one) {
  if (examples.size() >= Census::kExamples) return;
  if (std::find(examples.begin(), examples.end(), one) == examples.end()) examples.push_back(one);
}

// The largest first: [{"name":...,"count":...}].
json largest(const std::map<std::string, uint64_t>& groups) {
  std::vector<std::pair<std::string, uint64_t>> all(groups.begin(), groups.end());
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  all.resize(std::min(all.size(), kGroupsShown));
  json rows = json::array();
  for (const auto& [name, count] : all) rows.push_back({{"name", name}, {"count", count}});
  return rows;
}

double share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

Census::Word Census::word(std::string_view given) {
  std::string name(given);
  const auto known = word_numbers_.find(name);
  if (known != word_numbers_.end()) return known->second;
  if (words_.size() >= kMaxWords) name = kOther;
  const auto [made, fresh] = word_numbers_.emplace(name, static_cast<Word>(words_.size()));
  if (fresh) words_.push_back(std::move(name));
  return made->second;
}

void Census::add(std::string_view account, uint32_t count, int64_t last_ms) {
  const auto dialog = json::parse(account, nullptr, false);
  const auto name = dialog.is_object() ? source_of(text(dialog, "client")) : "";
  if (name.empty()) {
    ++unread_;
    return;
  }
  if (sources_.size() >= kMaxSources && !sources_.contains(name)) {
    ++sources_left_out_;
    return;
  }
  auto& source = sources_[name];
  const auto began = static_cast<int64_t>(number(dialog, "time_ms"));
  if (source.dialogs == 0) source.first_ms = began;
  if (source.dialogs > 0 && source.gaps_s.size() < kGaps)
    source.gaps_s.push_back(static_cast<uint32_t>(std::abs(began - source.seen_ms) / 1000));
  source.seen_ms = began;
  source.first_ms = std::min(source.first_ms, began);
  source.last_ms = std::max(source.last_ms, last_ms);
  source.dialogs += count;
  if (text(dialog, "end") == "no place") {
    source.no_place += count;
    return;
  }
  source.country = word(text(dialog, "country"));
  if (const auto asn = number(dialog, "asn"); asn > 0)
    source.network = word(fmt::format("AS{:.0f} {}", asn, text(dialog, "network")));
  source.name_class = word(text(dialog, "name_class"));
  source.stack = word(text(dialog, "stack"));
  source.helo = word(helo_shape(dialog));
  if (const auto print = text(dialog, "print"); !print.empty()) source.print = word(print);
  const auto events = dialog.find("events");
  if (events == dialog.end() || !events->is_array()) return;
  for (const auto& event : *events) {
    if (!event.is_object()) continue;
    const auto what = text(event, "what");
    if (what == "delivered") {
      source.delivered = true;
      ++messages_;
    } else if (what == "rcpt") {
      if (text(event, "verdict") == "accept") {
        source.delivered = true;
        add_good(event);
      } else if (text(event, "standing") != "unknown") {
        add_good(event);
      } else if (!source.delivered) {
        add_recipient(event, source, count);
      }
    } else if (what == "refused") {
      count_in(stopped_by_, text(event, "stage") + ": " + text(event, "reason"), count);
    }
  }
}

void Census::add_good(const json& event) {
  const bool accepted = text(event, "verdict") == "accept";
  const bool known = text(event, "standing") != "unknown";
  accepted_ += accepted ? 1 : 0;
  accepted_known_ += accepted && known ? 1 : 0;
  deferred_known_ += known && text(event, "verdict") == "defer" ? 1 : 0;
}

void Census::add_recipient(const json& event, Source& source, uint32_t count) {
  const auto from = text(event, "from");
  const auto to = text(event, "to");
  source.recipients += count;
  source.null_senders += from.empty() ? count : 0;
  count_in(stopped_by_, stopped_by(event), count);
  if (const auto took = number(event, "backend_ms"); took > 0) {
    ++questions_;
    backend_ms_ += took;
  }
  if (!from.empty()) {
    count_in(sender_domains_, domain_of(from), count);
    keep_example(senders_, from);
  }
  count_in(patterns_, local_pattern(local_of(to)), count);
  keep_example(names_, to);
  randomness_ += randomness(local_of(to));
  ++judged_;
  const auto triple =
      std::hash<std::string>()(fmt::format("{} {} {}", fmt::ptr(&source), from, to));
  if (seen_.size() < kMaxSeen && ++seen_[triple] > 1) repeated_ += count;
}

// Of the suspects: [{"name":...,"sources":...,"dialogs":...}], the largest first.
json Census::by(Word Source::*which) const {
  std::unordered_map<Word, Counts> counts;
  for (const auto& [name, source] : sources_) {
    if (source.delivered) continue;
    auto& its = counts[source.*which];
    ++its.sources;
    its.dialogs += source.dialogs;
  }
  std::vector<std::pair<Word, Counts>> all(counts.begin(), counts.end());
  std::sort(all.begin(), all.end(), [this](const auto& a, const auto& b) {
    if (a.second.sources != b.second.sources) return a.second.sources > b.second.sources;
    return words_[a.first] < words_[b.first];
  });
  all.resize(std::min(all.size(), kGroupsShown));
  json rows = json::array();
  for (const auto& [which_word, its] : all)
    rows.push_back(
        {{"name", words_[which_word]}, {"sources", its.sources}, {"dialogs", its.dialogs}});
  return rows;
}

// Who comes again, after how long, and with what.
json Census::retries(uint64_t recipients) const {
  uint64_t suspects = 0, again = 0;
  std::vector<uint32_t> gaps;
  for (const auto& [name, source] : sources_) {
    if (source.delivered) continue;
    ++suspects;
    again += source.dialogs > 1 ? 1 : 0;
    gaps.insert(gaps.end(), source.gaps_s.begin(), source.gaps_s.end());
  }
  json found = {{"sources_that_came_again", share(again, suspects)},
                {"recipients_tried_again", share(repeated_, recipients)}};
  if (gaps.empty()) return found;
  const auto middle = gaps.begin() + static_cast<ptrdiff_t>(gaps.size() / 2);
  std::nth_element(gaps.begin(), middle, gaps.end());
  found["median_gap_s"] = *middle;
  return found;
}

// The suspects, who came most first.
json Census::listed(size_t most) const {
  std::vector<const std::pair<const std::string, Source>*> all;
  for (const auto& one : sources_)
    if (!one.second.delivered) all.push_back(&one);
  std::sort(all.begin(), all.end(), [](const auto* a, const auto* b) {
    if (a->second.dialogs != b->second.dialogs) return a->second.dialogs > b->second.dialogs;
    return a->first < b->first;
  });
  json list = json::array();
  for (size_t i = 0; i < std::min(most, all.size()); ++i) {
    const auto& [name, source] = *all[i];
    list.push_back({{"source", name},
                    {"dialogs", source.dialogs},
                    {"no_place", source.no_place},
                    {"recipients", source.recipients},
                    {"first_ms", source.first_ms},
                    {"last_ms", source.last_ms},
                    {"country", words_[source.country]},
                    {"network", words_[source.network]},
                    {"name_class", words_[source.name_class]},
                    {"stack", words_[source.stack]},
                    {"helo", words_[source.helo]},
                    {"print", words_[source.print]}});
  }
  return list;
}

json Census::report(size_t most) const {
  uint64_t dialogs = 0, no_place = 0, suspects = 0, recipients = 0, null_senders = 0;
  for (const auto& [name, source] : sources_) {
    if (source.delivered) continue;
    ++suspects;
    dialogs += source.dialogs;
    no_place += source.no_place;
    recipients += source.recipients;
    null_senders += source.null_senders;
  }
  return {{"sources", suspects},
          {"dialogs", dialogs},
          {"no_place", no_place},
          {"recipients", recipients},
          {"null_senders", share(null_senders, recipients)},
          {"randomness", judged_ == 0 ? 0.5 : randomness_ / static_cast<double>(judged_)},
          {"countries", by(&Source::country)},
          {"networks", by(&Source::network)},
          {"name_classes", by(&Source::name_class)},
          {"stacks", by(&Source::stack)},
          {"helo_shapes", by(&Source::helo)},
          {"prints", by(&Source::print)},
          {"sender_domains", largest(sender_domains_)},
          {"recipient_patterns", largest(patterns_)},
          {"senders", senders_},
          {"recipient_examples", names_},
          {"retries", retries(recipients)},
          {"stopped_by", largest(stopped_by_)},
          {"questions", questions_},
          {"backend_ms", backend_ms_},
          {"good",
           {{"messages", messages_},
            {"recipients", accepted_},
            {"recipients_with_standing", accepted_known_},
            {"deferred_with_standing", deferred_known_}}},
          {"unread", unread_},
          {"sources_left_out", sources_left_out_},
          {"list", listed(most)}};
}

}  // namespace ravelin::proxy
