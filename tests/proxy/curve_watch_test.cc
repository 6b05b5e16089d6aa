#include "proxy/curve_watch.h"

#include <catch2/catch.hpp>

#include "support/manual_reactor.h"
#include "support/temp_dir.h"

namespace ravelin::proxy {

TEST_CASE("points of the future, of a clock that was wrong, are not restored") {
  using namespace std::chrono_literals;
  const test::TempDir dir;
  test::ManualClock clock;
  const auto now = std::chrono::floor<std::chrono::seconds>(clock.wall()).time_since_epoch();
  const auto path = dir.file("history.db");
  const HistorySettings settings{1'000'000, 10'000'000, 24h, 0, false, 48h};
  {
    History history(path, clock, [](const std::string&) {});
    history.configure(settings);
    history.start();
    for (const std::chrono::seconds away : {-600s, 3600s, 31'536'000s})
      history.put_point(300, (now + away).count(), pack_sample({}));
    REQUIRE(history.flush(10s));
  }
  History history(path, clock, [](const std::string&) {});
  history.configure(settings);
  CurveWatch watch;
  watch.restore(history, clock);
  const auto all = watch.curves().ring(300)->since(0);
  REQUIRE(all.size() == 1);
  CHECK(all[0].at == (now - 600s).count());
}

}  // namespace ravelin::proxy
