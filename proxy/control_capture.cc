#include "proxy/control_capture.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "proxy/control_args.h"
#include "proxy/control_audit.h"
#include "proxy/observe/escape.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

constexpr int64_t kMostListed = 1'000;
constexpr int64_t kMostShown = 1'000'000;  // octets

json no_directory() { return control_error("capture.directory is empty: nothing is captured"); }

bool is_off(Daemon& daemon) { return daemon.config()->capture.directory.empty(); }

json busy() { return control_error("others are asking already: try again in a moment"); }

// Damage in a file is left out.
json parsed(const std::vector<std::string>& metadata) {
  json all = json::array();
  for (const auto& one : metadata) {
    auto message = json::parse(one, nullptr, false);
    if (message.is_object()) all.push_back(std::move(message));
  }
  return all;
}

void list(Daemon& daemon, const json& args, ControlServer::Answer answer) {
  if (is_off(daemon)) return answer(no_directory());
  const auto limit =
      static_cast<size_t>(std::clamp<int64_t>(args.value("limit", 20), 1, kMostListed));
  const bool taken =
      daemon.shared().captures.list(limit + 1, [&daemon, answer, limit](auto metadata) {
        const bool more = metadata.size() > limit;
        if (more) metadata.pop_back();
        daemon.post([answer, all = parsed(metadata), more] {
          answer({{"messages", all}, {"more", more}});
        });
      });
  if (!taken) answer(busy());
}

// Escaped line by line: whatever was sent, it is text.
json lines_of(std::string_view text) {
  json lines = json::array();
  while (!text.empty()) {
    const auto end = std::min(text.find("\r\n"), text.size());
    std::string line;
    append_text(line, text.substr(0, end));
    lines.push_back(std::move(line));
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return lines;
}

void show(Daemon& daemon, const json& args, ControlServer::Answer answer) {
  if (is_off(daemon)) return answer(no_directory());
  const auto id = parse_id(text(args, "id"));
  if (!id) return answer(control_error("'" + text(args, "id") + "' is no id"));
  const auto most =
      static_cast<size_t>(std::clamp<int64_t>(args.value("octets", 16'384), 1, kMostShown));
  const bool taken = daemon.shared().captures.show(
      *id, most, [&daemon, answer, id](const std::unique_ptr<CapturedFile>& file) {
        auto result = control_error("there is no message " + id_text(*id) + ": see capture list");
        if (file)
          result = {{"message", json::parse(file->metadata, nullptr, false)},
                    {"lines", lines_of(file->text)},
                    {"cut", file->cut}};
        daemon.post([answer, result = std::move(result)] { answer(result); });
      });
  if (!taken) answer(busy());
}

// What is wanted, and what has come of it.
json rules(Daemon& daemon) {
  const auto settings = daemon.config()->capture;
  const auto stats = daemon.shared().captures.stats();
  const bool always = settings.when == CaptureWhen::Always;
  return {{"directory", settings.directory},
          {"when", always ? "always" : "episodes"},
          {"in_force", !settings.directory.empty() &&
                           (always || daemon.pressure().level > PressureLevel::Calm)},
          {"first_per_print", settings.first_per_print},
          {"sample", settings.sample},
          {"sources", settings.sources},
          {"messages", stats.messages},
          {"messages_limit", settings.messages},
          {"bytes", stats.bytes},
          {"bytes_limit", settings.size},
          {"under_way", stats.under_way},
          {"under_way_limit", settings.at_once},
          {"prints", stats.prints},
          {"stored", stats.stored},
          {"lost", stats.lost},
          {"degraded", stats.degraded}};
}

}  // namespace

void add_capture_commands(ControlServer& server, Daemon& daemon) {
  server.handle_later("capture.list", [&daemon](const json& args, ControlServer::Answer answer) {
    list(daemon, args, std::move(answer));
  });
  // A message of strangers is read: that is put down.
  server.handle_later("capture.show", [&](const json& args, ControlServer::Answer answer) {
    audit(server, daemon, "capture.show " + text(args, "id"));
    show(daemon, args, std::move(answer));
  });
  server.handle("capture.rules", [&daemon](const json&) { return rules(daemon); });
}

}  // namespace ravelin::proxy
