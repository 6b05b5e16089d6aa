// Full TLS handshakes, one after the other in each of several processes, for as long as told;
// prints how many there were per second. With "starttls" each is reached as a mail server does:
// greeting, EHLO, STARTTLS; with "tls" the handshake comes first, as `openssl s_server` wants it.
// What comes after the handshake is the same: nothing; the connection is closed as `openssl s_time`
// closes it.
//
//   handshakes ADDRESS PORT SECONDS PROCESSES tls|starttls
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using Clock = std::chrono::steady_clock;

struct Load {
  sockaddr_in address{};
  std::chrono::seconds time{};
  bool starttls = false;
};

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

// The last line of a reply has a space behind its code.
bool complete(std::string_view reply) {
  if (!reply.ends_with("\r\n")) return false;
  reply.remove_suffix(2);
  const auto start = reply.rfind('\n');
  const auto line = start == reply.npos ? reply : reply.substr(start + 1);
  return line.size() > 3 && line[3] == ' ';
}

void hear(int fd, std::string_view code) {
  std::string reply;
  char buffer[4096];
  while (!complete(reply)) {
    const auto got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) give_up("recv");
    reply.append(buffer, static_cast<size_t>(got));
  }
  if (!reply.starts_with(code)) {
    std::fprintf(stderr, "handshakes: %s", reply.c_str());
    std::exit(1);
  }
}

void say(int fd, std::string_view line, std::string_view code) {
  if (send(fd, line.data(), line.size(), 0) < 0) give_up("send");
  hear(fd, code);
}

void shake_hands(SSL_CTX* context, const Load& load) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&load.address), sizeof load.address) != 0)
    give_up("connect");
  if (load.starttls) {
    hear(fd, "220");
    say(fd, "EHLO client.example\r\n", "250");
    say(fd, "STARTTLS\r\n", "220");
  }
  SSL* const ssl = SSL_new(context);
  SSL_set_fd(ssl, fd);
  if (SSL_connect(ssl) != 1 || SSL_session_reused(ssl) == 1) give_up("SSL_connect");
  SSL_free(ssl);
  close(fd);
}

// One process: writes its count to |out|.
void run(const Load& load, int out) {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  const auto end = Clock::now() + load.time;
  long count = 0;
  while (Clock::now() < end) {
    shake_hands(context, load);
    ++count;
  }
  if (write(out, &count, sizeof count) != sizeof count) give_up("write");
  std::exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  Load load;
  load.address.sin_family = AF_INET;
  if (argc != 6 || inet_pton(AF_INET, argv[1], &load.address.sin_addr) != 1) {
    std::fprintf(stderr, "usage: handshakes ADDRESS PORT SECONDS PROCESSES tls|starttls\n");
    return 2;
  }
  load.address.sin_port = htons(static_cast<uint16_t>(std::atoi(argv[2])));
  load.time = std::chrono::seconds(std::atoi(argv[3]));
  load.starttls = std::string_view(argv[5]) == "starttls";
  const int processes = std::atoi(argv[4]);
  std::signal(SIGPIPE, SIG_IGN);

  int counts[2];
  if (pipe(counts) != 0) give_up("pipe");
  for (int i = 0; i < processes; ++i)
    if (fork() == 0) run(load, counts[1]);
  long all = 0;
  for (int i = 0; i < processes; ++i) {
    int status = 0;
    long count = 0;
    wait(&status);
    if (status != 0 || read(counts[0], &count, sizeof count) != sizeof count) return 1;
    all += count;
  }
  std::printf("%.1f\n", static_cast<double>(all) / static_cast<double>(load.time.count()));
  return 0;
}
