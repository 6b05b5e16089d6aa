#include "proxy/observe/line_format.h"

#include <fmt/format.h>
#include <unistd.h>

#include "proxy/observe/journal_stream.h"

namespace ravelin::proxy {
namespace {

// RFC 3164 §4.1.1, by Severity: informational, warning, error.
constexpr unsigned kLevels[] = {6, 4, 3};

// In the order of log.syslog_facility.
constexpr uint8_t kFacilities[] = {2, 3, 1, 16, 17, 18, 19, 20, 21, 22, 23};

LineFormatOptions options_of(const LogSettings& settings) {
  LineFormatOptions options;
  if (!settings.syslog_name.empty()) options.syslog_name = settings.syslog_name;
  options.pid = static_cast<uint32_t>(getpid());
  return options;
}

}  // namespace

std::array<std::string, 3> line_marks(const LineFormatOptions& options) {
  std::array<std::string, 3> marks;
  if (options.head == LineHead::Plain) return marks;
  const unsigned facility = options.head == LineHead::Syslog ? options.facility : 0;
  for (size_t i = 0; i < marks.size(); ++i)
    marks[i] = fmt::format("<{}>", facility * 8 + kLevels[i]);
  return marks;
}

std::shared_ptr<const LineFormat> make_line_format(const LogSettings& settings,
                                                   std::string_view hostname, const Clock& clock) {
  auto options = options_of(settings);
  options.hostname = hostname;
  options.rfc3339 = settings.rfc3339;
  if (settings.file == "-" && is_journal(STDERR_FILENO)) options.head = LineHead::Level;
  return settings.format == LogFormat::Json ? make_json_format(options, clock)
                                            : make_postfix_format(options, clock);
}

std::shared_ptr<const LineFormat> make_syslog_format(const LogSettings& settings,
                                                     const Clock& clock) {
  auto options = options_of(settings);
  options.head = LineHead::Syslog;
  options.facility = kFacilities[static_cast<size_t>(settings.syslog_facility)];
  return make_postfix_format(options, clock);
}

}  // namespace ravelin::proxy
