// ravelin: reads its command line and configuration, then is a Server.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <system_error>
#include <utility>

#include "proxy/checks/print_docs.h"
#include "proxy/config/loader.h"
#include "proxy/event/signals.h"
#include "proxy/live_check.h"
#include "proxy/metrics.h"
#include "proxy/observe/journal_stream.h"
#include "proxy/openings.h"
#include "proxy/options.h"
#include "proxy/print_sandbox.h"
#include "proxy/sandbox_settings.h"
#include "proxy/server.h"

namespace ravelin::proxy {
namespace {

constexpr int kOk = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;

void print(std::FILE* to, std::string_view text) { std::fwrite(text.data(), 1, text.size(), to); }

constexpr int kError = 3;    // RFC 3164 §4.1.1
constexpr int kWarning = 4;  // likewise

void complain(int level, const std::string& text) {
  print(stderr, is_journal(STDERR_FILENO) ? with_level(level, text) : text);
}

// nullptr after all errors were printed.
std::shared_ptr<const Config> load(const std::string& file) {
  const auto loaded = load_config(file);
  for (const auto& error : loaded.errors) complain(kError, error.format(file) + "\n");
  for (const auto& warning : loaded.warnings)
    complain(kWarning, file + ": warning: " + warning + "\n");
  return loaded.config;
}

int fail(const std::string& why) {
  complain(kError, "ravelin: " + why + "\n");
  return kFailed;
}

// Of all that can run out, only threads give EAGAIN, and its text says nothing to anybody.
std::string reason(const std::exception& error) {
  const auto* const system = dynamic_cast<const std::system_error*>(&error);
  if (system == nullptr || system->code() != std::errc::resource_unavailable_try_again)
    return error.what();
  return "cannot start a thread: the limit of processes and threads is reached (TasksMax=, "
         "LimitNPROC=)";
}

// Output that is meant for a file must not end in half of one unnoticed.
int print_all(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0)
    return kOk;
  return fail(std::string("cannot write: ") + std::strerror(errno));
}

int run(const Options& options, std::shared_ptr<const Config> config) {
  prepare_signals();
  Server server(options, std::move(config));
  if (const auto why = server.start(); !why.empty()) return fail(why);
  return server.run();
}

int ask_live(const Config& config) {
  prepare_signals();
  const auto print_line = [](std::string_view line) {
    print(stdout, line);
    std::fflush(stdout);  // somebody waits and watches
  };
  if (const auto why = can_open(kLiveCheckFiles); !why.empty()) return fail(why);
  return check_live(config, print_line) ? kOk : kFailed;
}

int with_config(const Options& options) {
  auto config = load(options.config_file);
  if (!config) return kFailed;
  if (const auto why = chroot_fault(*config, options.config_file, options.user); !why.empty())
    return fail(why);
  if (options.task == Options::Task::Check) return kOk;
  if (options.task == Options::Task::CheckLive) return ask_live(*config);
  return run(options, std::move(config));
}

// Else a socket or the state file would get the number of stderr, and messages with it.
void fill_standard_streams() {
  int fd = 0;
  while (fd >= 0 && fd <= STDERR_FILENO) fd = open("/dev/null", O_RDWR);
  if (fd > STDERR_FILENO) close(fd);
}

std::string page(std::string_view name) {
  if (name == "checks") return print_check_docs();
  if (name == "man") return print_parameter_man();
  if (name == "metrics") return print_metrics_docs();
  return name == "sandbox" ? print_sandbox_docs() : print_parameter_docs();
}

int do_task(const Options& options) {
  using Task = Options::Task;
  switch (options.task) {
    case Task::Help:
      return print_all(usage());
    case Task::Version:
      return print_all("ravelin " RAVELIN_VERSION "\n");
    case Task::PrintDefaults:
      return print_all(print_defaults());
    case Task::PrintDocs:
      return print_all(page(options.docs));
    default:
      return with_config(options);
  }
}

}  // namespace

int main(int argc, char** argv) {
  fill_standard_streams();
  const auto options = parse_options(argc, argv);
  if (!options.error.empty()) {
    print(stderr, "ravelin: " + options.error + "\n");
    print(stderr, usage());
    return kUsage;
  }
  try {
    return do_task(options);
  } catch (const std::exception& error) {  // no memory, or a descriptor too few
    return fail(reason(error));
  }
}

}  // namespace ravelin::proxy

int main(int argc, char** argv) { return ravelin::proxy::main(argc, argv); }
