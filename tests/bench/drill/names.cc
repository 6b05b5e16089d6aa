#include "tests/bench/drill/names.h"

#include <cstdio>
#include <ctime>
#include <fstream>

namespace ravelin::drill {
namespace {

constexpr const char* kFirst[] = {"anna", "ben",  "carla", "david", "emma", "frank", "greta",
                                  "hans", "ines", "jan",   "karl",  "lena", "maria", "nick",
                                  "olga", "paul", "rosa",  "sam",   "tina", "victor"};
constexpr const char* kLast[] = {"smith",  "miller", "jones",  "brown",  "meyer",
                                 "schulz", "weber",  "wagner", "becker", "koch",
                                 "klein",  "wolf",   "martin", "lopez",  "rossi",
                                 "novak",  "jensen", "larsen", "dupont", "moreau"};
constexpr const char* kRoles[] = {"info",  "sales",   "office", "admin", "support",
                                  "shop",  "contact", "mail",   "jobs",  "billing",
                                  "press", "service", "orders", "help",  "marketing"};

template <size_t N>
const char* any_of(const char* const (&words)[N], Random& random) {
  return words[random.below(N)];
}

constexpr size_t kStarred = 50;

}  // namespace

std::string random_local_part(Random& random) {
  std::string name;
  const size_t letters = 5 + random.below(6);
  for (size_t i = 0; i < letters; ++i) name += static_cast<char>('a' + random.below(26));
  return name + std::to_string(random.below(1000));
}

std::string dictionary_local_part(Random& random) {
  switch (random.below(5)) {
    case 0:
      return any_of(kFirst, random);
    case 1:
      return any_of(kLast, random);
    case 2:
      return std::string(any_of(kRoles, random)) + std::to_string(random.below(20));
    case 3:
      return std::string(1, any_of(kFirst, random)[0]) + any_of(kLast, random) +
             std::to_string(random.below(100));
    default:
      return std::string(any_of(kFirst, random)) + "." + any_of(kLast, random);
  }
}

std::string message_text(std::string_view from, std::string_view to, std::string_view id,
                         size_t size) {
  char date[64] = "";
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &parts);
  std::string text = "Date: ";
  text.append(date).append("\r\nFrom: <").append(from).append(">\r\nTo: <").append(to);
  text.append(">\r\nMessage-ID: <").append(id).append("@drill.example>\r\nSubject: drill\r\n\r\n");
  static constexpr std::string_view kLine =
      "The quick brown fox jumps over the lazy dog, and back again at dawn.\r\n";
  while (text.size() + kLine.size() <= size) text.append(kLine);
  return text;
}

std::vector<std::string> parse_mailboxes(std::string_view text) {
  std::vector<std::string> names;
  if (text.starts_with('@')) {
    std::ifstream file{std::string(text.substr(1))};
    for (std::string line; std::getline(file, line);)
      if (!line.empty() && line[0] != '#') names.push_back(line);
    return names;
  }
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const std::string name(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    const auto star = name.find('*');
    if (star == name.npos) {
      if (!name.empty()) names.push_back(name);
      continue;
    }
    for (size_t i = 0; i < kStarred; ++i) {
      std::string one = name;
      names.push_back(one.replace(star, 1, std::to_string(i)));
    }
  }
  return names;
}

}  // namespace ravelin::drill
