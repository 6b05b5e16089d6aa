// The floor: an SMTP server that does nothing. It knows line ends and verbs, keeps no mail, refuses
// or takes every recipient as told. What it costs per dialog is what sockets and libevent cost; it
// also serves as a pipelining sink behind the proxies that are measured.
//
//   null_server ADDRESS PORT THREADS RCPT-REPLY     e.g. null_server 127.0.0.1 2600 2 550
#include <arpa/inet.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

bool take_recipients = false;

struct Dialog {
  event* readable = nullptr;
  std::string input;
  std::string output;
  bool text = false;  // in DATA
  bool line_start = true;
};

bool starts(std::string_view line, const char* verb) {
  return line.size() >= 4 && strncasecmp(line.data(), verb, 4) == 0;
}

// Replies to one command; false ends the dialog.
bool command(Dialog& dialog, std::string_view line) {
  auto& out = dialog.output;
  if (starts(line, "EHLO")) {
    out += "250-null.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 100000000\r\n";
  } else if (starts(line, "RCPT")) {
    out += take_recipients ? "250 2.1.5 Ok\r\n" : "550 5.1.1 User unknown\r\n";
  } else if (starts(line, "DATA")) {
    out += take_recipients ? "354 Go on\r\n" : "554 5.5.1 No valid recipients\r\n";
    dialog.text = take_recipients;
    dialog.line_start = true;
  } else if (starts(line, "QUIT")) {
    out += "221 2.0.0 Bye\r\n";
    return false;
  } else {
    out += "250 2.0.0 Ok\r\n";
  }
  return true;
}

// Takes what is complete in the input; false ends the dialog.
bool digest(Dialog& dialog) {
  size_t at = 0;
  bool open = true;
  while (open) {
    const auto end = dialog.input.find("\r\n", at);
    if (end == std::string::npos) break;
    const std::string_view line(dialog.input.data() + at, end - at);
    at = end + 2;
    if (!dialog.text) {
      open = command(dialog, line);
    } else if (dialog.line_start && line == ".") {
      dialog.text = false;
      dialog.output += "250 2.0.0 Ok\r\n";
    } else {
      dialog.line_start = true;
    }
  }
  dialog.input.erase(0, at);
  return open;
}

void end(Dialog* dialog, int fd) {
  event_free(dialog->readable);
  close(fd);
  delete dialog;
}

void on_readable(int fd, short, void* arg) {
  auto* dialog = static_cast<Dialog*>(arg);
  static thread_local char buffer[65536];
  const auto got = recv(fd, buffer, sizeof buffer, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return end(dialog, fd);
  dialog->input.append(buffer, static_cast<size_t>(got));
  bool open = digest(*dialog);
  if (!dialog->output.empty()) {
    // Replies are short and the peer reads them: a full send buffer means that it does not.
    const auto sent = send(fd, dialog->output.data(), dialog->output.size(), MSG_NOSIGNAL);
    open = open && sent == static_cast<ssize_t>(dialog->output.size());
    dialog->output.clear();
  }
  if (!open) end(dialog, fd);
}

void on_accept(int listener, short, void* arg) {
  for (int budget = 0; budget < 64; ++budget) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto* dialog = new Dialog;
    dialog->readable =
        event_new(static_cast<event_base*>(arg), fd, EV_READ | EV_PERSIST, on_readable, dialog);
    event_add(dialog->readable, nullptr);
    static constexpr char kBanner[] = "220 null.example ESMTP\r\n";
    if (send(fd, kBanner, sizeof kBanner - 1, MSG_NOSIGNAL) < 0) end(dialog, fd);
  }
}

void serve(const sockaddr_in& address) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, 4096) != 0) {
    perror("null_server");
    std::exit(1);
  }
  event_base* base = event_base_new();
  event_add(event_new(base, listener, EV_READ | EV_PERSIST, on_accept, base), nullptr);
  event_base_dispatch(base);
}

}  // namespace

int main(int argc, char** argv) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (argc != 5 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) {
    std::fprintf(stderr, "usage: null_server ADDRESS PORT THREADS RCPT-REPLY(250|550)\n");
    return 2;
  }
  address.sin_port = htons(static_cast<uint16_t>(std::atoi(argv[2])));
  take_recipients = std::string_view(argv[4]) == "250";
  std::signal(SIGPIPE, SIG_IGN);
  std::vector<std::thread> threads;
  for (int i = 1; i < std::atoi(argv[3]); ++i) threads.emplace_back(serve, address);
  serve(address);
  return 0;
}
