#include "proxy/options.h"

#include <getopt.h>

#include <iterator>

namespace ravelin::proxy {
namespace {

enum Option : int {
  kConfig = 'c',
  kHelp = 'h',
  kCheck = 256,
  kLive,
  kDefaults,
  kDocs,
  kVersion,
  kUser
};

constexpr option kOptions[] = {
    {"config", required_argument, nullptr, kConfig},
    {"check", no_argument, nullptr, kCheck},
    {"live", no_argument, nullptr, kLive},
    {"print-defaults", no_argument, nullptr, kDefaults},
    {"print-docs", required_argument, nullptr, kDocs},
    {"version", no_argument, nullptr, kVersion},
    {"user", required_argument, nullptr, kUser},
    {"help", no_argument, nullptr, kHelp},
    {nullptr, 0, nullptr, 0},
};

// One option's effect; false if it is not known.
bool take(Options& options, int option, bool& live) {
  using Task = Options::Task;
  switch (option) {
    case kConfig:
      options.config_file = optarg;
      return true;
    case kUser:
      options.user = optarg;
      return true;
    case kCheck:
      options.task = Task::Check;
      return true;
    case kLive:
      live = true;
      return true;
    case kDefaults:
      options.task = Task::PrintDefaults;
      return true;
    case kDocs:
      options.task = Task::PrintDocs;
      options.docs = optarg;
      return true;
    case kVersion:
      options.task = Task::Version;
      return true;
    case kHelp:
      options.task = Task::Help;
      return true;
    default:
      return false;
  }
}

bool needs_config(Options::Task task) {
  using Task = Options::Task;
  return task == Task::Run || task == Task::Check || task == Task::CheckLive;
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options options;
  bool live = false;
  opterr = 0;
  optind = 1;
  for (int option; (option = getopt_long(argc, argv, ":c:h", kOptions, nullptr)) != -1;) {
    if (take(options, option, live)) continue;
    const std::string word = argv[optind - 1];
    options.error = option == ':' ? word + " needs a value" : "unknown option " + word;
    return options;
  }
  if (optind < argc) options.error = std::string("unexpected argument ") + argv[optind];
  if (live && options.task != Options::Task::Check) options.error = "--live goes with --check";
  if (live) options.task = Options::Task::CheckLive;
  if (needs_config(options.task) && options.config_file.empty())
    options.error = "--config FILE is missing";
  if (!options.docs.empty() && options.docs != "parameters" && options.docs != "checks")
    options.error = "--print-docs takes parameters or checks";
  return options;
}

std::string_view usage() {
  return R"(Usage: ravelin --config FILE [--user NAME]     run in the foreground
       ravelin --config FILE --check            list all errors of the configuration
       ravelin --config FILE --check --live     ask backends, DNS and the system too
       ravelin --print-defaults                 the commented sample configuration
       ravelin --print-docs parameters|checks   reference pages in Markdown
       ravelin --version

  -c, --config FILE   the configuration (TOML)
      --user NAME     the user to become after binding, when started as root
Signals: HUP reloads, USR1 reopens the log, TERM drains and ends, a second TERM ends at once.
Exit codes: 0 ended by TERM, 1 wrong configuration or no start, 2 wrong usage, 3 ended by a second
TERM.
)";
}

}  // namespace ravelin::proxy
