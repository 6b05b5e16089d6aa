#include "proxy/ctl/watch.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "proxy/ctl/top.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPeriod{1000};

volatile std::sig_atomic_t g_interrupted = 0;

// As the terminal itself does at Ctrl-C: it goes on, and what it has not shown yet is thrown away.
// One that is stopped would otherwise take neither the rest of the screen nor our last words. Only
// one that was stopped by tcflow() is started by it.
void on_interrupt(int) {
  g_interrupted = 1;
  const int error = errno;
  tcflow(STDOUT_FILENO, TCOOFF);
  tcflow(STDOUT_FILENO, TCOON);
  tcflush(STDOUT_FILENO, TCOFLUSH);
  errno = error;
}

// The other screen, no cursor, and keys as they are pressed; all as before when it is destroyed.
class Screen {
 public:
  Screen() {
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    sigaddset(&action.sa_mask, SIGTTOU);  // a terminal that we are in the background of
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaction(number, &action, nullptr);
    keys_ = tcgetattr(STDIN_FILENO, &before_) == 0;
    if (keys_) {
      auto raw = before_;
      raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    std::fputs("\x1b[?1049h\x1b[?25l", stdout);
  }
  ~Screen() {
    std::fputs("\x1b[?25h\x1b[?1049l", stdout);
    std::fflush(stdout);
    if (keys_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  // Each line is cleared behind its end, then the rest of the screen: nothing flickers.
  static bool show(const std::string& text) {
    std::string out = "\x1b[H";
    for (const char c : text) out += c == '\n' ? std::string("\x1b[K\r\n") : std::string(1, c);
    if (out.ends_with("\r\n")) out.resize(out.size() - 2);  // the last line must not scroll
    out += "\x1b[J";
    const bool shown = std::fputs(out.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
    return shown || g_interrupted != 0;
  }
  // True: whoever looks has had enough.
  bool wait_until(steady_clock::time_point end) const {
    for (;;) {  // ends: each key or signal leaves less time, or ends it
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now());
      if (g_interrupted != 0) return true;
      if (left.count() <= 0) return false;
      pollfd in{keys_ ? STDIN_FILENO : -1, POLLIN, 0};
      if (poll(&in, 1, static_cast<int>(left.count())) <= 0) continue;
      char key = 'q';
      if (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q') return true;
    }
  }

 private:
  termios before_{};
  bool keys_ = false;
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
  while (!screen.wait_until(then + kPeriod)) {
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
