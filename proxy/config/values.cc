#include "proxy/config/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <optional>
#include <type_traits>
#include <vector>

#include "proxy/config/units.h"

namespace ravelin::proxy {
namespace {

template <class T>
T& member(const Param& row, void* settings) {
  return *static_cast<T*>(row.member(settings));
}

std::optional<uint64_t> read_integer(const Value& value) {
  if (!value.is(Value::Type::Integer) || value.integer < 0) return {};
  return static_cast<uint64_t>(value.integer);
}

// One of the kinds that have a range: |number| is compared and, if it is inside, stored.
template <class T, class Number>
void read_number(const Param& row, const Value& value, std::optional<Number> number, void* settings,
                 Report& report) {
  const bool negative = value.is(Value::Type::Integer) && value.integer < 0;
  if (!number && !negative)
    return report.error(value.place,
                        fmt::format("{} must be {}", row.name, describe_kind(row.kind)));
  const auto comparable = [](Number n) {
    if constexpr (std::is_same_v<Number, std::chrono::milliseconds>)
      return static_cast<double>(n.count());
    else
      return static_cast<double>(n);
  };
  if (negative || comparable(*number) < row.min || comparable(*number) > row.max)
    return report.error(value.place, fmt::format("{} must be {}", row.name, describe_range(row)));
  member<T>(row, settings) = static_cast<T>(*number);
}

// A bare number is a size in bytes.
std::optional<uint64_t> read_size(const Value& value) {
  if (value.is(Value::Type::Integer)) return read_integer(value);
  return parse_size(value.text);
}

void read_boolean(const Param& row, const Value& value, void* settings, Report& report) {
  if (!value.is(Value::Type::Boolean))
    return report.error(value.place, fmt::format("{} must be true or false", row.name));
  member<bool>(row, settings) = value.boolean;
}

// nullptr if |text| will do. A NUL would end a path early, where it is handed to the system.
const char* fault_of(const Param& row, std::string_view text) {
  if (text.find('\0') != text.npos) return "contains a NUL";
  return row.check ? row.check(text) : nullptr;
}

void read_text(const Param& row, const Value& value, void* settings, Report& report) {
  if (!value.is(Value::Type::Text))
    return report.error(value.place, fmt::format("{} must be text in quotes", row.name));
  if (row.required() && value.text.empty())
    return report.error(value.place, fmt::format("{} must not be empty", row.name));
  const char* fault = value.text.empty() ? nullptr : fault_of(row, value.text);
  if (fault)
    return report.error(value.place, fmt::format("{}: {} {}", row.name, quoted(value.text), fault));
  member<std::string>(row, settings) = value.text;
}

void read_text_list(const Param& row, const Value& value, void* settings, Report& report) {
  if (!value.is(Value::Type::List))
    return report.error(value.place,
                        fmt::format("{} must be {}", row.name, describe_kind(row.kind)));
  auto& list = member<std::vector<std::string>>(row, settings);
  list.clear();
  for (size_t i = 0; i < value.items.size(); ++i) {
    const Value& item = value.items[i];
    const auto fail = [&](std::string_view what) {
      report.error(item.place, fmt::format("{}, element {}: {}", row.name, i + 1, what));
    };
    if (!item.is(Value::Type::Text)) {
      fail("must be text in quotes");
    } else if (const char* fault = fault_of(row, item.text)) {
      fail(quoted(item.text) + ' ' + fault);
    } else {
      list.push_back(item.text);
    }
  }
  if (row.required() && value.items.empty())
    report.error(value.place, fmt::format("{} must not be empty", row.name));
}

size_t built_choices(const Param& row) {
  return std::min<size_t>(row.choices_built, row.choices.size());
}

// The member is an enum over uint8_t, which a byte may be written into.
void read_choice(const Param& row, const Value& value, void* settings, Report& report) {
  if (value.is(Value::Type::Text)) {
    for (size_t i = 0; i < row.choices.size(); ++i) {
      if (row.choices[i] != value.text) continue;
      if (i < built_choices(row)) {
        member<uint8_t>(row, settings) = static_cast<uint8_t>(i);
        return;
      }
      return report.error(value.place, fmt::format("{} = \"{}\" is not built yet; use {}", row.name,
                                                   value.text, describe_range(row)));
    }
  }
  report.error(value.place, fmt::format("{} must be {}", row.name, describe_range(row)));
}

}  // namespace

// A value that is no text has the text "", which no unit parses.
void read_value(const Param& row, const Value& value, void* settings, Report& report) {
  switch (row.kind) {
    case ParamKind::Integer:
      return read_number<uint32_t>(row, value, read_integer(value), settings, report);
    case ParamKind::Duration:
      return read_number<std::chrono::milliseconds>(row, value, parse_duration(value.text),
                                                    settings, report);
    case ParamKind::Size:
      return read_number<uint64_t>(row, value, read_size(value), settings, report);
    case ParamKind::Rate:
      return read_number<uint32_t>(row, value, parse_rate(value.text), settings, report);
    case ParamKind::Share:
      return read_number<double>(row, value, parse_share(value.text), settings, report);
    case ParamKind::Text:
      return read_text(row, value, settings, report);
    case ParamKind::TextList:
      return read_text_list(row, value, settings, report);
    case ParamKind::Choice:
      return read_choice(row, value, settings, report);
    case ParamKind::Boolean:
      return read_boolean(row, value, settings, report);
  }
}

void set_default(const Param& row, void* settings) {
  assert(!row.required());
  const auto document = parse_document(fmt::format("value = {}", row.default_value));
  const Value* value = document.root.find("value");
  assert(value != nullptr);
  Report report({});
  read_value(row, *value, settings, report);
  assert(report.clean());  // a default outside its own range is a slip in the row
}

std::string choice_names(const Param& row) {
  std::string names;
  for (const auto name : row.choices.first(built_choices(row)))
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", name);
  return names;
}

std::string describe_range(const Param& row) {
  const auto range = [&](auto format) { return format(row.min) + " to " + format(row.max); };
  switch (row.kind) {
    case ParamKind::Integer:
      return range([](double n) { return fmt::format("{:.0f}", n); });
    case ParamKind::Duration:
      return range([](double n) {
        return format_duration(std::chrono::milliseconds(static_cast<int64_t>(n)));
      });
    case ParamKind::Size:
      return range([](double n) { return format_size(static_cast<uint64_t>(n)); });
    case ParamKind::Rate:
      return range([](double n) { return format_rate(static_cast<uint32_t>(n)); });
    case ParamKind::Share:
      return range([](double n) { return format_share(n); });
    case ParamKind::Choice:
      return (built_choices(row) > 1 ? "one of " : "") + choice_names(row);
    case ParamKind::Text:
    case ParamKind::TextList:
    case ParamKind::Boolean:
      return {};
  }
  return {};
}

std::string_view describe_kind(ParamKind kind) {
  switch (kind) {
    case ParamKind::Integer:
      return "a whole number";
    case ParamKind::Duration:
      return "a duration like \"5m\" (a whole number and ms, s, m, h or d)";
    case ParamKind::Size:
      return "a size like \"10MB\" (a whole number and B, kB, MB or GB)";
    case ParamKind::Rate:
      return "a rate like \"100/s\"";
    case ParamKind::Share:
      return "a share like \"25%\" (a whole number)";
    case ParamKind::Text:
      return "text";
    case ParamKind::TextList:
      return "a list of texts like [\"a\", \"b\"]";
    case ParamKind::Choice:
      return "a choice";
    case ParamKind::Boolean:
      return "true or false";
  }
  return {};
}

}  // namespace ravelin::proxy
