#include "proxy/profile/census.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>

#include "dns/ip.h"
#include "proxy/profile/dialog_print.h"
#include "proxy/profile/entropy.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

constexpr size_t kMaxWords = 100'000;  // a further one is "other"
constexpr size_t kMaxSeen = 500'000;   // client, sender and recipient together
constexpr size_t kMaxGroups = 10'000;  // domains, patterns
constexpr size_t kGroupsShown = 10;
constexpr size_t kGaps = 16;
constexpr size_t kPrints = 4;  // of a source
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

uint32_t whole_ms(int64_t ms) {
  return static_cast<uint32_t>(std::clamp<int64_t>(ms, 0, UINT32_MAX));
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
    sources_left_out_ += count;
    return;
  }
  auto& source = sources_[name];
  add_times(dialog, source, count, last_ms);
  if (text(dialog, "end") == "no place") {
    source.no_place += count;
    return;
  }
  add_looks(dialog, source, count);
  const auto events = dialog.find("events");
  if (events == dialog.end() || !events->is_array()) return;
  for (const auto& event : *events)
    if (event.is_object()) add_event(event, source, count);
  if (count > 1 && !source.delivered) add_others(dialog, source);
}

void Census::add_times(const json& dialog, Source& source, uint32_t count, int64_t last_ms) {
  const auto began = static_cast<int64_t>(number(dialog, "time_ms"));
  if (source.dialogs == 0) source.first_ms = began;
  if (source.dialogs > 0 && source.gaps_ms.size() < kGaps)
    source.gaps_ms.push_back(whole_ms(std::abs(began - source.seen_ms)));
  source.seen_ms = began;
  source.first_ms = std::min(source.first_ms, began);
  source.last_ms = std::max(source.last_ms, last_ms);
  source.dialogs += count;
  source.merged |= count > 1;
}

// What it looks like, and its habits.
void Census::add_looks(const json& dialog, Source& source, uint32_t count) {
  source.country = word(text(dialog, "country"));
  if (const auto asn = number(dialog, "asn"); asn > 0)
    source.network = word(fmt::format("AS{:.0f} {}", asn, text(dialog, "network")));
  source.name_class = word(text(dialog, "name_class"));
  source.stack = word(text(dialog, "stack"));
  source.helo = word(helo_shape(dialog));
  const auto print = parse_print(text(dialog, "print"));
  if (!print) return;
  auto& prints = source.prints;
  auto found = std::find_if(prints.begin(), prints.end(), [&](const Print& one) {
    return print_begins(one.print, *print) || print_begins(*print, one.print);
  });
  if (found == prints.end()) {
    if (prints.size() >= kPrints) return;
    found = prints.insert(prints.end(), Print{.print = *print});
  }
  if (print_begins(found->print, *print)) found->print = *print;
  found->dialogs += count;
  const auto end = text(dialog, "end");
  if (end == "quit") found->quits += count;
  if (end == "lost connection") found->leaves += count;
}

void Census::add_event(const json& event, Source& source, uint32_t count) {
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

// Dialogs that are alike had the same answers, and a null sender or none of them had one.
void Census::add_recipient(const json& event, Source& source, uint32_t count) {
  const auto from = text(event, "from");
  source.recipients += count;
  source.null_senders += from.empty() ? count : 0;
  count_in(stopped_by_, stopped_by(event), count);
  if (const auto took = number(event, "backend_ms"); took > 0) {
    questions_ += count;
    backend_ms_ += took * count;
  }
  look_at(source, from, text(event, "to"), 1);
}

void Census::look_at(const Source& source, const std::string& from, const std::string& to,
                     uint32_t count) {
  if (!from.empty()) {
    count_in(sender_domains_, domain_of(from), count);
    keep_example(senders_, from);
  }
  count_in(patterns_, local_pattern(local_of(to)), count);
  keep_example(names_, to);
  randomness_ += randomness(local_of(to)) * count;
  looked_at_ += count;
  const auto triple =
      std::hash<std::string>()(fmt::format("{} {} {}", fmt::ptr(&source), from, to));
  const bool room = seen_.size() < kMaxSeen || seen_.contains(triple);
  if (!room) return;
  auto& times = seen_[triple];
  repeated_ += times == 0 ? count - 1 : count;
  times += count;
}

// A sample of the senders and recipients of dialogs that became a count.
void Census::add_others(const json& dialog, const Source& source) {
  const auto others = dialog.find("others");
  if (others == dialog.end() || !others->is_array()) return;
  for (const auto& one : *others) {
    const bool good = one.is_array() && one.size() == 3 && one[0].is_string() &&
                      one[1].is_string() && one[2].is_number_unsigned();
    const auto count = good ? one[2].get<uint64_t>() : 0;
    if (count > 0 && count <= UINT32_MAX)
      look_at(source, one[0].get<std::string>(), one[1].get<std::string>(),
              static_cast<uint32_t>(count));
  }
}

void Census::add_good(const json& event) {
  const bool accepted = text(event, "verdict") == "accept";
  const bool known = text(event, "standing") != "unknown";
  accepted_ += accepted ? 1 : 0;
  accepted_known_ += accepted && known ? 1 : 0;
  deferred_known_ += known && text(event, "verdict") == "defer" ? 1 : 0;
}

uint64_t Census::Prints::resolve(uint64_t print) const {
  const auto found = longer.find(print);
  return found == longer.end() ? print : found->second;
}

uint64_t Census::Prints::of(const Source& source) const {
  uint64_t most = 0, dialogs = 0;
  for (const auto& one : source.prints) {
    const auto print = resolve(one.print);
    if (one.dialogs < dialogs || (one.dialogs == dialogs && print >= most)) continue;
    most = print;
    dialogs = one.dialogs;
  }
  return most;
}

// The ways to go on from one beginning are weighed by their dialogs, so that one odd dialog does
// not take those of a crowd. The longest comes first: what a beginning is counted as is then no
// beginning of something else.
Census::Prints Census::prints() const {
  Prints found;
  std::unordered_map<uint64_t, uint64_t> dialogs;
  for (const auto& [name, source] : sources_)
    if (!source.delivered)
      for (const auto& one : source.prints) dialogs[one.print] += one.dialogs;
  const auto better = [&](uint64_t print, uint64_t known) {
    const auto count = dialogs[print], other = dialogs[known];
    return count > other || (count == other && print < known);
  };
  std::vector<uint64_t> all;
  for (const auto& [print, count] : dialogs) all.push_back(print);
  for (const auto print : all) {
    for (const auto shorter : print_beginnings(print)) {
      if (shorter == 0 || !dialogs.contains(shorter)) continue;
      const auto [at, fresh] = found.longer.emplace(shorter, print);
      if (!fresh && better(print, at->second)) at->second = print;
    }
  }
  for (auto& [shorter, print] : found.longer)
    while (found.longer.contains(print)) print = found.longer.at(print);
  for (const auto& [name, source] : sources_) {
    if (source.delivered) continue;
    for (const auto& one : source.prints) {
      auto& total = found.all[found.resolve(one.print)];
      total.dialogs += one.dialogs;
      total.quits += one.quits;
      total.leaves += one.leaves;
    }
    if (const auto most = found.of(source); most != 0) ++found.all[most].sources;
  }
  return found;
}

// [{"name":...,"sources":...,"dialogs":...,"habits":...,"quits":...}], the largest first.
json Census::listed(const Prints& prints) {
  std::vector<std::pair<uint64_t, Prints::Total>> all(prints.all.begin(), prints.all.end());
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    if (a.second.sources != b.second.sources) return a.second.sources > b.second.sources;
    return a.first < b.first;
  });
  all.resize(std::min(all.size(), kGroupsShown));
  json rows = json::array();
  for (const auto& [print, its] : all) {
    rows.push_back({{"name", print_text(print)},
                    {"sources", its.sources},
                    {"dialogs", its.dialogs},
                    {"habits", print_words(print)}});
    if (its.quits + its.leaves > 0) rows.back()["quits"] = share(its.quits, its.quits + its.leaves);
  }
  return rows;
}

void Census::each_source(const std::function<void(std::string_view)>& call) const {
  for (const auto& [name, source] : sources_)
    if (!source.delivered) call(name);
}

void Census::each_print(const std::function<void(uint64_t)>& call) const {
  for (const auto& [print, total] : prints().all) call(print);
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

// Who comes again, after how long, and with what. Where dialogs became a count, their times are
// known only as a whole.
json Census::retries() const {
  uint64_t suspects = 0, again = 0;
  std::vector<uint32_t> gaps;
  for (const auto& [name, source] : sources_) {
    if (source.delivered) continue;
    ++suspects;
    again += source.dialogs > 1 ? 1 : 0;
    if (!source.merged) {
      gaps.insert(gaps.end(), source.gaps_ms.begin(), source.gaps_ms.end());
      continue;
    }
    const auto lasted = std::max<int64_t>(0, source.last_ms - source.first_ms);
    gaps.push_back(whole_ms(lasted / static_cast<int64_t>(source.dialogs - 1)));
  }
  json found = {{"sources_that_came_again", share(again, suspects)},
                {"recipients_tried_again", share(repeated_, looked_at_)}};
  if (gaps.empty()) return found;
  const auto middle = gaps.begin() + static_cast<ptrdiff_t>(gaps.size() / 2);
  std::nth_element(gaps.begin(), middle, gaps.end());
  found["median_gap_s"] = *middle / 1000.0;
  return found;
}

// The suspects, who came most first.
json Census::listed(size_t most, const Prints& prints) const {
  std::vector<const std::pair<const std::string, Source>*> all;
  for (const auto& one : sources_)
    if (!one.second.delivered) all.push_back(&one);
  const auto shown = all.begin() + static_cast<ptrdiff_t>(std::min(most, all.size()));
  std::partial_sort(all.begin(), shown, all.end(), [](const auto* a, const auto* b) {
    if (a->second.dialogs != b->second.dialogs) return a->second.dialogs > b->second.dialogs;
    return a->first < b->first;
  });
  all.erase(shown, all.end());
  json list = json::array();
  for (const auto* const one : all) {
    const auto& [name, source] = *one;
    const auto print = prints.of(source);
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
                    {"print", print == 0 ? "" : print_text(print)}});
  }
  return list;
}

json Census::report(size_t most) const {
  uint64_t dialogs = 0, no_place = 0, suspects = 0, recipients = 0, null_senders = 0, silent = 0;
  for (const auto& [name, source] : sources_) {
    if (source.delivered) continue;
    ++suspects;
    dialogs += source.dialogs;
    no_place += source.no_place;
    recipients += source.recipients;
    null_senders += source.null_senders;
    silent += source.prints.empty() ? 1 : 0;
  }
  const auto all_prints = prints();
  return {{"sources", suspects},
          {"dialogs", dialogs},
          {"no_place", no_place},
          {"recipients", recipients},
          {"null_senders", share(null_senders, recipients)},
          {"recipients_looked_at", looked_at_},
          {"randomness", looked_at_ == 0 ? 0.5 : randomness_ / static_cast<double>(looked_at_)},
          {"countries", by(&Source::country)},
          {"networks", by(&Source::network)},
          {"name_classes", by(&Source::name_class)},
          {"stacks", by(&Source::stack)},
          {"helo_shapes", by(&Source::helo)},
          {"prints", listed(all_prints)},
          {"prints_in_all", all_prints.all.size()},
          {"sources_silent", silent},
          {"sender_domains", largest(sender_domains_)},
          {"recipient_patterns", largest(patterns_)},
          {"senders", senders_},
          {"recipient_examples", names_},
          {"retries", retries()},
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
          {"list", listed(most, all_prints)}};
}

}  // namespace ravelin::proxy
