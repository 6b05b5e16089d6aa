#include "proxy/event/library_log.h"

#include <event2/event.h>

#include <cassert>
#include <cstdio>
#include <new>
#include <utility>

namespace ravelin::proxy {
namespace {

// libevent's callback takes no argument. Set before threads start, cleared when they have ended.
std::function<void(std::string_view)> taker;

}  // namespace

LibraryLog::LibraryLog(std::function<void(std::string_view)> say) {
  assert(!taker);
  taker = std::move(say);
  event_set_log_callback(&LibraryLog::on_message);
}

LibraryLog::~LibraryLog() {
  event_set_log_callback(nullptr);
  taker = nullptr;
}

void LibraryLog::on_message(int severity, const char* text) noexcept {
  if (severity < EVENT_LOG_WARN) return;
  if (severity == EVENT_LOG_ERR) std::fprintf(stderr, "ravelin: libevent: %s\n", text);
  try {
    taker(text);
  } catch (const std::bad_alloc&) {  // a warning less; the cause is counted elsewhere
  }
}

}  // namespace ravelin::proxy
