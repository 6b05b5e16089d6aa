// Real sockets: what a syslogd does that is restarted, replaced, slow or not there.
#include "proxy/observe/syslog_sink.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <optional>

#include "proxy/observe/log_journal.h"
#include "samples.h"
#include "support/temp_dir.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// Owns the name of its socket, as long as nobody takes it.
class Syslogd {
 public:
  explicit Syslogd(const std::string& path, int type = SOCK_DGRAM) : path_(path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, path.data(), path.size());
    fd_.reset(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    REQUIRE(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  ~Syslogd() {
    if (!path_.empty()) unlink(path_.c_str());
  }
  void abandon() { path_.clear(); }
  void move_to(const std::string& path) {
    REQUIRE(rename(path_.c_str(), path.c_str()) == 0);
    path_ = path;
  }
  // The next datagram; "" if there is none within |limit|.
  std::string next(std::chrono::milliseconds limit = 10s) {
    pollfd ready{fd_.get(), POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(limit.count())) != 1) return "";
    std::string line(65536, '\0');
    const auto got = recv(fd_.get(), line.data(), line.size(), 0);
    REQUIRE(got >= 0);
    line.resize(static_cast<size_t>(got));
    return line;
  }

 private:
  std::string path_;
  Fd fd_;
};

struct Sending {
  Sending() {
    test::use_zone("UTC");
    REQUIRE(SyslogSink::make_socket(socket).empty());
  }
  std::unique_ptr<LogWriter> open(size_t queue_bytes = 1'000'000) {
    LogWriterOptions options;
    options.queue_bytes = queue_bytes;
    options.batch_delay = 0ms;
    return LogWriter::start(std::make_unique<SyslogSink>(path, socket), options, format(), clock);
  }
  std::shared_ptr<const LineFormat> format() const {
    auto options = test::sample_options();
    options.head = LineHead::Syslog;
    return make_postfix_format(options, clock);
  }
  template <class Condition>
  static bool comes_true(Condition&& condition) {
    const auto end = steady_clock::now() + 10s;
    while (!condition()) {
      if (steady_clock::now() > end) return false;
      poll(nullptr, 0, 5);
    }
    return true;
  }
  test::ManualClock clock;
  test::TempDir folder;
  std::string path = folder.file("log");
  std::shared_ptr<const Fd> socket;
};

TEST_CASE_METHOD(Sending, "syslog: a line is a datagram") {
  Syslogd syslogd(path);
  const auto writer = open();
  writer->append("one\n");
  writer->append("two\n\nthree\n");
  CHECK(syslogd.next() == "one");
  CHECK(syslogd.next() == "two");
  CHECK(syslogd.next() == "three");
  CHECK(writer->flush(10s));
  CHECK(writer->counters().dropped == 0);
  CHECK(writer->trouble() == std::string());
}

TEST_CASE_METHOD(Sending, "syslog: a syslogd that is restarted loses no line") {
  std::optional<Syslogd> syslogd(path);
  const auto writer = open();
  writer->append("one\n");
  CHECK(syslogd->next() == "one");
  syslogd.reset();
  writer->append("two\n");
  CHECK(comes_true([&] { return *writer->trouble() != '\0'; }));
  CHECK(writer->trouble() == std::string("the socket is not there"));
  writer->append("three\n");
  syslogd.emplace(path);
  CHECK(syslogd->next() == "two");
  CHECK(syslogd->next() == "three");
  CHECK(writer->flush(10s));
  CHECK(writer->trouble() == std::string());

  // Back before the next line: not even a moment is waited.
  syslogd.reset();
  syslogd.emplace(path);
  writer->append("four\n");
  CHECK(syslogd->next() == "four");
  CHECK(writer->flush(10s));  // a line counts when it is gone
  CHECK(writer->counters().dropped == 0);
  CHECK(writer->counters().lines == 4);
}

TEST_CASE_METHOD(Sending, "syslog: reopen() finds another socket of the same name") {
  Syslogd before(path);
  const auto writer = open();
  writer->append("one\n");
  CHECK(before.next() == "one");
  before.move_to(folder.file("old"));
  Syslogd after(path);
  writer->append("two\n");
  CHECK(before.next() == "two");  // it lives and listens
  writer->reopen();
  writer->append("three\n");
  CHECK(after.next() == "three");

  after.move_to(folder.file("away"));
  writer->reopen();
  writer->append("four\n");
  // The thread may find out before the line comes, or with it.
  const auto said =
      "<20>May 28 20:26:40 postfix/master[99]: warning: cannot connect to log.syslog " + path +
      ": No such file or directory";
  const auto first = after.next();
  const auto second = after.next();
  CHECK(((first == "four" && second == said) || (first == said && second == "four")));
}

TEST_CASE_METHOD(Sending, "syslog: who reads nothing blocks nobody, drops are counted and told") {
  Syslogd syslogd(path);
  const auto writer = open(10'000);
  const std::string line(99, 'x');
  const auto begin = steady_clock::now();
  for (int i = 0; i < 20'000; ++i) writer->append(line + '\n');
  CHECK(steady_clock::now() - begin < 5s);
  const auto dropped = writer->counters().dropped;
  CHECK(dropped > 10'000);

  uint64_t whole = 0;
  uint64_t told = 0;
  const std::string notice = "<20>May 28 20:26:40 postfix/master[99]: warning: ";
  while (told != dropped || whole + dropped != 20'000) {
    const auto got = syslogd.next();
    if (got == line) {
      ++whole;
    } else {
      REQUIRE(got.substr(0, notice.size()) == notice);
      REQUIRE(got.ends_with(" lines dropped"));
      told += std::stoull(got.substr(notice.size()));
    }
  }
  CHECK(writer->counters().dropped == dropped);
}

TEST_CASE_METHOD(Sending, "syslog: a socket that nobody reads may have lost its name to another") {
  Syslogd stuck(path);
  const auto writer = open();
  for (int i = 0; i < 5'000; ++i) writer->append(std::string(99, 'x') + '\n');
  CHECK(comes_true([&] { return *writer->trouble() != '\0'; }));
  CHECK(writer->trouble() == std::string("nobody reads from the socket"));
  stuck.move_to(folder.file("stuck"));
  Syslogd syslogd(path);
  writer->append("last\n");
  std::string got;
  while (got != "last") {
    got = syslogd.next();
    REQUIRE(!got.empty());
  }
  CHECK(writer->counters().dropped == 0);
}

TEST_CASE_METHOD(Sending, "syslog: nobody there keeps nobody from ending") {
  std::optional<Syslogd> other;
  const char* why = "the socket is not there";
  SECTION("no socket") {}
  SECTION("a name that a syslogd left behind") {
    Syslogd(path).abandon();
    why = "nobody listens at the socket";
  }
  SECTION("a socket of another kind") {
    other.emplace(path, SOCK_STREAM);
    why = "it is no datagram socket";
  }
  auto writer = open();
  writer->append("one\ntwo\n");
  CHECK(comes_true([&] { return *writer->trouble() != '\0'; }));
  CHECK(writer->trouble() == std::string(why));
  const auto begin = steady_clock::now();
  writer->shut_down(50ms);
  CHECK(steady_clock::now() - begin < 5s);
  CHECK(writer->counters().dropped == 2);
  CHECK(writer->counters().lines == 0);
}

TEST_CASE_METHOD(Sending, "syslog: too long lines are cut") {
  Syslogd syslogd(path);
  auto size = kSyslogLine;
  SECTION("to what a syslogd takes") {}
  SECTION("to what the kernel takes") {
    const int small = 0;  // which the kernel makes 4608, for the datagram and its own bookkeeping
    REQUIRE(setsockopt(socket->get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
    size = 4096;
  }
  const auto writer = open();
  writer->append(std::string(size, 'x') + "\n" + std::string(9'000, 'y') + "\nz\n");
  CHECK(syslogd.next() == std::string(size, 'x'));
  CHECK(syslogd.next() == std::string(size - 4, 'y') + "\\...");
  CHECK(syslogd.next() == "z");
}

TEST_CASE("syslog: what is cut off begins with neither half an escape nor half a character") {
  struct Row {
    std::string_view line;
    size_t most;
    std::string_view want;
  };
  const auto row = GENERATE(values<Row>({
      {"123456789", 9, "123456789"},
      {"123456789", 8, "1234"},
      {"1234\\x0A7", 7, "123"},
      {"123\\x0A78", 8, "123"},
      {"12\\x0A789", 8, "12"},
      {"1\\x0A6789", 8, "1"},
      {"\\x0A56789", 8, "\\x0A"},
      {"123\xC3\xA9!!!!", 8, "123"},
      {"12\xC3\xA9!!!!!", 8, "12\xC3\xA9"},
      {"1\xE2\x82\xAC!!!!!", 7, "1"},
      {"123456789", 3, ""},
  }));
  CAPTURE(row.line, row.most);
  CHECK(row.line.substr(0, cut_at(row.line, row.most)) == row.want);
}

TEST_CASE_METHOD(Sending, "syslog: a journal writes to a file and to syslogd, each in its form") {
  Syslogd syslogd(path);
  LogWriterOptions options;
  options.file = folder.file("mail.log");
  auto file = LogWriter::open(options, make_json_format(test::sample_options(), clock), clock);
  REQUIRE(file);
  const auto writer = open();
  LogJournal journal(**file, make_json_format(test::sample_options(), clock));
  journal.message(Severity::Info, "file alone");
  CHECK(journal.counters().syslog == nullptr);
  journal.set_syslog(*writer, format());
  journal.message(Severity::Warning, "both");
  CHECK(syslogd.next() == "<20>May 28 20:26:40 postfix/master[99]: warning: both");
  CHECK(journal.counters().syslog == std::string());
  journal.set_format(nullptr);
  journal.connected(test::sample_dialog());
  CHECK(syslogd.next() ==
        "<22>May 28 20:26:40 postfix/smtpd[17]: connect from unknown[203.0.113.5]");
  journal.set_format(make_json_format(test::sample_options(), clock));
  journal.set_syslog(*writer, nullptr);
  journal.message(Severity::Info, "file again");
  REQUIRE((*file)->flush(10s));
  REQUIRE(writer->flush(10s));
  CHECK(syslogd.next(0ms).empty());
  CHECK((*file)->counters().lines == 3);
  CHECK(journal.counters().lines == 5);
  CHECK(journal.counters().syslog == nullptr);
}

}  // namespace
}  // namespace ravelin::proxy
