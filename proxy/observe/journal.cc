#include "proxy/observe/journal.h"

#include <charconv>

namespace ravelin::proxy {
namespace {

using namespace std::chrono;

constexpr size_t kDigits = 12;
constexpr Id kMask = 0xffff'ffff'ffff;
constexpr auto k2020 = sys_days(year(2020) / January / 1);
constexpr int64_t kParts = 65'536;  // of a second
constexpr int64_t kSecond = 1'000'000'000;

}  // namespace

std::string id_text(Id id) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string text(kDigits, '0');
  for (size_t i = text.size(); i-- > 0; id >>= 4) text[i] = kHex[id & 15];
  return text;
}

std::optional<Id> parse_id(std::string_view text) {
  Id id = 0;
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, id, 16);
  if (text.size() != kDigits || error != std::errc() || stop != end) return {};
  return id;
}

Id id_at(system_clock::time_point wall) {
  if (wall < k2020) return 0;
  const auto second = floor<seconds>(wall);
  const auto fraction = nanoseconds(wall - second).count() * kParts / kSecond;
  return (static_cast<Id>((second - k2020).count()) << 16 | static_cast<Id>(fraction)) & kMask;
}

system_clock::time_point time_of(Id id) {
  const auto fraction = nanoseconds(static_cast<int64_t>(id & 0xffff) * kSecond / kParts);
  return k2020 + seconds(static_cast<int64_t>(id >> 16)) +
         duration_cast<system_clock::duration>(fraction);
}

}  // namespace ravelin::proxy
