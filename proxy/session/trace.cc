#include "proxy/session/trace.h"

#include <algorithm>
#include <iterator>
#include <new>
#include <utility>

#include "smtp/cursor.h"

namespace ravelin::proxy {

void Trace::put(TraceLine line) noexcept {
  queue_.with([&](Queue& queue) {
    try {
      if (queue.lines.size() < kLines) return queue.lines.push_back(std::move(line));
    } catch (const std::bad_alloc&) {
      // lost
    }
    ++queue.lost;
  });
}

Trace::Taken Trace::take(size_t most) {
  return queue_.with([most](Queue& queue) {
    Taken taken{.lines = {}, .lost = std::exchange(queue.lost, 0)};
    const auto end =
        queue.lines.begin() + static_cast<ptrdiff_t>(std::min(most, queue.lines.size()));
    std::move(queue.lines.begin(), end, std::back_inserter(taken.lines));
    queue.lines.erase(queue.lines.begin(), end);
    return taken;
  });
}

void TraceTap::prune() {
  std::erase_if(traces_, [](const auto& trace) { return trace->over(); });
}

void TraceTap::said(const DialogInfo& dialog, TraceLine::Way way, std::string_view text) noexcept {
  for (const auto& trace : traces_) {
    if (trace->over() || !trace->wants(dialog.client.address)) continue;
    try {
      trace->put({clock_.wall(), dialog.id, dialog.client, way,
                  std::string(text.substr(0, Trace::kText))});
    } catch (const std::bad_alloc&) {
      // lost
    }
  }
}

// MAIL, RCPT and the greetings are shown whole: they are what one looks for, and none of them
// carries a secret. Of the rest nothing behind an "AUTH", wherever it stands, for a client that
// spells it wrong sends its password all the same; and after an AUTH nothing but the verbs.
std::string traced_command(std::string_view line, smtp::Verb verb, bool after_auth) {
  using smtp::Verb;
  constexpr std::string_view kAuth = "AUTH", kHidden = " (hidden)";
  if (verb == Verb::Mail || verb == Verb::Rcpt || verb == Verb::Helo || verb == Verb::Ehlo)
    return std::string(line);
  for (size_t at = 0; at + kAuth.size() <= line.size(); ++at)
    if (smtp::equal_nocase(line.substr(at, kAuth.size()), kAuth))
      return std::string(line.substr(0, at + kAuth.size())).append(kHidden);
  if (!after_auth) return std::string(line);
  if (verb == Verb::Unknown) return std::string(kHidden.substr(1));
  return std::string(smtp::verb_name(verb));
}

}  // namespace ravelin::proxy
