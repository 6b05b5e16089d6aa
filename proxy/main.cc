// ravelin: reads its command line and configuration, then is a Server.
#include <cstdio>
#include <exception>
#include <string>
#include <utility>

#include "proxy/checks/print_docs.h"
#include "proxy/config/loader.h"
#include "proxy/event/signals.h"
#include "proxy/live_check.h"
#include "proxy/options.h"
#include "proxy/server.h"

namespace ravelin::proxy {
namespace {

constexpr int kOk = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;

void print(std::FILE* to, std::string_view text) { std::fwrite(text.data(), 1, text.size(), to); }

// nullptr after all errors were printed.
std::shared_ptr<const Config> load(const std::string& file) {
  const auto loaded = load_config(file);
  for (const auto& error : loaded.errors) print(stderr, error.format(file) + "\n");
  for (const auto& warning : loaded.warnings) print(stderr, file + ": warning: " + warning + "\n");
  return loaded.config;
}

// "" or why not.
std::string start(Server& server) {
  try {
    return server.start();
  } catch (const std::exception& error) {  // no descriptor for a loop, no memory, no thread
    return std::string("cannot start: ") + error.what();
  }
}

int run(const Options& options, std::shared_ptr<const Config> config) {
  prepare_signals();
  Server server(options, std::move(config));
  if (const auto why = start(server); !why.empty()) {
    print(stderr, "ravelin: " + why + "\n");
    return kFailed;
  }
  return server.run();
}

int with_config(const Options& options) {
  auto config = load(options.config_file);
  if (!config) return kFailed;
  if (options.task == Options::Task::Check) return kOk;
  if (options.task == Options::Task::CheckLive) {
    prepare_signals();
    return check_live(*config, [](std::string_view line) { print(stdout, line); }) ? kOk : kFailed;
  }
  return run(options, std::move(config));
}

}  // namespace

int main(int argc, char** argv) {
  using Task = Options::Task;
  const auto options = parse_options(argc, argv);
  if (!options.error.empty()) {
    print(stderr, "ravelin: " + options.error + "\n");
    print(stderr, usage());
    return kUsage;
  }
  switch (options.task) {
    case Task::Help:
      print(stdout, usage());
      return kOk;
    case Task::Version:
      print(stdout, "ravelin " RAVELIN_VERSION "\n");
      return kOk;
    case Task::PrintDefaults:
      print(stdout, print_defaults());
      return kOk;
    case Task::PrintDocs:
      print(stdout, options.docs == "checks" ? print_check_docs() : print_parameter_docs());
      return kOk;
    default:
      return with_config(options);
  }
}

}  // namespace ravelin::proxy

int main(int argc, char** argv) { return ravelin::proxy::main(argc, argv); }
