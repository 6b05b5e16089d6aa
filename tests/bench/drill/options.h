// Options as rows: --help, docs/drill.md and the parser are made from the same table, and a default
// is stated once.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ravelin::drill {

struct Option {
  const char* name;      // without the dashes
  const char* value;     // "TIME"; "" = a flag
  const char* fallback;  // what holds if it is not given; "" = nothing
  const char* help;
  // Takes the value; what is wrong with it, or "".
  std::function<std::string(std::string_view)> take;
};

struct Command {
  const char* name;
  const char* summary;
  std::vector<Option> options;
};

enum class Parsed { Run, Help, Wrong };
// Applies defaults, then |arguments|. Wrong: |error| is one line.
Parsed parse(const Command& command, std::span<char* const> arguments, std::string& error);

std::string help_of(const Command& command);
// The options as a table for docs/drill.md.
std::string markdown_of(const Command& command);

// For rows that only parse and store.
template <class T, class Parse>
auto store(T& where, Parse parse, const char* wanted) {
  return [&where, parse, wanted](std::string_view text) -> std::string {
    auto value = parse(text);
    if (!value) return std::string("wants ") + wanted;
    where = static_cast<T>(*value);
    return {};
  };
}

}  // namespace ravelin::drill
