#include "proxy/ctl/watch.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "proxy/ctl/top.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPeriod{1000};

// What the terminal was before, if its keys are ours; for the handler, which has nothing else.
struct {
  termios before{};
  bool keys = false;
} g_terminal;

// The screen as it was, by calls that a handler may make. From the background the modes are left
// alone: they are those of whoever is in front.
void give_back() {
  constexpr std::string_view kLastWords = "\x1b[?25h\x1b[?1049l";
  [[maybe_unused]] const auto written = write(STDOUT_FILENO, kLastWords.data(), kLastWords.size());
  const auto front = tcgetpgrp(STDIN_FILENO);  // -1: not the terminal that stops those behind
  if (g_terminal.keys && (front < 0 || front == getpgrp()))
    tcsetattr(STDIN_FILENO, TCSANOW, &g_terminal.before);
}

// As the terminal itself does at Ctrl-C: it goes on, and what it has not shown yet is thrown away.
// One that is stopped would otherwise not take our last words. Only one that was stopped by
// tcflow() is started by it. At once, for a screen or an answer may be waited for that does not
// come.
void on_signal(int) {
  tcflow(STDOUT_FILENO, TCOOFF);
  tcflow(STDOUT_FILENO, TCOON);
  tcflush(STDOUT_FILENO, TCOFLUSH);
  give_back();
  _exit(0);
}

// The other screen, no cursor, and keys as they are pressed; all as before when it is destroyed, or
// when a signal ends us. Ctrl-Z is no such key: a shell would get the screen as it is.
class Screen {
 public:
  Screen() {
    g_terminal.keys = tcgetattr(STDIN_FILENO, &g_terminal.before) == 0;
    struct sigaction action {};
    action.sa_handler = on_signal;
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTTOU})
      sigaddset(&action.sa_mask, number);  // SIGTTOU: a terminal that we are in the background of
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaction(number, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);  // show() says so
    if (g_terminal.keys) {
      auto raw = g_terminal.before;
      raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      raw.c_cc[VSUSP] = _POSIX_VDISABLE;
      tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    std::fputs("\x1b[?1049h\x1b[?25l", stdout);
  }
  ~Screen() {
    std::fflush(stdout);
    give_back();
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  // Each line is cleared behind its end, then the rest of the screen: nothing flickers.
  static bool show(const std::string& text) {
    std::string out = "\x1b[H";
    for (const char c : text) out += c == '\n' ? std::string("\x1b[K\r\n") : std::string(1, c);
    if (out.ends_with("\r\n")) out.resize(out.size() - 2);  // the last line must not scroll
    out += "\x1b[J";
    return std::fputs(out.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  }
  // True: whoever looks has had enough.
  static bool wait_until(steady_clock::time_point end) {
    for (;;) {  // ends: each key or signal leaves less time, or ends it
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now());
      if (left.count() <= 0) return false;
      pollfd in{g_terminal.keys ? STDIN_FILENO : -1, POLLIN, 0};
      if (poll(&in, 1, static_cast<int>(left.count())) <= 0) continue;
      char key = 'q';
      if (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q') return true;
    }
  }
};

Size size_of_terminal() {
  winsize window{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0 || window.ws_row == 0)
    return {};
  return {window.ws_col, window.ws_row};
}

double seconds_since(steady_clock::time_point then) {
  return std::chrono::duration<double>(steady_clock::now() - then).count();
}

bool print_once(const std::function<std::optional<json>()>& ask) {
  const auto began = steady_clock::now();
  const auto before = ask();
  if (!before) return true;
  poll(nullptr, 0, static_cast<int>(kPeriod.count()));
  const auto now = ask();
  if (!now) return true;
  const auto text = print_top(*before, *now, seconds_since(began), {});
  return std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
}

}  // namespace

bool watch(const std::function<std::optional<json>()>& ask, bool once) {
  if (once) return print_once(ask);
  auto before = ask();  // and if there is no answer, the screen has not changed yet
  if (!before) return true;
  auto then = steady_clock::now();
  const Screen screen;
  if (!Screen::show(print_top(*before, *before, 0, size_of_terminal()))) return false;
  while (!Screen::wait_until(then + kPeriod)) {
    auto now = ask();
    if (!now) return true;
    const auto time = steady_clock::now();
    const auto seconds = std::chrono::duration<double>(time - then).count();
    if (!Screen::show(print_top(*before, *now, seconds, size_of_terminal()))) return false;
    before = std::move(now);
    then = time;
  }
  return true;
}

}  // namespace ravelin::proxy
