// What ravelinctl asks, where its arguments are wrong or there is nothing to tell.
#include "proxy/control_commands.h"

#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>

#include "proxy/config/sample.h"
#include "proxy/episode_reports.h"
#include "proxy/event/system_clock.h"
#include "proxy/observe/control_protocol.h"
#include "support/manual_reactor.h"
#include "support/memory_stream.h"
#include "support/recording_journal.h"

using namespace ravelin;
using namespace ravelin::proxy;
using nlohmann::json;

namespace {

class FakeDaemon final : public Daemon {
 public:
  FakeDaemon() : shared_(SystemClock::instance(), journal_, nullptr) {
    config_ = load("mode = 'shadow'\n[limits]\nsessions = 50\ncommand_timeout = '90s'\n").config;
    REQUIRE(config_);
    shared_.standing.configure(config_->standing);
    shared_.greylist.configure(config_->greylist);
    shared_.backends.configure(*config_);
  }
  std::shared_ptr<const Config> config() const override { return config_; }
  std::vector<std::string> reload() override { return reload_errors; }
  uint32_t places() const override { return 40; }
  uint32_t workers() const override { return 3; }
  std::chrono::seconds uptime() const override { return std::chrono::seconds(77); }
  JournalCounters journal() const override { return counters; }
  Shared& shared() override { return shared_; }
  PressureNow pressure() const override { return pressed; }
  WorkerCounts counts() const override { return {}; }
  ProcessNow process() const override { return {}; }
  const Curves& curves() const override { return drawn; }
  const Episodes& episodes() const override { return lived; }
  EpisodeReports& reports() override { return reports_; }
  Limits limits() const override { return overrides_.limits.apply(config_->limits); }
  Overrides& overrides() override { return overrides_; }
  void overrides_changed() override { ++changes; }
  void reopen_log() override { ++reopened; }
  size_t visit_workers(const std::function<void(const WorkerParts&)>&) override { return 0; }
  void visit_worker(std::function<void(const WorkerParts&)>) override {}
  void post(std::function<void()> function) override {
    const std::lock_guard lock(mutex_);
    posted_ = std::move(function);
    came_.notify_one();
  }
  // Waits for what another thread posts, and does it.
  void run_posted() {
    std::unique_lock lock(mutex_);
    REQUIRE(came_.wait_for(lock, std::chrono::seconds(30), [this] { return posted_ != nullptr; }));
    std::exchange(posted_, nullptr)();
  }

  std::vector<std::string> reload_errors;
  JournalCounters counters;
  PressureNow pressed;
  Curves drawn;
  Episodes lived;
  int changes = 0;
  int reopened = 0;

  test::RecordingJournal journal_;

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::function<void()> posted_;
  Shared shared_;
  EpisodeReports reports_{shared_.history, SystemClock::instance(), shared_.record_key};
  Overrides overrides_{SystemClock::instance(), nullptr};
  std::shared_ptr<const Config> config_;
};

struct Bench {
  Bench() {
    add_control_commands(server, daemon);
    server.adopt(std::make_unique<test::MemoryStream>(reactor, peer), Credentials{1, 0, 0, {}});
    reactor.run();
  }
  // The whole answer.
  json ask(const json& request) {
    const auto text = request.dump();
    std::string_view rest = text;
    std::string wire;
    append_frame(wire, rest);
    peer->stream->send(wire);
    reactor.run();
    auto bytes = peer->take();
    if (bytes.empty()) {  // the answer comes later
      daemon.run_posted();
      reactor.run();
      bytes = peer->take();
    }
    FrameReader reader(kControlPage, kMaxControlResponse);
    std::string_view data = bytes;
    REQUIRE(reader.feed(data) == FrameReader::Result::Message);
    return json::parse(reader.message());
  }
  json result(const json& request) {
    const auto answer = ask(request);
    CAPTURE(answer);
    REQUIRE(answer.at("ok") == true);
    return answer.at("result");
  }
  std::string error(const json& request) {
    const auto answer = ask(request);
    CAPTURE(answer);
    REQUIRE(answer.at("ok") == false);
    return answer.at("error");
  }

  test::ManualClock clock;
  test::ManualReactor reactor{clock};
  FakeDaemon daemon;
  ControlServer server{reactor, {}};
  std::shared_ptr<test::MemoryPeer> peer = std::make_shared<test::MemoryPeer>();
};

}  // namespace

TEST_CASE_METHOD(Bench, "arguments that are wrong or missing are named") {
  struct Row {
    json request;
    std::string want;
  };
  const json tuple = {{"command", "greylist.show"},
                      {"client", "192.0.2.1"},
                      {"from", "a@client.example"},
                      {"to", "b@example.com"}};
  const auto with = [](json request, const char* key, const json& value) {
    request[key] = value;
    return request;
  };
  const Row rows[] = {
      {{{"command", "standing.show"}}, "'' is not an IP address"},
      {{{"command", "standing.show"}, {"client", 7}}, "'' is not an IP address"},
      {{{"command", "standing.show"}, {"client", "host"}}, "'host' is not an IP address"},
      {{{"command", "standing.reset"}, {"client", "192.0.2.1"}}, "192.0.2.1: never seen"},
      {with(tuple, "client", "nobody"), "'nobody' is not an IP address"},
      {with(tuple, "from", "no address"), "'no address' is not an address"},
      {with(tuple, "to", ""), "'' is not an address"},
      {with(tuple, "to", "b@x>\r\nRCPT TO:<c"), "'b@x>\r\nRCPT TO:<c' is not an address"},
      {tuple, "never seen"},
      {{{"command", "verify.forget"}}, "an address or a domain is missing"},
      {{{"command", "sessions"}, {"client", "x"}},
       "'x' is no IP address and no network like 192.0.2.0/24"},
      {{{"command", "sessions"}, {"limit", "x"}}, "an argument is missing or of the wrong type"},
      {{{"command", "kill"}}, "'' is no id: 12 hex digits"},
      {{{"command", "deny.add"}, {"network", "192.0.2.0/33"}},
       "'192.0.2.0/33' is no IP address and no network like 192.0.2.0/24"},
      {{{"command", "deny.add"}, {"network", "192.0.2.0/24"}},
       "for how long? for_s must be 1 to 315360000"},
      {{{"command", "deny.add"}, {"network", "192.0.2.0/24"}, {"for_s", -5}},
       "for how long? for_s must be 1 to 315360000"},
      {{{"command", "allow.del"}, {"network", "192.0.2.1"}},
       "192.0.2.1/32 is not on the allow list made by hand; what the configuration says is "
       "changed there"},
      {{{"command", "limit.reset"}, {"name", "errors"}}, "'errors' was not set by hand"},
      {{{"command", "capture.list"}}, "capture.directory is empty: nothing is captured"},
      {{{"command", "capture.show"}, {"id", "0653F2A91C07"}},
       "capture.directory is empty: nothing is captured"},
      {{{"command", "backend.drain"}, {"name", "x:25"}},
       "no backend 'x:25'; there are mail.internal:25"},
      {{{"command", "standing.set"}, {"client", "192.0.2.1"}, {"grade", "best"}},
       "'best' is no grade; there are unknown, passed, good"},
      {with(tuple, "command", "greylist.reset"), "never seen"},
      {{{"command", "trace"}, {"source", "x"}},
       "'x' is no IP address and no network like 192.0.2.0/24"},
      {{{"command", "trace"}, {"source", "192.0.2.1"}, {"for_s", 3601}},
       "for how long? for_s must be 1 to 3600"},
      {{{"command", "simulate"}}, "'' is not an IP address"},
      {{{"command", "breaker.reset"}, {"route", "elsewhere.example"}},
       "no route 'elsewhere.example'"},
      {{{"command", "breaker.show"}, {"route", "elsewhere.example"}},
       "no route 'elsewhere.example'"},
  };
  for (const auto& row : rows) CHECK(error(row.request) == row.want);
}

TEST_CASE_METHOD(Bench, "a tuple can be passed before it was ever seen") {
  json tuple = {{"command", "greylist.pass"},
                {"client", "2001:db8::1"},
                {"from", GENERATE("", "<>", "a@client.example")},
                {"to", "b@example.com"}};
  CHECK(result(tuple).at("kind") == "known");
  tuple["command"] = "greylist.show";
  CHECK(result(tuple).at("left_s") == 0);
}

TEST_CASE_METHOD(Bench, "a tuple is found by the U-labels of its recipient's domain") {
  const auto client = *dns::IpAddress::parse("192.0.2.1");
  daemon.shared().greylist.pass({client, "", {}, {"b", "xn--bcher-kva.example"}});
  CHECK(result({{"command", "greylist.show"},
                {"client", "192.0.2.1"},
                {"from", ""},
                {"to",
                 "b@b\xc3\xbc"
                 "cher.example"}})
            .at("kind") == "known");
}

TEST_CASE_METHOD(Bench, "what is set by hand is put in force, shown, and put down in the log") {
  CHECK(result({{"command", "deny.add"}, {"network", "192.0.2.0/24"}, {"for_s", 60}}) ==
        json{{"network", "192.0.2.0/24"}, {"list", "deny"}, {"left_s", 60}});
  CHECK(daemon.journal_.has("control: uid 0 (pid 1): deny add 192.0.2.0/24 for 1m"));
  const auto moved = result({{"command", "allow.add"},
                             {"network", "192.0.2.0/24"},
                             {"for_s", 90},
                             {"note", "sure\r\n?"}});
  CHECK(moved.at("was") == "deny");
  CHECK(daemon.journal_.has("allow add 192.0.2.0/24 for 90s: sure\r\n?"));
  CHECK(result({{"command", "deny.list"}}).empty());
  CHECK(result({{"command", "allow.list"}}).at(0).at("by") == "uid 0 (pid 1)");

  result({{"command", "limit.set"}, {"name", "sessions"}, {"value", "7"}, {"for_s", 60}});
  const auto limits = result({{"command", "limits"}});
  CHECK(limits.at("sessions") == 7);
  CHECK(limits.at("set").at(0).at("value") == "7");
  result({{"command", "limit.reset"}, {"name", "sessions"}});
  CHECK(result({{"command", "limits"}}).at("sessions") == 50);
  CHECK(daemon.changes == 4);
  result({{"command", "reopen-logs"}});
  CHECK(daemon.reopened == 1);
  CHECK(daemon.journal_.has("control: uid 0 (pid 1): reopen-logs"));
}

TEST_CASE_METHOD(Bench, "what is forgotten, reset or read anew is put down in the log, too") {
  result({{"command", "verify.forget"}, {"what", "joe@example.com"}});
  CHECK(daemon.journal_.has("control: uid 0 (pid 1): verify forget joe@example.com"));
  result({{"command", "breaker.reset"}});
  CHECK(daemon.journal_.has("control: uid 0 (pid 1): breaker reset"));
  result({{"command", "reload"}});
  CHECK(daemon.journal_.has("control: uid 0 (pid 1): reload"));
}

TEST_CASE_METHOD(Bench, "a breaker that refuses already, and is not open yet, says so") {
  auto& backends = daemon.shared().backends;
  const auto plan = backends.plan();
  const auto& route = *plan->routes.routes().front();
  const auto shown = [&] {
    const auto all = result({{"command", "breaker.show"}, {"route", route.name}});
    REQUIRE(all.size() == 1);
    CHECK(all[0].at("open") == (all[0].at("state") == "open"));
    return all[0].at("state").get<std::string>();
  };
  const auto each = [](const auto& what) {
    for (int i = 0; i < 5; ++i) what("joe" + std::to_string(i) + "@example.com");
  };
  const dns::Time now{std::chrono::hours(1)};
  CHECK(shown() == "closed");
  each([&](const std::string& joe) { backends.accepted(route, joe, now); });
  each([&](const std::string& joe) { backends.held_back(route, joe, now); });
  CHECK(shown() == "suspect");
  backends.canary_answered(route.name, false, now);
  CHECK(shown() == "open");
  result({{"command", "breaker.reset"}, {"route", route.name}});
  CHECK(shown() == "closed");
}

TEST_CASE_METHOD(Bench, "a backend that is drained says so until it is up again") {
  const auto drained = [this] {
    return result({{"command", "backend.list"}}).at(0).at("drained").get<bool>();
  };
  CHECK_FALSE(drained());
  result({{"command", "backend.drain"}, {"name", "mail.internal:25"}});
  CHECK(drained());
  daemon.shared().backends.configure(*daemon.config());
  CHECK(drained());
  result({{"command", "backend.up"}, {"name", "mail.internal:25"}});
  CHECK_FALSE(drained());
}

TEST_CASE_METHOD(Bench, "standing that is given is what it would be earned") {
  const auto grade = [this](const char* wanted) {
    return result({{"command", "standing.set"}, {"client", "192.0.2.1"}, {"grade", wanted}})
        .at("grade");
  };
  CHECK(grade("passed") == "passed");
  CHECK(grade("good") == "good");
  const auto client = *dns::IpAddress::parse("192.0.2.1");
  for (int i = 0; i < 30; ++i) daemon.shared().standing.unknown_recipient(client, "");
  CHECK(daemon.shared().standing.grade(client) == Grade::Unknown);
  CHECK(grade("good") == "good");  // what its network lost is forgotten
  CHECK(grade("unknown") == "unknown");
  CHECK(result({{"command", "standing.show"}, {"client", "192.0.2.1"}}).at("deliveries") == 0);
}

TEST_CASE_METHOD(Bench, "a tuple is forgotten under the organisation of the name that is given") {
  const auto client = *dns::IpAddress::parse("192.0.2.1");
  const smtp::Address from{"a", "client.example"}, to{"b", "example.com"};
  daemon.shared().greylist.pass({client, "sender.example", from, to});
  json request = {{"command", "greylist.reset"},
                  {"client", "192.0.2.1"},
                  {"from", "a@client.example"},
                  {"to", "b@example.com"}};
  result(request);
  const auto elsewhere = *dns::IpAddress::parse("198.51.100.1");
  CHECK(daemon.shared().greylist.show({elsewhere, "sender.example", from, to}));
  request["name"] = "mail.sender.example";
  result(request);
  CHECK_FALSE(daemon.shared().greylist.show({elsewhere, "sender.example", from, to}));
}

TEST_CASE_METHOD(Bench, "limits are written as the configuration writes them") {
  const auto now = result({{"command", "limits"}});
  CHECK(now.at("places") == 40);
  CHECK(now.at("sessions") == 50);
  CHECK(now.at("command_timeout") == "90s");
  CHECK(now.at("reserved_for_known") == "25%");
  CHECK(now.at("message_size") == "50MB");
  CHECK(now.at("data_min_rate") == "500B");
  CHECK(now.at("pause") == "2s");
  CHECK(now.at("order") == "after-greylist");
  for (const auto& [name, value] : now.items()) CHECK_FALSE(value.is_null());
}

TEST_CASE_METHOD(Bench, "status tells of a daemon without a state file") {
  daemon.counters.messages = 5;
  const auto now = result({{"command", "status"}});
  CHECK(now.at("mode") == "shadow");
  CHECK(now.at("uptime_s") == 77);
  CHECK(now.at("workers") == 3);
  CHECK(now.at("sessions") == json{{"open", 0}, {"peak", 0}, {"limit", 40}});
  CHECK(now.at("mails").at("accepted") == 5);
  CHECK(now.at("store").at("memory_only") == true);
  CHECK(now.at("backends").at(0).at("name") == "mail.internal:25");
  CHECK(now.at("breaker").at(0).at("open") == false);
}

TEST_CASE_METHOD(Bench, "explain looks for an id, a client or a text, and says what is none") {
  auto& history = daemon.shared().history;
  history.configure(daemon.config()->history);
  history.start();
  const auto id = id_at(daemon.shared().clock.wall());
  const auto client = *dns::IpAddress::parse("192.0.2.1");
  history.add({id, client, 0, HistoryEntry::Merge::Never, R"({"to":"joe@example.com"})"});
  history.add({id + 1, client, 0, HistoryEntry::Merge::Never, "damaged"});
  for (const auto* const what : {"joe@EXAMPLE.com", "example.com", "192.0.2.1"}) {
    const auto found = result({{"command", "explain"}, {"what", what}}).at("entries");
    REQUIRE(found.size() == 1);
    CHECK(found[0].at("to") == "joe@example.com");
    CHECK(found[0].at("count") == 1);
  }
  CHECK(result({{"command", "explain"}, {"what", id_text(id)}}).at("entries").size() == 1);
  CHECK(result({{"command", "explain"}, {"what", "192.0.2.2"}}).at("entries").empty());
  CHECK(error({{"command", "explain"}, {"what", "x"}}) ==
        "'x' is no id, no IP address and no mail address");
  CHECK(error({{"command", "explain"}, {"what", "joe"}, {"limit", "many"}}) ==
        "an argument is missing or of the wrong type");
}

TEST_CASE_METHOD(Bench, "status says what each table holds, may hold, and takes") {
  const auto client = dns::IpAddress::parse("192.0.2.1").value();
  const auto sender = smtp::Address{}, recipient = smtp::Address{"b", "example.com"};
  const auto table = [&](const std::string& name) {
    const auto status = result({{"command", "status"}});
    for (const auto& one : status.at("tables"))
      if (one.at("name") == name) return one;
    FAIL("no table " << name);
    return json();
  };
  CHECK(table("greylist tuples").at("entries") == 0);
  auto& shared = daemon.shared();
  const dns::Time now{std::chrono::hours(1)};
  shared.greylist.pass({client, "", sender, recipient});
  shared.standing.known_recipient(client, "organisation.example");
  shared.backends.remembered().accepted(7, now);
  shared.backends.negatives().add("r", "x@example.com", {}, std::chrono::minutes(5), now);
  shared.shield.answered(client, Asked::Mail, true, now,
                         {.unknown = 9, .time = std::chrono::minutes(5)});
  shared.dns_cache.put({dns::Type::A, "mx.example"}, {}, {}, now);
  struct Row {
    const char* name;
    int entries;
  };
  for (const auto& [name, entries] :
       {Row{"greylist tuples", 2}, Row{"clients", 1}, Row{"networks and organisations", 2},
        Row{"known recipients", 1}, Row{"unknown recipients", 1}, Row{"harvest counts", 2},
        Row{"DNS answers", 1}}) {
    CAPTURE(name);
    const auto found = table(name);
    CHECK(found.at("entries") == entries);
    CHECK(found.at("limit") > 10'000);
    CHECK(found.at("bytes") > 50);
  }
}

TEST_CASE_METHOD(Bench, "a failed reload brings all errors") {
  CHECK(result({{"command", "reload"}}) == json{{"reloaded", true}});
  daemon.reload_errors = {"r.toml:1:2: one", "r.toml:3:4: two"};
  const auto answer = ask({{"command", "reload"}});
  CHECK(answer.at("ok") == false);
  CHECK(answer.at("errors") == json(daemon.reload_errors));
}

TEST_CASE_METHOD(Bench, "every command of the reference page is known, and no other") {
  const auto list = error({{"command", "?"}});
  CHECK(list ==
        "unknown command \"?\"; known are: allow.add, allow.del, allow.list, backend.drain, "
        "backend.list, backend.up, breaker.reset, breaker.show, capture.list, capture.rules, "
        "capture.show, curves, deny.add, deny.del, "
        "deny.list, episodes, explain, greylist.pass, greylist.reset, greylist.show, kill, "
        "limit.reset, limit.set, limits, reload, reopen-logs, report, sessions, simulate, sources, "
        "standing.reset, standing.set, standing.show, stats, status, top, trace, verify.forget");
}

TEST_CASE_METHOD(Bench,
                 "status says how hard we are pressed and why, limits what holds for strangers") {
  CHECK(result({{"command", "status"}}).at("pressure") == json{{"level", "calm"}});
  CHECK(result({{"command", "limits"}}).at("errors") == daemon.config()->limits.errors);
  daemon.pressed = {PressureLevel::Siege, "a worker is 1200 ms late", std::chrono::seconds(75)};
  CHECK(result({{"command", "status"}}).at("pressure") ==
        json{{"level", "siege"}, {"cause", "a worker is 1200 ms late"}, {"since_s", 75}});
  const auto strict = result({{"command", "limits"}});
  CHECK(strict.at("errors") == daemon.config()->pressure.overlays[2].errors);
  CHECK(strict.at("pause") == "3s");
  CHECK(strict.at("order") == "after-greylist");
}
