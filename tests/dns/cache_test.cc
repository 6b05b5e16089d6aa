#include "dns/cache.h"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

using namespace ravelin::dns;
using namespace std::chrono_literals;

namespace {

constexpr Time kStart{1000s};
const Question kQuestion{Type::A, "mx.example"};

Answer answer(Status status) {
  Answer answer;
  answer.status = status;
  if (status == Status::Ok) answer.addresses = {*IpAddress::parse("127.2.3.4")};
  return answer;
}

}  // namespace

TEST_CASE("the cache keeps an answer as long as it holds, within bounds") {
  struct Row {
    const char* what;
    Status status;
    std::optional<std::chrono::seconds> ttl;
    std::chrono::seconds kept;
  };
  const auto row = GENERATE(values<Row>({
      {"its TTL", Status::Ok, 300s, 300s},
      {"the floor", Status::Ok, 0s, 5s},
      {"the cap", Status::Ok, 86400s, 3600s},
      {"no, as the SOA says", Status::NoName, 900s, 900s},
      {"no, without SOA", Status::NoData, {}, 60s},
      {"don't know, whatever the TTL", Status::TempFail, 300s, 5s},
  }));
  CAPTURE(row.what);
  DnsCache cache;
  cache.put(kQuestion, answer(row.status), row.ttl, kStart);
  const auto found = cache.find(kQuestion, kStart + row.kept - 1ns);
  REQUIRE(found);
  CHECK(found->status == row.status);
  CHECK_FALSE(cache.find(kQuestion, kStart + row.kept));
}

TEST_CASE("the cache tells types and names apart") {
  DnsCache cache;
  cache.put(kQuestion, answer(Status::Ok), 300s, kStart);
  CHECK_FALSE(cache.find({Type::Aaaa, "mx.example"}, kStart));
  CHECK_FALSE(cache.find({Type::A, "my.example"}, kStart));
  cache.clear();
  CHECK_FALSE(cache.find(kQuestion, kStart));
  CHECK(cache.size() == 0);
}

TEST_CASE("trouble does not displace an answer that still holds") {
  DnsCache cache;
  cache.put(kQuestion, answer(Status::Ok), 60s, kStart);
  cache.put(kQuestion, answer(Status::TempFail), {}, kStart + 1s);
  CHECK(cache.find(kQuestion, kStart + 59s)->status == Status::Ok);
  cache.put(kQuestion, answer(Status::NoName), 60s, kStart + 1s);
  CHECK(cache.find(kQuestion, kStart + 59s)->status == Status::NoName);
  cache.put(kQuestion, answer(Status::TempFail), {}, kStart + 61s);
  CHECK(cache.find(kQuestion, kStart + 62s)->status == Status::TempFail);
  CHECK(cache.size() == 1);
}

TEST_CASE("a full cache forgets what has expired, then the oldest") {
  // Questions that share a part of the cache are found by trying: a cache of one entry per part.
  std::vector<Question> together{kQuestion};
  for (int i = 0; together.size() < 4; ++i) {
    REQUIRE(i < 10000);
    DnsCache tiny(16);
    const Question other{Type::A, "h" + std::to_string(i) + ".example"};
    tiny.put(kQuestion, answer(Status::Ok), 300s, kStart);
    tiny.put(other, answer(Status::Ok), 300s, kStart);
    if (!tiny.find(kQuestion, kStart)) together.push_back(other);
  }
  DnsCache cache(3 * 16);
  cache.put(together[0], answer(Status::Ok), 300s, kStart);
  cache.put(together[1], answer(Status::Ok), 10s, kStart + 1s);
  cache.put(together[2], answer(Status::Ok), 300s, kStart + 2s);

  SECTION("nothing expired") {
    cache.put(together[3], answer(Status::Ok), 300s, kStart + 3s);
    CHECK_FALSE(cache.find(together[0], kStart + 3s));
    CHECK(cache.find(together[1], kStart + 3s));
  }
  SECTION("one expired") {
    cache.put(together[3], answer(Status::Ok), 300s, kStart + 20s);
    CHECK(cache.find(together[0], kStart + 20s));
    CHECK_FALSE(cache.find(together[1], kStart + 20s));
  }
  CHECK(cache.find(together[2], kStart + 3s));
  CHECK(cache.find(together[3], kStart + 3s));
}

TEST_CASE("the cache stays within its bound") {
  DnsCache cache(64);
  for (int i = 0; i < 1000; ++i)
    cache.put({Type::A, std::to_string(i) + ".example"}, answer(Status::Ok), 300s, kStart);
  CHECK(cache.size() <= 64);
  CHECK(cache.size() > 32);
}

// Counted as they come and go.
TEST_CASE("what the cache takes is counted, also of answers that are gone") {
  DnsCache cache(64), fresh(64);
  Answer large = answer(Status::Ok);
  large.names.assign(5, std::string(200, 'x'));
  large.mx = {{10, std::string(100, 'y')}};
  const auto fill = [](DnsCache& which, const Answer& what) {
    for (int i = 0; i < 1000; ++i)
      which.put({Type::A, std::to_string(i) + ".example"}, what, 100s, kStart);
  };
  fill(cache, large);
  const auto full = cache.occupancy();
  CHECK(full.entries == 64);
  CHECK(full.limit == 64);
  CHECK(full.bytes > 64 * 1300);
  CHECK(full.bytes < 64 * 2600);
  fill(cache, answer(Status::Ok));
  fill(fresh, answer(Status::Ok));
  CHECK(cache.occupancy().bytes == fresh.occupancy().bytes);
  cache.clear();
  CHECK(cache.occupancy().bytes == 0);
}

TEST_CASE("threads share the cache") {
  DnsCache cache(64);
  std::vector<std::thread> threads;
  for (int id = 0; id < 4; ++id) {
    threads.emplace_back([&cache, id] {
      for (int i = 0; i < 2000; ++i) {
        const Question question{Type::A, std::to_string((i + id) % 100) + ".example"};
        cache.put(question, answer(Status::Ok), 300s, kStart + std::chrono::seconds(i));
        cache.find(question, kStart);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(cache.size() <= 64);
}
