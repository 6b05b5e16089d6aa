#include "proxy/ctl/print.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "proxy/observe/escape.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

// What people look for first; JSON keeps no order. The rest follows by name.
constexpr std::string_view kOrder[] = {
    "version", "pid",     "uptime_s", "mode",     "hostname", "pressure",    "sessions",
    "workers", "mails",   "name",     "route",    "kind",     "grade",       "open",
    "peak",    "entries", "limit",    "bytes",    "accepted", "refused",     "addresses",
    "healthy", "idle",    "waiting",  "ties",     "cap",      "learned_cap", "backends",
    "breaker", "store",   "path",     "greylist", "standing", "tables",      "log"};

size_t rank(const std::string& key) {
  const auto* const found = std::find(std::begin(kOrder), std::end(kOrder), key);
  return static_cast<size_t>(found - std::begin(kOrder));
}

std::vector<std::string> ordered(std::vector<std::string> keys) {
  std::stable_sort(keys.begin(), keys.end(), [](const std::string& a, const std::string& b) {
    return rank(a) != rank(b) ? rank(a) < rank(b) : a < b;
  });
  return keys;
}

std::vector<std::string> keys_of(const json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return ordered(std::move(keys));
}

bool ends_in_seconds(std::string_view key) {
  return key.size() > 2 && key.substr(key.size() - 2) == "_s";
}

std::string label(std::string_view key) {
  if (ends_in_seconds(key)) key.remove_suffix(2);
  std::string text;
  append_text(text, key);
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

std::string value_text(std::string_view key, const json& value);

std::string list_text(const json& list) {
  std::string text;
  for (const auto& element : list) {
    if (!text.empty()) text += ", ";
    text += value_text("", element);
  }
  return text.empty() ? "-" : text;
}

std::string object_text(const json& object) {
  std::string text;
  for (const auto& key : keys_of(object)) {
    if (!text.empty()) text += ", ";
    text += label(key) + ' ' + value_text(key, object[key]);
  }
  return text.empty() ? "-" : text;
}

std::string value_text(std::string_view key, const json& value) {
  if (value.is_null()) return "-";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_number() && ends_in_seconds(key)) return print_duration(value.get<double>());
  if (value.is_object()) return object_text(value);
  if (value.is_array()) return list_text(value);
  if (!value.is_string()) return value.dump();
  const auto& raw = value.get_ref<const std::string&>();
  std::string text;
  append_text(text, raw);
  return text.empty() ? "-" : text;
}

bool is_table(const json& value) {
  return value.is_array() && !value.empty() &&
         std::all_of(value.begin(), value.end(), [](const json& row) { return row.is_object(); });
}

// Columns, not octets: a name in UTF-8 must not shift the table. Wide characters may.
size_t width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<uint8_t>(byte) & 0xc0) != 0x80;
  }));
}

using Row = std::vector<std::string>;

std::string aligned(const std::vector<Row>& rows, std::string_view indent) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    text += indent;
    for (size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - width(row[i]) + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

std::string table_text(const json& list, std::string_view indent) {
  std::vector<std::string> keys;
  for (const auto& object : list)
    for (const auto& key : keys_of(object))
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  keys = ordered(std::move(keys));

  std::vector<Row> rows(1);
  for (const auto& key : keys) rows[0].push_back(label(key));
  for (const auto& object : list) {
    rows.emplace_back();
    for (const auto& key : keys)
      rows.back().push_back(object.contains(key) ? value_text(key, object[key]) : "-");
  }
  return aligned(rows, indent);
}

}  // namespace

std::string print_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e12) return fmt::format("{}s", seconds);
  if (seconds < 60) return fmt::format("{:.3g}s", seconds);
  const auto whole = static_cast<long long>(seconds);
  const auto minutes = whole / 60 % 60;
  const auto hours = whole / 3600 % 24;
  if (whole < 3600) return fmt::format("{}m {:02}s", minutes, whole % 60);
  const auto clock = fmt::format("{:02}:{:02}:{:02}", hours, minutes, whole % 60);
  return whole < 86400 ? clock : fmt::format("{}d {}", whole / 86400, clock);
}

std::string print_result(const json& result) {
  if (is_table(result)) return table_text(result, "");
  if (!result.is_object()) return value_text("", result) + '\n';
  std::vector<Row> rows;
  std::string tables;
  for (const auto& key : keys_of(result)) {
    if (is_table(result[key])) {
      tables += '\n' + label(key) + '\n' + table_text(result[key], "  ");
    } else {
      rows.push_back({label(key), value_text(key, result[key])});
    }
  }
  return aligned(rows, "") + tables;
}

}  // namespace ravelin::proxy
