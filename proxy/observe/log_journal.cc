#include "proxy/observe/log_journal.h"

#include <new>
#include <utility>

namespace ravelin::proxy {
namespace {

constexpr size_t kMaxNames = 64;
constexpr size_t kMaxNameLength = 100;
constexpr size_t kLineBytes =
    1000;  // more than nearly all lines have; the allocator is quick there

using Names = std::map<std::string, uint64_t, std::less<>>;

void add(std::atomic<uint64_t>& count, uint64_t by = 1) {
  count.fetch_add(by, std::memory_order_relaxed);
}

template <size_t N>
void add(std::array<std::atomic<uint64_t>, N>& counts, const std::array<std::string_view, N>& words,
         std::string_view word) {
  size_t index = 0;
  while (index < N - 1 && words[index] != word) ++index;
  add(counts[index]);
}

template <size_t N>
void read(const std::array<std::atomic<uint64_t>, N>& counts, std::array<uint64_t, N>& now) {
  for (size_t i = 0; i < N; ++i) now[i] = counts[i].load(std::memory_order_relaxed);
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

void LogJournal::count(Cause cause) { add(refused_by_cause_[static_cast<size_t>(cause)]); }

void LogJournal::connected(const DialogInfo& dialog) {
  add(connects_);
  write("connect",
        [&](std::string& out, const LineFormat& format) { format.connected(out, dialog); });
}

void LogJournal::disconnected(const DialogInfo& dialog, VerbCounts counts) {
  add(disconnects_);
  write("disconnect", [&](std::string& out, const LineFormat& format) {
    format.disconnected(out, dialog, counts);
  });
}

void LogJournal::refused(const DialogInfo& dialog, const Refusal& refusal) {
  add(refusal.shadow ? warned_ : refused_);
  const auto code = static_cast<size_t>(refusal.reply.code);
  if (!refusal.shadow && code < refused_by_code_.size()) add(refused_by_code_[code]);
  const auto& reason = refusal.reason.empty() ? refusal.stage : refusal.reason;
  if (!refusal.shadow) add(refused_by_reason_, reason);
  if (!refusal.shadow) count(refusal.cause);
  const auto stage = refusal.stage == "HELO" ? "EHLO" : refusal.stage;
  if (!refusal.shadow) add(refused_by_stage_, kStageWords, stage);
  write(reason,
        [&](std::string& out, const LineFormat& format) { format.refused(out, dialog, refusal); });
}

// Never held back: the backend's own speed bounds these lines, and they are the proof of custody.
void LogJournal::delivered(const DialogInfo& dialog, const Delivered& delivered) {
  add(messages_);
  add(recipients_, delivered.recipients.size());
  add(bytes_, delivered.size);
  if (delivered.client_gone) add(clients_gone_);
  write_always([&](std::string& out, const LineFormat& format) {
    format.delivered(out, dialog, delivered);
  });
}

void LogJournal::decided(const DialogInfo& dialog, const Decision& decision) {
  add(decisions_);
  add(decided_by_greylist_, kGreylistWords, decision.greylist);
  add(decided_by_verify_, kVerifyWords, decision.verify);
  add(decided_by_verdict_, kVerdictWords, decision.verdict);
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
  add(secured_);
  write("TLS",
        [&](std::string& out, const LineFormat& format) { format.secured(out, dialog, tls); });
}

void LogJournal::not_secured(const DialogInfo& dialog, std::string_view trouble) {
  add(not_secured_);
  write("TLS failed", [&](std::string& out, const LineFormat& format) {
    format.not_secured(out, dialog, trouble);
  });
}

void LogJournal::pregreet(const DialogInfo& dialog, size_t bytes, std::chrono::nanoseconds after,
                          std::string_view text) {
  add(pregreets_);
  write("PREGREET", [&](std::string& out, const LineFormat& format) {
    format.pregreet(out, dialog, bytes, after, text);
  });
}

void LogJournal::no_place(const dns::Endpoint& client, std::string_view limit) {
  add(no_places_);
  count(Cause::NoPlace);
  add(no_places_by_limit_, limit);
  write(limit,
        [&](std::string& out, const LineFormat& format) { format.no_place(out, client, limit); });
}

// Never held back either: whoever sends these bounds their rate.
void LogJournal::message(Severity severity, std::string_view text) {
  if (severity != Severity::Info) add(warnings_);
  write_always(
      [&](std::string& out, const LineFormat& format) { format.message(out, severity, text); });
}

JournalCounters LogJournal::counters() const {
  JournalCounters now;
  now.connects = connects_;
  now.disconnects = disconnects_;
  now.refused = refused_;
  now.warned = warned_;
  now.messages = messages_;
  now.recipients = recipients_;
  now.bytes = bytes_;
  now.clients_gone = clients_gone_;
  now.decisions = decisions_;
  now.pregreets = pregreets_;
  now.secured = secured_;
  now.not_secured = not_secured_;
  now.no_places = no_places_;
  now.warnings = warnings_;
  read(decided_by_greylist_, now.decided_by_greylist);
  read(decided_by_verify_, now.decided_by_verify);
  read(decided_by_verdict_, now.decided_by_verdict);
  read(refused_by_stage_, now.refused_by_stage);
  for (size_t i = 0; i < kCauses; ++i) now.refused_by_cause[i] = refused_by_cause_[i];
  for (size_t code = 0; code < refused_by_code_.size(); ++code)
    if (const uint64_t count = refused_by_code_[code]; count > 0)
      now.refused_by_code[static_cast<int>(code)] = count;
  now.refused_by_reason = copy(refused_by_reason_);
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
