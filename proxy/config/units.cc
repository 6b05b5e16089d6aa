#include "proxy/config/units.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <span>

namespace ravelin::proxy {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};
// Smallest first.
constexpr Unit kDurations[] = {
    {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
constexpr Unit kSizes[] = {{"B", 1}, {"kB", 1'000}, {"MB", 1'000'000}, {"GB", 1'000'000'000}};
constexpr uint64_t kMaxMilliseconds = std::numeric_limits<int64_t>::max();

struct Quantity {
  uint64_t number;
  std::string_view unit;
};

// 1*DIGIT [unit]; from_chars into an unsigned type takes neither sign nor blank.
std::optional<Quantity> split(std::string_view text) {
  Quantity result{};
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, result.number);
  if (error != std::errc()) return {};
  result.unit = text.substr(static_cast<size_t>(at - text.data()));
  return result;
}

std::optional<uint64_t> parse_with(std::span<const Unit> units, std::string_view text,
                                   uint64_t max) {
  const auto quantity = split(text);
  if (!quantity) return {};
  for (const Unit& unit : units) {
    if (unit.name != quantity->unit) continue;
    if (quantity->number > max / unit.factor) return {};
    return quantity->number * unit.factor;
  }
  return {};
}

std::string format_with(std::span<const Unit> units, uint64_t value) {
  const Unit* best = &units.front();
  for (const Unit& unit : units)
    if (value != 0 && value % unit.factor == 0) best = &unit;
  return std::to_string(value / best->factor).append(best->name);
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto value = parse_with(kDurations, text, kMaxMilliseconds);
  if (!value) return {};
  return std::chrono::milliseconds(static_cast<int64_t>(*value));
}

std::optional<uint64_t> parse_size(std::string_view text) {
  const auto quantity = split(text);
  if (quantity && quantity->unit.empty()) return quantity->number;
  return parse_with(kSizes, text, std::numeric_limits<uint64_t>::max());
}

std::optional<double> parse_share(std::string_view text) {
  const auto quantity = split(text);
  if (!quantity || quantity->unit != "%" || quantity->number > 100) return {};
  return static_cast<double>(quantity->number) / 100;
}

std::optional<uint32_t> parse_rate(std::string_view text) {
  const auto quantity = split(text);
  if (!quantity || quantity->unit != "/s") return {};
  if (quantity->number > std::numeric_limits<uint32_t>::max()) return {};
  return static_cast<uint32_t>(quantity->number);
}

// 0 is "0s", not "0ms": a unit that nobody writes.
std::string format_duration(std::chrono::milliseconds value) {
  if (value.count() == 0) return "0s";
  return format_with(kDurations, static_cast<uint64_t>(value.count()));
}

std::string format_size(uint64_t value) { return format_with(kSizes, value); }

std::string format_share(double value) { return std::to_string(std::lround(value * 100)) + '%'; }

std::string format_rate(uint32_t value) { return std::to_string(value) + "/s"; }

}  // namespace ravelin::proxy
