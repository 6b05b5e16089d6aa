#include "proxy/observe/metrics_text.h"

#include <catch2/catch.hpp>

using namespace ravelin;
using namespace ravelin::proxy;
using namespace std::chrono_literals;

TEST_CASE("MetricsText writes a metric's help and type once, then its values") {
  MetricsText out;
  out.begin("a_total", MetricType::Counter, "How\nmany \\ \"things\".");
  out.add(uint64_t{7});
  out.add({{"kind", "x"}, {"other", "y"}}, uint64_t{8});
  out.begin("b", MetricType::Gauge, "Half.");
  out.add(0.5);
  CHECK(out.text() ==
        "# HELP a_total How\\nmany \\\\ \"things\".\n# TYPE a_total counter\na_total 7\n"
        "a_total{kind=\"x\",other=\"y\"} 8\n# HELP b Half.\n# TYPE b gauge\nb 0.5\n");
}

TEST_CASE("MetricsText: a label may be any text, and stays one line") {
  MetricsText out;
  out.begin("a", MetricType::Gauge, "");
  out.add({{"name", "x\"} 9\n\\"}}, uint64_t{1});
  CHECK(out.text() == "# HELP a \n# TYPE a gauge\na{name=\"x\\\"} 9\\n\\\\\"} 1\n");
}

TEST_CASE("MetricsText: buckets of a histogram are cumulative, in seconds") {
  dns::Latencies latencies;
  for (const auto took : {0ns, 1'000'000ns, 1'000'001ns, 120'000'000'000ns}) latencies.add(took);
  MetricsText out;
  out.begin("t_seconds", MetricType::Histogram, "Time.");
  out.add(latencies.read());
  const auto& text = out.text();
  const auto has = [&text](const char* line) { return text.find(line) != text.npos; };
  CHECK(has("histogram\nt_seconds_bucket{le=\"0.001\"} 2\nt_seconds_bucket{le=\"0.002\"} 3\n"));
  CHECK(has("t_seconds_bucket{le=\"60\"} 3\nt_seconds_bucket{le=\"+Inf\"} 4\n"));
  CHECK(has("t_seconds_sum 120.002000001\nt_seconds_count 4\n"));
}

TEST_CASE("Latencies of several threads are summed up") {
  dns::Latencies one, other;
  one.add(3ms);
  other.add(3ms);
  other.add(1h);
  auto sums = one.read();
  sums += other.read();
  CHECK(sums.sum == 1h + 6ms);
  CHECK(sums.counts[2] == 2);
  CHECK(sums.counts.back() == 1);
}
