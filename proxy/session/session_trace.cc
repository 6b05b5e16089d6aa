// What those see who look at living dialogs. A line that there is no memory for is lost, and the
// dialog goes on.
#include "proxy/session/session.h"

namespace ravelin::proxy {

void Session::trace_command(std::string_view line, smtp::Verb verb) noexcept try {
  if (!services_.trace.on()) return;
  const bool after_auth = counts_[static_cast<size_t>(smtp::Verb::Auth)].all > 0;
  services_.trace.said(info_, TraceLine::Way::Client, traced_command(line, verb, after_auth));
} catch (const std::bad_alloc&) {
}

// Line by line: |wire| ends with CRLF, as each of its lines does.
void Session::trace_reply(std::string_view wire) noexcept {
  if (!services_.trace.on()) return;
  for (size_t end = 0; (end = wire.find("\r\n")) != wire.npos; wire.remove_prefix(end + 2))
    services_.trace.said(info_, TraceLine::Way::Us, wire.substr(0, end));
}

void Session::trace_note(std::string_view what) noexcept {
  if (services_.trace.on()) services_.trace.said(info_, TraceLine::Way::Note, what);
}

void Session::trace_text() noexcept try {
  if (!services_.trace.on()) return;
  trace_note("message of " + std::to_string(transaction_->text->octets) + " octets, with the dot");
} catch (const std::bad_alloc&) {
}

}  // namespace ravelin::proxy
