// The values that the file writes as text with a unit: durations, sizes, shares, rates.
//
// All take a whole number and one unit, without a sign, blank or fraction: "90s", not "1.5m" or
// "1m 30s". One form per value means that two readers of a file cannot disagree about it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ravelin::proxy {

// nullopt for another form, and for what does not fit.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);  // ms s m h d
std::optional<uint64_t> parse_size(std::string_view text);  // B kB MB GB, decimal; bytes without
std::optional<double> parse_share(std::string_view text);   // "25%", 0 to 100; gives 0.25
std::optional<uint32_t> parse_rate(std::string_view text);  // "10000/s"

// In the largest unit that needs no fraction; the parsers read it back to the same value.
std::string format_duration(std::chrono::milliseconds value);
std::string format_size(uint64_t value);
std::string format_share(double value);  // to the nearest per cent
std::string format_rate(uint32_t value);

}  // namespace ravelin::proxy
