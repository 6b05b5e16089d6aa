#include "smtp/trace.h"

#include <catch2/catch.hpp>

namespace ravelin::smtp {
namespace {

using namespace std::chrono_literals;

TraceInfo plain() {
  TraceInfo info;
  info.helo = "client.example";
  info.client_literal = "[192.0.2.1]";
  info.hostname = "mx.example";
  info.esmtp = true;
  info.id = "0653F2A91C07";
  info.time = std::chrono::sys_days(std::chrono::year(2024) / 2 / 29) + 23h + 5min + 9s + 1ms;
  return info;
}

TEST_CASE("The Received line, in full") {
  TraceInfo info = plain();
  info.client_name = "out.client.example";
  info.only_recipient = "bob@example.com";
  info.utc_offset_minutes = 120;
  CHECK(received_line(info) ==
        "Received: from client.example (out.client.example [192.0.2.1])\r\n"
        "\tby mx.example with ESMTP id 0653F2A91C07\r\n"
        "\tfor <bob@example.com>;\r\n"
        "\tFri, 1 Mar 2024 01:05:09 +0200\r\n");
}

TEST_CASE("A client without a confirmed name, and more than one recipient") {
  TraceInfo info = plain();
  info.client_literal = "[IPv6:2001:db8::1]";
  info.utc_offset_minutes = -210;
  CHECK(received_line(info) ==
        "Received: from client.example (unknown [IPv6:2001:db8::1])\r\n"
        "\tby mx.example with ESMTP id 0653F2A91C07;\r\n"
        "\tThu, 29 Feb 2024 19:35:09 -0330\r\n");
}

TEST_CASE("The protocol's name says what was used") {
  struct Row {
    bool esmtp, utf8, tls;
    std::string_view name;
  };
  const auto row = GENERATE(values<Row>({{false, false, false, " with SMTP id "},
                                         {true, false, false, " with ESMTP id "},
                                         {true, false, true, " with ESMTPS id "},
                                         {true, true, false, " with UTF8SMTP id "},
                                         {true, true, true, " with UTF8SMTPS id "}}));
  TraceInfo info = plain();
  info.esmtp = row.esmtp;
  info.utf8 = row.utf8;
  info.tls = row.tls;
  CHECK(received_line(info).find(row.name) != std::string::npos);
}

TEST_CASE("What the client called itself cannot write the rest of the line") {
  TraceInfo info = plain();
  info.helo = "a);by(\"\\<x>;,\r\nX:@[1]_-";
  CHECK(received_line(info).starts_with("Received: from a??by????x?????X:?[1]_- (unknown ["));
}

TEST_CASE("The line has room to spare, whatever is in it") {
  const std::string huge(5000, 'x');
  TraceInfo info = plain();
  info.helo = info.client_name = info.client_literal = info.hostname = info.id = huge;
  info.only_recipient = huge;
  CHECK(received_line(info).find("for <") == std::string::npos);
  const std::string largest(600, 'r');
  info.only_recipient = largest;
  const std::string line = received_line(info);
  CHECK(line.find(largest) != std::string::npos);
  CHECK(line.size() <= kTraceRoom);
  for (size_t at = 0; at < line.size(); at = line.find("\r\n", at) + 2)
    CHECK(line.find("\r\n", at) - at <= 998);
}

}  // namespace
}  // namespace ravelin::smtp
