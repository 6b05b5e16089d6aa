#include "proxy/profile/origin.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <thread>

#include "database.h"
#include "proxy/event/seccomp.h"
#include "support/temp_dir.h"

using namespace ravelin;
using namespace ravelin::proxy;
using test::DatabaseWriter;
using test::write_file;
namespace mmdb = test::mmdb;

namespace {

dns::IpAddress ip(const char* text) { return *dns::IpAddress::parse(text); }

std::string countries() {
  DatabaseWriter writer;
  writer.add("192.0.2.0/24", mmdb::country("DE"));
  writer.add("198.51.100.0/25", mmdb::country("BR"));
  writer.add("2001:db8::/32", mmdb::country("JP"));
  return writer.bytes();
}

std::string networks() {
  DatabaseWriter writer;
  writer.add("192.0.2.0/24", mmdb::network(64496, "Example Telecom"));
  writer.add("198.51.100.0/24", mmdb::network(4'200'000'001, "Example Hosting"));
  return writer.bytes();
}

// The files of one configuration. They are looked at by |open| only.
struct Bench {
  test::TempDir directory;
  Config config;
  std::vector<std::string> warnings;

  Bench() { config.state.path = directory.file("state.db"); }

  void country(const std::string& bytes) {
    config.origin.country = directory.file("country.mmdb");
    write_file(config.origin.country, bytes);
  }
  void asn(const std::string& bytes) {
    config.origin.asn = directory.file("asn.mmdb");
    write_file(config.origin.asn, bytes);
  }
  std::shared_ptr<const Origins> open() {
    warnings.clear();
    auto origins = Origins::open(config, warnings);
    CHECK(directory.list("origin-").empty());  // the copies are gone
    return origins;
  }
  Origin lookup(const char* address) { return open()->lookup(ip(address)); }
};

}  // namespace

TEST_CASE("country and network of an address") {
  Bench bench;
  bench.country(countries());
  bench.asn(networks());
  const auto origins = bench.open();
  CHECK(bench.warnings.empty());
  CHECK(origins->lookup(ip("192.0.2.1")) == Origin{"DE", 64496, "Example Telecom"});
  CHECK(origins->lookup(ip("198.51.100.127")) == Origin{"BR", 4'200'000'001, "Example Hosting"});
  CHECK(origins->lookup(ip("198.51.100.128")) == Origin{"", 4'200'000'001, "Example Hosting"});
  CHECK(origins->lookup(ip("2001:db8::25")) == Origin{"JP", 0, ""});
  CHECK(origins->lookup(ip("::ffff:192.0.2.1")).country == "DE");
  CHECK(origins->lookup(ip("203.0.113.1")) == Origin{});
  CHECK(origins->lookup(ip("2001:db9::1")) == Origin{});
}

TEST_CASE("without databases nothing is known, and nothing is wrong") {
  Bench bench;
  CHECK(bench.lookup("192.0.2.1") == Origin{});
  CHECK(bench.warnings.empty());
}

TEST_CASE("others who use the format have names of their own") {
  Bench bench;
  DatabaseWriter writer;
  writer.add("192.0.2.0/24", mmdb::map({{"asn", mmdb::text("AS64511")},
                                        {"as_name", mmdb::text("Example")},
                                        {"country", mmdb::text("NL")}}));
  writer.add("198.51.100.0/24",
             mmdb::map({{"asn", mmdb::text("AS99999999999")}, {"country_code", mmdb::text("FR")}}));
  writer.add("203.0.113.0/24",
             mmdb::map({{"registered_country", mmdb::map({{"iso_code", mmdb::text("US")}})}}));
  bench.country(writer.bytes());
  bench.asn(writer.bytes());
  const auto origins = bench.open();
  CHECK(bench.warnings.empty());
  CHECK(origins->lookup(ip("192.0.2.1")) == Origin{"NL", 64511, "Example"});
  CHECK(origins->lookup(ip("198.51.100.1")) == Origin{"FR", 0, ""});
  CHECK(origins->lookup(ip("203.0.113.1")) == Origin{"US", 0, ""});
}

TEST_CASE("words of a database are plain and bounded") {
  struct Row {
    std::string name;
    std::string want;
  };
  std::string umlauts;
  for (int i = 0; i < 40; ++i) umlauts += "\xc3\xbc";
  const auto row = GENERATE_COPY(values<Row>({
      {"Net\r\n<b>",
       "Net?"
       "?<b>"},
      {"bad \xff\xc3 utf", "bad ?? utf"},
      {"right\xe2\x80\xaeleft", "right?left"},
      {std::string(200, 'a'), std::string(64, 'a')},
      {"x" + umlauts, "x" + umlauts.substr(0, 62)},  // no half character
      {"", ""},
  }));
  Bench bench;
  DatabaseWriter writer;
  writer.add("192.0.2.0/24", mmdb::network(1, row.name));
  bench.asn(writer.bytes());
  CHECK(bench.lookup("192.0.2.1").organisation == row.want);
}

TEST_CASE("a country is two capital letters, or not known") {
  const auto* code = GENERATE("", "D", "de", "DEU", "D\n", "\xc3\xbc");
  Bench bench;
  DatabaseWriter writer;
  writer.add("192.0.2.0/24", mmdb::country(code));
  writer.add("198.51.100.0/24", mmdb::country("DE"));
  writer.add("203.0.113.0/24", mmdb::map({{"country", mmdb::uint32(49)}}));
  bench.country(writer.bytes());
  CHECK(bench.lookup("192.0.2.1").country.empty());
  CHECK(bench.lookup("203.0.113.1").country.empty());
  CHECK(bench.lookup("198.51.100.1").country == "DE");
}

TEST_CASE("a file that is no database of the kind is one warning, and the other one works") {
  struct Row {
    const char* name;
    std::string bytes;
    const char* why;
  };
  auto damaged = countries();
  damaged[0] = damaged[1] = damaged[2] = '\xff';  // a record that points beyond all
  const auto row = GENERATE_COPY(values<Row>({
      {"empty", "", "no database"},
      {"text", "country,code\n", "no database"},
      {"cut in the middle", countries().substr(0, 400), "no database"},
      {"cut at the end", countries().substr(0, countries().size() - 1), "no database"},
      {"of the other kind", networks(), "knows no countries"},
      {"without an entry", DatabaseWriter().bytes(), "knows no countries"},
      {"damaged", damaged, "damaged"},
  }));
  CAPTURE(row.name);
  Bench bench;
  bench.country(row.bytes);
  bench.asn(networks());
  CHECK(bench.lookup("192.0.2.1") == Origin{"", 64496, "Example Telecom"});
  REQUIRE(bench.warnings.size() == 1);
  CAPTURE(bench.warnings[0]);
  CHECK(bench.warnings[0].starts_with("origin.country: \"" + bench.config.origin.country));
  CHECK(bench.warnings[0].find(row.why) != std::string::npos);
}

TEST_CASE("a file that cannot be read is one warning") {
  Bench bench;
  mkfifo(bench.directory.file("fifo").c_str(), 0600);
  const auto* const name = GENERATE("none.mmdb", "", "fifo");  // "" is the directory itself
  bench.config.origin.asn = bench.directory.file(name);
  CHECK(bench.lookup("192.0.2.1") == Origin{});
  CHECK(bench.warnings.size() == 1);
}

TEST_CASE("without a place for the copy there is one warning, and no origin") {
  Bench bench;
  bench.country(countries());
  bench.config.state.path = bench.directory.file("none/state.db");
  CHECK(bench.lookup("192.0.2.1") == Origin{});
  REQUIRE(bench.warnings.size() == 1);
  CHECK(bench.warnings[0].find("no copy can be made in") != std::string::npos);
}

TEST_CASE("without a file for the state the copy is made in /tmp") {
  Bench bench;
  bench.country(countries());
  bench.config.state.path.clear();
  CHECK(bench.lookup("192.0.2.1").country == "DE");
  CHECK(bench.warnings.empty());
}

// Mapped, the file would end the process here by SIGBUS.
TEST_CASE("what happens to the file afterwards is not seen") {
  Bench bench;
  bench.country(countries());
  bench.asn(networks());
  const auto origins = bench.open();
  REQUIRE(truncate(bench.config.origin.country.c_str(), 0) == 0);
  REQUIRE(unlink(bench.config.origin.asn.c_str()) == 0);
  CHECK(origins->lookup(ip("192.0.2.1")) == Origin{"DE", 64496, "Example Telecom"});

  std::ifstream maps("/proc/self/maps");
  const std::string all{std::istreambuf_iterator<char>(maps), {}};
  CHECK(all.find(bench.directory.path().string()) == std::string::npos);
}

// The library reads what the file says it is: any octet may be wrong.
TEST_CASE("a database with any octet changed is refused or answers") {
  Bench bench;
  const auto sound = countries();
  for (const char flip : {'\x01', '\x20', '\xff'}) {
    for (size_t i = 0; i < sound.size(); ++i) {
      auto bytes = sound;
      bytes[i] = static_cast<char>(bytes[i] ^ flip);
      bench.country(bytes);
      const auto origin = bench.lookup("192.0.2.1");
      CHECK((origin.country.empty() || origin.country.size() == 2));
      CHECK(bench.warnings.size() <= 1);
    }
  }
}

TEST_CASE("threads look up at the same time") {
  Bench bench;
  bench.country(countries());
  bench.asn(networks());
  const auto origins = bench.open();
  std::array<int, 4> right{};
  std::vector<std::thread> threads;
  for (auto& count : right)
    threads.emplace_back([&count, origins] {
      for (int i = 0; i < 1000; ++i)
        count += origins->lookup(ip("192.0.2.1")) == Origin{"DE", 64496, "Example Telecom"} ? 1 : 0;
    });
  for (auto& thread : threads) thread.join();
  CHECK(right == std::array{1000, 1000, 1000, 1000});
}

// A reload opens them again, when the filter of system calls has long been on.
TEST_CASE("databases are opened under the filter of system calls") {
  Bench bench;
  bench.country(countries());
  const pid_t child = fork();
  if (child == 0) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !install_filter(Filtering::Enforce).empty())
      _exit(1);
    std::vector<std::string> warnings;
    const auto origins = Origins::open(bench.config, warnings);
    _exit(origins->lookup(ip("192.0.2.1")).country == "DE" ? 0 : 2);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
