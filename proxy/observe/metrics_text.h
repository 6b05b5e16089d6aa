// Metrics in Prometheus' text form (version 0.0.4): HELP and TYPE once, then the values.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "dns/latencies.h"

namespace ravelin::proxy {

enum class MetricType : uint8_t { Counter, Gauge, Histogram };
std::string_view metric_type_name(MetricType type);

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

class MetricsText {
 public:
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

  // What follows belongs to |name|, which must outlive the next one.
  void begin(std::string_view name, MetricType type, std::string_view help);
  // |labels|: any text as value.
  void add(Labels labels, uint64_t value) { line("", labels, std::to_string(value)); }
  void add(Labels labels, double value);
  void add(uint64_t value) { add({}, value); }
  void add(double value) { add({}, value); }
  void add(const dns::Latencies::Sums& sums);  // in seconds

  const std::string& text() const { return out_; }

 private:
  void line(std::string_view suffix, Labels labels, const std::string& value);

  std::string out_;
  std::string_view name_;
};

}  // namespace ravelin::proxy
