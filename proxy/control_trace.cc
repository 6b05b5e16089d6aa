#include "proxy/control_trace.h"

#include <list>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "proxy/control_args.h"
#include "proxy/control_audit.h"
#include "proxy/session/services.h"
#include "proxy/session/trace.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr size_t kTraces = 4;                     // at once
constexpr int64_t kLongest = 3600, kUsual = 300;  // s
constexpr auto kTick = 200ms;
constexpr auto kBeat = 5s;  // a part at least so often, so that a dead reader is found
constexpr size_t kLinesInPart = 500;

// By TraceLine::Way.
constexpr std::string_view kWays[] = {"client", "us", "note"};

json shown(const TraceLine& line) {
  return {{"time_ms", line.at.time_since_epoch() / 1ms},
          {"id", id_text(line.id)},
          {"client", line.client.address.to_string()},
          {"way", kWays[static_cast<size_t>(line.way)]},
          {"text", line.text}};
}

// On the main thread. Lives as long as the command is known.
class Traces {
 public:
  Traces(ControlServer& server, Daemon& daemon) : server_(server), daemon_(daemon) {}

  void begin(const json& args, ControlServer::Feed feed);

 private:
  struct One {
    ControlServer::Feed feed;
    std::shared_ptr<Trace> trace;
    dns::Time until;
    dns::Time last{};  // part
  };

  void tick();
  bool serve(One& one, dns::Time now);
  dns::Time now() const { return server_.reactor().now(); }

  ControlServer& server_;
  Daemon& daemon_;
  std::list<One> all_;
  dns::Handle timer_;
};

void Traces::begin(const json& args, ControlServer::Feed feed) {
  const auto given = text(args, "source");
  const auto network = dns::Cidr::parse(given);
  const auto time = args.value("for_s", kUsual);
  if (!network)
    return feed.end(
        control_error("'" + given + "' is no IP address and no network like 192.0.2.0/24"));
  if (time < 1 || time > kLongest)
    return feed.end(control_error("for how long? for_s must be 1 to 3600"));
  if (all_.size() >= kTraces)
    return feed.end(control_error("there are 4 traces already: wait until one has ended"));
  audit(server_, daemon_, "trace " + given + " for " + std::to_string(time) + "s");
  auto trace = std::make_shared<Trace>(*network);
  daemon_.visit_workers([trace](const WorkerParts& worker) { worker.services.trace.add(trace); });
  all_.push_back({std::move(feed), trace, now() + std::chrono::seconds(time), {}});
  tick();
}

void Traces::tick() {
  const auto time = now();
  const auto ended = std::erase_if(all_, [&](One& one) {
    if (serve(one, time)) return false;
    one.trace->end();
    return true;
  });
  if (ended > 0)
    daemon_.visit_workers([](const WorkerParts& worker) { worker.services.trace.prune(); });
  timer_ = all_.empty() ? nullptr : server_.reactor().timer(kTick, [this] { tick(); });
}

// False: it has ended.
bool Traces::serve(One& one, dns::Time time) {
  if (!one.feed.open()) return false;
  if (one.feed.ready()) {
    auto taken = one.trace->take(kLinesInPart);
    if (!taken.lines.empty() || taken.lost > 0 || time - one.last >= kBeat) {
      json lines = json::array();
      for (const auto& line : taken.lines) lines.push_back(shown(line));
      one.feed.part({{"lines", std::move(lines)}, {"lost", taken.lost}});
      one.last = time;
    }
  }
  if (time < one.until) return true;
  if (!one.feed.ready()) return time < one.until + kBeat;
  one.feed.end({{"ended", "its time is over"}});
  return false;
}

}  // namespace

void add_trace_commands(ControlServer& server, Daemon& daemon) {
  server.handle_feed("trace", [traces = std::make_shared<Traces>(server, daemon)](
                                  const json& args, ControlServer::Feed feed) {
    traces->begin(args, std::move(feed));
  });
}

}  // namespace ravelin::proxy
