#include "proxy/ctl/print_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "proxy/ctl/commands.h"

namespace ravelin::proxy {
namespace {

constexpr std::string_view kPlaceholders[] = {"TEXT", "IP", "CIDR", "ADDRESS", "TIME", "N", "", ""};

std::string placeholder(const Arg& arg) {
  if (arg.kind == ArgKind::Flag) return "";
  std::string text(arg.choices);
  std::replace(text.begin(), text.end(), ',', '|');
  return text.empty() ? std::string(kPlaceholders[static_cast<size_t>(arg.kind)]) : text;
}

// "--client IP", "[--for TIME]", "CLIENT".
std::string form_of(const Arg& arg) {
  std::string text(arg.name);
  if (arg.is_option() && !placeholder(arg).empty()) text += ' ' + placeholder(arg);
  if (!arg.is_option() && !arg.choices.empty()) text = placeholder(arg);
  return arg.required ? text : '[' + text + ']';
}

std::string form_of(const Command& command) {
  std::string text(command.words);
  for (const Arg& arg : command.args) text += ' ' + form_of(arg);
  return text;
}

// --- completion ---

constexpr std::string_view kScriptHead =
    R"(# Completion of ravelinctl for bash. Printed by "ravelinctl --print completion".
# Goes to /usr/share/bash-completion/completions/ravelinctl.

_ravelinctl() {
  local current=${COMP_WORDS[COMP_CWORD]} words=() word skip=0
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if ((skip)); then skip=0; continue; fi
    case $word in
)";
constexpr std::string_view kScriptRest = R"(      --*) skip=1 ;;
      *) words+=("$word") ;;
    esac
  done
  if ((skip)); then  # the value of an option
    [[ ${COMP_WORDS[COMP_CWORD-1]} == --socket ]] && COMPREPLY=($(compgen -f -- "$current"))
    return
  fi
  local offer
  case "${words[*]:0:2}" in
)";
constexpr std::string_view kScriptTail = R"(  esac
  COMPREPLY=($(compgen -W "$offer" -- "$current"))
}
complete -F _ravelinctl ravelinctl
)";

std::string common_names() {
  std::string names;
  for (const Arg& arg : common_options()) names += fmt::format(" {}", arg.name);
  return names + " --help";
}

// What can follow |command|: its options, and the words of a choice.
std::string offers_of(const Command& command) {
  std::string offers;
  for (const Arg& arg : command.args) {
    std::string words(arg.is_option() ? arg.name : arg.choices);
    std::replace(words.begin(), words.end(), ',', ' ');
    if (!words.empty()) offers += (offers.empty() ? "" : " ") + words;
  }
  return offers + (offers.empty() ? common_names().substr(1) : common_names());
}

// Options without a value, as a pattern.
std::string flags() {
  std::string all = "--help|--version";
  const auto add = [&all](std::span<const Arg> args) {
    for (const Arg& arg : args)
      if (arg.kind == ArgKind::Flag) all += fmt::format("|{}", arg.name);
  };
  add(common_options());
  for (const Command& command : commands()) add(command.args);
  return all;
}

std::string words_of_group(std::string_view group) {
  std::string words;
  for (const Command& command : commands())
    if (command.words.size() > group.size() && command.words.starts_with(group) &&
        command.words[group.size()] == ' ')
      words +=
          fmt::format("{}{}", words.empty() ? "" : " ", command.words.substr(group.size() + 1));
  return words;
}

std::string first_words() {
  std::string words;
  for (const Command& command : commands()) {
    const auto first = command.words.substr(0, command.words.find(' '));
    if ((' ' + words + ' ').find(fmt::format(" {} ", first)) == std::string::npos)
      words += fmt::format("{}{}", words.empty() ? "" : " ", first);
  }
  return words;
}

// --- manual ---

// A hyphen is one that can be copied, a backslash is itself, and no line begins with a dot.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '-' || c == '\\') out += c == '-' ? "\\-" : "\\e";
    if (c != '-' && c != '\\') out += c;
  }
  return out;
}

constexpr std::string_view kManualHead = R"(.\" Printed by "ravelinctl --print man".
.TH RAVELINCTL 8 2026-11-27 Ravelin "System administration"
.SH NAME
ravelinctl \- ask a running ravelin, and tell it a few things
.SH SYNOPSIS
.B ravelinctl
.RI [ options ]
.I command
.RI [ arguments ]
.SH DESCRIPTION
It talks to the daemon over its control socket.
Root, the daemon's own user and members of the socket's group are heard.
What changes something is put down in the daemon's log, with who did it.
.SH OPTIONS
They stand before or behind the command.
)";
constexpr std::string_view kManualTail = R"(.SH "EXIT STATUS"
.TP
.B 0
Done.
.TP
.B 1
The daemon refused; the text is on standard error.
.TP
.B 2
Wrong usage.
.TP
.B 3
The daemon could not be reached; standard error says what to look at.
.SH EXAMPLES
.nf
ravelinctl explain joe@example.com \-\-since 2h
ravelinctl deny add 192.0.2.0/24 \-\-for 7d \-\-note "guesses names"
ravelinctl limit set command_timeout 30s \-\-for 1h
ravelinctl sessions \-\-client 192.0.2.0/24 \-\-json
.fi
.SH "SEE ALSO"
.BR ravelin (8),
.BR ravelin.toml (5)
)";

std::string entry(const Arg& arg) {
  auto text = fmt::format(".TP\n.B {}\n{}", roff(arg.name), roff(arg.help));
  if (!placeholder(arg).empty() && arg.is_option())
    text = fmt::format(".TP\n.BI {} \" {}\"\n{}", roff(arg.name), placeholder(arg), roff(arg.help));
  if (!arg.by_default.empty()) text += fmt::format(" (default {})", roff(arg.by_default));
  return text + ".\n";
}

}  // namespace

std::string forms() {
  std::string text = "All commands:\n";
  for (const Command& command : commands()) text += "  " + form_of(command) + '\n';
  return text;
}

std::string print_completion() {
  std::string text(kScriptHead);
  text += fmt::format("      {}) ;;\n{}", flags(), kScriptRest);
  for (const Command& command : commands()) {
    const bool two = command.words.find(' ') != command.words.npos;
    text += fmt::format(
        "    {}) offer=\"{}\" ;;\n",
        two ? fmt::format("\"{}\"", command.words) : fmt::format("{0}|\"{0} \"*", command.words),
        offers_of(command));
  }
  for (const Group& group : groups())
    text += fmt::format("    {}) offer=\"{}\" ;;\n", group.name, words_of_group(group.name));
  text += fmt::format("    \"\") offer=\"{}{} --version\" ;;\n", first_words(), common_names());
  return text + std::string(kScriptTail);
}

std::string print_manual() {
  std::string text(kManualHead);
  for (const Arg& arg : common_options()) text += entry(arg);
  text += ".TP\n.B \\-\\-version\nPrint the version.\n.SH COMMANDS\n";
  for (const Command& command : commands()) {
    text += fmt::format(".SS \"{}\"\n{}.\n", roff(form_of(command)), roff(command.help));
    for (const Arg& arg : command.args) text += entry(arg);
  }
  return text + std::string(kManualTail);
}

}  // namespace ravelin::proxy
