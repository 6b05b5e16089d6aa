#include "proxy/config/units.h"

#include <catch2/catch.hpp>

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

TEST_CASE("Durations are a whole number and a unit") {
  struct Row {
    std::string_view text;
    std::optional<std::chrono::milliseconds> want;
  };
  const auto row = GENERATE(values<Row>({
      {"250ms", 250ms},
      {"5s", 5s},
      {"0s", 0s},
      {"4m", 4min},
      {"9h", 9h},
      {"36d", 36 * 24h},
      {"007s", 7s},
      {"", {}},
      {"5", {}},
      {"s", {}},
      {"1.5m", {}},
      {"5 m", {}},
      {" 5m", {}},
      {"5m ", {}},
      {"-1s", {}},
      {"+1s", {}},
      {"1m30s", {}},
      {"5M", {}},
      {"5min", {}},
      {"0x5s", {}},
      {"1e3s", {}},
      {"9223372036854775807ms", std::chrono::milliseconds(INT64_MAX)},
      {"9223372036854775808ms", {}},
      {"106751991167d", 106751991167 * 24h},
      {"106751991168d", {}},
      {"18446744073709551616ms", {}},
  }));
  CAPTURE(row.text);
  CHECK(parse_duration(row.text) == row.want);
}

TEST_CASE("Sizes are decimal, and bytes without a unit") {
  struct Row {
    std::string_view text;
    std::optional<uint64_t> want;
  };
  const auto row = GENERATE(values<Row>({
      {"500B", 500},
      {"10kB", 10'000},
      {"50MB", 50'000'000},
      {"2GB", 2'000'000'000},
      {"123", 123},
      {"0B", 0},
      {"18446744073709551615", UINT64_MAX},
      {"18446744073709551616", {}},
      {"18446744073GB", 18'446'744'073'000'000'000u},
      {"18446744074GB", {}},
      {"10KB", {}},
      {"10k", {}},
      {"10MiB", {}},
      {"1.5MB", {}},
      {"10 MB", {}},
      {"-1B", {}},
      {"", {}},
      {"MB", {}},
  }));
  CAPTURE(row.text);
  CHECK(parse_size(row.text) == row.want);
}

TEST_CASE("Shares are whole per cent") {
  struct Row {
    std::string_view text;
    std::optional<double> want;
  };
  const auto row = GENERATE(values<Row>({
      {"0%", 0.0},
      {"25%", 0.25},
      {"100%", 1.0},
      {"101%", {}},
      {"-1%", {}},
      {"2.5%", {}},
      {"25", {}},
      {"25 %", {}},
      {"%", {}},
      {"18446744073709551616%", {}},
  }));
  CAPTURE(row.text);
  CHECK(parse_share(row.text) == row.want);
}

TEST_CASE("Rates are per second") {
  struct Row {
    std::string_view text;
    std::optional<uint32_t> want;
  };
  const auto row = GENERATE(values<Row>({
      {"10000/s", 10'000u},
      {"4294967295/s", 4'294'967'295u},
      {"4294967296/s", {}},
      {"10", {}},
      {"10/m", {}},
      {"10 /s", {}},
      {"-1/s", {}},
      {"/s", {}},
  }));
  CAPTURE(row.text);
  CHECK(parse_rate(row.text) == row.want);
}

TEST_CASE("Values are written in the largest unit that needs no fraction") {
  CHECK(format_duration(0ms) == "0s");
  CHECK(format_duration(1500ms) == "1500ms");
  CHECK(format_duration(90s) == "90s");
  CHECK(format_duration(48h) == "2d");
  CHECK(format_size(0) == "0B");
  CHECK(format_size(1'500) == "1500B");
  CHECK(format_size(50'000'000) == "50MB");
  CHECK(format_share(0.29) == "29%");
  CHECK(format_rate(10) == "10/s");
}

}  // namespace
}  // namespace ravelin::proxy
