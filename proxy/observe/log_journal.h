// The journal that writes a log: counts each event, asks whether the flood limit lets it through,
// has it formatted on the caller's thread, and queues it. A log may go to a file and to syslogd at
// once: each has its format, its queue and its thread, so that none waits for the other.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/event/guarded.h"
#include "proxy/observe/journal.h"
#include "proxy/observe/line_format.h"
#include "proxy/observe/log_writer.h"

namespace ravelin::proxy {

// What stages and words of decisions are counted by; the last is for all others. A
// recipient that was refused before the greylist has none of its words: "not-asked".
inline constexpr std::array<std::string_view, 6> kStageWords = {"CONNECT", "EHLO", "MAIL",
                                                                "RCPT",    "DATA", "other"};
inline constexpr std::array<std::string_view, 8> kGreylistWords = {
    "off", "exempt", "first", "early", "passed", "known", "full", "not-asked"};
inline constexpr std::array<std::string_view, 7> kVerifyWords = {
    "not-asked", "accepted", "refused", "unknown", "shared", "trouble", "other"};
inline constexpr std::array<std::string_view, 4> kVerdictWords = {"accept", "reject", "defer",
                                                                  "other"};

// Since the start of the process.
struct JournalCounters {
  uint64_t connects = 0;
  uint64_t disconnects = 0;
  uint64_t refused = 0;       // really
  uint64_t warned = 0;        // only in shadow mode
  uint64_t messages = 0;      // delivered
  uint64_t recipients = 0;    // of them
  uint64_t bytes = 0;         // of them
  uint64_t clients_gone = 0;  // delivered, but the client had gone
  uint64_t decisions = 0;     // recipients that were decided on
  std::array<uint64_t, kGreylistWords.size()> decided_by_greylist{};
  std::array<uint64_t, kVerifyWords.size()> decided_by_verify{};
  std::array<uint64_t, kVerdictWords.size()> decided_by_verdict{};
  uint64_t pregreets = 0;
  uint64_t secured = 0;      // TLS handshakes with clients
  uint64_t not_secured = 0;  // that failed
  uint64_t no_places = 0;
  uint64_t warnings = 0;
  std::array<uint64_t, kCauses> refused_by_cause{};  // really; with those that got no place
  std::array<uint64_t, kStageWords.size()> refused_by_stage{};  // really
  std::map<int, uint64_t> refused_by_code;
  std::map<std::string, uint64_t, std::less<>> refused_by_reason;   // 64 at most, then "other"
  std::map<std::string, uint64_t, std::less<>> ended;               // likewise, by what
  std::map<std::string, uint64_t, std::less<>> no_places_by_limit;  // likewise
  // Of file and syslog together.
  uint64_t lines = 0;    // written
  uint64_t dropped = 0;  // lost: the log could not take them
  uint64_t flooded = 0;  // held back by log.flood
  // Why lines for syslogd wait, "" while they do not; null: it gets none.
  const char* syslog = nullptr;
};

// Thread-safe. Its writers must outlive it.
class LogJournal final : public Journal {
 public:
  LogJournal(LogWriter& writer, std::shared_ptr<const LineFormat> format);

  // For a reload. Earlier formats are kept, for other threads may be in the middle of one. Null:
  // nothing goes to the file, or to syslogd, any more.
  void set_format(std::shared_ptr<const LineFormat> format);
  // |writer| is the same one at each call.
  void set_syslog(LogWriter& writer, std::shared_ptr<const LineFormat> format);
  JournalCounters counters() const;

  void connected(const DialogInfo& dialog) override;
  void disconnected(const DialogInfo& dialog, VerbCounts counts) override;
  void refused(const DialogInfo& dialog, const Refusal& refusal) override;
  void delivered(const DialogInfo& dialog, const Delivered& delivered) override;
  void decided(const DialogInfo& dialog, const Decision& decision) override;
  void ended(const DialogInfo& dialog, std::string_view what, std::string_view after) override;
  void secured(const DialogInfo& dialog, const Secured& tls) override;
  void not_secured(const DialogInfo& dialog, std::string_view trouble) override;
  void pregreet(const DialogInfo& dialog, size_t bytes, std::chrono::nanoseconds after,
                std::string_view text) override;
  void no_place(const dns::Endpoint& client, std::string_view limit) override;
  void message(Severity severity, std::string_view text) override;

 private:
  using Count = std::atomic<uint64_t>;
  using Named = Guarded<std::map<std::string, uint64_t, std::less<>>>;

  struct Output {
    std::atomic<LogWriter*> writer{nullptr};         // never another once it is there
    std::atomic<const LineFormat*> format{nullptr};  // null: nothing is written
  };

  template <class Use>
  void each_output(Use&& use);
  // Has |append| write to a buffer and queues it, for each output whose flood limit lets lines of
  // this |reason| pass.
  template <class Append>
  void write(std::string_view reason, Append&& append);
  // The same for what is never held back.
  template <class Append>
  void write_always(Append&& append);
  template <class Append>
  static void write_to(LogWriter& writer, const LineFormat& format, Append&& append);
  void set(Output& output, std::shared_ptr<const LineFormat> format);
  void count(Cause cause);

  Output file_, syslog_;
  Guarded<std::vector<std::shared_ptr<const LineFormat>>> formats_;

  Count connects_{0}, disconnects_{0}, refused_{0}, warned_{0}, messages_{0}, recipients_{0},
      bytes_{0}, clients_gone_{0}, decisions_{0}, pregreets_{0}, secured_{0}, not_secured_{0},
      no_places_{0}, warnings_{0};
  std::array<Count, kCauses> refused_by_cause_{};
  std::array<Count, kStageWords.size()> refused_by_stage_{};
  std::array<Count, kGreylistWords.size()> decided_by_greylist_{};
  std::array<Count, kVerifyWords.size()> decided_by_verify_{};
  std::array<Count, kVerdictWords.size()> decided_by_verdict_{};
  std::array<Count, 600> refused_by_code_{};
  Named refused_by_reason_, ended_, no_places_by_limit_;
};

}  // namespace ravelin::proxy
