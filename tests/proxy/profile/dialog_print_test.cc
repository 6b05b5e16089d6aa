#include "proxy/profile/dialog_print.h"

#include <catch2/catch.hpp>
#include <random>

namespace ravelin::proxy {

TEST_CASE("a print as text") {
  CHECK(parse_print("00000000000000aa") == 0xaau);
  CHECK(print_text(0xaa) == "00000000000000aa");
  for (const auto* const bad :
       {"", "aa", "0000000000000000", "00000000000000ag", "000000000000000aa", "-0000000000000aa"})
    CHECK(!parse_print(bad));
}

TEST_CASE("what a print was when the dialog had come less far") {
  using Three = std::array<uint64_t, 3>;
  CHECK(print_beginnings(0x0001'0000'0000'0000) == Three{});
  CHECK(print_beginnings(0x0001'0000'0003'0004) ==
        Three{0x0001'0000'0000'0000, 0x0001'0000'0003'0000, 0});
  CHECK(print_beginnings(0x0001'0002'0003'0004) ==
        Three{0x0001'0000'0000'0000, 0x0001'0002'0000'0000, 0x0001'0002'0003'0000});
  for (const auto longer : {uint64_t{0x0001'0000'0003'0004}, uint64_t{0x0001'0002'0003'0004}})
    for (const auto shorter : print_beginnings(longer))
      if (shorter != 0) CHECK(print_begins(shorter, longer));
  CHECK(print_begins(0x0001'0000'0003'0000, 0x0001'0000'0003'0004));
  CHECK(!print_begins(0x0001'0000'0003'0000, 0x0001'0002'0003'0004));
  CHECK(!print_begins(0x0001'0000'0003'0004, 0x0001'0000'0003'0000));
}

TEST_CASE("numbers that are no prints have no words, and harm nobody") {
  CHECK(print_words(0).empty());
  CHECK(print_words(0xffff'ffff'ffff'ffff).empty());
  CHECK(print_words(0x0802'0000'0000'0004).empty());  // a third command without a second
  std::mt19937_64 random(1);
  size_t words = 0;
  for (int i = 0; i < 100'000; ++i) words += print_words(random()).empty() ? 0 : 1;
  CHECK(words < 1'000);  // those of another definition are hardly ever taken for ours
}

}  // namespace ravelin::proxy
