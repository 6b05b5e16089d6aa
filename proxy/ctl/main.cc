// ravelinctl: asks a running ravelin, and tells it a few things.
//
// Exit codes: 0 done, 1 the daemon refused, 2 wrong usage, 3 the daemon could not be reached.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

#include "dns/ip.h"
#include "proxy/ctl/client.h"
#include "proxy/ctl/commands.h"
#include "proxy/ctl/print.h"
#include "proxy/ctl/print_commands.h"
#include "proxy/ctl/watch.h"
#include "proxy/observe/escape.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr int kRefused = 1;
constexpr int kUsage = 2;
constexpr int kUnreachable = 3;

// What the command line asks for.
struct Request {
  std::string socket;
  bool as_json = false;
  std::optional<double> limit_s;
  const Command* command = nullptr;
  json body;
  std::map<const Arg*, std::string> given;  // by row; a flag's is "true"
};

std::string check_address(const std::string& text) {
  return dns::IpAddress::parse(text) ? "" : text + " is not an IP address";
}

std::string check_network(const std::string& text) {
  return dns::Cidr::parse(text) ? "" : text + " is not an IP address or network";
}

// "1e3" and "nan" are numbers, and no counts.
std::string check_digits(const std::string& text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool all = !text.empty() && std::all_of(text.begin(), text.end(), digit);
  return all ? "" : text + " is not a whole number";
}

std::set<std::string> choices_of(const Arg& arg) {
  std::set<std::string> all;
  std::string_view rest = arg.choices;
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    all.emplace(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return all;
}

CLI::Validator seconds_of_unit() {
  return CLI::AsNumberWithUnit(
      std::map<std::string, double>{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}},
      CLI::AsNumberWithUnit::UNIT_REQUIRED);
}

// "<>" for the null sender is how logs and people write it.
std::string without_brackets(const std::string& path) {
  const bool bracketed = path.size() >= 2 && path.front() == '<' && path.back() == '>';
  return bracketed ? path.substr(1, path.size() - 2) : path;
}

void add_argument(CLI::App& to, const Arg& arg, Request& request) {
  const std::string name(arg.name), help(arg.help);
  if (arg.kind == ArgKind::Flag) {
    to.add_flag_function(
        name, [&request, &arg](int64_t) { request.given[&arg] = "true"; }, help);
    return;
  }
  auto* const option = to.add_option_function<std::string>(
      name, [&request, &arg](const std::string& value) { request.given[&arg] = value; }, help);
  if (arg.required) option->required();
  if (!arg.by_default.empty()) option->default_str(std::string(arg.by_default));
  if (arg.kind == ArgKind::Address) option->check(check_address);
  if (arg.kind == ArgKind::Network) option->check(check_network);
  if (arg.kind == ArgKind::Count)
    option->check(check_digits)
        ->check(CLI::Range(static_cast<double>(arg.min), static_cast<double>(arg.max)));
  if (arg.kind == ArgKind::Choice) option->check(CLI::IsMember(choices_of(arg)));
  if (arg.kind == ArgKind::Duration) option->transform(seconds_of_unit());
}

// A value as it goes into the request. A default of a duration is still as people write it.
json value_of(const Arg& arg, std::string text) {
  if (arg.kind == ArgKind::Flag) return true;
  if (arg.kind == ArgKind::Mailbox) return without_brackets(text);
  if (arg.kind == ArgKind::Count) return std::stoll(text);
  if (arg.kind != ArgKind::Duration) return text;
  if (!std::isdigit(static_cast<unsigned char>(text.back()))) seconds_of_unit()(text);
  return static_cast<int64_t>(std::stod(text));
}

void fill(Request& request, const Command& command) {
  request.command = &command;
  request.body = {{"command", command.request}};
  for (const Arg& arg : command.args) {
    const auto given = request.given.find(&arg);
    const std::string text(given != request.given.end() ? given->second : arg.by_default);
    if (!text.empty() || given != request.given.end())
      request.body[std::string(arg.key)] = value_of(arg, text);
  }
}

CLI::App& parent_of(CLI::App& app, std::string_view group) {
  if (group.empty()) return app;
  for (auto* known :
       app.get_subcommands([&](const CLI::App* sub) { return sub->get_name() == group; }))
    return *known;
  for (const Group& one : groups()) {
    if (one.name != group) continue;
    auto* const made = app.add_subcommand(std::string(group), std::string(one.help));
    made->require_subcommand(1);
    return *made;
  }
  throw std::logic_error("a command of no group");
}

void add_command(CLI::App& app, Request& request, const Command& command) {
  const auto space = command.words.find(' ');
  const auto group = space == command.words.npos ? "" : command.words.substr(0, space);
  const auto name = space == command.words.npos ? command.words : command.words.substr(space + 1);
  auto* const sub =
      parent_of(app, group).add_subcommand(std::string(name), std::string(command.help));
  for (const Arg& arg : command.args) add_argument(*sub, arg, request);
  sub->callback([&request, &command] { fill(request, command); });
}

// The library's own words would be "A subcommand is required" for a command that is misspelt, too.
std::string explain_usage(const CLI::App* app, const CLI::Error& error) {
  std::string why = error.what();
  const auto unknown = app->remaining(true);
  const auto* group = app;
  while (!group->get_subcommands().empty()) group = group->get_subcommands().front();
  const auto commands = group->get_subcommands([](const CLI::App*) { return true; });
  if (error.get_name() == "RequiredError" && !commands.empty()) {
    why = unknown.empty() ? "a command is missing" : "unknown command " + unknown.front();
    for (const auto* one : commands)
      why += (one == commands.front() ? "; there are " : ", ") + one->get_name();
  }
  return "ravelinctl: " + why + "\nRun with --help for more information.\n";
}

void build(CLI::App& app, Request& request) {
  app.require_subcommand(1);
  app.fallthrough();  // --json may stand behind the command
  app.footer(forms() +
             "\nExit codes: 0 done, 1 refused by the daemon, 2 wrong usage, 3 daemon not "
             "reached.");
  app.failure_message(explain_usage);
  app.set_version_flag("--version", std::string("ravelinctl ") + RAVELIN_VERSION);
  const auto common = common_options();
  app.add_flag(std::string(common[0].name), request.as_json, std::string(common[0].help));
  request.socket = common[1].by_default;
  app.add_option(std::string(common[1].name), request.socket, std::string(common[1].help))
      ->capture_default_str();
  app.add_option(std::string(common[2].name), request.limit_s, std::string(common[2].help))
      ->default_str(std::string(common[2].by_default))
      ->check(CLI::Range(0.1, 3600.0));
  for (const Command& command : commands()) add_command(app, request, command);
}

// A daemon's words can be anybody's, so every line of them is escaped.
void print_error(std::string_view text, const char* first, const char* others) {
  for (size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    std::string line = at == 0 ? first : others;
    append_text(line, text.substr(at, end - at));
    std::fprintf(stderr, "%s\n", line.c_str());
    at = end + 1;
  }
}

int complain(std::string_view text, int code) {
  print_error(text, "ravelinctl: ", "  ");
  return code;
}

int refused(const json& answer) {
  const auto error = answer.value("error", json("no reason given"));
  complain(error.is_string() ? error.get<std::string>() : error.dump(), kRefused);
  const auto errors = answer.value("errors", json::array());
  for (const auto& each : errors)
    if (each.is_string()) print_error(each.get<std::string>(), "", "");
  return kRefused;
}

milliseconds limit_of(const Request& request) {
  const auto seconds = request.limit_s.value_or(request.command->patience_s);
  return milliseconds(static_cast<int64_t>(seconds * 1000));
}

std::string text_of(const Request& request) {
  return request.body.dump(-1, ' ', true, json::error_handler_t::replace);
}

bool print_out(const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
         std::fflush(stdout) == 0;
}

bool is_answer(const json& parsed) {
  return parsed.is_object() && parsed.contains("ok") && parsed["ok"].is_boolean();
}

int not_ravelin(const Request& request) {
  return complain("whoever listens at " + request.socket + " does not answer like ravelin",
                  kUnreachable);
}

// Parts as they come, until the last; as JSON one a line.
int run_feed(const Request& request) {
  int code = 0;
  const auto why =
      ask_daemon_on(request.socket, text_of(request), limit_of(request), [&](const auto& message) {
        const auto part = json::parse(message, nullptr, false);
        if (!is_answer(part)) {
          code = not_ravelin(request);
          return false;
        }
        if (part["ok"] == false) {
          code = refused(part);
          return false;
        }
        const auto result = part.value("result", json());
        const auto shown =
            request.as_json ? result.dump(-1, ' ', true) + '\n' : request.command->print(result);
        if (!print_out(shown)) code = complain("cannot write the answer", kUnreachable);
        return code == 0 && part.value("more", json(false)) == true;
      });
  return why.empty() ? code : complain(why, kUnreachable);
}

// Again and again, until whoever looks has had enough. What went wrong is said when the screen is
// as it was.
int run_watch(const Request& request) {
  std::function<int()> trouble = [] { return 0; };
  const auto ask = [&]() -> std::optional<json> {
    const auto answer = ask_daemon(request.socket, text_of(request), limit_of(request));
    const auto parsed = answer ? json::parse(*answer, nullptr, false) : json();
    if (is_answer(parsed) && parsed["ok"] == true) return parsed.value("result", json());
    if (!answer) {
      trouble = [why = answer.error().why] { return complain(why, kUnreachable); };
    } else if (is_answer(parsed)) {
      trouble = [parsed] { return refused(parsed); };
    } else {
      trouble = [&request] { return not_ravelin(request); };
    }
    return {};
  };
  bool shown = true;
  if (request.as_json) {
    if (const auto now = ask()) shown = print_out(now->dump(2, ' ', true) + '\n');
  } else {
    shown = watch(ask, request.body.contains("once"));
  }
  return shown ? trouble() : complain("cannot write the answer", kUnreachable);
}

int run(const Request& request) {
  const auto usage = request.command->usage;
  if (const auto why = usage != nullptr ? usage(request.body) : ""; !why.empty())
    return complain(why, kUsage);
  if (request.command->shape == Shape::Feed) return run_feed(request);
  if (request.command->shape == Shape::Watch) return run_watch(request);
  const auto limit = limit_of(request);
  const auto text = text_of(request);
  const auto answer = ask_daemon(request.socket, text, limit);
  if (!answer) return complain(answer.error().why, kUnreachable);

  const auto parsed = json::parse(*answer, nullptr, false);
  if (!is_answer(parsed)) return not_ravelin(request);
  const bool ok = parsed["ok"].get<bool>();
  if (!ok && !request.as_json) return refused(parsed);
  auto result = parsed.value("result", json());
  // How it is shown is our affair.
  const auto format = request.body.find("format");
  if (format != request.body.end() && !request.as_json && result.is_object()) {
    result["format"] = *format;
    result["asked"] = request.body;
  }
  const auto in_words = request.command->print != nullptr ? request.command->print : print_result;
  const auto shown =
      request.as_json ? (ok ? result : parsed).dump(2, ' ', true) + '\n' : in_words(result);
  if (!print_out(shown)) return complain("cannot write the answer", kUnreachable);
  return ok ? 0 : kRefused;
}

// Files of the project that are printed from the rows. Not for people, so not in --help.
int print_page(std::string_view what) {
  if (what != "completion" && what != "man") return complain("--print completion|man", kUsage);
  const auto page = what == "man" ? print_manual() : print_completion();
  return std::fputs(page.c_str(), stdout) >= 0 && std::fflush(stdout) == 0 ? 0 : kUnreachable;
}

}  // namespace
}  // namespace ravelin::proxy

int main(int argc, char** argv) try {
  if (argc == 3 && std::string_view(argv[1]) == "--print")
    return ravelin::proxy::print_page(argv[2]);
  CLI::App app("Asks a running ravelin, and tells it a few things.", "ravelinctl");
  ravelin::proxy::Request request;
  ravelin::proxy::build(app, request);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : ravelin::proxy::kUsage;
  }
  return ravelin::proxy::run(request);
} catch (const std::exception& error) {
  return ravelin::proxy::complain(error.what(), ravelin::proxy::kUnreachable);
}
