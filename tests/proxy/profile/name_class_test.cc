#include "proxy/profile/name_class.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace ravelin;
using proxy::name_class;
using proxy::NameClass;

namespace {

const dns::IpAddress kSome = dns::IpAddress::v4({192, 0, 2, 34});

struct Score {
  int names = 0;
  std::vector<std::string> wrong{};

  double share() const { return 1 - static_cast<double>(wrong.size()) / names; }
};

Score score_of(const std::string& list) {
  Score score;
  std::ifstream in(RAVELIN_SOURCE_DIR "/tests/proxy/profile/" + list);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream row(line);
    std::string address, name, want;
    row >> address >> name >> want;
    const auto ip = dns::IpAddress::parse(address);
    REQUIRE(ip);
    ++score.names;
    const auto got = proxy::kNameClassNames[static_cast<size_t>(name_class(name, *ip))];
    if (got != want) score.wrong.push_back(name + ": " + std::string(got));
  }
  return score;
}

}  // namespace

TEST_CASE("at least 95 % of names are put into the right class") {
  struct Row {
    const char* list;
    int least;
  };
  const auto row = GENERATE(values<Row>(
      {{"names-sample.tsv", 70}, {"names-tuned.tsv", 200}, {"names-held-out.tsv", 200}}));
  const auto score = score_of(row.list);
  CAPTURE(row.list, score.wrong);
  CHECK(score.names >= row.least);
  CHECK(score.share() >= 0.95);
}

TEST_CASE("each rule of names") {
  struct Row {
    const char* name;
    NameClass want;
  };
  const auto row = GENERATE(values<Row>({
      {"", NameClass::None},
      {".", NameClass::None},
      {"192-0-2-34.dyn.example.net", NameClass::Dynamic},
      {"192-0-2-34.DYN.Example.NET.", NameClass::Dynamic},
      {"192-0-2-34.example.net", NameClass::Dynamic},  // no word: most are lines
      {"192-0-2-34.static.example.net", NameClass::Generic},
      {"static-192-0-2-34.dynamic.example.net", NameClass::Dynamic},
      {"ip34.ip-192-0-2.example", NameClass::Generic},  // a domain for a network
      {"192-0-2-34.rev.cloud-example.net", NameClass::Generic},
      {"vm123456.example.net", NameClass::Generic},
      {"192-0-2-34.ptr.example.net", NameClass::Generic},
      {"bl2-34.example.net", NameClass::Dynamic},  // two octets, and no word
      {"m2-34.examplemail.com", NameClass::Named},
      {"box9.node2-34.example.net", NameClass::Named},
      {"anna34.adsl.example.net", NameClass::Dynamic},
      {"s0106bc4dfb0a1122.vc.example.net", NameClass::Dynamic},  // a modem's hardware address
      {"hosted-by.example.net", NameClass::Generic},
      {"static.vnpt.vn", NameClass::Dynamic},
      {"mail.example.com", NameClass::Named},
      {"mail192-0-2-34.example.com", NameClass::Named},
      {"mail.static-192-0-2-34.example.com", NameClass::Generic},
      {"mail.home.example.com", NameClass::Named},
      {"home.example.com", NameClass::Named},
      {"static.example.com", NameClass::Named},
      {"server2.example.com", NameClass::Named},
      {"mail.dynamic-example.com", NameClass::Named},  // the domain is a company's own word
      {"example.com", NameClass::Named},
      {"com", NameClass::Named},
      {"localhost", NameClass::Named},
  }));
  CAPTURE(row.name);
  CHECK(name_class(row.name, kSome) == row.want);
}

TEST_CASE("names of any octets and length are judged") {
  CHECK(name_class(std::string(70'000, 'a') + ".example.com", kSome) == NameClass::Named);
  CHECK(name_class(std::string(70'000, '1'), kSome) == NameClass::Generic);
  CHECK(name_class(std::string(300, '.'), kSome) == NameClass::Named);
  CHECK(name_class(std::string("\0\xff.\x01", 4), kSome) == NameClass::Named);
}
