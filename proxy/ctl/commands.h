// All that ravelinctl can be told, as rows: its command line, --help, the completion for bash and
// the manual page come from them.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

namespace ravelin::proxy {

enum class ArgKind : uint8_t {
  Text,
  Address,   // an IP address
  Network,   // an IP address, or one with a prefix length
  Mailbox,   // a mail address, in <> or not
  Duration,  // "30s", "5m", "2h", "7d"; sent as seconds
  Count,     // a whole number between |min| and |max|
  Choice,    // one of |choices|, separated by commas
  Flag,      // no value; sent as true
};

struct Arg {
  std::string_view name;  // "--client" is an option, "CLIENT" a place in the line
  std::string_view key;   // in the request
  ArgKind kind = ArgKind::Text;
  std::string_view help;
  bool required = false;
  std::string_view by_default = {};  // as it would be given; "" if it is then left out
  std::string_view choices = {};
  int64_t min = 0;
  int64_t max = 0;

  bool is_option() const { return name.starts_with("--"); }
};

// How the answer comes.
enum class Shape : uint8_t {
  Once,
  Feed,   // in parts, until somebody ends it
  Watch,  // asked again and again
};

struct Command {
  std::string_view words;    // "greylist show"
  std::string_view request;  // "greylist.show"
  std::string_view help;     // one line
  std::span<const Arg> args = {};
  // The result in words; null: as a list of fields.
  std::string (*print)(const nlohmann::json& result) = nullptr;
  Shape shape = Shape::Once;
  // Why arguments that are right by themselves are not together, "" if they are. May be null.
  std::string (*usage)(const nlohmann::json& request) = nullptr;
  double patience_s = 30;  // that the answer is waited for, unless --timeout says otherwise
};

// Commands of two words: what the first stands for.
struct Group {
  std::string_view name;
  std::string_view help;
};

std::span<const Command> commands();
std::span<const Group> groups();
// Those that stand before or behind any command.
std::span<const Arg> common_options();

}  // namespace ravelin::proxy
