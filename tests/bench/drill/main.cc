// ravelin-drill: tries a mail server's front with thousands of hostile dialogs and a few good
// senders, and tells how both fared. docs/drill.md says how to use it.
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>
#include <string_view>

#include "tests/bench/drill/run.h"
#include "tests/bench/drill/sink.h"

namespace ravelin::drill {
namespace {

constexpr int kUsage = 2;
constexpr int kInterrupted = 130;

constexpr const char* kHelp =
    "ravelin-drill run OPTIONS       hostile clients and good senders against a server\n"
    "ravelin-drill backend OPTIONS   a slow mail server to stand behind it\n"
    "ravelin-drill COMMAND --help    the options of each\n"
    "ravelin-drill --print-docs      the same as tables, for docs/drill.md\n"
    "\n"
    "Example, with Ravelin on port 2525 and its backend on 2600:\n"
    "  ravelin-drill backend --listen 127.0.0.1:2600 --delay 50ms --valid 'good*'\n"
    "  ravelin-drill run --target 127.0.0.1:2525 --domain example.com --json drill.json \\\n"
    "    --bots retrying=200 --bots slow=300 --good known=10 --good new=10 --warm-up 5\n";

int wrong(const std::string& error) {
  std::fprintf(stderr, "ravelin-drill: %s\n", error.c_str());
  return kUsage;
}

int run(std::span<char* const> arguments) {
  RunSettings settings;
  const Command command = run_command(settings);
  std::string error;
  const Parsed parsed = parse(command, arguments, error);
  if (parsed == Parsed::Help) return std::fputs(help_of(command).c_str(), stdout), 0;
  if (parsed == Parsed::Run) error = contradiction(settings, raise_descriptor_limit());
  if (!error.empty()) return wrong(error);
  // Before the run, for nobody wants to lose the report of an hour.
  std::ofstream json;
  if (!settings.json.empty()) json.open(settings.json);
  if (json.fail()) return wrong("--json wants a file that can be written: " + settings.json);

  Loop loop;
  Drill drill(loop, settings);
  const SignalWatch on_int(loop, SIGINT, [&] { drill.interrupt(); });
  const SignalWatch on_term(loop, SIGTERM, [&] { drill.interrupt(); });
  drill.run();
  const Report& report = drill.report();
  if (json.is_open()) json << report_json(report) << std::flush;
  std::fputs(report_table(report).c_str(), stdout);
  if (json.is_open() && json.fail()) return wrong("could not write " + settings.json), 1;
  return report.interrupted ? kInterrupted : report.trouble.empty() ? 0 : 1;
}

int backend(std::span<char* const> arguments) {
  SinkSettings settings;
  const Command command = sink_command(settings);
  std::string error;
  const Parsed parsed = parse(command, arguments, error);
  if (parsed == Parsed::Help) return std::fputs(help_of(command).c_str(), stdout), 0;
  if (error.empty() && settings.listen.size == 0) error = "--listen is missing";
  if (error.empty() && !settings.listen.loopback() && !settings.own_address)
    error = settings.listen.text() + " is not on loopback: see --i-own-this-target";
  if (!error.empty()) return wrong(error);

  raise_descriptor_limit();
  Loop loop;
  Sink sink(loop, settings);
  const auto print = [&] {
    std::fputs(sink.totals().c_str(), stdout);
    std::fflush(stdout);
  };
  const SignalWatch on_usr1(loop, SIGUSR1, print);
  const SignalWatch on_term(loop, SIGTERM, [&] { loop.stop(); });
  const SignalWatch on_int(loop, SIGINT, [&] { loop.stop(); });
  std::fprintf(stderr, "listening on %s\n", settings.listen.text().c_str());
  loop.run();
  print();
  return 0;
}

int print_docs() {
  RunSettings settings;
  SinkSettings sink;
  std::printf("## ravelin-drill run\n\n%s\n## ravelin-drill backend\n\n%s",
              markdown_of(run_command(settings)).c_str(), markdown_of(sink_command(sink)).c_str());
  return 0;
}

int start(std::span<char* const> arguments) {
  const std::string_view command = arguments.empty() ? "" : arguments[0];
  if (command == "run") return run(arguments.subspan(1));
  if (command == "backend") return backend(arguments.subspan(1));
  if (command == "--print-docs") return print_docs();
  if (command == "--help" || command == "-h" || command == "help")
    return std::fputs(kHelp, stdout), 0;
  return wrong(command.empty() ? "wants a command: run or backend; see --help"
                               : "there is no command " + std::string(command) + "; see --help");
}

}  // namespace
}  // namespace ravelin::drill

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return ravelin::drill::start(
        std::span<char* const>(argv, static_cast<size_t>(argc)).subspan(1));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ravelin-drill: %s\n", error.what());
    return 1;
  }
}
