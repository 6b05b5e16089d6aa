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

// Tasks exclude each other; the first one named stays.
void set_task(Options& options, Options::Task task, const char* word, const char*& chosen) {
  if (chosen != nullptr && options.error.empty())
    options.error = std::string(chosen) + " and " + word + " do not go together";
  chosen = word;
  options.task = task;
}

// One option's effect; false if it is not known.
bool take(Options& options, int option, bool& live, const char*& task) {
  using Task = Options::Task;
  switch (option) {
    case kConfig:
      options.config_file = optarg;
      return true;
    case kUser:
      options.user = optarg;
      if (options.user.empty()) options.error = "--user needs a name";
      return true;
    case kCheck:
      set_task(options, Task::Check, "--check", task);
      return true;
    case kLive:
      live = true;
      return true;
    case kDefaults:
      set_task(options, Task::PrintDefaults, "--print-defaults", task);
      return true;
    case kDocs:
      set_task(options, Task::PrintDocs, "--print-docs", task);
      options.docs = optarg;
      return true;
    case kVersion:
      set_task(options, Task::Version, "--version", task);
      return true;
    case kHelp:
      set_task(options, Task::Help, "--help", task);
      return true;
    default:
      return false;
  }
}

// What getopt_long() did not like. |word| is what it looked at last.
std::string complaint(int option, const std::string& word) {
  if (option == ':') return word + " needs a value";
  const auto equals = word.find('=');
  if (optopt >= kCheck && equals != word.npos) return word.substr(0, equals) + " takes no value";
  // Of "-xy" the word is not done with yet.
  if (optopt > 0 && optopt < kCheck)
    return std::string("unknown option -") + static_cast<char>(optopt);
  return "unknown option " + word;
}

bool needs_config(Options::Task task) {
  using Task = Options::Task;
  return task == Task::Run || task == Task::Check || task == Task::CheckLive;
}

// What is wrong with the words together; "" if nothing is.
std::string contradiction(const Options& options, bool live) {
  if (live && options.task != Options::Task::Check) return "--live goes with --check";
  if (needs_config(options.task) && options.config_file.empty()) return "--config FILE is missing";
  if (options.task == Options::Task::PrintDocs && options.docs != "parameters" &&
      options.docs != "checks" && options.docs != "sandbox" && options.docs != "man" &&
      options.docs != "metrics")
    return "--print-docs takes parameters, checks, sandbox, metrics or man";
  return "";
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options options;
  bool live = false;
  const char* task = nullptr;
  opterr = 0;
  optind = 0;  // glibc: begin anew, whatever an earlier call left in the middle of a word
  for (int option; (option = getopt_long(argc, argv, ":c:h", kOptions, nullptr)) != -1;) {
    if (take(options, option, live, task)) continue;
    options.error = complaint(option, argv[optind - 1]);
    return options;
  }
  if (options.error.empty() && optind < argc)
    options.error = std::string("unexpected argument ") + argv[optind];
  if (options.error.empty()) options.error = contradiction(options, live);
  if (live) options.task = Options::Task::CheckLive;
  return options;
}

std::string_view usage() {
  return R"(Usage: ravelin --config FILE [--user NAME]     run in the foreground
       ravelin --config FILE --check            list all errors of the configuration
       ravelin --config FILE --check --live     ask backends, DNS and the system too
       ravelin --print-defaults                 the commented sample configuration
       ravelin --print-docs parameters|checks|sandbox|metrics|man
                                                reference pages in Markdown, or ravelin.toml(5)
       ravelin --version

  -c, --config FILE   the configuration (TOML)
      --user NAME     the user to become after binding, when started as root
Signals: HUP reloads, USR1 reopens the log, TERM drains and ends, a second TERM ends at once.
Exit codes: 0 ended by TERM, 1 wrong configuration or no start, 2 wrong usage, 3 ended by a second
TERM.
)";
}

}  // namespace ravelin::proxy
