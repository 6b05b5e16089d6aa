#include "proxy/config/lists.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "proxy/config/list_file.h"
#include "proxy/config/param.h"
#include "proxy/config/read_file.h"

namespace ravelin::proxy {
namespace {

constexpr size_t kMaxErrorsPerFile = 20;  // the wrong file is wrong in every line

void lower_case(std::string& text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
}

void lower_case(std::vector<std::string>& list) {
  for (std::string& text : list) lower_case(text);
}

Place place_of(const Value* table, std::string_view key) {
  const Value* value = table ? table->find(key) : nullptr;
  return value ? value->place : Place{};
}

struct Entries {
  std::vector<ListEntry> good;
  bool faulty = false;  // and reported
};

// Those of the file that |table| names under |key|; none if |file| is "".
Entries entries_of(const std::string& file, const Value* table, std::string_view key,
                   TextCheck check, Report& report) {
  if (file.empty()) return {};
  auto list = read_list(file);
  if (!list.error.empty()) {
    report.error(place_of(table, key), fmt::format("{}: {}: {}", key, quoted(file), list.error));
    return {{}, true};
  }
  Entries entries;
  size_t errors = 0;
  for (ListEntry& entry : list.entries) {
    const char* fault = check(entry.text);
    if (!fault) {
      lower_case(entry.text);
      entries.good.push_back(std::move(entry));
    } else if (++errors <= kMaxErrorsPerFile) {
      report.list_error(file, entry.line, entry.text,
                        fmt::format("{} {}", quoted(entry.text), fault));
    }
  }
  if (errors > kMaxErrorsPerFile)
    report.list_error(file, list.entries.back().line, "",
                      fmt::format("{} entries are wrong in all", errors));
  entries.faulty = errors > 0;
  return entries;
}

void append(Entries entries, std::vector<std::string>& list) {
  list.reserve(list.size() + entries.good.size());
  for (ListEntry& entry : entries.good) list.push_back(std::move(entry.text));
}

// Which route has a domain; the same one may name it twice (its file may repeat the list).
class DomainOwners {
 public:
  // The line of the other [[route]], or 0 if the domain is |route|'s.
  int claim(const std::string& domain, const Value& route) {
    const auto [owner, added] = owners_.try_emplace(domain, &route);
    return owner->second == &route ? 0 : owner->second->place.line;
  }

 private:
  std::unordered_map<std::string, const Value*> owners_;
};

std::string taken(std::string_view domain, int line) {
  return fmt::format("domain {} belongs to the [[route]] of line {} already", quoted(domain), line);
}

// An empty list would have it refused for good: more likely its export has failed.
void demand_entries(const Entries& entries, const Value& table, std::string_view key,
                    std::string_view what, Report& report) {
  if (!entries.good.empty() || entries.faulty) return;
  report.error(place_of(&table, key),
               fmt::format("{} has no entry: {} would be refused", key, what));
}

void complete_domains(const Value& table, RouteSettings& route, DomainOwners& owners,
                      Report& report) {
  lower_case(route.domains);
  if (const Value* inline_list = table.find("domains")) {
    for (const Value& item : inline_list->items) {
      std::string domain = item.text;
      lower_case(domain);
      const int other = item.is(Value::Type::Text) ? owners.claim(domain, table) : 0;
      if (other != 0) report.error(item.place, taken(domain, other));
    }
  }
  auto from_file = entries_of(route.domains_file, &table, "domains_file", check_domain, report);
  for (const ListEntry& entry : from_file.good)
    if (const int other = owners.claim(entry.text, table))
      report.list_error(route.domains_file, entry.line, entry.text, taken(entry.text, other));
  const bool file_given = !route.domains_file.empty();
  if (file_given)
    demand_entries(from_file, table, "domains_file", "all mail for its domains", report);
  append(std::move(from_file), route.domains);
  const Value* domains = table.find("domains");
  const bool wrong = domains && (!domains->is(Value::Type::List) || !domains->items.empty());
  if (route.domains.empty() && !file_given && !wrong)
    report.error(table.place, "this [[route]] has no domains: give domains or domains_file");
}

void complete_recipients(const Value& table, RouteSettings& route, Report& report) {
  if (route.recipients_file.empty()) return;
  auto entries =
      entries_of(route.recipients_file, &table, "recipients_file", check_mailbox, report);
  demand_entries(entries, table, "recipients_file", "every recipient", report);
  append(std::move(entries), route.recipients);
  std::sort(route.recipients.begin(), route.recipients.end());
  const auto doubles = std::unique(route.recipients.begin(), route.recipients.end());
  route.recipients.erase(doubles, route.recipients.end());
}

constexpr size_t kMaxPem = 4'000'000;  // bytes; the system's collection has 200 kB

void complete_tls(const Value& table, RouteSettings& route, Report& report) {
  lower_case(route.tls_name);
  if (route.tls_ca_file.empty()) return;
  std::string error;
  if (auto text = read_file(route.tls_ca_file, kMaxPem, error))
    route.tls_ca = *std::move(text);
  else
    report.error(place_of(&table, "tls_ca_file"),
                 fmt::format("tls_ca_file: {}: {}", quoted(route.tls_ca_file), error));
}

void complete_access(const Value& root, AccessSettings& access, Report& report) {
  const Value* table = root.find("access");
  append(entries_of(access.allow_file, table, "allow_file", check_cidr, report), access.allow);
  append(entries_of(access.deny_file, table, "deny_file", check_cidr, report), access.deny);
}

}  // namespace

void complete_lists(const Value& root, Config& config, Report& report) {
  DomainOwners owners;
  const Value* routes = root.find("route");
  for (size_t i = 0; i < config.routes.size(); ++i) {
    const Value& table = routes->items[i];
    if (!table.is(Value::Type::Table)) continue;  // reported by the reader
    complete_domains(table, config.routes[i], owners, report);
    complete_recipients(table, config.routes[i], report);
    complete_tls(table, config.routes[i], report);
  }
  complete_access(root, config.access, report);
  lower_case(config.greylist.except_recipients);
  lower_case(config.greylist.except_senders);
  lower_case(config.greylist.except_clients);
}

}  // namespace ravelin::proxy
