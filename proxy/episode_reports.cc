#include "proxy/episode_reports.h"

#include <iterator>
#include <new>
#include <utility>
#include <vector>

#include "proxy/profile/census.h"
#include "proxy/profile/dialog_print.h"
#include "proxy/profile/sketch.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

constexpr int64_t kAround = 120;        // s of curves before and after an episode
constexpr int64_t kMaxSamples = 1'500;  // that are kept
constexpr std::chrono::seconds kKeepPatience{120};
constexpr ptrdiff_t kLatest = 3;

int64_t seconds_now(const Clock& clock) {
  return std::chrono::floor<std::chrono::seconds>(clock.wall()).time_since_epoch().count();
}

// What one report is made of, while it is on the history's thread.
struct Making {
  EpisodeReports::Wanted wanted;
  HashKey key;
  int64_t now = 0;
  std::vector<HistoryReport> earlier;
  Census census;
  bool incomplete = false;
};

CrowdSketch sketch_of(const Making& making) {
  CrowdSketch sketch(making.key);
  making.census.each_source([&](std::string_view source) { sketch.add_source(source); });
  making.census.each_print([&](uint64_t print) { sketch.add_print(print); });
  return sketch;
}

json overlap_json(const Sketch& mine, const Sketch& other) {
  const auto overlap = mine.overlap(other);
  return {{"common", overlap.members}, {"then", other.size()}, {"exact", overlap.exact}};
}

// The newest first. A sketch of another key says nothing.
json overlaps(const Making& making, const CrowdSketch& sketch) {
  json all = json::array();
  for (auto one = making.earlier.rbegin(); one != making.earlier.rend(); ++one) {
    const auto other = CrowdSketch::unpack(one->sketch, making.key);
    if (!other) continue;
    all.push_back({{"number", one->number},
                   {"began", one->began},
                   {"sources", overlap_json(sketch.sources, other->sources)},
                   {"prints", overlap_json(sketch.prints, other->prints)}});
  }
  return all;
}

json made_of(const Making& making, const CrowdSketch& sketch) {
  auto made = making.census.report(making.wanted.sources);
  made["curves"] = making.wanted.curves;
  made["overlap"] = overlaps(making, sketch);
  made["incomplete"] = making.incomplete;
  made["counted_at"] = making.now;
  made["stored"] = false;
  return made;
}

// As it was kept; null if there is none, or if it is damaged.
json kept_report(const HistoryReport& report, size_t sources) try {
  auto made = json::parse(report.text, nullptr, false);
  if (!made.is_object()) return {};
  made["stored"] = true;
  const auto list = made.find("list");
  if (list != made.end() && list->is_array() && list->size() > sources)
    list->erase(list->begin() + static_cast<ptrdiff_t>(sources), list->end());
  return made;
} catch (const std::bad_alloc&) {
  return {};
}

// Counts, then calls |done| on the history's thread. False if there is no room for that.
bool count(History& history, std::shared_ptr<Making> making,
           std::function<void(const Making&)> done) try {
  const auto& episode = making->wanted.episode;
  const auto end = episode.ended == 0 ? making->now : episode.ended;
  HistoryQuery query;
  query.since = Wall(std::chrono::seconds(episode.onset));
  query.until = Wall(std::chrono::seconds(end + 1));
  query.patience = making->wanted.patience;
  return history.visit(
      std::move(query),
      [making](std::string_view account, uint32_t count, int64_t last_ms) {
        making->census.add(account, count, last_ms);
        return true;
      },
      [making, done = std::move(done)](bool more) {
        making->incomplete = more;
        done(*making);
      });
} catch (const std::bad_alloc&) {
  return false;
}

// Without the memory for it nothing is kept, and the accounts tell it as long as they are there.
void put_down(History& history, const Making& making) {
  if (making.census.empty()) return;
  const auto& episode = making.wanted.episode;
  try {
    const auto sketch = sketch_of(making);
    history.put_report({episode.began, episode.number, making.now,
                        made_of(making, sketch).dump(-1, ' ', true, json::error_handler_t::replace),
                        sketch.pack()});
  } catch (const std::bad_alloc&) {
    return;
  }
}

}  // namespace

bool EpisodeReports::get(Wanted wanted, std::function<void(json)> done) {
  auto making = std::make_shared<Making>();
  making->wanted = std::move(wanted);
  making->key = key_;
  making->now = seconds_now(clock_);
  auto& history = history_;
  const auto began = making->wanted.episode.began;
  return history_.reports(began, [&history, making, done = std::move(done)](
                                     HistoryReport report, std::vector<HistoryReport> earlier) {
    const auto& asked = making->wanted;
    const bool over = asked.episode.ended != 0 && !asked.fresh;
    if (auto kept = over ? kept_report(report, asked.sources) : json(); kept.is_object())
      return done(std::move(kept));
    making->earlier = std::move(earlier);
    const bool taken = count(history, making, [done](const Making& made) {
      json told;
      try {
        told = made_of(made, sketch_of(made));
      } catch (const std::bad_alloc&) {
        told = nullptr;
      }
      done(std::move(told));
    });
    if (!taken) done(nullptr);
  });
}

void EpisodeReports::keep(const Episodes& episodes, const Curves& curves) {
  if (keeping_->busy) return;
  looked_at_.erase(keeping_->later.exchange(0));
  const auto now = seconds_now(clock_);
  const auto& all = episodes.all();
  // Of those from before this start the last ones only: of others accounts are gone already.
  for (auto one = all.rbegin(); one != all.rend(); ++one) {
    if (one->restored && std::distance(all.rbegin(), one) >= kLatest) break;
    const bool over = one->ended != 0 && (one->restored || now >= one->ended + kKeepAfter);
    if (!over || looked_at_.contains(one->began)) continue;
    if (keep_one(*one, curves)) looked_at_.insert(one->began);
    return;
  }
}

// Only if nothing is kept of it yet. An episode of which there are no accounts has no report.
bool EpisodeReports::keep_one(const Episode& episode, const Curves& curves) {
  auto making = std::make_shared<Making>();
  making->wanted = {episode, {}, false, kStoredSources, kKeepPatience};
  making->key = key_;
  making->now = seconds_now(clock_);
  making->wanted.curves = curves_of(curves, episode, making->now, true);
  keeping_->busy = true;
  auto& history = history_;
  const bool taken = history_.reports(
      episode.began, [&history, making, keeping = keeping_](HistoryReport report,
                                                            std::vector<HistoryReport> earlier) {
        if (!report.text.empty()) {
          keeping->busy = false;
          return;
        }
        making->earlier = std::move(earlier);
        bool begun = false;
        try {
          begun = count(history, making, [&history, keeping](const Making& made) {
            put_down(history, made);
            keeping->busy = false;
          });
        } catch (const std::bad_alloc&) {
          begun = false;
        }
        if (begun) return;
        keeping->later = making->wanted.episode.began;
        keeping->busy = false;
      });
  if (!taken) keeping_->busy = false;
  return taken;
}

json curves_json(const Curves& curves, uint32_t step, int64_t since, int64_t until) {
  const auto* const ring = curves.ring(step);
  if (ring == nullptr) return {};
  json names = json::array(), samples = json::array();
  for (size_t i = 0; i < kCurves; ++i) names.push_back(curve_name(i));
  for (const auto& sample : ring->since(since)) {
    if (sample.at > until) break;
    json row = {sample.at};
    for (const auto value : sample.values) row.push_back(value);
    samples.push_back(std::move(row));
  }
  return {{"step", step}, {"names", std::move(names)}, {"samples", std::move(samples)}};
}

json curves_of(const Curves& curves, const Episode& episode, int64_t now, bool kept) {
  const auto end = episode.ended == 0 ? now : episode.ended;
  const auto from = episode.onset - kAround;
  size_t fine = 0;
  while (fine + 1 < std::size(Curves::kSteps)) {
    const bool gone = now - from >= Curves::kKept[fine];
    const bool many = kept && end + kAround - from > kMaxSamples * Curves::kSteps[fine];
    if (!gone && !many) break;
    ++fine;
  }
  return curves_json(curves, Curves::kSteps[fine], from, end + kAround);
}

}  // namespace ravelin::proxy
