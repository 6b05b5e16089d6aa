#include "tests/bench/drill/options.h"

#include <algorithm>
#include <cctype>

namespace ravelin::drill {
namespace {

constexpr size_t kHelpColumn = 28;
constexpr size_t kHelpWidth = 72;

// Breaks |text| at spaces, with the lines after the first one indented.
std::string wrapped(std::string_view text) {
  std::string out;
  while (text.size() > kHelpWidth) {
    const auto space = text.rfind(' ', kHelpWidth);
    out.append(text.substr(0, space)).append("\n").append(kHelpColumn, ' ');
    text.remove_prefix(space + 1);
  }
  return out.append(text);
}

const Option* find(const Command& command, std::string_view name) {
  const auto found = std::find_if(command.options.begin(), command.options.end(),
                                  [&](const Option& option) { return option.name == name; });
  return found == command.options.end() ? nullptr : &*found;
}

std::string apply(const Option& option, std::string_view value) {
  const auto wrong = option.take(value);
  if (wrong.empty()) return {};
  return std::string("--") + option.name + " " + wrong + ", not \"" + std::string(value) + '"';
}

}  // namespace

Parsed parse(const Command& command, std::span<char* const> arguments, std::string& error) {
  for (const Option& option : command.options)
    if (*option.fallback != '\0') error = apply(option, option.fallback);
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string_view word(arguments[i]);
    if (word == "--help" || word == "-h") return Parsed::Help;
    if (!word.starts_with("--")) {
      error = "\"" + std::string(word) + "\" is no option";
      return Parsed::Wrong;
    }
    word.remove_prefix(2);
    const auto equals = word.find('=');
    const Option* option = find(command, word.substr(0, equals));
    if (option == nullptr) {
      error = "there is no option --" + std::string(word.substr(0, equals));
      return Parsed::Wrong;
    }
    const bool flag = *option->value == '\0';
    std::string_view value;
    if (equals != word.npos) value = word.substr(equals + 1);
    if (flag && equals != word.npos) {
      error = std::string("--") + option->name + " takes no value";
      return Parsed::Wrong;
    }
    if (!flag && equals == word.npos) {
      if (++i == arguments.size()) {
        error = std::string("--") + option->name + " wants a value: " + option->value;
        return Parsed::Wrong;
      }
      value = arguments[i];
    }
    error = apply(*option, value);
    if (!error.empty()) return Parsed::Wrong;
  }
  return Parsed::Run;
}

std::string help_of(const Command& command) {
  std::string out =
      std::string("ravelin-drill ") + command.name + " OPTIONS\n" + command.summary + "\n\n";
  for (const Option& option : command.options) {
    std::string left = std::string("  --") + option.name + " " + option.value;
    left.resize(std::max(left.size() + 2, kHelpColumn), ' ');
    std::string help = option.help;
    if (*option.fallback != '\0') help += std::string(" Default ") + option.fallback + ".";
    out += left + wrapped(help) + "\n";
  }
  return out;
}

std::string markdown_of(const Command& command) {
  std::string out = "| option | default | meaning |\n|---|---|---|\n";
  for (const Option& option : command.options) {
    out += std::string("| `--") + option.name;
    if (*option.value != '\0') out += std::string(" ") + option.value;
    out += "` | ";
    if (*option.fallback != '\0') out += std::string("`") + option.fallback + "`";
    out += std::string(" | ") + option.help + " |\n";
  }
  return out;
}

}  // namespace ravelin::drill
