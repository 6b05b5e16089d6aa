#include "proxy/observe/metrics_text.h"

#include <fmt/format.h>

namespace ravelin::proxy {
namespace {

void append_escaped(std::string& out, std::string_view text, bool quoted) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '\\' || (quoted && c == '"')) out += '\\';
      out += c;
    }
  }
}

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

std::string_view metric_type_name(MetricType type) {
  constexpr std::string_view kNames[] = {"counter", "gauge", "histogram"};
  return kNames[static_cast<size_t>(type)];
}

void MetricsText::begin(std::string_view name, MetricType type, std::string_view help) {
  name_ = name;
  out_ += fmt::format("# HELP {} ", name);
  append_escaped(out_, help, false);
  out_ += fmt::format("\n# TYPE {} {}\n", name, metric_type_name(type));
}

void MetricsText::add(Labels labels, double value) { line("", labels, fmt::format("{}", value)); }

// Buckets are cumulative: each counts what the ones before it count, too.
void MetricsText::add(const dns::Latencies::Sums& sums) {
  uint64_t count = 0;
  for (size_t i = 0; i < sums.counts.size(); ++i) {
    count += sums.counts[i];
    const bool last = i == dns::Latencies::kBounds.size();
    const auto bound = last ? "+Inf" : fmt::format("{}", seconds(dns::Latencies::kBounds[i]));
    line("_bucket", {{"le", bound}}, std::to_string(count));
  }
  line("_sum", {}, fmt::format("{}", seconds(sums.sum)));
  line("_count", {}, std::to_string(count));
}

void MetricsText::line(std::string_view suffix, Labels labels, const std::string& value) {
  out_ += name_;
  out_ += suffix;
  char separator = '{';
  for (const auto& [label, text] : labels) {
    out_ += separator;
    out_ += label;
    out_ += "=\"";
    append_escaped(out_, text, true);
    out_ += '"';
    separator = ',';
  }
  if (separator == ',') out_ += '}';
  out_ += ' ';
  out_ += value;
  out_ += '\n';
}

}  // namespace ravelin::proxy
