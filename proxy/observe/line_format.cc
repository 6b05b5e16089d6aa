#include "proxy/observe/line_format.h"

#include <unistd.h>

namespace ravelin::proxy {

std::shared_ptr<const LineFormat> make_line_format(const LogSettings& settings,
                                                   std::string_view hostname, const Clock& clock) {
  LineFormatOptions options;
  options.hostname = hostname;
  if (!settings.syslog_name.empty()) options.syslog_name = settings.syslog_name;
  options.rfc3339 = settings.rfc3339;
  options.pid = static_cast<uint32_t>(getpid());
  return settings.format == LogFormat::Json ? make_json_format(options, clock)
                                            : make_postfix_format(options, clock);
}

}  // namespace ravelin::proxy
