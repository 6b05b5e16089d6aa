// Fills a state file with greylist tuples, by the program's own greylist and store:
//
//   tuples FILE COUNT KNOWN
//
// First the tuples of 127.0.0.1, <a@sender.example> and the recipients <0known@example.com> to
// <KNOWNknown@example.com>, which have passed; then those of strangers, a third of which have
// passed, until there are COUNT. Prints how many there are and the most CPU time that one check
// took, which tells what growing costs: waits for the store's thread are not in it.
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "proxy/event/system_clock.h"
#include "proxy/standing/greylist.h"
#include "proxy/state/store.h"

namespace {

using namespace ravelin;
using namespace ravelin::proxy;
using namespace std::chrono_literals;

constexpr uint64_t kBatch = 50'000;  // of tuples, which are two rows each

double own_cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

class Filler {
 public:
  Filler(const char* file, uint64_t count, uint64_t known)
      : store_(open_store(
            file, clock_, [](const std::string& text) { fail(text); }, options())),
        greylist_(clock_, store_.get()) {
    GreylistSettings settings{};
    settings.delay = 4min;
    settings.window = 24h;
    settings.keep = 36 * 24h;
    settings.max_tuples = static_cast<uint32_t>(2 * count + 10 * known);
    greylist_.configure(settings);
  }

  uint64_t size() const { return greylist_.size(); }
  double longest_ms() const { return longest_ms_; }

  void add(const dns::IpAddress& client, const smtp::Address& sender,
           const smtp::Address& recipient, bool passed) {
    const Greylist::Tuple tuple{client, "", sender, recipient};
    const auto begin = own_cpu_ms();
    greylist_.check(tuple, 0);
    longest_ms_ = std::max(longest_ms_, own_cpu_ms() - begin);
    if (passed) greylist_.pass(tuple);
    if (++added_ % kBatch == 0) write();
  }
  void write() {
    if (!store_->flush(10min)) fail("cannot write");
  }

 private:
  static StoreOptions options() {
    StoreOptions options;
    options.max_pending = 8 * kBatch;
    return options;
  }
  [[noreturn]] static void fail(const std::string& text) {
    std::fprintf(stderr, "tuples: %s\n", text.c_str());
    std::exit(1);
  }

  const SystemClock clock_;
  const std::unique_ptr<Store> store_;
  Greylist greylist_;
  uint64_t added_ = 0;
  double longest_ms_ = 0;
};

dns::IpAddress stranger(uint64_t number) {
  const auto part = [&](int shift) { return std::to_string(number >> shift & 255); };
  return *dns::IpAddress::parse("10." + part(16) + "." + part(8) + "." + part(0));
}

void fill(Filler& filler, uint64_t count, uint64_t known) {
  const auto us = *dns::IpAddress::parse("127.0.0.1");
  for (uint64_t i = 0; i <= known; ++i)
    filler.add(us, {"a", "sender.example"}, {std::to_string(i) + "known", "example.com"}, true);
  for (uint64_t i = 0; filler.size() < count; ++i)
    filler.add(stranger(i), {"a", "client.example"}, {"u" + std::to_string(i), "example.com"},
               i % 3 == 0);
  filler.write();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: tuples FILE COUNT KNOWN\n");
    return 2;
  }
  const auto count = std::strtoull(argv[2], nullptr, 10);
  const auto known = std::strtoull(argv[3], nullptr, 10);
  Filler filler(argv[1], count, known);
  fill(filler, count, known);
  std::printf("%llu tuples; the slowest check took %.1f ms of CPU\n",
              static_cast<unsigned long long>(filler.size()), filler.longest_ms());
}
