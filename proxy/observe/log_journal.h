// The journal that writes a log: counts each event, asks whether the flood limit lets it through,
// has it formatted on the caller's thread, and queues it. A log may go to a file and to syslogd at
// once: each has its format, its queue and its thread, so that none waits for the other.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/event/guarded.h"
#include "proxy/observe/journal.h"
#include "proxy/observe/journal_counters.h"
#include "proxy/observe/line_format.h"
#include "proxy/observe/log_writer.h"

namespace ravelin::proxy {

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

  Output file_, syslog_;
  Guarded<std::vector<std::shared_ptr<const LineFormat>>> formats_;

  JournalTallies tallies_;
  Named ended_, no_places_by_limit_;
};

}  // namespace ravelin::proxy
