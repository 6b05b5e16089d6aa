#include "proxy/observe/log_journal.h"

#include <algorithm>
#include <new>
#include <utility>

namespace ravelin::proxy {
namespace {

constexpr size_t kMaxNames = 64;
constexpr size_t kMaxNameLength = 100;
constexpr size_t kLineBytes =
    1000;  // more than nearly all lines have; the allocator is quick there

using Kind = JournalTally::Kind;
using Names = std::map<std::string, uint64_t, std::less<>>;

// Of its recipients, those that have it.
uint64_t taken(const Delivered& delivered) {
  if (delivered.fates.empty()) return delivered.recipients.size();
  const auto sent = [](const RecipientFate& fate) {
    return fate.kind == RecipientFate::Kind::Sent;
  };
  return static_cast<uint64_t>(std::count_if(delivered.fates.begin(), delivered.fates.end(), sent));
}

// Names come from our own code, but one that carried something of a client's would otherwise grow
// the map for ever.
void add(Guarded<Names>& counts, std::string_view name) {
  name = name.substr(0, kMaxNameLength);
  counts.with([name](Names& names) {
    const auto known = names.find(name);
    if (known != names.end()) {
      ++known->second;
    } else {
      ++names[names.size() < kMaxNames ? std::string(name) : "other"];
    }
  });
}

Names copy(const Guarded<Names>& counts) {
  return counts.with([](const Names& names) { return names; });
}

}  // namespace

LogJournal::LogJournal(LogWriter& writer, std::shared_ptr<const LineFormat> format) {
  file_.writer = &writer;
  set(file_, std::move(format));
}

void LogJournal::set_format(std::shared_ptr<const LineFormat> format) {
  set(file_, std::move(format));
}

void LogJournal::set_syslog(LogWriter& writer, std::shared_ptr<const LineFormat> format) {
  syslog_.writer = &writer;
  set(syslog_, std::move(format));
}

// Whoever finds the format has its writer, too.
void LogJournal::set(Output& output, std::shared_ptr<const LineFormat> format) {
  if (format) output.writer.load()->set_format(format);
  output.format.store(format.get());
  formats_.with([&](auto& formats) { formats.push_back(std::move(format)); });
}

// Without memory a dialog can still end well; its line cannot be written. No buffer is kept per
// thread: its destructor would have to be registered at a thread's first line, and the C library
// ends the process if there is no memory for that.
template <class Append>
void LogJournal::write_to(LogWriter& writer, const LineFormat& format, Append&& append) {
  try {
    std::string line;
    line.reserve(kLineBytes);
    append(line, format);
    writer.append(line);
  } catch (const std::bad_alloc&) {
    writer.count_dropped(1);
  }
}

template <class Use>
void LogJournal::each_output(Use&& use) {
  for (auto* output : {&file_, &syslog_})
    if (const auto* const format = output->format.load(std::memory_order_acquire))
      use(*output->writer.load(std::memory_order_relaxed), *format);
}

template <class Append>
void LogJournal::write(std::string_view reason, Append&& append) {
  each_output([&](LogWriter& writer, const LineFormat& format) {
    if (writer.admit(reason)) write_to(writer, format, append);
  });
}

template <class Append>
void LogJournal::write_always(Append&& append) {
  each_output(
      [&](LogWriter& writer, const LineFormat& format) { write_to(writer, format, append); });
}

void LogJournal::connected(const DialogInfo& dialog) {
  tallies_.mine().add(Kind::Connects);
  write("connect",
        [&](std::string& out, const LineFormat& format) { format.connected(out, dialog); });
}

void LogJournal::disconnected(const DialogInfo& dialog, VerbCounts counts) {
  tallies_.mine().add(Kind::Disconnects);
  write("disconnect", [&](std::string& out, const LineFormat& format) {
    format.disconnected(out, dialog, counts);
  });
}

void LogJournal::refused(const DialogInfo& dialog, const Refusal& refusal) {
  tallies_.mine().refused(refusal);
  const auto& reason = refusal.reason.empty() ? refusal.stage : refusal.reason;
  write(reason,
        [&](std::string& out, const LineFormat& format) { format.refused(out, dialog, refusal); });
}

// Never held back: the backend's own speed bounds these lines, and they are the proof of custody.
void LogJournal::delivered(const DialogInfo& dialog, const Delivered& delivered) {
  auto& tally = tallies_.mine();
  tally.add(Kind::Messages);
  tally.add(Kind::Recipients, taken(delivered));
  tally.add(Kind::Bytes, delivered.size);
  if (delivered.client_gone) tally.add(Kind::ClientsGone);
  write_always([&](std::string& out, const LineFormat& format) {
    format.delivered(out, dialog, delivered);
  });
}

void LogJournal::decided(const DialogInfo& dialog, const Decision& decision) {
  tallies_.mine().decided(decision);
  write("decision",
        [&](std::string& out, const LineFormat& format) { format.decided(out, dialog, decision); });
}

void LogJournal::ended(const DialogInfo& dialog, std::string_view what, std::string_view after) {
  add(ended_, what);
  write(what, [&](std::string& out, const LineFormat& format) {
    format.ended(out, dialog, what, after);
  });
}

void LogJournal::secured(const DialogInfo& dialog, const Secured& tls) {
  tallies_.mine().add(Kind::Secured);
  write("TLS",
        [&](std::string& out, const LineFormat& format) { format.secured(out, dialog, tls); });
}

void LogJournal::not_secured(const DialogInfo& dialog, std::string_view trouble) {
  tallies_.mine().add(Kind::NotSecured);
  write("TLS failed", [&](std::string& out, const LineFormat& format) {
    format.not_secured(out, dialog, trouble);
  });
}

void LogJournal::pregreet(const DialogInfo& dialog, size_t bytes, std::chrono::nanoseconds after,
                          std::string_view text) {
  tallies_.mine().add(Kind::Pregreets);
  write("PREGREET", [&](std::string& out, const LineFormat& format) {
    format.pregreet(out, dialog, bytes, after, text);
  });
}

void LogJournal::no_place(const dns::Endpoint& client, std::string_view limit) {
  tallies_.mine().add(Kind::NoPlaces);
  add(no_places_by_limit_, limit);
  write(limit,
        [&](std::string& out, const LineFormat& format) { format.no_place(out, client, limit); });
}

// Never held back either: whoever sends these bounds their rate.
void LogJournal::message(Severity severity, std::string_view text) {
  if (severity != Severity::Info) tallies_.mine().add(Kind::Warnings);
  write_always(
      [&](std::string& out, const LineFormat& format) { format.message(out, severity, text); });
}

JournalCounters LogJournal::counters() const {
  auto now = tallies_.read();
  now.ended = copy(ended_);
  now.no_places_by_limit = copy(no_places_by_limit_);
  for (const auto* output : {&file_, &syslog_}) {
    const auto* const writer = output->writer.load();
    if (writer == nullptr) continue;
    const auto written = writer->counters();
    now.lines += written.lines;
    now.dropped += written.dropped;
    now.flooded += written.flooded;
  }
  if (syslog_.format.load(std::memory_order_acquire) != nullptr)
    now.syslog = syslog_.writer.load()->trouble();
  return now;
}

}  // namespace ravelin::proxy
