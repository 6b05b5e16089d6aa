// Events to log, and formats at a fixed time.
#pragma once

#include <cstdlib>
#include <ctime>
#include <string>

#include "proxy/observe/line_format.h"
#include "support/manual_reactor.h"

namespace ravelin::test {

// 1780000000 is Thu May 28 2026 20:26:40 UTC.
inline constexpr const char* kStamp = "May 28 20:26:40 mx.example.net ";

inline void use_zone(const char* zone) {
  setenv("TZ", zone, 1);
  tzset();
}

inline proxy::LineFormatOptions sample_options() {
  proxy::LineFormatOptions options;
  options.hostname = "mx.example.net";
  options.pid = 99;
  return options;
}

inline proxy::DialogInfo sample_dialog() {
  proxy::DialogInfo dialog;
  dialog.id = 0x0653F2A91C07;
  dialog.serial = 17;
  dialog.client = *dns::Endpoint::parse("203.0.113.5:40123");
  dialog.helo = "client.example";
  dialog.esmtp = true;
  return dialog;
}

inline smtp::Reply sample_reply(int code, int16_t subject, int16_t detail, std::string text) {
  smtp::Reply reply;
  reply.code = code;
  reply.enhanced = {subject, detail};
  reply.lines.push_back(std::move(text));
  return reply;
}

}  // namespace ravelin::test
