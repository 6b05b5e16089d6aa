// ravelinctl: asks a running ravelin, and tells it a few things.
//
// Exit codes: 0 done, 1 the daemon refused, 2 wrong usage, 3 the daemon could not be reached.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "dns/ip.h"
#include "proxy/ctl/client.h"
#include "proxy/ctl/explain.h"
#include "proxy/ctl/print.h"
#include "proxy/ctl/report.h"
#include "proxy/observe/escape.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

constexpr int kRefused = 1;
constexpr int kUsage = 2;
constexpr int kUnreachable = 3;

// What the command line asks for. The options of all commands have names of their own, so one
// object holds them.
struct Request {
  std::string socket = "/run/ravelin/ctl.sock";
  bool as_json = false;
  double limit_s = 30;
  json body;
  std::string client, from, to, what, route;
  double since_s = 0;  // 0: all that there is
  int64_t entries = 20;
  uint32_t episode = 0;  // 0: the latest
  std::string format = "text";
  std::string (*print)(const json& result) = nullptr;  // null: as a list of fields
};

std::string check_address(const std::string& text) {
  return dns::IpAddress::parse(text) ? "" : text + " is not an IP address";
}

// "<>" for the null sender is how logs and people write it.
std::string without_brackets(const std::string& path) {
  const bool bracketed = path.size() >= 2 && path.front() == '<' && path.back() == '>';
  return bracketed ? path.substr(1, path.size() - 2) : path;
}

CLI::App* add_simple(CLI::App& parent, Request& request, const std::string& name,
                     const std::string& command, const std::string& help) {
  auto* const sub = parent.add_subcommand(name, help);
  sub->callback([&request, command] { request.body = {{"command", command}}; });
  return sub;
}

void add_greylist(CLI::App& app, Request& request) {
  auto* const group =
      app.add_subcommand("greylist", "What is remembered of client, sender, recipient");
  group->require_subcommand(1);
  const auto add = [&](const char* name, const char* help) {
    auto* const sub = group->add_subcommand(name, help);
    sub->add_option("--client", request.client, "The client's IP address")
        ->required()
        ->check(check_address);
    sub->add_option("--from", request.from, "The sender, <> for none")->required();
    sub->add_option("--to", request.to, "The recipient")->required();
    sub->callback([&request, command = std::string("greylist.") + name] {
      request.body = {{"command", command},
                      {"client", request.client},
                      {"from", without_brackets(request.from)},
                      {"to", without_brackets(request.to)}};
    });
  };
  add("show", "Is this triple known, and how long must it wait?");
  add("pass", "Let this triple pass from now on");
}

void add_standing(CLI::App& app, Request& request) {
  auto* const group = app.add_subcommand("standing", "What is remembered of a client");
  group->require_subcommand(1);
  const auto add = [&](const char* name, const char* help) {
    auto* const sub = group->add_subcommand(name, help);
    sub->add_option("CLIENT", request.client, "The client's IP address")
        ->required()
        ->check(check_address);
    sub->callback([&request, command = std::string("standing.") + name] {
      request.body = {{"command", command}, {"client", request.client}};
    });
  };
  add("show", "Its grade and its counts");
  add("reset", "Forget it");
}

void add_verify(CLI::App& app, Request& request) {
  auto* const group = app.add_subcommand("verify", "Answers of backends about recipients");
  group->require_subcommand(1);
  auto* const sub = group->add_subcommand("forget", "Forget that recipients are unknown");
  sub->add_option("ADDRESS|DOMAIN", request.what, "Whose")->required();
  sub->callback([&request] {
    request.body = {{"command", "verify.forget"}, {"what", without_brackets(request.what)}};
  });
}

void add_breaker(CLI::App& app, Request& request) {
  auto* const group =
      app.add_subcommand("breaker", "The guard against backends that forget their recipients");
  group->require_subcommand(1);
  const auto add = [&](const char* name, const char* help) {
    auto* const sub = group->add_subcommand(name, help);
    sub->add_option("ROUTE", request.route, "A route; all of them without");
    sub->callback([&request, command = std::string("breaker.") + name] {
      request.body = {{"command", command}};
      if (!request.route.empty()) request.body["route"] = request.route;
    });
  };
  add("show", "Is it open, and why?");
  add("reset", "Close it");
}

void add_explain(CLI::App& app, Request& request) {
  auto* const sub = app.add_subcommand("explain", "Why was it refused, deferred or accepted?");
  sub->add_option("ID|IP|ADDRESS", request.what,
                  "An id (from a reply, a log line, a Received line), a client's IP address, or a "
                  "mail address or domain")
      ->required();
  sub->add_option("--since", request.since_s, "Only what is no older: 30s, 5m, 2h, 7d")
      ->transform(CLI::AsNumberWithUnit(
          std::map<std::string, double>{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}},
          CLI::AsNumberWithUnit::UNIT_REQUIRED));
  sub->add_option("--limit", request.entries, "Dialogs at most, the newest first")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  sub->callback([&request] {
    request.body = {{"command", "explain"},
                    {"what", without_brackets(request.what)},
                    {"limit", request.entries}};
    if (request.since_s > 0) request.body["since_s"] = static_cast<int64_t>(request.since_s);
    request.print = explain;
  });
}

void add_report(CLI::App& app, Request& request) {
  add_simple(app, request, "episodes", "episodes", "Hard times: when, how bad, why");
  auto* const sub = app.add_subcommand("report", "Who it was in hard times, and what stopped them");
  sub->add_option("EPISODE", request.episode, "Its number, as episodes tells; the latest without")
      ->check(CLI::Range(1U, UINT32_MAX));
  sub->add_option("--format", request.format, "text, html, csv or nft")
      ->capture_default_str()
      ->check(CLI::IsMember({"text", "html", "csv", "nft"}));
  sub->callback([&request] {
    request.body = {{"command", "report"}};
    if (request.episode > 0) request.body["number"] = request.episode;
    request.print = request.format == "html"  ? report_html
                    : request.format == "csv" ? report_csv
                    : request.format == "nft" ? report_nft
                                              : report_text;
  });
}

constexpr const char* kForms = R"(Commands of two words:
  greylist show|pass --client IP --from SENDER --to RECIPIENT
  standing show|reset IP
  verify forget ADDRESS|DOMAIN
  breaker show|reset [ROUTE]

Exit codes: 0 done, 1 refused by the daemon, 2 wrong usage, 3 daemon not reached.)";

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
  app.footer(kForms);
  app.failure_message(explain_usage);
  app.set_version_flag("--version", std::string("ravelinctl ") + RAVELIN_VERSION);
  app.add_flag("--json", request.as_json, "Print the daemon's answer as JSON");
  app.add_option("--socket", request.socket, "The daemon's control socket")->capture_default_str();
  app.add_option("--timeout", request.limit_s, "Seconds to wait for the answer")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 3600.0));
  add_simple(app, request, "status", "status", "What is going on");
  add_simple(app, request, "reload", "reload", "Read the configuration again, as a HUP does");
  add_simple(app, request, "limits", "limits", "The limits in force");
  add_explain(app, request);
  add_report(app, request);
  add_greylist(app, request);
  add_standing(app, request);
  add_verify(app, request);
  add_breaker(app, request);
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

int run(const Request& request) {
  const auto limit = std::chrono::milliseconds(static_cast<int64_t>(request.limit_s * 1000));
  const auto text = request.body.dump(-1, ' ', true, json::error_handler_t::replace);
  const auto answer = ask_daemon(request.socket, text, limit);
  if (!answer) return complain(answer.error().why, kUnreachable);

  const auto parsed = json::parse(*answer, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("ok") || !parsed["ok"].is_boolean())
    return complain("whoever listens at " + request.socket + " does not answer like ravelin",
                    kUnreachable);
  const bool ok = parsed["ok"].get<bool>();
  if (!ok && !request.as_json) return refused(parsed);
  const auto result = parsed.value("result", json());
  const auto in_words = request.print != nullptr ? request.print : print_result;
  const auto shown =
      request.as_json ? (ok ? result : parsed).dump(2, ' ', true) + '\n' : in_words(result);
  if (std::fwrite(shown.data(), 1, shown.size(), stdout) != shown.size() ||
      std::fflush(stdout) != 0)
    return complain("cannot write the answer", kUnreachable);
  return ok ? 0 : kRefused;
}

}  // namespace
}  // namespace ravelin::proxy

int main(int argc, char** argv) try {
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
