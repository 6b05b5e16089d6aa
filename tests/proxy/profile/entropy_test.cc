#include "proxy/profile/entropy.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

using namespace ravelin::proxy;

namespace {

// None of them was in the list that spelling is counted from, as a whole.
const std::vector<std::string> kPeople = {
    "carsten.mattner",
    "ingo.wichmann",
    "anne-marie.lefevre",
    "hschmidt",
    "tina84",
    "g.obermayer",
    "p.vandermeer",
    "xavier",
    "quentin.harrow",
    "webshop",
    "einkauf.nord",
    "lukasz.w",
    "sjoerd.dijkstra",
    "hiroki.matsuda",
    "nguyenvananh",
    "thuy.pham",
    "office-berlin",
    "kundenservice",
    "alice",
    "bob",
    "thorvaldsen",
    "agnetha",
    "frederik.hjorth",
    "o.brien",
    "kontakt2",
    "2001michael",
    "deborah.falkner",
    "rainer.zufall",
    "m.delacroix",
    "buero",
    "hausverwaltung",
    "ludmila.petrova",
    "svetozar",
    "annikamarie",
    "jp.morel",
    "warehouse3",
    "fundraising",
    "matteo.bellini",
    "carla_fuentes",
    "eloise",
};

double mean(const std::vector<std::string>& names) {
  double sum = 0;
  for (const auto& name : names) sum += randomness(name);
  return sum / static_cast<double>(names.size());
}

std::vector<std::string> drawn(std::string_view alphabet, size_t length) {
  std::mt19937 random(20240501);
  std::vector<std::string> names(500);
  for (auto& name : names)
    for (size_t i = 0; i < length; ++i) name += alphabet[random() % alphabet.size()];
  return names;
}

}  // namespace

TEST_CASE("people and offices are told from a generator, one by one mostly, as a crowd surely") {
  CHECK(mean(kPeople) < 0.25);
  const auto alphabet = GENERATE("abcdefghijklmnopqrstuvwxyz", "0123456789abcdef",
                                 "abcdefghijklmnopqrstuvwxyz0123456789",
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
  const auto length = GENERATE(size_t{6}, size_t{8}, size_t{12}, size_t{20});
  CAPTURE(alphabet, length);
  const auto names = drawn(alphabet, length);
  CHECK(mean(names) > 0.9);
  const auto taken = std::count_if(names.begin(), names.end(),
                                   [](const auto& name) { return randomness(name) > 0.5; });
  CHECK(taken > static_cast<long>(names.size()) * 9 / 10);
}

TEST_CASE("nine people of ten are below the middle") {
  std::vector<std::string> above;
  for (const auto& name : kPeople)
    if (randomness(name) >= 0.5) above.push_back(name);
  CAPTURE(above);
  CHECK(above.size() <= kPeople.size() / 10);
}

TEST_CASE("where nothing can be said, nothing is") {
  for (const auto* text : {"", "4915112345678", "7", "...", "\xd0\xb8\xd0\xb2\xd0\xb0\xd0\xbd"}) {
    CAPTURE(text);
    CHECK(randomness(text) == Approx(0.5));
  }
}

TEST_CASE("randomness is a number from 0 to 1 for any octets, and bounded work") {
  std::string octets;
  for (int i = 0; i < 256; ++i) octets += static_cast<char>(i);
  for (const auto& text : {octets, std::string(1'000'000, 'q'), std::string(1'000'000, 'e')}) {
    CHECK(randomness(text) >= 0);
    CHECK(randomness(text) <= 1);
  }
  CHECK(randomness(std::string(64, 'q')) == randomness(std::string(1'000'000, 'q')));
}

TEST_CASE("local parts of one form have one pattern") {
  struct Row {
    const char* local;
    const char* want;
  };
  const auto row = GENERATE(values<Row>({
      {"anna", "a"},
      {"anna.smith77", "a.a9"},
      {"Anna_Smith", "a_a"},
      {"77anna", "9a"},
      {"4711", "9"},
      {"k3jx09q", "x"},
      {"7f3a9c2e", "x"},
      {"noreply-3f8a9b", "a-x"},
      {"a+b+c", "a+a+a"},
      {"\xd0\xb8\xd0\xb2.smith", "u.a"},
      {"", ""},
      {"a\nb\x7f", "a?a?"},
      {"\"a b\"", "\"a?a\""},
  }));
  CHECK(local_pattern(row.local) == row.want);
  CHECK(local_pattern(std::string(1000, '.')).size() <= 32);
  CHECK(local_pattern(std::string(1000, '.')).ends_with("~"));
  CHECK(local_pattern(std::string(1'000'000, 'a')) == "a");
}
