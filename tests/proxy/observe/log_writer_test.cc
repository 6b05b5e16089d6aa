// Real files, FIFOs and pipes: what must not block can only be shown with what blocks.
#include "proxy/observe/log_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>
#include <thread>
#include <vector>

#include "proxy/observe/log_journal.h"
#include "samples.h"
#include "support/temp_dir.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

struct Pipe {
  Pipe() { REQUIRE(pipe2(ends, O_CLOEXEC) == 0); }
  ~Pipe() {
    close_reader();
    close(ends[1]);
  }
  void close_reader() {
    if (ends[0] >= 0) close(ends[0]);
    ends[0] = -1;
  }
  // Reads until |enough| says so of all that was read; for 10 s without a byte at the most.
  template <class Enough>
  std::string read_until(Enough&& enough) {
    std::string seen;
    char buffer[65536];
    while (!enough(seen)) {
      pollfd ready{ends[0], POLLIN, 0};
      if (poll(&ready, 1, 10'000) != 1) break;
      const auto got = read(ends[0], buffer, sizeof buffer);
      if (got <= 0) break;
      seen.append(buffer, static_cast<size_t>(got));
    }
    return seen;
  }
  int ends[2] = {-1, -1};
};

// How many dropped lines the log tells of.
uint64_t told(const std::string& log) {
  static const std::string kBefore = "warning: ";
  uint64_t sum = 0;
  for (auto end = log.find(" lines dropped\n"); end != log.npos;
       end = log.find(" lines dropped\n", end + 1))
    sum += std::stoull(log.substr(log.rfind(kBefore, end) + kBefore.size()));
  return sum;
}

std::string content(const std::string& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

struct Writing {
  Writing() { test::use_zone("UTC"); }
  std::unique_ptr<LogWriter> open(const LogWriterOptions& options) {
    auto writer =
        LogWriter::open(options, make_postfix_format(test::sample_options(), clock), clock);
    REQUIRE(writer);
    return *std::move(writer);
  }
  std::unique_ptr<LogWriter> open_file(const std::string& file) {
    LogWriterOptions options;
    options.file = file;
    return open(options);
  }
  std::unique_ptr<LogWriter> open_fd(int fd, size_t queue_bytes) {
    LogWriterOptions options;
    options.fd = fd;
    options.queue_bytes = queue_bytes;
    options.batch_delay = 0ms;
    return open(options);
  }
  std::string notice(const std::string& text) const {
    return std::string(test::kStamp) + "postfix/master[99]: warning: " + text + '\n';
  }
  test::ManualClock clock;
  test::TempDir folder;
};

TEST_CASE_METHOD(Writing, "LogWriter writes lines in order, appending, mode 0640") {
  const auto file = folder.file("log");
  umask(0);
  {
    const auto writer = open_file(file);
    writer->append("one\n");
    writer->append("two\nthree\n");
    CHECK(writer->flush(10s));
    CHECK(content(file) == "one\ntwo\nthree\n");
    CHECK(writer->counters().lines == 3);
    writer->append("four\n");
  }
  CHECK(content(file) == "one\ntwo\nthree\nfour\n");  // the end writes what is queued
  struct stat about {};
  REQUIRE(stat(file.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0640);
  open_file(file)->append("five\n");
  CHECK(content(file) == "one\ntwo\nthree\nfour\nfive\n");
}

TEST_CASE_METHOD(Writing, "LogWriter: a file that cannot be opened is an error") {
  LogWriterOptions options;
  options.file = folder.file("no/such/folder");
  auto writer = LogWriter::open(options, make_postfix_format(test::sample_options(), clock), clock);
  REQUIRE_FALSE(writer);
  CHECK(writer.error() == "cannot open the log " + options.file + ": No such file or directory");

  // A FIFO that nobody reads would hang a start that opens it the plain way.
  options.file = folder.file("fifo");
  REQUIRE(mkfifo(options.file.c_str(), 0600) == 0);
  CHECK_FALSE(LogWriter::open(options, nullptr, clock));
}

// As a file on a server that is gone: it takes nothing, and its end hangs.
struct StuckSink final : LogSink {
  StuckSink(std::promise<void>& closing_with, std::shared_future<void> released_with)
      : closing(closing_with), released(std::move(released_with)) {}
  ~StuckSink() override {
    closing.set_value();
    released.wait();
  }
  Result write(std::string_view, size_t&) override {
    std::this_thread::sleep_for(1ms);
    return Result::Blocked;
  }
  std::string reopen() override { return ""; }

  std::promise<void>& closing;
  const std::shared_future<void> released;
};

TEST_CASE_METHOD(Writing, "LogWriter: while an old log is being closed, lines may come") {
  const bool in_batch = GENERATE(false, true);
  const auto file = folder.file("log");
  std::promise<void> closing, release;
  const auto writer = LogWriter::start(
      std::make_unique<StuckSink>(closing, release.get_future().share()), LogWriterOptions{},
      make_postfix_format(test::sample_options(), clock), clock);
  if (in_batch) {  // that waits for the old one
    writer->append("one\n");
    CHECK_FALSE(writer->flush(50ms));
  }
  CHECK(writer->move_to(file) == "");
  closing.get_future().wait();
  auto appended = std::async(std::launch::async, [&] { writer->append("two\n"); });
  CHECK(appended.wait_for(10s) == std::future_status::ready);
  release.set_value();
  CHECK(writer->flush(10s));
  CHECK(content(file) == (in_batch ? "one\ntwo\n" : "two\n"));
}

TEST_CASE_METHOD(Writing, "LogWriter reopens its file, and keeps the old one if it cannot") {
  const auto file = folder.file("log");
  const auto writer = open_file(file);
  writer->append("one\n");
  REQUIRE(writer->flush(10s));
  std::filesystem::rename(file, folder.file("log.1"));
  writer->reopen();
  writer->append("two\n");
  REQUIRE(writer->flush(10s));
  CHECK(content(folder.file("log.1")) == "one\n");
  CHECK(content(file) == "two\n");

  std::filesystem::remove(file);
  std::filesystem::create_directory(file);
  std::filesystem::rename(folder.file("log.1"), folder.file("other"));
  writer->reopen();
  writer->append("three\n");
  REQUIRE(writer->flush(10s));
  std::filesystem::remove(file);
  writer->reopen();
  writer->append("four\n");
  REQUIRE(writer->flush(10s));
  CHECK(content(file) == "four\n");
  CHECK(writer->counters().lines == 5);  // with the warning, in the file that had no name
}

TEST_CASE_METHOD(Writing, "LogWriter: who keeps the old file says so") {
  const auto file = folder.file("log");
  const auto writer = open_file(file);
  const auto moved = folder.file("log.1");
  std::filesystem::rename(file, moved);
  std::filesystem::create_directory(file);
  writer->reopen();
  writer->append("one\n");
  REQUIRE(writer->flush(10s));
  // The thread may find out before the line comes, or with it.
  const auto said =
      notice("cannot open the log " + file + ": Is a directory; the old file stays in use");
  const auto found = content(moved);
  CHECK((found == "one\n" + said || found == said + "one\n"));
}

TEST_CASE_METHOD(Writing, "LogWriter: the log moves as a whole, or not at all") {
  const auto writer = open_file(folder.file("log"));
  writer->append("one\n");
  REQUIRE(writer->flush(10s));
  CHECK(writer->move_to(folder.file("none/log")) ==
        "cannot open the log " + folder.file("none/log") + ": No such file or directory");
  writer->append("two\n");
  REQUIRE(writer->flush(10s));
  CHECK(writer->move_to(folder.file("other")) == "");
  writer->append("three\n");
  REQUIRE(writer->flush(10s));
  CHECK(content(folder.file("log")) == "one\ntwo\n");
  CHECK(content(folder.file("other")) == "three\n");

  std::filesystem::rename(folder.file("other"), folder.file("other.1"));
  writer->reopen();  // the new name is opened anew
  writer->append("four\n");
  REQUIRE(writer->flush(10s));
  CHECK(content(folder.file("other")) == "four\n");
}

TEST_CASE_METHOD(Writing, "LogWriter: moving the log gets it out of a pipe that nobody reads") {
  Pipe pipe;
  const auto writer = open_fd(pipe.ends[1], 1'000'000);
  const std::string line = std::string(99, 'x') + '\n';
  for (int i = 0; i < 2'000; ++i) writer->append(line);  // 200 kB; a pipe takes 64 kB
  CHECK(writer->move_to(folder.file("log")) == "");
  REQUIRE(writer->flush(10s));
  CHECK(content(folder.file("log")).size() > 100'000);
  CHECK(writer->counters().dropped == 0);
}

TEST_CASE_METHOD(Writing, "LogWriter: a blocked pipe blocks nobody, drops are counted and told") {
  Pipe pipe;
  const auto writer = open_fd(pipe.ends[1], 10'000);
  const std::string line = std::string(99, 'x') + '\n';
  const auto begin = steady_clock::now();
  for (int i = 0; i < 20'000; ++i) writer->append(line);  // 2 MB; a pipe takes 64 kB
  CHECK(steady_clock::now() - begin < 5s);
  const auto dropped = writer->counters().dropped;
  CHECK(dropped > 10'000);

  // The notices tell of all of them, the first perhaps while the drops still went on, the last
  // perhaps ahead of lines for which there was room again.
  const auto whole = [&line](const std::string& seen) {
    uint64_t count = 0;
    for (auto at = seen.find(line); at != seen.npos; at = seen.find(line, at + 1)) ++count;
    return count;
  };
  const auto all = pipe.read_until([&](const std::string& seen) {
    return told(seen) == dropped && whole(seen) + dropped == 20'000;
  });
  CHECK(told(all) == dropped);
  CHECK(whole(all) + dropped == 20'000);
  writer->append("again\n");
  CHECK(pipe.read_until([](const std::string& seen) { return !seen.empty(); }) == "again\n");
  CHECK(writer->counters().dropped == dropped);
}

TEST_CASE_METHOD(Writing, "LogWriter: a blocked pipe does not keep it from ending") {
  Pipe pipe;
  auto writer = open_fd(pipe.ends[1], 1'000'000);
  for (int i = 0; i < 2'000; ++i) writer->append(std::string(99, 'x') + '\n');
  const auto begin = steady_clock::now();
  writer->shut_down(50ms);
  CHECK(steady_clock::now() - begin < 5s);
  CHECK(writer->counters().dropped > 0);
  CHECK(writer->counters().dropped + writer->counters().lines == 2'000);
  writer->append("late\n");
  CHECK(writer->counters().dropped + writer->counters().lines == 2'001);
}

TEST_CASE_METHOD(Writing, "LogWriter: a pipe that nobody has open any more is a failure like any") {
  Pipe pipe;
  const auto writer = open_fd(pipe.ends[1], 10'000);
  pipe.close_reader();
  writer->append("one\ntwo\n");
  REQUIRE(writer->flush(10s));
  CHECK(writer->counters().dropped == 2);
  CHECK(writer->counters().lines == 0);
}

TEST_CASE_METHOD(Writing, "LogWriter: a socket as stderr, as systemd gives it") {
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  open_fd(ends[1], 10'000)->append("one\n");
  char buffer[16];
  REQUIRE(read(ends[0], buffer, sizeof buffer) == 4);
  CHECK(std::string_view(buffer, 4) == "one\n");
  close(ends[0]);
  close(ends[1]);
}

TEST_CASE_METHOD(Writing, "LogWriter: a full disk loses lines, not the process") {
  const auto writer = open_file("/dev/full");
  writer->append("one\n");
  REQUIRE(writer->flush(10s));
  writer->append("two\n");
  REQUIRE(writer->flush(10s));
  CHECK(writer->counters().dropped == 2);
  CHECK(writer->counters().lines == 0);
}

TEST_CASE_METHOD(Writing, "LogWriter: a file that is full in the middle of a line, then is not") {
  const auto file = folder.file("log");
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto limit_to = [&before](rlim_t bytes) {
    const rlimit now{bytes, before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &now) == 0);
  };
  const auto writer = open_file(file);
  limit_to(6);
  writer->append("one\ntwo\nthree\n");
  REQUIRE(writer->flush(10s));
  CHECK(writer->counters().dropped == 2);
  CHECK(writer->counters().lines == 1);
  writer->append("four\n");
  REQUIRE(writer->flush(10s));
  CHECK(writer->counters().dropped == 3);
  limit_to(before.rlim_cur);
  writer->append("five\n");
  REQUIRE(writer->flush(10s));
  CHECK(content(file) == "one\ntw\nfive\n" + notice("3 lines dropped"));
  CHECK(writer->counters().lines == 3);
  CHECK(writer->counters().dropped == 3);
}

TEST_CASE_METHOD(Writing, "LogWriter: half a line that was left in the file is ended first") {
  const auto file = folder.file("log");
  std::ofstream(file) << "whole\nhal";  // by a process that was killed when the disk was full
  const auto writer = open_file(file);
  writer->append("one\n");
  REQUIRE(writer->flush(10s));
  CHECK(content(file) == "whole\nhal\none\n");
  std::ofstream(file, std::ios::app) << "hal";
  writer->reopen();
  writer->append("two\n");
  REQUIRE(writer->flush(10s));
  CHECK(content(file) == "whole\nhal\none\nhal\ntwo\n");
  std::ofstream(folder.file("other")) << "hal";
  REQUIRE(writer->move_to(folder.file("other")).empty());
  writer->append("three\n");
  REQUIRE(writer->flush(10s));
  CHECK(content(folder.file("other")) == "hal\nthree\n");
  CHECK(writer->counters().lines == 3);
}

TEST_CASE_METHOD(Writing, "LogWriter tells of what the flood limit held back") {
  const auto file = folder.file("log");
  LogWriterOptions options;
  options.file = file;
  options.flood = 2;
  auto writer = open(options);
  for (int i = 0; i < 5; ++i)
    if (writer->admit("connect")) writer->append("line\n");
  CHECK(writer->counters().flooded == 3);
  writer->shut_down(10s);
  CHECK(content(file) == "line\nline\n" + notice("log flood: 3 lines held back: connect"));
}

TEST_CASE_METHOD(Writing, "LogWriter keeps each thread's lines whole and in order") {
  const auto file = folder.file("log");
  auto writer = open_file(file);
  std::vector<std::thread> threads;
  for (int id = 0; id < 4; ++id)
    threads.emplace_back([&writer, id] {
      for (int i = 0; i < 2'000; ++i)
        writer->append(std::to_string(id) + ' ' + std::to_string(i) + '\n');
    });
  for (int i = 0; i < 20; ++i) writer->reopen();
  for (auto& thread : threads) thread.join();
  writer->shut_down(10s);

  int next[4] = {};
  std::istringstream lines(content(file));
  for (int id = 0, i = 0; lines >> id >> i;) REQUIRE(i == next[id]++);
  for (const int count : next) CHECK(count == 2'000);
}

TEST_CASE_METHOD(Writing, "LogJournal counts events and lets the flood limit hold some back") {
  const auto file = folder.file("log");
  LogWriterOptions options;
  options.file = file;
  options.flood = 2;
  const auto writer = open(options);
  LogJournal journal(*writer, make_postfix_format(test::sample_options(), clock));
  const auto dialog = test::sample_dialog();
  const auto reply = test::sample_reply(550, 1, 1, "no");
  Refusal refusal{"RCPT", reply, "x", "Recipient address rejected", nullptr, nullptr, {}};

  journal.connected(dialog);
  journal.refused(dialog, refusal);
  journal.refused(dialog, refusal);  // held back
  refusal.shadow = true;
  journal.refused(dialog, refusal);  // likewise
  journal.no_place(dialog.client, "sessions");
  journal.ended(dialog, "lost connection", "RCPT");
  const smtp::Address sender;
  const std::vector<smtp::Address> recipients(2);
  journal.delivered(dialog, {1, sender, recipients, 100, {}, {}, {}});  // never held back
  journal.message(Severity::Warning, "mind this");                      // nor this
  REQUIRE(writer->flush(10s));

  const auto now = journal.counters();
  CHECK(now.connects == 1);
  CHECK(now.refused == 2);
  CHECK(now.warned == 1);
  CHECK(now.refused_by_code == std::map<int, uint64_t>{{550, 2}});
  CHECK(now.no_places_by_limit.at("sessions") == 1);
  CHECK(now.ended.at("lost connection") == 1);
  CHECK((now.messages == 1 && now.recipients == 2 && now.bytes == 100));
  CHECK(now.warnings == 1);
  CHECK(now.flooded == 4);
  CHECK(now.lines == 2 + 6 + 1);
  CHECK(content(file).find("warning: mind this\n") != std::string::npos);
}

TEST_CASE_METHOD(Writing, "LogJournal counts the recipients that have the message") {
  const auto writer = open_file(folder.file("log"));
  LogJournal journal(*writer, make_postfix_format(test::sample_options(), clock));
  using Kind = RecipientFate::Kind;
  const smtp::Address sender;
  const std::vector<smtp::Address> recipients(4);
  const std::vector<RecipientFate> fates{{Kind::Bounced, "5.2.2", "full"},
                                         {Kind::Sent, "2.0.0", "ok"},
                                         {Kind::Deferred, "4.2.1", "later"},
                                         {Kind::Sent, "2.0.0", "ok"}};
  Delivered mail{1, sender, recipients, 100, {}, {}, {}};
  mail.fates = fates;
  journal.delivered(test::sample_dialog(), mail);
  CHECK(journal.counters().recipients == 2);
}

TEST_CASE_METHOD(Writing, "LogJournal can change its format") {
  const auto file = folder.file("log");
  const auto writer = open_file(file);
  LogJournal journal(*writer, make_postfix_format(test::sample_options(), clock));
  journal.message(Severity::Info, "one");
  journal.set_format(make_json_format(test::sample_options(), clock));
  journal.message(Severity::Info, "two");
  REQUIRE(writer->flush(10s));
  const auto text = content(file);
  CHECK(text.find(" postfix/master[99]: one\n{\"time\":") != text.npos);
}

}  // namespace
}  // namespace ravelin::proxy
