// The shared parts under real threads: run under the thread sanitizer.
#include <atomic>
#include <catch2/catch.hpp>
#include <mutex>
#include <thread>

#include "harness.h"

namespace ravelin::test {
namespace {

// One worker with a thread, a loop and a backend of its own; only |backends| is shared.
class Threaded {
 public:
  Threaded(proxy::Backends& backends, size_t number)
      : number_(number), worker_(backends, reactor_, connector_, [this](auto call) {
          const std::lock_guard lock(mutex_);
          posts_.push_back(std::move(call));
        }) {
    connector_.detachable = false;  // each thread has a connector of its own
    backend_.replies["RCPT TO:<no"] = "550 5.7.1 no\r\n";
  }

  // Asks until all are answered, then stays for the others, whose connections it may hold.
  void work(std::atomic<size_t>& finished, size_t threads) {
    for (size_t turn = 0; turn < 5'000'000 && finished < threads; ++turn) {
      run();
      if (asked_ < kQuestions && (!mail_ || mail_->code() != 0)) {
        next();
      } else if (asked_ == kQuestions && mail_ && mail_->code() != 0) {
        count();
        mail_ = nullptr;
        ++finished;
      }
      worker_.sweep(reactor_.now());
      std::this_thread::yield();
    }
    mail_ = nullptr;
    worker_.shutdown();
    for (int turn = 0; turn < 10; ++turn) run();
  }
  static constexpr size_t kQuestions = 60;
  size_t right = 0;  // answers that were as they should be

 private:
  void run() {
    std::deque<std::function<void()>> calls;
    {
      const std::lock_guard lock(mutex_);
      calls.swap(posts_);
    }
    for (auto& call : calls) call();
    backend_.run();
  }
  void count() {
    const int want = asked_ % 2 == 0 ? 550 : 250;
    right += mail_->code() == want ? 1 : 0;
  }
  void next() {
    if (mail_) count();
    ++asked_;
    mail_ = std::make_unique<Mail>();
    smtp::MailCommand command;
    command.from = address("a" + std::to_string(asked_) + "@client.example");
    const auto ip = "203.0.113." + std::to_string(number_ + 1);
    mail_->transaction = worker_.begin(command, client(ip, number_ % 2 == 0), "id", mail_->events);
    mail_->ask(asked_ % 2 == 0 ? "no@example.com" : "yes@example.com");
  }

  const size_t number_;
  ManualClock clock_;
  ManualReactor reactor_{clock_};
  MemoryConnector connector_{reactor_};
  ScriptedBackend backend_{connector_, reactor_};
  std::mutex mutex_;
  std::deque<std::function<void()>> posts_;
  proxy::BackendWorker worker_;
  std::unique_ptr<Mail> mail_;
  size_t asked_ = 0;
};

}  // namespace

TEST_CASE("threads share permits, and everybody is answered") {
  const auto cap = GENERATE(as<uint32_t>{}, 1, 4);
  CAPTURE(cap);
  constexpr size_t kThreads = 8;
  const ManualClock clock;
  RecordingJournal journal;
  proxy::Backends backends(journal, clock);
  proxy::Config config{};
  config.hostname = "mx.example.net";
  config.routes = {route_to({"192.0.2.7:25"}, cap)};
  config.verify = {proxy::VerifyOrder::AfterGreylist, 60s, 10s, 5min};
  backends.configure(config);

  std::vector<std::unique_ptr<Threaded>> all;
  for (size_t i = 0; i < kThreads; ++i) all.push_back(std::make_unique<Threaded>(backends, i));
  std::atomic<size_t> finished{0};
  std::vector<std::thread> threads;
  for (auto& one : all) threads.emplace_back([&] { one->work(finished, kThreads); });
  for (auto& thread : threads) thread.join();

  CHECK(finished == kThreads);
  for (const auto& one : all) CHECK(one->right == Threaded::kQuestions);
  CHECK(backends.snapshot()[0].ties == 0);
  CHECK(backends.snapshot()[0].waiting == 0);
}

// A plan that was replaced goes with its last reader, who must hold it for as long as it reads.
TEST_CASE("what backends offer can be asked for while another thread reloads") {
  const ManualClock clock;
  RecordingJournal journal;
  proxy::Backends backends(journal, clock);
  std::vector<std::string> names;
  for (int i = 1; i <= 50; ++i) names.push_back("192.0.2." + std::to_string(i) + ":25");
  proxy::Config config{};
  config.routes = {route_to(names, 4)};
  backends.configure(config);
  smtp::Capabilities offers;
  offers.dsn = true;
  for (const auto& name : names) backends.restore_capabilities(name, offers);

  std::atomic<bool> done{false};
  size_t wrong = 0;
  std::thread reader([&] {
    while (!done) wrong += backends.offered().dsn ? 0 : 1;
  });
  for (int i = 0; i < 500; ++i) backends.configure(config);
  done = true;
  reader.join();
  CHECK(wrong == 0);
}

}  // namespace ravelin::test
