// How events look in the log. One event may take several lines; each ends in LF.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/config/config.h"
#include "proxy/event/clock.h"
#include "proxy/observe/journal.h"

namespace ravelin::proxy {

// Immutable and thread-safe. Each function appends to |out|.
class LineFormat {
 public:
  virtual ~LineFormat() = default;

  virtual void connected(std::string& out, const DialogInfo& dialog) const = 0;
  virtual void disconnected(std::string& out, const DialogInfo& dialog,
                            VerbCounts counts) const = 0;
  virtual void refused(std::string& out, const DialogInfo& dialog,
                       const Refusal& refusal) const = 0;
  virtual void delivered(std::string& out, const DialogInfo& dialog,
                         const Delivered& delivered) const = 0;
  virtual void decided(std::string& out, const DialogInfo& dialog,
                       const Decision& decision) const = 0;
  virtual void ended(std::string& out, const DialogInfo& dialog, std::string_view what,
                     std::string_view after) const = 0;
  virtual void secured(std::string& out, const DialogInfo& dialog, const Secured& tls) const = 0;
  virtual void not_secured(std::string& out, const DialogInfo& dialog,
                           std::string_view trouble) const = 0;
  virtual void pregreet(std::string& out, const DialogInfo& dialog, size_t bytes,
                        std::chrono::nanoseconds after, std::string_view text) const = 0;
  virtual void no_place(std::string& out, const dns::Endpoint& client,
                        std::string_view limit) const = 0;
  virtual void message(std::string& out, Severity severity, std::string_view text) const = 0;
};

// What a line begins with.
enum class LineHead : uint8_t {
  Plain,
  // "<4>" first, as the journal takes it from a stream: warnings are found by `journalctl -p`.
  Level,
  // "<20>" and a traditional stamp, no host: what syslog() of the C library sends to /dev/log.
  Syslog,
};

struct LineFormatOptions {
  std::string hostname;  // ours, as it stands behind the stamp
  std::string syslog_name = "postfix";
  bool rfc3339 = false;
  uint32_t pid = 0;  // stands in [ ] where no dialog is spoken of
  LineHead head = LineHead::Plain;
  uint8_t facility = 2;  // mail                                                RFC 3164 §4.1.1
};

// What stands in front of the stamp, by Severity.
std::array<std::string, 3> line_marks(const LineFormatOptions& options);

// |clock| must outlive the format.
std::shared_ptr<const LineFormat> make_postfix_format(const LineFormatOptions& options,
                                                      const Clock& clock);
std::shared_ptr<const LineFormat> make_json_format(const LineFormatOptions& options,
                                                   const Clock& clock);
// What [log] asks for, for the file: stderr may be the journal's.
std::shared_ptr<const LineFormat> make_line_format(const LogSettings& settings,
                                                   std::string_view hostname, const Clock& clock);
// Likewise for syslogd: always Postfix-shaped, for it cuts lines, and half of an object is none.
std::shared_ptr<const LineFormat> make_syslog_format(const LogSettings& settings,
                                                     const Clock& clock);

}  // namespace ravelin::proxy
