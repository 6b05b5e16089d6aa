#include "proxy/limit_overrides.h"

#include <algorithm>
#include <charconv>

#include "proxy/config/builtin.h"
#include "proxy/config/report.h"
#include "proxy/config/values.h"

namespace ravelin::proxy {
namespace {

const Param* find_row(std::string_view name) {
  const auto rows = kLimitsSection.section.params;
  const auto row = std::find_if(rows.begin(), rows.end(),
                                [name](const Param& param) { return param.name == name; });
  return row == rows.end() ? nullptr : &*row;
}

std::string known_names() {
  std::string names;
  for (const Param& row : kLimitsSection.section.params)
    names += (names.empty() ? "" : ", ") + std::string(row.name);
  return names;
}

// "20", "5m", or "\"5m\"": as the file's reader would hand it over.
Value value_of(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    text = text.substr(1, text.size() - 2);
  Value value;
  const auto* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value.integer);
  value.type = read.ec == std::errc() && read.ptr == end ? Value::Type::Integer : Value::Type::Text;
  value.text = text;
  return value;
}

}  // namespace

std::string LimitOverrides::set(std::string_view name, std::string_view text, dns::Time until,
                                std::string by) {
  const auto* const row = find_row(name);
  if (row == nullptr) return "no limit " + quoted(name) + "; there are " + known_names();
  Limits tried{};
  Report report("");
  read_value(*row, value_of(text), &tried, report);
  if (!report.clean()) return report.take_errors().front().message;
  entries_.insert_or_assign(std::string(name), Entry{row, std::string(text), until, std::move(by)});
  return "";
}

bool LimitOverrides::reset(std::string_view name) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return false;
  entries_.erase(found);
  return true;
}

std::vector<std::string> LimitOverrides::expire(dns::Time now) {
  std::vector<std::string> gone;
  std::erase_if(entries_, [&](const auto& entry) {
    if (entry.second.until > now) return false;
    gone.push_back(entry.first);
    return true;
  });
  return gone;
}

Limits LimitOverrides::apply(Limits configured) const {
  Report report("");
  for (const auto& [name, entry] : entries_)
    read_value(*entry.row, value_of(entry.text), &configured, report);
  return configured;
}

}  // namespace ravelin::proxy
